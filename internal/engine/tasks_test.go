package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// No more tasks than the caps let run at once, and what they do not hold lets
// others run beside them.
func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work tasks
		second := func(context.Context) error {
			time.Sleep(time.Second) // the bubble's
			return nil
		}
		for range 3 * caps().Resources[writing] {
			work.add("", writing, second)
		}
		for range caps().Resources[onGitHub] {
			work.add("", onGitHub, second)
		}
		begin := time.Now()
		if err := work.all(t.Context()); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %s, want nothing after 3s", err, time.Since(begin))
		}
	})
}

// Where each task counts for itself, all are done whatever fails, and errors are
// in their order.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work tasks
		done := 0
		for i := range 3 {
			work.add("", writing, func(context.Context) error {
				time.Sleep(time.Duration(3-i) * time.Second) // the bubble's
				done++
				return fmt.Errorf("task %d", i)
			})
		}
		if err := work.each(t.Context()); err == nil || err.Error() != "task 0\ntask 1\ntask 2" || done != 3 {
			t.Errorf("%d done, then %v", done, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("the look is over")
		cancel(reason)
		if err := work.each(ctx); !errors.Is(err, reason) || done != 3 {
			t.Errorf("%d done, then %v; want no more, and the reason", done, err)
		}
	})
}
