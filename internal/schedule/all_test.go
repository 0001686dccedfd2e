package schedule

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The first failure counts, stops what runs, and lets nothing more begin.
func TestAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		first := errors.New("first")
		nodes := work(
			Node{Name: "runs", Weight: time.Hour, Resources: []string{"db"}}, Node{Name: "quick", Weight: time.Second},
			Node{Name: "fails", Run: func(ctx context.Context) error { return errors.Join(pass(ctx, 2*time.Second), first) }},
			Node{Name: "waits", Resources: []string{"db"}, Run: func(context.Context) error { panic("begun") }},
			Node{Name: "behind", After: []string{"runs"}, Run: func(context.Context) error { panic("begun") }},
		)
		if err := All(t.Context(), nodes, Limits{}); !errors.Is(err, first) || errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the first error", err)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("it took %s", took)
		}
		if err := All(t.Context(), nodes[1:2], Limits{}); err != nil {
			t.Error(err)
		}
		early := work(Node{Name: "a", Prepare: &Prepare{Run: func(context.Context) error { return first }}})
		if err := All(t.Context(), early, Limits{}); !errors.Is(err, first) {
			t.Errorf("%v, want that of the preparation", err)
		}
		if err := All(t.Context(), []Node{nodes[1], nodes[1]}, Limits{}); err == nil {
			t.Error("a name is there twice")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := All(ctx, nodes[:2], Limits{Slots: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of the context", err)
		}
	})
}
