package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

func TestReadsAreTriedAgainWhenGitHubBreaksDown(t *testing.T) {
	for name, breakDown := range map[string]http.HandlerFunc{
		"502": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"hung up": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"id": 7, "bo`)) // the server notices the missing rest and hangs up
		},
	} {
		t.Run(name, func(t *testing.T) {
			var failures atomic.Int32 // a connection that was hung up may still be served
			failures.Store(2)
			r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
				if failures.Add(-1) >= 0 {
					breakDown(w, req)
					return
				}
				write(t, w, `{"id": 7, "body": "whole"}`)
			})
			c, err := r.Comment(t.Context(), 7)
			if err != nil || c.Body != "whole" {
				t.Errorf("after two failures: %+v, %v", c, err)
			}
			failures.Store(100) // Go's transport repeats a read on its own when a kept connection ends
			if _, err := r.Comment(t.Context(), 7); err == nil {
				t.Error("a failure that stays is not reported")
			}
		})
	}
}

func TestRefusalsAreNotTriedAgain(t *testing.T) {
	asked := 0
	r, h := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
		write(t, w, `{"message": "Resource not accessible by integration"}`)
	})
	start := h.Now()
	_, err := r.Comment(t.Context(), 7)
	refusal := new(APIError)
	if !errors.As(err, &refusal) || refusal.Status != http.StatusForbidden || asked != 1 || h.Now() != start {
		t.Errorf("error %v after %d requests and %v", err, asked, h.Now().Sub(start))
	}
}

func TestLimits(t *testing.T) {
	start := newHands().now
	reset := func(d time.Duration) string { return strconv.FormatInt(start.Add(d).Unix(), 10) }
	for _, row := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		wait   time.Duration // how long it takes until the answer
		until  time.Duration // or: until when we are told to stay away
	}{
		{name: "Retry-After with 429", status: 429, header: map[string]string{"Retry-After": "7"}, wait: 7 * time.Second},
		{name: "Retry-After with 403", status: 403, header: map[string]string{"Retry-After": "7"}, wait: 7 * time.Second},
		{name: "long Retry-After", status: 429, header: map[string]string{"Retry-After": "120"}, until: 2 * time.Minute},
		{name: "absurd Retry-After", status: 429, header: map[string]string{"Retry-After": "99999999"}, until: time.Hour},
		{name: "nothing remains, 403", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(20 * time.Second)}, wait: 20 * time.Second},
		{name: "nothing remains, 429", status: 429, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(time.Minute)}, until: time.Minute},
		{name: "reset has passed", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(-time.Minute)}, wait: time.Second},
		{name: "secondary limit without a time", status: 403, body: `{"message": "You have exceeded a secondary rate limit."}`, until: time.Minute},
		{name: "429 without a time", status: 429, until: time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked := 0
			r, h := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
				if asked++; asked > 1 {
					write(t, w, `{"id": 7}`)
					return
				}
				for k, v := range row.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(row.status)
				write(t, w, row.body)
			})
			err := r.React(t.Context(), 7, "eyes")
			limited := new(LimitedError)
			switch {
			case row.until == 0 && (err != nil || h.Now().Sub(start) != row.wait):
				t.Errorf("error %v after %v, want none after %v", err, h.Now().Sub(start), row.wait)
			case row.until != 0 && (!errors.As(err, &limited) || !limited.Until.Equal(start.Add(row.until))):
				t.Errorf("error %v, want a limit until %v", err, start.Add(row.until))
			}
			if row.until == 0 {
				return
			}
			h.Move(row.until - patience - time.Second)
			if err := r.React(t.Context(), 7, "eyes"); !errors.As(err, &limited) || asked != 1 {
				t.Errorf("GitHub was asked again within the limit: %d requests, error %v", asked, err)
			}
			h.Move(2 * time.Second)
			if err := r.React(t.Context(), 7, "eyes"); err != nil || h.Now().Before(start.Add(row.until)) {
				t.Errorf("near the end of the limit: error %v at %v", err, h.Now())
			}
		})
	}
}

// Limits end by the clock that we are given; go-github would go by the wall's.
func TestLimitsAreOursAlone(t *testing.T) {
	end := time.Now().Add(time.Hour)
	r, clock := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(end.Unix(), 10))
		write(t, w, `{"id": 7}`)
	})
	for range 2 {
		if _, err := r.Comment(t.Context(), 7); err != nil {
			t.Error(err)
		}
		clock.Move(end.Sub(clock.Now()) + time.Second)
	}
}

func TestALimitThatStaysIsReported(t *testing.T) {
	r, h := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	limited := new(LimitedError)
	if _, err := r.Comment(t.Context(), 7); !errors.As(err, &limited) || !limited.Until.After(h.Now()) {
		t.Errorf("got %v", err)
	}
}

// Whatever is asked of it, no minute sees more than 80 writes and no hour more
// than 500, a handful goes out at once, and reads are never held back.
func TestWritesKeepToGitHubsPace(t *testing.T) {
	var h *hands
	var writes []time.Time
	r, h := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			writes = append(writes, h.Now())
		}
		write(t, w, `{}`)
	})
	start := h.Now()
	for h.Now().Before(start.Add(3 * time.Hour)) {
		err := r.React(t.Context(), 7, "eyes")
		if limited := new(LimitedError); errors.As(err, &limited) {
			h.Move(limited.Until.Sub(h.Now()))
		} else if err != nil {
			t.Fatal(err)
		}
		before := h.Now()
		if _, err := r.Comment(t.Context(), 7); err != nil || h.Now() != before {
			t.Fatalf("a read took %v: %v", h.Now().Sub(before), err)
		}
	}
	if len(writes) < 5 || writes[4] != start {
		t.Errorf("the first five writes were not sent at once: %v", writes[:min(5, len(writes))])
	}
	for window, most := range map[time.Duration]int{time.Minute: 80, time.Hour: 500} {
		for i, first := range writes {
			end, _ := slices.BinarySearchFunc(writes, first.Add(window), time.Time.Compare)
			if n := end - i; n > most {
				t.Fatalf("%d writes within %v from %v", n, window, first)
			}
		}
	}
	if len(writes) < 1200 { // 400 an hour flow in
		t.Errorf("only %d writes in three hours", len(writes))
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r, _ := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "25")
		w.WriteHeader(http.StatusTooManyRequests)
		cancel(errors.New("enough"))
	})
	r.forge.wait = waitFor // the real one: without the context it would take 25 seconds
	r.client = r.forge.newClient(fixed(testToken), r.forge.layers("real time"))
	began := time.Now()
	if _, err := r.Comment(ctx, 7); !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
		t.Errorf("error %v after %v", err, time.Since(began))
	}
}

func TestCreateOnce(t *testing.T) {
	lost := errors.New("connection reset")
	for _, row := range []struct {
		name    string
		results []error // of creating, in order; the thing is there when applied says so
		applied []bool
		want    string
	}{
		{"first time", []error{nil}, []bool{true}, "1 made"},
		{"answer lost, applied", []error{lost}, []bool{true}, "1 made"},
		{"answer lost, not applied", []error{lost, nil}, []bool{false, true}, "1 made"},
		{"refused", []error{&LimitedError{}}, []bool{false}, "0 made, error"},
		{"lost for good", []error{lost, lost, lost}, []bool{false, false, false}, "0 made, error"},
		{"lost, then applied at the last try", []error{lost, lost, lost}, []bool{false, false, true}, "1 made"},
	} {
		t.Run(row.name, func(t *testing.T) {
			made, try := 0, 0
			_, err := createOnce(t.Context(), newHands().Wait,
				func() (int, error) {
					if row.applied[try] {
						made++
					}
					try++
					return made, row.results[try-1]
				},
				func() (int, bool, error) { return made, made > 0, nil })
			got := fmt.Sprintf("%d made", made)
			if err != nil {
				got += ", error"
			}
			if got != row.want || try != len(row.results) {
				t.Errorf("%s after %d tries (%v), want %s after %d", got, try, err, row.want, len(row.results))
			}
		})
	}
}
