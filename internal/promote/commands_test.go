package promote

import (
	"strings"
	"testing"
)

// D6: what becomes of a stage whose files take commands, where nobody runs them and
// where somebody does. A verdict is its action, whom it is about, and its reasons;
// a reason in brackets keeps the open promotion from being merged.
func TestFilesThatTakeCommands(t *testing.T) {
	for _, row := range []struct {
		name         string
		change       func(b *bench)
		nobody, runs string
	}{
		{"newer freight", func(*bench) {}, "wait new run-only", "promote new"},
		{"by hand", func(b *bench) { b.policy.Auto = false }, "wait new run-only", "wait new run-only"},
		{"asked for", func(b *bench) { b.ask(nil, 50) }, "wait new run-only refused", "promote new"},
		{"asked for in a comment", func(b *bench) {
			b.ask(nil, 50)
			b.snapshot.Asks[0].Comment = 7
		}, "wait new run-only refused", "wait new run-only refused"},
		{"asked for in a comment, and open", func(b *bench) {
			b.ask(nil, 50)
			b.snapshot.Asks[0].Comment = 7
			b.open("old", nil)
		}, "open old run-only refused", "open old run-only refused"},
		{"not available", func(b *bench) { b.untested() }, "wait new waiting-for gate-failed", "wait new waiting-for gate-failed"},
		{"nothing new", func(b *bench) { b.arrive("prod", "new", 20) }, "current new", "current new"},
		{"open", func(b *bench) { b.open("new", nil) }, "open new", "open new"},
		{"open, and merged by us", func(b *bench) { b.policy.Merge.Auto = true; b.open("new", nil) }, "open new merge", "open new merge"},
		{"open, and to be opened", func(b *bench) { b.open("new", func(o *Open) { o.PullRequest = 0 }) }, "open new unopened", "open new unopened"},
		{"open, and newer freight", func(b *bench) {
			b.policy.Merge.Auto = true
			b.open("new", nil)
			b.freight("newer", 20)
			b.arrive("test", "newer", 21)
			b.result("test-newer", "success", 22)
		}, "open new run-only merge", "promote newer"},
		{"open, on a base that moved", func(b *bench) {
			b.policy.Merge.Auto = true
			b.open("new", func(o *Open) { o.Proposal.BaseTree = "before" })
		}, "open new base-moved run-only [base-moved run-only]", "promote new base-moved"},
		{"open, and behind", func(b *bench) {
			b.policy.Merge.Auto = true
			b.open("new", func(o *Open) { o.Mergeable, o.Proposal.Base = "behind", "before" })
		}, "open new out-of-date run-only", "promote new out-of-date"},
		{"open, and not pushed yet", func(b *bench) { b.open("new", func(o *Open) { o.Unpushed = true }) }, "open new unpushed run-only [unpushed run-only]", "promote new unpushed [unpushed]"},
		{"open, and of others", func(b *bench) { b.ask(nil, 50); b.open("new", func(o *Open) { o.Foreign = true }) }, "open new run-only [foreign-head] refused", "promote new"},
		{"back to files of before", func(b *bench) {
			b.arrive("prod", "new", 20)
			b.result("prod-old", "success", 6)
			b.snapshot.Stages["prod"] = StageState{Head: Head{Commit: "prod-new", Tree: "prod-new"}}
			b.ask(nil, 50)
			b.snapshot.Asks[0].Back = true
		}, "promote old", "promote old"},
		{"back to freight, made anew", func(b *bench) {
			b.arrive("prod", "new", 20)
			b.ask(map[string]string{"app": "old"}, 50)
			b.snapshot.Asks[0].Back = true
		}, "wait old run-only refused", "promote old"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for runs, want := range map[bool]string{false: row.nobody, true: row.runs} {
				b := newBench()
				b.pipeline.Stages[1].Exec = true
				row.change(b)
				state := b.snapshot.Stages["prod"]
				state.Runs = runs
				b.snapshot.Stages["prod"] = state
				if got := inWords(b.prod()); got != want {
					t.Errorf("runs %v: %q, want %q", runs, got, want)
				}
			}
		})
	}
}

func inWords(v Verdict) string {
	out := string(v.Action) + " " + v.Freight["app"]
	for _, r := range v.Reasons {
		out += " " + string(r.Kind)
	}
	var blocked []string
	for _, r := range v.Blocked {
		blocked = append(blocked, string(r.Kind))
	}
	if len(blocked) > 0 {
		out += " [" + strings.Join(blocked, " ") + "]"
	}
	if v.Refused {
		out += " refused"
	}
	if v.Merge {
		out += " merge"
	}
	return out
}
