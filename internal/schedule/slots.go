package schedule

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Slots bound what runs at once within nodes: work that mostly waits holds none, and
// takes one for what it does. Of those that wait for one, that with the longest path
// behind it is next, then who came first.
type Slots struct {
	mu      sync.Mutex
	free    int
	waiting []*Turn
}

// Turn is one wait for a slot.
type Turn struct {
	slots  *Slots
	length time.Duration
	given  chan struct{}
}

// NewSlots makes so many.
func NewSlots(n int) *Slots { return &Slots{free: n} }

// Queue begins to wait, for work that begins a path of this length. The turn is to be
// used.
func (s *Slots) Queue(length time.Duration) *Turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &Turn{s, length, make(chan struct{})}
	if s.free > 0 {
		s.free--
		close(t.given)
		return t
	}
	at := slices.IndexFunc(s.waiting, func(other *Turn) bool { return other.length < length })
	if at < 0 {
		at = len(s.waiting)
	}
	s.waiting = slices.Insert(s.waiting, at, t)
	return t
}

// Do runs the work when its turn has come. When the context ends first it leaves at
// once, with its error.
func (t *Turn) Do(ctx context.Context, work func()) error {
	select {
	case <-t.given:
	case <-ctx.Done():
		if t.slots.leave(t) {
			return ctx.Err()
		}
	}
	defer t.slots.release()
	if err := ctx.Err(); err != nil {
		return err
	}
	work()
	return nil
}

func (s *Slots) leave(t *Turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.waiting)
	s.waiting = slices.DeleteFunc(s.waiting, func(other *Turn) bool { return other == t })
	return len(s.waiting) < before
}

func (s *Slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	close(s.waiting[0].given)
	s.waiting = s.waiting[1:]
}
