package forge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	patience   = 30 * time.Second // the longest wait within one request; longer ones are a [LimitedError]
	attempts   = 3                // of one request, and of one creation
	firstPause = 250 * time.Millisecond
)

// Pace is how fast writes of one installation may follow each other, and how many
// requests may be on their way. A zero field takes what GitHub asks for: 80 in a
// minute, 500 in an hour, about one in a second, so that a promotion's handful goes
// out at once and a flood does not; and less than a hundred at once.
type Pace struct {
	Burst   int           // writes without any wait; 10
	Every   time.Duration // the distance after that; 1s
	PerHour int           // 500
	AtOnce  int           // requests of any kind, whoever makes them; 60
}

func (p Pace) orDefault() Pace {
	if p.Burst == 0 {
		p.Burst = 10
	}
	if p.Every == 0 {
		p.Every = time.Second
	}
	if p.PerHour == 0 {
		p.PerHour = 500
	}
	if p.AtOnce == 0 {
		p.AtOnce = 60
	}
	return p
}

// waiter waits, or returns the context's error when that ends first.
type waiter func(ctx context.Context, d time.Duration) error

func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pacer lets requests of one credential through at GitHub's pace, and sends
// those again that may be sent again.
type pacer struct {
	next  http.RoundTripper
	clock func() time.Time
	wait  waiter
	log   *slog.Logger
	short *rate.Limiter
	hour  *rate.Limiter
	slots chan struct{} // one for each request on its way

	mu     sync.Mutex
	closed time.Time // until when GitHub said to stay away
}

func newPacer(next http.RoundTripper, pace Pace, clock func() time.Time, wait waiter, log *slog.Logger) *pacer {
	pace = pace.orDefault()
	// A fifth may go out in one go; what flows in over the hour is the rest, so
	// that no hour ever sees more than the whole.
	atOnce := max(1, pace.PerHour/5)
	return &pacer{
		next: next, clock: clock, wait: wait, log: log,
		short: rate.NewLimiter(rate.Every(pace.Every), pace.Burst),
		hour:  rate.NewLimiter(rate.Limit(float64(max(1, pace.PerHour-atOnce))/time.Hour.Seconds()), atOnce),
		slots: make(chan struct{}, pace.AtOnce),
	}
}

func (p *pacer) RoundTrip(req *http.Request) (*http.Response, error) {
	defer closeBody(req)
	for attempt := 1; ; attempt++ {
		if err := p.admit(req); err != nil {
			return nil, err
		}
		try, err := copyOf(req)
		if err != nil {
			return nil, err
		}
		resp, err := p.send(try)
		if until, ok := p.limited(resp); ok {
			p.close(until)
			p.log.WarnContext(req.Context(), "github limits us", "until", until, "status", resp.StatusCode)
			if attempt == attempts {
				return nil, &LimitedError{Until: until}
			}
			continue // admit waits, or refuses
		}
		if attempt == attempts || !broken(resp, err) || !repeatable(req) || req.Context().Err() != nil {
			if err == nil {
				// go-github keeps limits of its own, by the wall clock, and
				// leaves out answers that are marked like this.
				resp.Header.Set("X-From-Cache", "1")
			}
			return resp, err
		}
		if err := p.wait(req.Context(), pause(attempt)); err != nil {
			return nil, err
		}
	}
}

// send has a request on its way, with its whole answer, when there is room for it.
func (p *pacer) send(req *http.Request) (*http.Response, error) {
	select {
	case p.slots <- struct{}{}:
	case <-req.Context().Done():
		closeBody(req)
		return nil, req.Context().Err()
	}
	defer func() { <-p.slots }()
	return p.next.RoundTrip(req)
}

// admit waits until the request may go out.
func (p *pacer) admit(req *http.Request) error {
	now := p.clock()
	p.mu.Lock()
	wait := p.closed.Sub(now)
	p.mu.Unlock()
	var taken []*rate.Reservation
	if req.Method != http.MethodGet {
		taken = []*rate.Reservation{p.short.ReserveN(now, 1), p.hour.ReserveN(now, 1)}
	}
	giveBack := func() {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	for _, r := range taken {
		wait = max(wait, r.DelayFrom(now))
	}
	if wait > patience {
		giveBack()
		return &LimitedError{Until: now.Add(wait)}
	}
	if wait <= 0 {
		return nil
	}
	if err := p.wait(req.Context(), wait); err != nil {
		giveBack()
		return err
	}
	return nil
}

func (p *pacer) close(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.closed) {
		p.closed = until
	}
}

// limited reports whether an answer says that we ask too much, and until when.
// GitHub says so by 403 and by 429; a 403 without any of the signs is a matter
// of rights.
func (p *pacer) limited(resp *http.Response) (time.Time, bool) {
	if resp == nil || resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return time.Time{}, false
	}
	now := p.clock()
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		return within(now, now.Add(time.Duration(seconds)*time.Second)), true
	}
	if resp.Header.Get("X-Ratelimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
			return within(now, time.Unix(reset, 0)), true
		}
	}
	// "Wait for at least one minute", say GitHub's best practices.
	return now.Add(time.Minute), resp.StatusCode == http.StatusTooManyRequests || namesSecondaryLimit(resp)
}

// within keeps a time to wait for between a second and an hour from now, which
// is as long as GitHub's limits last: clocks differ, and headers may be wrong.
func within(now, until time.Time) time.Time {
	if earliest := now.Add(time.Second); until.Before(earliest) {
		return earliest
	}
	if latest := now.Add(time.Hour); until.After(latest) {
		return latest
	}
	return until
}

func namesSecondaryLimit(resp *http.Response) bool {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false
	}
	withBody(resp, body)
	return bytes.Contains(bytes.ToLower(body), []byte("secondary rate limit"))
}

// broken reports whether GitHub, or the way to it, failed for the moment.
func broken(resp *http.Response, err error) bool {
	if err != nil {
		tooLarge := new(http.MaxBytesError)
		return !errors.Is(err, errForeignHost) && !errors.As(err, &tooLarge)
	}
	return resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented
}

// repeatable reports whether sending a request twice does what once does: our
// PATCHes set whole values, a second token harms nobody, and a reaction is there
// once however often it is sent. Everything else that POSTs creates, see
// createOnce.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodPatch:
		return true
	case http.MethodPost:
		return strings.HasSuffix(req.URL.Path, "/access_tokens") || strings.HasSuffix(req.URL.Path, "/reactions")
	}
	return false
}

func pause(attempt int) time.Duration { return firstPause << (2 * (attempt - 1)) }

// copyOf is the request with a body of its own.
func copyOf(req *http.Request) (*http.Request, error) {
	try := req.Clone(req.Context())
	if req.GetBody == nil {
		return try, nil
	}
	body, err := req.GetBody()
	try.Body = body
	return try, err
}

// createOnce creates something that must not be there twice. After a failure
// that leaves open whether GitHub acted, it looks for what may have been made
// before it tries again.
func createOnce[T any](ctx context.Context, wait waiter, create func() (T, error), find func() (T, bool, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		made, err := create()
		if !ambiguous(err) || ctx.Err() != nil {
			return made, err
		}
		if waitErr := wait(ctx, pause(attempt)); waitErr != nil {
			return made, err
		}
		found, ok, findErr := find()
		switch {
		case findErr != nil:
			return made, errors.Join(err, findErr)
		case ok:
			return found, nil
		case attempt == attempts:
			return made, err
		}
	}
}
