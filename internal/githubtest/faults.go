package githubtest

import (
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Fault makes matching requests fail, the REST API's and git's alike. With a
// Status the request is answered so and has no effect. Without one it has its
// effect, and the answer is cut after CutAfterBytes bytes of its body and the
// connection closed, which is how a push that was applied looks lost. Before and
// After run around the effect while whoever asked still waits: whoever is killed
// in one of them never hears of the answer. A fault that has only them changes
// nothing else.
type Fault struct {
	Method        string         // empty: any
	Path          *regexp.Regexp // against path and query; nil: any
	Status        int
	Times         int           // how many requests; 0: all that follow
	RetryAfter    time.Duration // with Status; sent in whole seconds when positive
	CutAfterBytes int
	Before, After func()
}

// Fail plants a fault; the first planted that matches acts.
func (s *Server) Fail(f Fault) { s.faults.plant(f) }

// Heal removes all faults of requests.
func (s *Server) Heal() { s.faults.clear() }

type faultBox struct {
	mu     sync.Mutex
	faults []*Fault
}

func (b *faultBox) plant(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, &f)
}

func (b *faultBox) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

func (b *faultBox) take(r *http.Request) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.faults {
		if f.Method != "" && f.Method != r.Method {
			continue
		}
		if f.Path != nil && !f.Path.MatchString(r.URL.RequestURI()) {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				b.faults = append(b.faults[:i:i], b.faults[i+1:]...)
			}
		}
		return *f, true
	}
	return Fault{}, false
}

// around runs what the fault does besides answering; nil functions do nothing.
func (f Fault) around(serve func()) {
	if f.Before != nil {
		f.Before()
	}
	serve()
	if f.After != nil {
		f.After()
	}
}

// cuts tells whether the answer is cut.
func (f Fault) cuts() bool {
	return f.Status == 0 && (f.CutAfterBytes > 0 || f.Before == nil && f.After == nil)
}

func (f Fault) answer(w http.ResponseWriter) {
	message, about := http.StatusText(f.Status), ""
	switch {
	case f.Status == http.StatusForbidden && f.RetryAfter == 0:
		message = "Resource not accessible by integration"
	case f.Status == http.StatusForbidden || f.Status == http.StatusTooManyRequests:
		message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
		about = "/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	writeJSON(w, f.Status, object{"message": message, "documentation_url": "https://docs.github.com" + about})
}

// observed notes the status of an answer, and cuts its body when told so.
type observed struct {
	http.ResponseWriter
	status int
	cut    int // bytes left to send; negative: no limit
}

func (o *observed) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(p []byte) (int, error) {
	if o.cut < 0 {
		return o.ResponseWriter.Write(p)
	}
	if len(p) <= o.cut {
		o.cut -= len(p)
		return o.ResponseWriter.Write(p)
	}
	if n, err := o.ResponseWriter.Write(p[:o.cut]); err != nil {
		return n, err
	}
	o.Flush()
	panic(http.ErrAbortHandler)
}

func (o *observed) Flush() {
	if f, ok := o.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
