package promote

import (
	"strings"
	"testing"
)

// P14: what /rollback means, over the history of one stage. Arrivals are written
// freight:tree, with a sign in front: ! failed, ? has no result, ~ drift, < a
// rollback, = at an unchanged head.
func TestRollback(t *testing.T) {
	for _, row := range []struct {
		name, history, ask, want, reason string
	}{
		{"to the one before", "a:1 b:2", "", "a:1", ""},
		{"past what failed", "a:1 !b:2 c:3", "", "a:1", ""},
		{"past what has no result", "a:1 ?b:2 c:3", "", "a:1", ""},
		{"past what left the same files", "a:1 b:2 =c:2", "", "a:1", ""},
		{"twice is two steps", "a:1 b:2 c:3 <b:2", "", "a:1", ""},
		{"three times is three", "a:1 b:2 c:3 d:4 <c:3 <b:2", "", "a:1", ""},
		{"also where the freight was rendered anew", "a:1 b:2 c:3 <b:4", "", "a:1", ""},
		{"and where nothing changed since", "a:1 b:2 c:3 <b:2 =d:2", "", "a:1", ""},
		{"what was promoted again counts anew", "a:1 b:2 a:1", "", "b:2", ""},
		{"what people did is undone first", "a:1 b:2 ~x:9", "", "b:2", ""},
		{"drift is nothing to go back to", "a:1 ~x:9 b:2", "", "a:1", ""},
		{"nothing there", "", "", "", "nothing to go back to"},
		{"nothing before", "a:1", "", "", "nothing to go back to"},
		{"nothing verified before", "!a:1 ?b:2 c:3", "", "", "gate e2e in prod failed"},
		{"never before the first", "a:1 b:2 <a:1", "", "", "nothing to go back to"},
		{"freight by name", "a:1 b:2 c:3", "a", "a:", ""},
		{"what failed, by name", "!a:1 b:2", "a", "a:", ""},
		{"freight that was never here", "a:1 b:2", "new", "", "never in prod: `/rollback` goes back only; it has held b, a"},
		{"unknown freight", "a:1 b:2", "zzz", "", "no freight"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench()
			b.snapshot.Facts.Arrivals, b.snapshot.Stages["prod"] = nil, StageState{}
			for i, word := range strings.Fields(row.history) {
				freight, tree, _ := strings.Cut(strings.TrimLeft(word, "!?~<="), ":")
				a := Arrival{Stage: "prod", Manner: ByMerge, Freight: map[string]string{"app": freight}, Commit: string(rune('A' + i)), Tree: tree, At: minute(20 + i)}
				state := "success"
				switch word[0] {
				case '!':
					state = "failure"
				case '?':
					state = ""
				case '~':
					a.Manner, a.Freight, state = ByDrift, nil, ""
				case '<':
					a.Back = true
				case '=':
					a.Manner = ByUnchanged
				}
				facts := Facts{Arrivals: []Arrival{a}}
				if state != "" {
					facts.Results = []Result{{Stage: "prod", Commit: a.Commit, Source: FromStatus, Name: "e2e", State: state, At: a.At}}
				}
				if a.Freight != nil && freight != "new" {
					facts.Freight = []Freight{{ID: freight, Alias: freight, Warehouse: "app", Selected: minute(i)}}
				}
				b.snapshot.Facts = b.snapshot.Facts.Merge(facts)
				b.snapshot.Stages["prod"] = StageState{Head: Head{Commit: a.Commit, Tree: tree}}
			}
			b.ask(nil, 50)
			if row.ask != "" {
				b.ask(map[string]string{"app": row.ask}, 50)
			}
			b.snapshot.Asks[0].Back = true
			v := b.prod()
			if row.want == "" {
				if !v.Refused || v.Action == Promote || !strings.Contains(texts(v.Reasons), row.reason) {
					t.Fatalf("%+v", v)
				}
				return
			}
			if v.Refused || v.Action != Promote || v.Back == nil {
				t.Fatalf("%+v", v)
			}
			tree := ""
			for _, a := range b.snapshot.Facts.ArrivalsIn("prod") {
				if a.Commit == v.Back.Commit {
					tree = a.Tree
				}
			}
			if got := v.Freight["app"] + ":" + tree; got != row.want {
				t.Errorf("goes back to %s, want %s", got, row.want)
			}
		})
	}
}

// P14: what a rollback does not go past, and what becomes of its promotion.
func TestRollbackIsAPromotion(t *testing.T) {
	back := &Back{Comment: 1, Commit: "prod-old"}
	held := []Hold{{Stage: "prod", Cause: HeldByRollback, By: "ann", At: minute(50)}}
	for _, row := range []struct {
		name   string
		change func(b *bench)
		check  func(v Verdict) bool
	}{
		{"a freeze stops it", func(b *bench) {
			b.policy.Freeze = true
			b.ask(map[string]string{"app": "old"}, 50)
			b.snapshot.Asks[0].Back = true
		}, func(v Verdict) bool { return v.Refused && v.Action == Held }},
		{"promotions write nothing there", func(b *bench) {
			b.pipeline.Stages[1].Kind = Control
			b.ask(nil, 50)
			b.snapshot.Asks[0].Back = true
		}, func(v Verdict) bool { return v.Refused && v.Reasons[0].Kind == NothingWritten }},
		{"so does somebody's hold", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Cause: HeldByCommand, By: "bob", At: minute(40)}}
			b.ask(map[string]string{"app": "old"}, 50)
			b.snapshot.Asks[0].Back = true
		}, func(v Verdict) bool { return v.Refused && v.Action == Held }},
		{"C5: what came after the comment is not what was meant", func(b *bench) {
			b.arrive("prod", "new", 55)
			b.ask(nil, 50)
			b.snapshot.Asks[0].Back = true
		}, func(v Verdict) bool { return v.Refused && v.Reasons[0].Kind == ArrivedSince }},
		{"its own hold does not stop it, nor the rule", func(b *bench) {
			b.snapshot.Facts.Holds = held
			b.result("test-old", "failure", 51)
			b.open("old", func(o *Open) { o.Proposal.Back = back })
			b.snapshot.Facts.Arrivals = b.snapshot.Facts.Arrivals[:2]
		}, func(v Verdict) bool { return v.Action == Opened && len(v.Blocked) == 0 && v.Reasons[0].Kind == HeldBy }},
		{"newer freight does not take its place", func(b *bench) {
			b.snapshot.Facts.Holds = held
			b.open("old", func(o *Open) { o.Proposal.Back = back })
			b.arrive("prod", "new", 20)
		}, func(v Verdict) bool { return v.Action == Opened && v.Freight["app"] == "old" }},
		{"without the mark the hold stops it", func(b *bench) {
			b.snapshot.Facts.Holds = held
			b.open("old", nil)
		}, func(v Verdict) bool { return v.Action == Held && len(v.Blocked) > 0 }},
		{"somebody's hold blocks it", func(b *bench) {
			b.snapshot.Facts.Holds = append([]Hold{{Stage: "prod", Cause: HeldByCommand, By: "bob", At: minute(51)}}, held...)
			b.open("old", func(o *Open) { o.Proposal.Back = back })
		}, func(v Verdict) bool { return v.Action == Held && len(v.Blocked) > 0 }},
		{"policy merges it like any other", func(b *bench) {
			b.policy.Merge.Auto = true
			b.snapshot.Facts.Holds = held
			b.open("old", func(o *Open) { o.Proposal.Back = back })
		}, func(v Verdict) bool { return v.Merge }},
		{"P8: made again as what it was", func(b *bench) {
			b.snapshot.Facts.Holds = held
			b.open("old", func(o *Open) { o.Proposal.Back, o.Proposal.BaseTree = back, "moved" })
		}, func(v Verdict) bool { return v.Action == Promote && v.Back == back }},
		{"/unhold lets newer freight take its place", func(b *bench) {
			b.snapshot.Facts.Holds = append(held, Hold{Stage: "prod", Cause: HeldByCommand, By: "ann", Released: true, At: minute(52)})
			b.open("old", func(o *Open) { o.Proposal.Back = back })
		}, func(v Verdict) bool { return v.Action == Promote && v.Freight["app"] == "new" && v.Back == nil }},
		{"/promote ends the hold", func(b *bench) {
			b.snapshot.Facts.Holds = held
			b.ask(nil, 55)
		}, func(v Verdict) bool {
			return v.Action == Promote && len(v.Frees) == 1 && v.Frees[0] == "" && v.Back == nil
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench()
			row.change(b)
			if v := b.prod(); !row.check(v) {
				t.Errorf("%+v", v)
			}
		})
	}
}
