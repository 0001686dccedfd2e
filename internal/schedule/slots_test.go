package schedule

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// X2, X3: who has the longest path behind it is next, then who came first; who is
// cancelled leaves at once and takes no turn.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots, begin := NewSlots(2), time.Now()
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, fmt.Sprintf("%s@%.0f", what, time.Since(begin).Seconds()))
		}
		do := func(ctx context.Context, name string, length, takes time.Duration) {
			go func() {
				err := slots.Queue(length).Do(ctx, func() {
					note(name)
					time.Sleep(takes)
				})
				if err != nil {
					note(name + " left")
				}
			}()
			synctest.Wait()
		}
		cancelled, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		do(t.Context(), "a", 1, 2*time.Second)
		do(t.Context(), "b", 1, 3*time.Second)
		do(t.Context(), "short", 1, time.Second)
		do(cancelled, "gone", 9, time.Second)
		do(t.Context(), "long", 7, time.Second)
		do(t.Context(), "short too", 1, time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := strings.Join(order, " "), "a@0 b@0 gone left@1 long@2 short@3 short too@3"; got != want && got != "a@0 b@0 gone left@1 long@2 short too@3 short@3" {
			t.Errorf("%s\nwant %s", got, want)
		}
		do(cancelled, "late", 1, 0)
		do(t.Context(), "c", 1, 0)
		if got := strings.Join(order[6:], " "); got != "late left@60 c@60" {
			t.Error(got)
		}
	})
}
