//go:build unix

package process

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// told runs a shell line and returns what it wrote.
func told(ctx context.Context, t *testing.T, line string, grace time.Duration, each func(string)) ([]string, error) {
	t.Helper()
	var out []string
	err := Run(ctx, Command{Args: []string{"sh", "-c", line}, Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}, Grace: grace, Line: func(b []byte) {
		out = append(out, string(b))
		if each != nil {
			each(string(b))
		}
	}})
	return out, err
}

// X7: how it ends, and what it said.
func TestRun(t *testing.T) {
	for line, want := range map[string]struct{ out, err string }{
		"echo a; echo b >&2; printf c": {"a b c", ""},
		"printf 'a\\r\\n\\nb'":         {"a  b", ""},
		"echo a; exit 3":               {"a", "exit status 3"},
		"kill -9 $$":                   {"", "signal: killed"},
	} {
		out, err := told(t.Context(), t, line, time.Minute, nil)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got := strings.Join(out, " "); got != want.out || text != want.err {
			t.Errorf("%s: %q, %s", line, got, text)
		}
	}
	if err := Run(t.Context(), Command{Args: []string{"no-such-program"}}); err == nil {
		t.Error("no error")
	}
}

// X7: a line of ten megabytes is one line, and what follows appears.
func TestLongLine(t *testing.T) {
	out, err := told(t.Context(), t, "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo after", time.Minute, nil)
	if err != nil || len(out) != 2 || len(out[0]) != 10_000_000 || out[1] != "after" {
		t.Errorf("%d lines, %v", len(out), err)
	}
}

// X7: the whole group is asked to end, and who does not is killed; whoever keeps the
// pipe is not waited for. The sleeps are what must not be waited for.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		want string // of what it wrote
	}{
		"a grandchild in the group":        {"sh -c 'trap \"echo asked; exit\" TERM; echo up; while :; do sleep 0.05; done' & wait", "asked"},
		"one that does not listen":         {"trap '' TERM; echo up; while :; do sleep 100; done", "up"},
		"one in a session of its own":      {"setsid sh -c 'trap \"\" TERM; echo up; sleep 100' & wait", "up"},
		"one left behind, in the group":    {"sh -c 'trap \"\" TERM; echo up; while :; do sleep 100; done' & sleep 100", "up"},
		"one left behind, in no group":     {"setsid sh -c 'echo up; sleep 100' & sleep 100", "up"},
		"one that is asked and ends at it": {"trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done", "asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begin := time.Now()
			out, err := told(ctx, t, test.line, 500*time.Millisecond, func(line string) {
				if line == "up" {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) || !strings.Contains(strings.Join(out, " "), test.want) {
				t.Errorf("%q, %v", out, err)
			}
			if time.Since(begin) > 50*time.Second { // it sleeps for twice as long
				t.Error("it was waited for")
			}
		})
	}
}

// X7: a program that ended has ended, whoever it left holding the pipe.
func TestLeftBehind(t *testing.T) {
	daemon := "sh -c 'trap \"\" TERM; exec >/dev/null 2>&1; touch up; while :; do sleep 0.05; touch alive; done' & while ! [ -e up ]; do sleep 0.05; done; echo done"
	for _, line := range []string{daemon, "sleep 100 & echo done; exit 0", "setsid sleep 100 & echo done; exit 0", "sh -c 'trap \"\" TERM; sleep 100' & echo done; exit 0"} {
		begin := time.Now()
		out, err := told(t.Context(), t, line, 300*time.Millisecond, nil)
		if err != nil || len(out) != 1 || out[0] != "done" || time.Since(begin) > 50*time.Second {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
}
