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
	waiting []*turn
}

type turn struct {
	length time.Duration
	given  chan struct{}
}

// NewSlots makes so many.
func NewSlots(n int) *Slots { return &Slots{free: n} }

// Do runs the work when there is a slot for it. When the context ends first it leaves
// at once, with its error.
func (s *Slots) Do(ctx context.Context, length time.Duration, work func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := s.queue(length)
	select {
	case <-t.given:
	case <-ctx.Done():
		if s.leave(t) {
			return ctx.Err()
		}
		s.release() // it was given just now
		return ctx.Err()
	}
	defer s.release()
	work()
	return nil
}

func (s *Slots) queue(length time.Duration) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &turn{length, make(chan struct{})}
	if s.free > 0 {
		s.free--
		close(t.given)
		return t
	}
	at := slices.IndexFunc(s.waiting, func(other *turn) bool { return other.length < length })
	if at < 0 {
		at = len(s.waiting)
	}
	s.waiting = slices.Insert(s.waiting, at, t)
	return t
}

func (s *Slots) leave(t *turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.waiting)
	s.waiting = slices.DeleteFunc(s.waiting, func(other *turn) bool { return other == t })
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
