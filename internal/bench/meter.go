package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// meter sits on the wires of an engine: it counts requests and notes when the
// promotion became visible to others.
type meter struct {
	branch string // the promotion's

	mu          sync.Mutex
	git, api    int
	images      int
	pushed      time.Time
	pullRequest time.Time
}

func newMeter(branch string) *meter { return &meter{branch: branch} }

func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.git, m.api, m.images = 0, 0, 0
	m.pushed, m.pullRequest = time.Time{}, time.Time{}
}

// wire is a transport that counts one kind of request.
type wire struct {
	meter *meter
	base  http.RoundTripper
	count *int
}

func (m *meter) wire(count *int) http.RoundTripper {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 16
	return &wire{meter: m, base: base, count: count}
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	promotes, opens := w.meter.isPromotion(r), r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pulls")
	resp, err := w.base.RoundTrip(r)
	w.meter.mu.Lock()
	defer w.meter.mu.Unlock()
	*w.count++
	switch {
	case err != nil || resp.StatusCode >= 300:
	case promotes:
		w.meter.pushed = time.Now()
	case opens:
		w.meter.pullRequest = time.Now()
	}
	return resp, err
}

// isPromotion tells a push of the promotion's branch from all other requests.
func (m *meter) isPromotion(r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer body.Close()
	head, _ := io.ReadAll(io.LimitReader(body, 4096)) // the refs come before the objects
	return bytes.Contains(head, []byte("refs/heads/"+m.branch))
}
