package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/towpath/towpath/internal/githubtest/openapi"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/webhook"
)

// world is the lab of one story, with a clock that stands still unless told
// otherwise, and a judge that compares every exchange with GitHub's description.
type world struct {
	*lab
	clock        *storyClock
	running      running // nil: no bot runs
	front        *http.Server
	behind       atomic.Pointer[url.URL] // where the bot that runs listens
	repo         string                  // owner/name that commands mean
	latest       string                  // the one made last
	images       map[string]string       // digest → tag
	marked       *state
	logs         logBuffer
	imagesDown   atomic.Bool
	imagesKept   atomic.Bool                           // nothing can be pushed
	distribution atomic.Pointer[httputil.ReverseProxy] // in the place of the lab's registry
	rivalErr     error                                 // of another bot
	receiver     receiver                              // of notifications
	indexes      chartIndexes                          // beside the registry
	awaited      int                                   // how much of the log a story has waited for
	trap         trap
}

// settleWithin bounds every wait; nothing but a mistake takes so long.
const settleWithin = 30 * time.Second

func newWorld(judge *openapi.Judge) (*world, error) {
	w := &world{clock: newStoryClock(), images: map[string]string{}}
	var err error
	w.lab, err = newLab(labConfig{
		clock: w.clock.Now,
		api:   func(next http.Handler) http.Handler { return w.trap.around(judge.API(next)) },
		images: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if w.imagesDown.Load() {
					http.Error(rw, "the registry is down", http.StatusServiceUnavailable)
					return
				}
				if w.imagesKept.Load() && r.Method != http.MethodGet && r.Method != http.MethodHead {
					http.Error(rw, "nothing is taken", http.StatusForbidden)
					return
				}
				if other := w.distribution.Load(); other != nil {
					other.ServeHTTP(rw, r)
					return
				}
				w.indexes.around(private(next)).ServeHTTP(rw, r)
			})
		},
	})
	if err != nil {
		return nil, err
	}
	if err := w.lab.hub.CreateOrg("acme"); err != nil {
		return nil, err
	}
	return w, w.open()
}

// private lets only octo read what is below acme/private, and write what is below
// acme/private/verified.
func private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked := r.URL.Path == "/v2/" || r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/acme/private/") ||
			strings.HasPrefix(r.URL.Path, "/v2/acme/private/verified/")
		if asked && (user != "octo" || password != labSecret) {
			rw.Header().Set("WWW-Authenticate", `Basic realm="images"`)
			http.Error(rw, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// options are the lab's, with a login for acme/private that is acme/app's.
func (w *world) options(logs io.Writer) options {
	o := w.lab.options(logs)
	o.registries.Credentials = []registry.Credential{{
		Host: w.registry.Addr().String(), Prefix: "acme/private", Username: "octo", Password: labSecret, For: []string{"acme/app"},
	}}
	o.secret = w.receiver.secret
	for system, speaksFor := range map[string]string{"smoke": "acme/app", "load": "acme/app", "other": "acme/other"} {
		o.systems = append(o.systems, webhook.System{
			Name: system, Secrets: [][]byte{[]byte(labSecret)}, Speaks: func(repository string) bool { return repository == speaksFor },
		})
	}
	return o
}

// open serves the address that GitHub and the registry know, in front of
// whichever bot runs: a bot that starts again must not lose its port to others.
func (w *world) open() error {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(w.behind.Load())
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
	}
	w.front = &http.Server{ReadHeaderTimeout: settleWithin, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.behind.Load() == nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(rw, r)
	})}
	go func() { _ = w.front.Serve(w.bot) }() // the error says that it was closed
	return nil
}

func (w *world) close(judge *openapi.Judge) {
	if w.running != nil {
		_ = w.running.kill()
	}
	for _, d := range w.hub.Deliveries() {
		judge.Webhook(d.Event, d.Body)
	}
	_ = w.front.Close()
	w.receiver.close()
	w.lab.close()
}

// act is what a person or an outside system does: after everything before has
// settled, and a second later.
func (w *world) act() error {
	if err := w.settle(); err != nil {
		return err
	}
	return w.advance(time.Second)
}

// advance moves the clock, and waits until the bot has seen what is due.
func (w *world) advance(d time.Duration) error {
	if w.clock.real() {
		return nil
	}
	w.clock.advance(d)
	if w.running == nil {
		return nil
	}
	return w.running.caughtUp()
}

// settle waits until nothing is on its way any more.
func (w *world) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	for {
		before := len(w.hub.Deliveries())
		if err := w.hub.Drain(ctx); err != nil {
			return fmt.Errorf("webhooks are not delivered: %w", err)
		}
		if w.running != nil {
			if err := w.running.idle(ctx); err != nil {
				return fmt.Errorf("the bot does not come to rest: %w", err)
			}
		}
		if len(w.hub.Deliveries()) == before {
			return nil
		}
	}
}

// storyClock is a time that only moves when a story says so. It follows the loop
// that serves the inbox's wakes, so that whoever moves the clock can wait until
// the loop has seen it.
type storyClock struct {
	mu     sync.Mutex
	now    time.Time // zero: the real time
	read   time.Time // what the inbox read last
	timers []storyTimer
	parked chan struct{} // closed and replaced when a loop waits again
}

type storyTimer struct {
	due   time.Time
	wake  bool
	fires chan time.Time
}

func newStoryClock() *storyClock {
	return &storyClock{now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), parked: make(chan struct{})} // a Monday
}

func (c *storyClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		return time.Now()
	}
	return c.now
}

func (c *storyClock) real() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.IsZero()
}

// run lets the clock follow the real time, as a real process does.
func (c *storyClock) run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = time.Time{}
}

// inboxNow is Now for the inbox, whose loop asks before it waits.
func (c *storyClock) inboxNow() time.Time {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = now
	return now
}

// sweepEvery is the story's pause between sweeps; what waits for less is the
// loop of the wakes.
const sweepEvery = 10 * time.Minute

// after is time.After for the inbox. A timer that was computed from a time that
// has passed fires at once.
func (c *storyClock) after(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := storyTimer{due: c.now.Add(d), wake: d < sweepEvery, fires: make(chan time.Time, 1)}
	if timer.wake && c.read.Before(c.now) {
		timer.fires <- c.now
		return timer.fires
	}
	c.timers = append(c.timers, timer)
	close(c.parked)
	c.parked = make(chan struct{})
	return timer.fires
}

// advance moves the clock. Every wait for a wake ends, due or not: the loop then
// looks again and waits anew.
func (c *storyClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var later []storyTimer
	for _, t := range c.timers {
		if t.wake || !t.due.After(c.now) {
			t.fires <- c.now
		} else {
			later = append(later, t)
		}
	}
	c.timers = later
}

// forget drops the timers of a bot that has ended.
func (c *storyClock) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = nil
}

// caughtUp waits until the given loops wait for the time to move on.
func (c *storyClock) caughtUp(wakes, sweeps int) error {
	deadline := time.After(settleWithin)
	for {
		c.mu.Lock()
		parked, found := c.parked, [2]int{}
		for _, t := range c.timers {
			if t.wake {
				found[0]++
			} else {
				found[1]++
			}
		}
		c.mu.Unlock()
		if found[0] >= wakes && found[1] >= sweeps {
			return nil
		}
		select {
		case <-parked:
		case <-deadline:
			return errors.New("the inbox does not wait for the clock")
		}
	}
}

// listen takes an address for a bot and puts it behind the front.
func (w *world) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		w.behind.Store(&url.URL{Scheme: "http", Host: listener.Addr().String()})
	}
	return listener, err
}
