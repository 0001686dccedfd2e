package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// a look that goes on until the test finishes it.
type look struct {
	ctx        context.Context
	repository string
	finish     chan<- result
}

type result struct {
	next time.Time
	err  error
}

// bench is one inbox on a file with a Run whose looks the test plays.
type bench struct {
	*testing.T
	*Inbox
	looks chan look
	stop  func() error // cancels Run and returns what it returned
}

func openAt(t *testing.T, path string) *Inbox {
	t.Helper()
	i, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "in box?.db") }

// start runs an inbox. A topic "x:a,b" is listened to by the repositories a and b.
func start(t *testing.T, i *Inbox, config Config) *bench {
	t.Helper()
	b := &bench{T: t, Inbox: i, looks: make(chan look)}
	if config.Look == nil {
		config.Look = b.look
	}
	if config.Resolve == nil {
		config.Resolve = listeners
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() { returned <- i.Run(ctx, config) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		return <-returned
	})
	t.Cleanup(func() { _ = b.stop() })
	return b
}

func listeners(_ context.Context, topic string) ([]string, error) {
	_, names, _ := strings.Cut(topic, ":")
	return strings.Split(names, ","), nil
}

func (b *bench) look(ctx context.Context, repository string) (time.Time, error) {
	finish := make(chan result)
	select {
	case b.looks <- look{ctx, repository, finish}:
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	select {
	case r := <-finish:
		return r.next, r.err
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

func (b *bench) put(id, topic string) {
	b.Helper()
	put(b.T, b.Inbox, id, topic)
}

func put(t testing.TB, i *Inbox, id string, topics ...string) {
	t.Helper()
	if err := i.Put(t.Context(), Delivery{ID: id, Topics: topics, Received: time.Now()}); err != nil {
		t.Error(err)
	}
}

func (b *bench) nextLook(repository string) look {
	b.Helper()
	l := <-b.looks
	if l.repository != repository {
		b.Fatalf("look at %s, want %s", l.repository, repository)
	}
	return l
}

// settledAt blocks until n ticks are left.
func (b *bench) settledAt(n int) {
	b.Helper()
	for {
		b.mu.Lock()
		settled := b.settled
		b.mu.Unlock()
		depth, err := b.Depth(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if depth == n {
			return
		}
		<-settled
	}
}

// quietNow fails when there is another look to come.
func (b *bench) quietNow() {
	b.Helper()
	idle := make(chan error, 1)
	go func() { idle <- b.Idle(b.Context()) }()
	select {
	case l := <-b.looks:
		b.Fatalf("one more look at %s", l.repository)
	case err := <-idle:
		if err != nil {
			b.Fatal(err)
		}
	}
}

// W3: the same delivery, the same effect.
func TestSameDeliveryHundredTimesIsOneLook(t *testing.T) {
	b := start(t, openAt(t, newFile(t)), Config{})
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { b.put("one", "repo:acme/a") })
	}
	first := b.nextLook("acme/a")
	all.Wait()
	first.finish <- result{}
	b.quietNow()
	b.put("one", "repo:acme/a")
	b.quietNow()
	b.put("another", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestEventsThatCameTogetherAreOneLook(t *testing.T) {
	i := openAt(t, newFile(t))
	for n := range 20 {
		put(t, i, fmt.Sprint(n), "repo:acme/a", "image:acme/a,acme/b")
	}
	b := start(t, i, Config{Workers: 1})
	b.nextLook("acme/a").finish <- result{}
	b.nextLook("acme/b").finish <- result{}
	b.quietNow()
}

func TestEventsDuringALookAreOneMoreLook(t *testing.T) {
	b := start(t, openAt(t, newFile(t)), Config{})
	b.put("first", "repo:acme/a")
	first := b.nextLook("acme/a")
	for n := range 5 {
		b.put(fmt.Sprint(n), "repo:acme/a")
	}
	b.settledAt(1) // the look alone: the events have found their repository
	first.finish <- result{}
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestRepositoriesAreLookedAtInParallel(t *testing.T) {
	b := start(t, openAt(t, newFile(t)), Config{Workers: 2})
	b.put("1", "image:acme/a,acme/b")
	one, other := <-b.looks, <-b.looks
	one.finish <- result{}
	other.finish <- result{}
	b.quietNow()
}

// W3: whatever comes in whenever, the last look at a repository begins after the
// last event, and no two run at once.
func TestNoEventIsLost(t *testing.T) {
	const repositories, events = 3, 30
	var mu sync.Mutex
	var happened, seen [repositories]int
	var running [repositories]bool
	index := func(repository string) int { return int(repository[0] - 'a') }
	b := start(t, openAt(t, newFile(t)), Config{Look: func(_ context.Context, repository string) (time.Time, error) {
		n := index(repository)
		mu.Lock()
		defer mu.Unlock()
		if running[n] {
			t.Errorf("two looks at %s at once", repository)
		}
		running[n] = true
		now := happened[n]
		mu.Unlock()
		runtime.Gosched() // others get a turn between reading the world and being done
		mu.Lock()
		running[n], seen[n] = false, now
		return time.Time{}, nil
	}})
	var senders sync.WaitGroup
	for n := range repositories {
		for e := range events {
			senders.Go(func() {
				mu.Lock()
				happened[n]++
				mu.Unlock()
				b.put(fmt.Sprint(n, "-", e), "repo:"+string(rune('a'+n)))
			})
		}
	}
	senders.Wait()
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen != happened {
		t.Errorf("seen %v of %v", seen, happened)
	}
}

func TestFailedLooksAreTriedAgain(t *testing.T) {
	var log strings.Builder
	b := start(t, openAt(t, newFile(t)), Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{err: errors.New("GitHub is down")}
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `repo=acme/a attempt=1 err="look at acme/a: GitHub is down"`) {
		t.Errorf("log:\n%s", &log)
	}
}

func TestPanicInALookIsAFailure(t *testing.T) {
	panicked := false
	done := make(chan struct{})
	b := start(t, openAt(t, newFile(t)), Config{Look: func(context.Context, string) (time.Time, error) {
		if !panicked {
			panicked = true
			panic("nil map")
		}
		close(done)
		return time.Time{}, nil
	}})
	b.put("1", "repo:acme/a")
	<-done
	b.quietNow()
}

func TestFailedResolvesAreTriedAgain(t *testing.T) {
	failed := false
	b := start(t, openAt(t, newFile(t)), Config{Resolve: func(ctx context.Context, topic string) ([]string, error) {
		if !failed {
			failed = true
			return nil, errors.New("no index yet")
		}
		return listeners(ctx, topic)
	}})
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestPausesGrowToABound(t *testing.T) {
	for attempt, want := range map[int]time.Duration{
		1: 500 * time.Millisecond, 2: time.Second, 5: 8 * time.Second, 10: 256 * time.Second, 11: 5 * time.Minute, attempts: 5 * time.Minute,
	} {
		if got := pause(attempt); got != want {
			t.Errorf("pause(%d) = %v, want %v", attempt, got, want)
		}
	}
}

// What failed may be what the event repairs.
func TestEventEndsThePauseOfAFailedLook(t *testing.T) {
	i := openAt(t, newFile(t))
	err := i.update(t.Context(), func(tx *sql.Tx) error { return i.tick(t.Context(), tx, lookArgs{"acme/a"}) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.db.Exec(`UPDATE river_job SET state = 'retryable', scheduled_at = '2999-01-01 00:00:00.000'`); err != nil {
		t.Fatal(err)
	}
	b := start(t, i, Config{})
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestOldDeliveriesAreForgotten(t *testing.T) {
	i := openAt(t, newFile(t))
	for age := range 10 {
		d := Delivery{ID: fmt.Sprint(age), Received: noon.Add(-time.Duration(age) * 24 * time.Hour), Call: []byte("{}"), CallFor: "acme/a"}
		if err := i.Put(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	b := start(t, i, Config{Now: func() time.Time { return noon }})
	b.quietNow()
	var left int
	if err := i.db.QueryRow(`SELECT count(*) FROM delivery`).Scan(&left); err != nil || left != 8 {
		t.Errorf("%d deliveries left, %v; want those of today and seven days before", left, err)
	}
	if calls, err := i.Calls(t.Context(), "acme/a"); err != nil || len(calls) != 8 || calls[0].ID != "7" {
		t.Errorf("calls left: %v, %v", calls, err)
	}
}

func TestFileBelongsToOneProcess(t *testing.T) {
	file := newFile(t)
	i := openAt(t, file)
	if _, err := open(t.Context(), file, 10*time.Millisecond); err == nil {
		t.Fatal("opened twice")
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, file)
}

func TestRunNeedsToKnowWhatToDo(t *testing.T) {
	if err := openAt(t, newFile(t)).Run(t.Context(), Config{}); err == nil {
		t.Fatal("ran without Look and Resolve")
	}
}
