package inbox

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// clock stands still until the test moves it.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[chan time.Time]time.Time
	armed  chan time.Time
}

func newClock() *clock {
	return &clock{now: noon, timers: map[chan time.Time]time.Time{}, armed: make(chan time.Time, 1000)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := make(chan time.Time, 1)
	c.timers[timer] = c.now.Add(d)
	c.armed <- c.timers[timer]
	return timer
}

// set moves the clock and fires what is due.
func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
	for timer, at := range c.timers {
		if !at.After(now) {
			timer <- now
			delete(c.timers, timer)
		}
	}
}

// armedFor blocks until a timer for that time was armed since the last call.
func (c *clock) armedFor(at time.Time) {
	for !at.Equal(<-c.armed) {
	}
}

func (c *clock) config() Config { return Config{Now: c.Now, After: c.After} }

func wake(t *testing.T, i *Inbox, repository string, at time.Time) {
	t.Helper()
	if err := i.Wake(t.Context(), repository, at); err != nil {
		t.Fatal(err)
	}
}

func second(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// A5: the stage is looked at when the time has come, without any event.
func TestLookSaysWhenToLookAgain(t *testing.T) {
	c := newClock()
	b := start(t, openAt(t, newFile(t)), c.config())
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{next: second(30)}
	c.armedFor(second(30))
	b.quietNow()
	c.set(second(30))
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

// A clock that is set and a machine that sleeps do not stop the timers for long.
func TestFarWakesAreCheckedNowAndThen(t *testing.T) {
	c := newClock()
	b := start(t, openAt(t, newFile(t)), c.config())
	wake(t, b.Inbox, "acme/a", noon.Add(time.Hour))
	for minute := range 60 {
		c.armedFor(noon.Add(time.Duration(minute+1) * longestNap))
		b.quietNow()
		c.set(noon.Add(time.Duration(minute+1) * longestNap))
	}
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestEarlierWakeWins(t *testing.T) {
	i := openAt(t, newFile(t))
	wake(t, i, "acme/a", second(20))
	wake(t, i, "acme/a", second(10))
	wake(t, i, "acme/a", second(30))
	c := newClock()
	b := start(t, i, c.config())
	c.armedFor(second(10))
	b.quietNow()
	c.set(second(10))
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
	c.armedFor(second(70)) // nothing is left before the longest nap
}

func TestLookReplacesTheWakeThatWasThere(t *testing.T) {
	c := newClock()
	b := start(t, openAt(t, newFile(t)), c.config())
	wake(t, b.Inbox, "acme/a", second(10))
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{next: second(20)}
	c.armedFor(second(20))
	c.set(second(10))
	b.quietNow()
	c.set(second(20))
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestWakeThatComesDuringALookStays(t *testing.T) {
	c := newClock()
	b := start(t, openAt(t, newFile(t)), c.config())
	b.put("1", "repo:acme/a")
	l := b.nextLook("acme/a")
	wake(t, b.Inbox, "acme/a", second(10))
	l.finish <- result{next: second(20)}
	b.quietNow()
	c.set(second(10))
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestWakesSurviveARestart(t *testing.T) {
	file := newFile(t)
	i := openAt(t, file)
	b := start(t, i, newClock().config())
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{next: second(60)}
	b.quietNow()
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}

	c := newClock()
	c.set(noon.Add(time.Hour)) // it was due while nobody was there
	b = start(t, openAt(t, file), c.config())
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

func TestLookThatAsksForThePastDoesNotSpin(t *testing.T) {
	c := newClock()
	b := start(t, openAt(t, newFile(t)), c.config())
	b.put("1", "repo:acme/a")
	b.nextLook("acme/a").finish <- result{next: noon.Add(-time.Hour)}
	c.armedFor(second(1))
	b.quietNow()
}

// W3: what was never delivered is found by the sweep.
func TestSweepLooksAtEverythingAtStartAndAtIntervals(t *testing.T) {
	c := newClock()
	config := c.config()
	config.Workers = 1
	config.SweepEvery = 4 * time.Hour
	config.Sweep = func(context.Context) ([]string, error) { return []string{"acme/a", "acme/b"}, nil }
	b := start(t, openAt(t, newFile(t)), config)
	for n := range 3 {
		b.nextLook("acme/a").finish <- result{}
		b.nextLook("acme/b").finish <- result{}
		b.quietNow()
		next := noon.Add(time.Duration(n+1) * config.SweepEvery)
		c.armedFor(next)
		c.set(next)
	}
	b.nextLook("acme/a").finish <- result{}
	b.nextLook("acme/b").finish <- result{}
	b.quietNow()
}

func TestFailedSweepIsTriedAgainSoon(t *testing.T) {
	c := newClock()
	config := c.config()
	config.SweepEvery = 4 * time.Hour
	failed := false
	config.Sweep = func(context.Context) ([]string, error) {
		if !failed {
			failed = true
			return nil, errors.New("GitHub is down")
		}
		return []string{"acme/a"}, nil
	}
	b := start(t, openAt(t, newFile(t)), config)
	b.quietNow() // the sweep is through
	c.armedFor(noon.Add(retrySweep))
	c.armedFor(noon.Add(retrySweep)) // the wakes' longest nap ends then as well
	c.set(noon.Add(retrySweep))
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}
