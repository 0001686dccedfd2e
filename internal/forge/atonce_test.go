package forge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// No more requests are on their way than may be; who waits leaves when nobody
// wants the answer any more.
func TestRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, done atomic.Int32
		next := roundTrip(func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second) // the bubble's
			now.Add(-1)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		})
		p := newPacer(next, Pace{AtOnce: 3}, time.Now, waitFor, slog.New(slog.DiscardHandler))
		ask := func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.org/", nil)
			if err != nil {
				return err
			}
			resp, err := p.RoundTrip(req)
			if err != nil {
				return err
			}
			done.Add(1)
			return resp.Body.Close()
		}
		begin := time.Now()
		for range 9 {
			go func() { _ = ask(t.Context()) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Millisecond {
			t.Errorf("%v after %s, want to leave at once", err, time.Since(begin))
		}
		time.Sleep(4 * time.Second)
		if most.Load() != 3 || done.Load() != 9 {
			t.Errorf("%d at once, %d done; want 3 and 9", most.Load(), done.Load())
		}
	})
}
