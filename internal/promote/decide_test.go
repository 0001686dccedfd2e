package promote

import (
	"strings"
	"testing"
	"time"
)

// bench is a pipeline test → prod with two freights, of which prod holds old and
// test has verified both. Tests change what they are about.
type bench struct {
	pipeline Pipeline
	policy   StagePolicy // of prod
	snapshot Snapshot
}

func newBench() *bench {
	gate := Gate{Name: "e2e", Source: FromStatus, Match: "e2e", Required: true}
	b := &bench{
		pipeline: Pipeline{
			Repository: "acme/app", Name: "p",
			Warehouses: []Warehouse{{Name: "app", Images: []ImageSubscription{{Repository: "ghcr.io/acme/app"}}}, {Name: "flags"}},
			Stages: []Stage{
				{Name: "test", Requests: []Request{{Warehouse: "app"}}, Gates: []Gate{gate}},
				{Name: "prod", Requests: []Request{{Warehouse: "app", From: []string{"test"}}}, Gates: []Gate{gate}},
			},
		},
		policy:   StagePolicy{Match: "p/prod", Auto: true},
		snapshot: Snapshot{Now: minute(60), Stages: map[string]StageState{"prod": {Head: Head{Commit: "head", Tree: "prod-old"}}}},
	}
	b.freight("old", 0)
	b.freight("new", 10)
	b.arrive("test", "old", 1)
	b.arrive("test", "new", 11)
	b.arrive("prod", "old", 5)
	b.result("test-old", "success", 2)
	b.result("test-new", "success", 12)
	return b
}

func (b *bench) freight(id string, at int) *Freight {
	f := Freight{ID: id, Alias: id, Warehouse: "app", Images: []Image{{Repository: "ghcr.io/acme/app", Digest: id}}, Selected: minute(at)}
	b.snapshot.Facts = b.snapshot.Facts.Merge(Facts{Freight: []Freight{f}})
	return &b.snapshot.Facts.Freight[len(b.snapshot.Facts.Freight)-1]
}

func (b *bench) arrive(stage, freight string, at int) {
	b.snapshot.Facts = b.snapshot.Facts.Merge(Facts{Arrivals: []Arrival{{
		Stage: stage, Manner: ByMerge, Freight: map[string]string{"app": freight}, Commit: stage + "-" + freight, Tree: stage + "-" + freight, At: minute(at),
	}}})
}

func (b *bench) result(commit, state string, at int) {
	stage, _, _ := strings.Cut(commit, "-")
	b.snapshot.Facts = b.snapshot.Facts.Merge(Facts{Results: []Result{{Stage: stage, Commit: commit, Source: FromStatus, Name: "e2e", State: state, At: minute(at)}}})
}

func (b *bench) open(freight string, change func(*Open)) {
	state := b.snapshot.Stages["prod"]
	state.Open = &Open{
		Proposal:    Proposal{Stage: "prod", Freight: map[string]string{"app": freight}, BaseTree: "prod-old", Tree: "prod-" + freight, By: Automatic, At: minute(15)},
		PullRequest: 7, Commit: "proposed", Mergeable: "clean",
	}
	if change != nil {
		change(state.Open)
	}
	b.snapshot.Stages["prod"] = state
}

func (b *bench) ask(freight map[string]string, at int) {
	b.snapshot.Asks = []Ask{{Stage: "prod", Freight: freight, By: "ann", At: minute(at)}}
}

// untested takes back that test has verified the new freight.
func (b *bench) untested() { b.result("test-new", "failure", 30) }

func (b *bench) override(by string, over ...Rule) {
	b.policy.Override.People, b.policy.Override.Over = 1, over
	b.snapshot.Facts = b.snapshot.Facts.Merge(Facts{Overrides: []Override{{Stage: "prod", Warehouse: "app", Freight: "new", By: by, At: minute(35)}}})
}

func (b *bench) prod() Verdict {
	return Decide(b.pipeline, Policy{Stages: []StagePolicy{b.policy}}, b.snapshot)[1]
}

// Each row changes the bench and says what must come of it.
func TestDecide(t *testing.T) {
	yes := func(*Open) {}
	for _, row := range []struct {
		name    string
		change  func(b *bench)
		action  Action
		freight string
		reason  string // part of the reasons' texts; "" none at all
		check   func(v Verdict) bool
	}{
		{"the newest available is promoted", func(*bench) {}, Promote, "new", "", nil},
		{"P5: by hand only", func(b *bench) { b.policy.Auto = false }, Wait, "new", "available: /promote prod", nil},
		{"P4: one that is open stays", func(b *bench) { b.open("new", yes) }, Opened, "new", "", nil},
		{"P4: newer freight replaces", func(b *bench) {
			b.freight("newer", 20)
			b.arrive("test", "newer", 21)
			b.result("test-newer", "success", 22)
			b.open("new", yes)
		}, Promote, "newer", "", nil},
		{"P4: but not an approved one", func(b *bench) {
			b.freight("newer", 20)
			b.arrive("test", "newer", 21)
			b.result("test-newer", "success", 22)
			b.open("new", func(o *Open) { o.Approved = true })
		}, Opened, "new", "newer freight newer waits", nil},
		{"P4: nor with a queue", func(b *bench) {
			b.policy.QueueNewer = true
			b.freight("newer", 20)
			b.arrive("test", "newer", 21)
			b.result("test-newer", "success", 22)
			b.open("new", yes)
		}, Opened, "new", "newer freight newer waits", nil},
		{"P4: older freight never replaces", func(b *bench) { b.result("test-new", "failure", 30); b.open("new", yes) }, Opened, "new", "gate e2e in test failed", func(v Verdict) bool {
			return len(v.Blocked) > 0 && strings.Contains(v.Blocked[len(v.Blocked)-1].String(), "gate e2e in test failed") // A7
		}},
		{"P7: a rejected one is left out", func(b *bench) {
			b.snapshot.Facts.Rejections = []Rejection{{Stage: "prod", Warehouse: "app", Freight: "new", By: "bob", At: minute(30)}}
		}, Wait, "new", "rejected for prod by bob", nil},
		{"P7: until somebody asks for it", func(b *bench) {
			b.snapshot.Facts.Rejections = []Rejection{{Stage: "prod", Warehouse: "app", Freight: "new", By: "bob", At: minute(30)}}
			b.ask(nil, 40)
		}, Promote, "new", "", nil},
		{"P7: and from then on", func(b *bench) {
			b.snapshot.Facts.Rejections = []Rejection{{Stage: "prod", Warehouse: "app", Freight: "new", By: "bob", At: minute(30)}}
			b.snapshot.Facts.Proposals = []Proposal{{Stage: "prod", Freight: map[string]string{"app": "new"}, By: "ann", At: minute(40)}}
		}, Promote, "new", "", nil},
		{"P7: merged by us when clean", func(b *bench) { b.policy.Merge.Auto = true; b.open("new", yes) }, Opened, "new", "", func(v Verdict) bool { return v.Merge }},
		{"P7: blocked is waiting", func(b *bench) { b.policy.Merge.Auto = true; b.open("new", func(o *Open) { o.Mergeable = "blocked" }) }, Opened, "new", "GitHub says blocked", func(v Verdict) bool { return !v.Merge }},
		{"P7: unknown is asked again", func(b *bench) { b.policy.Merge.Auto = true; b.open("new", func(o *Open) { o.Mergeable = "unknown" }) }, Opened, "new", "GitHub says unknown", func(v Verdict) bool { return v.Until.After(minute(60)) }},
		{"P7: a conflict is a failure", func(b *bench) { b.policy.Merge.Auto = true; b.open("new", func(o *Open) { o.Mergeable = "dirty" }) }, Opened, "new", "merge conflict", nil},
		{"A7: withdrawn is not merged by us", func(b *bench) { b.policy.Merge.Auto = true; b.result("test-new", "failure", 30); b.open("new", yes) }, Opened, "new", "gate e2e in test failed", func(v Verdict) bool { return !v.Merge }},
		{"P8: made again on a moved base", func(b *bench) { b.open("new", func(o *Open) { o.Proposal.BaseTree = "other" }) }, Promote, "new", "stage branch moved", nil},
		{"P12: somebody else's head", func(b *bench) { b.open("new", func(o *Open) { o.Foreign = true }) }, Opened, "new", "", func(v Verdict) bool { return len(v.Blocked) > 0 }},
		{"P12: replaced when asked", func(b *bench) { b.open("new", func(o *Open) { o.Foreign = true }); b.ask(nil, 40) }, Promote, "new", "", nil},
		{"P14: another than the candidate pins the slot", func(b *bench) {
			b.freight("newer", 20)
			b.arrive("test", "newer", 21)
			b.result("test-newer", "success", 22)
			b.ask(map[string]string{"app": "new"}, 40)
		}, Promote, "new", "", func(v Verdict) bool { return len(v.Pins) == 1 }},
		{"P14: the candidate frees it", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Warehouse: "app", Cause: HeldByPin, By: "ann", At: minute(30)}}
			b.ask(nil, 40)
		}, Promote, "new", "", func(v Verdict) bool { return len(v.Frees) == 1 }},
		{"P14: a pinned slot stays", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Warehouse: "app", Cause: HeldByPin, By: "ann", At: minute(30)}}
		}, Held, "", "slot app held by ann", nil},
		{"P13: a revert holds what nobody asks for", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Cause: HeldByRevert, By: "ann", At: minute(30)}}
		}, Held, "", "held by ann", nil},
		{"P13: and lets go when somebody does", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Cause: HeldByRevert, By: "ann", At: minute(30)}}
			b.ask(nil, 40)
		}, Promote, "new", "", func(v Verdict) bool { return len(v.Frees) == 1 && v.Frees[0] == "" }},
		{"H1: /hold holds against wishes too", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Cause: HeldByCommand, By: "bob", Reason: "fair", At: minute(30)}}
			b.ask(nil, 40)
		}, Held, "", "held by bob: fair", func(v Verdict) bool { return v.Refused }},
		{"H1: until its time", func(b *bench) {
			b.snapshot.Facts.Holds = []Hold{{Stage: "prod", Cause: HeldByCommand, By: "bob", At: minute(30), Until: minute(60)}}
		}, Promote, "new", "", nil},
		{"H3: frozen", func(b *bench) { b.policy.Freeze = true; b.ask(nil, 40) }, Held, "", "frozen", func(v Verdict) bool { return v.Refused }},
		{"H3: frozen while open: must not be merged", func(b *bench) { b.policy.Freeze = true; b.open("new", yes) }, Held, "new", "frozen", func(v Verdict) bool { return len(v.Blocked) > 0 }},
		{"H1: a closed window", func(b *bench) { b.policy.Windows = Windows{{Deny: true, To: minute(90)}} }, Held, "", "window closed until Sat 2026-11-21 01:30 UTC", func(v Verdict) bool { return v.Until.Equal(minute(90)) }},
		{"H1: for wishes too", func(b *bench) { b.policy.Windows = Windows{{Deny: true, To: minute(90)}}; b.ask(nil, 40) }, Held, "", "window closed until", func(v Verdict) bool { return v.Refused }},
		{"H1: and for what is open", func(b *bench) {
			b.policy.Windows, b.policy.Merge.Auto = Windows{{Deny: true, To: minute(90)}}, true
			b.open("new", yes)
		}, Held, "new", "window closed until", func(v Verdict) bool { return len(v.Blocked) > 0 && !v.Merge }},
		{"H1: an open one says when it closes", func(b *bench) {
			b.policy.Windows = Windows{{Deny: true, From: minute(70), To: minute(90)}}
			b.open("new", yes)
		}, Opened, "new", "", func(v Verdict) bool { return v.Until.Equal(minute(70)) }},
		{"H2: an override past verification", func(b *bench) { b.untested(); b.override("ann", OverVerification, OverSoak) }, Promote, "new", "", func(v Verdict) bool { return v.Rule == "overridden by ann, without verification" }},
		{"H2: one person is not two", func(b *bench) { b.untested(); b.override("ann", OverVerification); b.policy.Override.People = 2 }, Wait, "new", "waiting for test", nil},
		{"H2: one person twice neither", func(b *bench) {
			b.untested()
			b.override("ann", OverVerification)
			b.override("Ann", OverVerification)
			b.policy.Override.People = 2
		}, Wait, "new", "waiting for test", nil},
		{"H2: not where the policy has none", func(b *bench) { b.untested(); b.override("ann", OverVerification); b.policy.Override = Exemption{} }, Wait, "new", "waiting for test", nil},
		{"H2: not past verification alone, without the soak", func(b *bench) {
			b.untested()
			b.override("ann", OverVerification)
			b.pipeline.Stages[1].Requests[0].Soak = time.Hour
		}, Wait, "new", "soaking in test until 2026-11-21 01:11 UTC", nil},
		{"H2: not past soak alone, without verification", func(b *bench) {
			b.untested()
			b.override("ann", OverSoak)
			b.pipeline.Stages[1].Requests[0].Soak = time.Hour
		}, Wait, "new", "gate e2e in test failed", nil},
		{"H2: past the soak", func(b *bench) { b.override("ann", OverSoak); b.pipeline.Stages[1].Requests[0].Soak = time.Hour }, Promote, "new", "", func(v Verdict) bool {
			return v.Rule == "any of test: test (1 of 1 verified); overridden by ann, without soak"
		}},
		{"H2: not past a window that is not listed", func(b *bench) {
			b.override("ann", OverVerification)
			b.policy.Windows = Windows{{Deny: true, To: minute(90)}}
		}, Held, "", "window closed", nil},
		{"H2: past the window", func(b *bench) {
			b.override("ann", OverWindow)
			b.policy.Windows = Windows{{Deny: true, To: minute(90)}}
		}, Promote, "new", "", nil},
		{"H2: which lets nothing else in", func(b *bench) {
			b.override("ann", OverWindow)
			b.policy.Windows = Windows{{Deny: true, To: minute(90)}}
			b.freight("newer", 20)
			b.arrive("test", "newer", 21)
			b.result("test-newer", "success", 22)
		}, Promote, "new", "window closed until", nil},
		{"H2: nor what is held once more", func(b *bench) {
			b.override("ann", OverWindow)
			b.policy.Windows = Windows{{Deny: true, To: minute(90)}}
			b.ask(map[string]string{"app": "old"}, 40)
		}, Wait, "", "window closed until", func(v Verdict) bool { return v.Refused }},
		{"H2: a frozen stage stays so", func(b *bench) { b.override("ann", OverWindow); b.policy.Freeze = true }, Held, "", "frozen", nil},
		{"H2: approvals of two", func(b *bench) { b.policy.Approvals = 2; b.open("new", func(o *Open) { o.Approvers = []string{"ann"} }) }, Opened, "new", "", func(v Verdict) bool {
			return len(v.Blocked) == 1 && v.Blocked[0].String() == "1 of 2 approvals (ann)"
		}},
		{"H2: none before there is a pull request", func(b *bench) { b.policy.Approvals = 2; b.open("new", func(o *Open) { o.PullRequest = 0 }) }, Opened, "new", "still to be opened", func(v Verdict) bool { return len(v.Blocked) == 0 }},
		{"C4: what is missing is listed", func(b *bench) { b.result("test-new", "failure", 30); b.ask(map[string]string{"app": "new"}, 40) }, Wait, "", "waiting for test (0 of 1 verified)", func(v Verdict) bool { return v.Refused }},
		{"C4: unknown freight", func(b *bench) { b.ask(map[string]string{"app": "nope"}, 40) }, Wait, "", `no freight "nope" in warehouse app`, func(v Verdict) bool { return v.Refused }},
		{"A1: never another warehouse", func(b *bench) { b.ask(map[string]string{"flags": "new"}, 40) }, Wait, "", "of warehouse flags, which prod does not request", func(v Verdict) bool { return v.Refused }},
		{"C5: newer than the comment", func(b *bench) { b.ask(nil, 5) }, Wait, "", "came after the comment", func(v Verdict) bool { return v.Refused }},
		{"P17: the same again", func(b *bench) { b.arrive("prod", "new", 50); b.ask(nil, 55) }, Promote, "new", "", nil},
		{"P17: lacks an artifact of today", func(b *bench) {
			b.pipeline.Warehouses[0].Images = append(b.pipeline.Warehouses[0].Images, ImageSubscription{Repository: "ghcr.io/acme/web"})
		}, Wait, "new", "lacks image ghcr.io/acme/web", nil},
		{"P16: an empty slot", func(b *bench) {
			b.pipeline.Stages[1].Requests = append(b.pipeline.Stages[1].Requests, Request{Warehouse: "flags"})
		}, Wait, "", "waiting for first freight of flags", nil},
		{"P9: trouble stops everything", func(b *bench) {
			state := b.snapshot.Stages["prod"]
			state.Trouble = []Reason{{Kind: ForeignBranch, Stage: "prod", Note: "branch stage/prod"}}
			b.snapshot.Stages["prod"] = state
		}, Held, "", "no promotion wrote", nil},
		{"P13: drift upstream does not count", func(b *bench) {
			b.snapshot.Facts = b.snapshot.Facts.Merge(Facts{Arrivals: []Arrival{{Stage: "test", Manner: ByDrift, Commit: "x", Tree: "x", At: minute(30)}}})
		}, Wait, "new", "changed outside of a promotion", nil},
		{"P6: results of an equal tree count", func(b *bench) {
			b.freight("newer", 20)
			b.snapshot.Facts = b.snapshot.Facts.Merge(Facts{Arrivals: []Arrival{{
				Stage: "test", Manner: ByUnchanged, Freight: map[string]string{"app": "newer"}, Commit: "later", Tree: "test-new", At: minute(21), Since: minute(11)}}})
		}, Promote, "newer", "", nil},
		{"A5: soak tells when", func(b *bench) { b.pipeline.Stages[1].Requests[0].Soak = time.Hour }, Wait, "new", "soaking in test until 2026-11-21 01:11 UTC", func(v Verdict) bool { return v.Until.Equal(minute(71)) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench()
			row.change(b)
			v := b.prod()
			var reasons []string
			for _, r := range v.Reasons {
				reasons = append(reasons, r.String())
			}
			text := strings.Join(reasons, "; ")
			if v.Action != row.action || v.Freight["app"] != row.freight {
				t.Errorf("got %s %v, want %s %q (%s)", v.Action, v.Freight, row.action, row.freight, text)
			}
			if !strings.Contains(text, row.reason) || (row.reason == "" && text != "") {
				t.Errorf("reasons %q, want %q", text, row.reason)
			}
			if row.check != nil && !row.check(v) {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}
