package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

// meter sits on the wires of an engine and before its renderer: it counts
// requests and renderings, knows how long they took, and notes when the
// promotions became visible to others.
type meter struct {
	branches []string // of the promotions

	mu     sync.Mutex
	counts reading
	spells []spell // at the network and in the renderer
}

// reading is what a meter shows.
type reading struct {
	git, api, images int // requests
	pushes           int // that promoted something
	renders          int
	promoted         map[string]bool // branches
	pushed           time.Time       // when the last of the branches was there
	opened           time.Time       // when the last pull request was
}

func newMeter(branches []string) *meter {
	m := &meter{branches: branches}
	m.reset()
	return m
}

func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts, m.spells = reading{promoted: map[string]bool{}}, nil
}

// read also returns the spells of waiting for the network and rendering.
func (m *meter) read() (reading, []spell) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts, m.spells
}

func (m *meter) spent(from time.Time, on place) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spells = append(m.spells, spell{from, now, on})
}

// wire is a transport that counts one kind of request.
type wire struct {
	meter *meter
	to    place
	base  http.RoundTripper
	count func(*reading)
}

func (m *meter) wire(to place, count func(*reading)) http.RoundTripper {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 16
	return &wire{meter: m, to: to, base: base, count: count}
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	promotes, opens := w.meter.promotions(r), r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pulls")
	start := time.Now()
	resp, err := w.base.RoundTrip(r)
	w.meter.spent(start, w.to)
	if err == nil {
		resp.Body = &meteredBody{resp.Body, w}
	}
	w.meter.mu.Lock()
	defer w.meter.mu.Unlock()
	c := &w.meter.counts
	w.count(c)
	if err != nil || resp.StatusCode >= 300 {
		return resp, err
	}
	if opens {
		c.opened = time.Now()
	}
	if len(promotes) > 0 {
		c.pushes++
	}
	for _, branch := range promotes {
		if c.promoted[branch] = true; len(c.promoted) == len(w.meter.branches) && c.pushed.IsZero() {
			c.pushed = time.Now()
		}
	}
	return resp, nil
}

// meteredBody is an answer whose reading is waiting for the network, too.
type meteredBody struct {
	io.ReadCloser
	wire *wire
}

func (b *meteredBody) Read(p []byte) (int, error) {
	defer b.wire.meter.spent(time.Now(), b.wire.to)
	return b.ReadCloser.Read(p)
}

// promotions are the promotions' branches that a request pushes.
func (m *meter) promotions(r *http.Request) []string {
	if !strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	defer body.Close()
	head, _ := io.ReadAll(io.LimitReader(body, 1<<14)) // the refs come before the objects
	var out []string
	for _, branch := range m.branches {
		if bytes.Contains(head, []byte(" refs/heads/"+branch)) {
			out = append(out, branch)
		}
	}
	return out
}

// renderer is what an engine renders with, on the meter.
type renderer struct {
	next  directives.Renderer
	meter *meter
}

func (r *renderer) Kustomize(ctx context.Context, tree fs.FS, build directives.KustomizeBuild) ([]byte, error) {
	defer r.meter.rendered(time.Now())
	return r.next.Kustomize(ctx, tree, build)
}

func (r *renderer) Helm(ctx context.Context, tree fs.FS, template directives.HelmTemplate) ([]byte, error) {
	defer r.meter.rendered(time.Now())
	return r.next.Helm(ctx, tree, template)
}

func (m *meter) rendered(start time.Time) {
	m.spent(start, atRenderer)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.renders++
}
