package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }

// id makes forty hex digits of one.
func id(digit string) string { return strings.Repeat(digit, 40) }

const url = "https://github.com/acme/guestbook"

// world is the guestbook: test → uat-a, uat-b → prod, which wants all of them.
type world struct {
	pipeline promote.Pipeline
	policy   promote.Policy
	snapshot promote.Snapshot
}

// Freight of the world, in the order of its selection.
var (
	first  = guestbook("1", "calm-heron", "1.4.1", 0)
	second = guestbook("2", "brave-otter", "1.4.2", 100)
)

func guestbook(digit, alias, tag string, at int) promote.Freight {
	return promote.Freight{
		ID: id(digit), Alias: alias, Warehouse: "app", Selected: minute(at),
		Images: []promote.Image{{
			Repository: "ghcr.io/acme/guestbook", Tag: tag, Digest: "sha256:" + strings.Repeat(digit, 64), Revision: id("f" + digit)[:40],
		}},
		Commits: []promote.Commit{{Repository: ".", ID: id("c" + digit)[:40]}},
	}
}

func newWorld() *world {
	smoke := promote.Gate{Name: "smoke", Source: promote.FromCheck, Match: "smoke", Required: true}
	lint := promote.Gate{Name: "lint", Source: promote.FromCheck, Match: "lint", Owner: "@acme/core"}
	stage := func(name string, availability promote.Strategy, from ...string) promote.Stage {
		return promote.Stage{
			Name: name, Gates: []promote.Gate{smoke, lint},
			Requests: []promote.Request{{Warehouse: "app", From: from, Availability: availability}},
			Target:   promote.Target{Repository: "acme/guestbook", Branch: "stage/" + name, Path: "."},
		}
	}
	none, all := promote.Strategy{}, promote.Strategy{Kind: promote.All}
	return &world{
		pipeline: promote.Pipeline{
			Repository: "acme/guestbook", Name: "guestbook", Warehouses: []promote.Warehouse{{Name: "app"}},
			Stages: []promote.Stage{
				stage("test", none), stage("uat-a", none, "test"), stage("uat-b", none, "test"), stage("prod", all, "uat-a", "uat-b"),
			},
		},
		policy: promote.Policy{Stages: []promote.StagePolicy{
			{Match: "*/prod", Auto: false},
			{Match: "*/*", Auto: true, Merge: promote.Merge{Auto: true, Method: "merge"}},
		}},
		snapshot: promote.Snapshot{Now: minute(1000), Stages: map[string]promote.StageState{}, Facts: promote.Facts{Freight: []promote.Freight{first, second}}},
	}
}

// arrive brings freight into stages, and lets it be verified a minute later.
func (w *world) arrive(f promote.Freight, at int, stages ...string) {
	for _, stage := range stages {
		a := promote.Arrival{
			Stage: stage, Manner: promote.ByMerge, Freight: map[string]string{"app": f.ID}, Commit: id(fmt.Sprintf("a%x%x", len(stage), at%16))[:40],
			Tree: id(f.ID[:1] + "e")[:40], At: minute(at), Config: id("d"),
		}
		w.snapshot.Facts.Arrivals = append(w.snapshot.Facts.Arrivals, a)
		w.head(stage, a.Commit, a.Tree)
	}
}

func (w *world) head(stage, commit, tree string) {
	state := w.snapshot.Stages[stage]
	state.Head = promote.Head{Commit: commit, Tree: tree}
	w.snapshot.Stages[stage] = state
}

// result is what a check says of a stage's last arrival.
func (w *world) result(name, state string, at int, stages ...string) {
	for _, stage := range stages {
		holding, _ := w.snapshot.Facts.Holding(stage)
		w.snapshot.Facts.Results = append(w.snapshot.Facts.Results, promote.Result{
			Stage: stage, Commit: holding.Commit, Source: promote.FromCheck, Name: name, State: state,
			URL: fmt.Sprintf("%s/runs/%d", url, at), At: minute(at),
		})
	}
}

// propose opens a promotion as the engine does after the verdict.
func (w *world) propose(stage string, f promote.Freight, by string, at, pull int) {
	verdict, _ := w.view().verdict(stage)
	s := w.snapshot.Stages[stage]
	s.Open = &promote.Open{
		Proposal: promote.Proposal{
			Stage: stage, Freight: map[string]string{"app": f.ID}, Base: s.Head.Commit, BaseTree: s.Head.Tree, Tree: id("7"), Rule: verdict.Rule,
			Config: id("e"), By: by, At: minute(at), Sources: []promote.SourceCommit{{Repository: ".", Commit: f.Commits[0].ID}, {Repository: "acme/shared", Ref: "v3", Commit: id("5")}},
		},
		PullRequest: pull, Mergeable: "blocked", Commit: id("9"), URL: fmt.Sprintf("%s/pull/%d", url, pull),
	}
	w.snapshot.Stages[stage] = s
}

// ask is /promote in a comment.
func (w *world) ask(stage string, freight map[string]string) {
	w.snapshot.Asks = append(w.snapshot.Asks, promote.Ask{Stage: stage, Freight: freight, By: "octo", Comment: 1, At: w.snapshot.Now})
}

func (w *world) view() View {
	return View{Pipeline: w.pipeline, Policy: w.policy, Snapshot: w.snapshot, URL: url, Verdicts: promote.Decide(w.pipeline, w.policy, w.snapshot)}
}

// everywhere is a world in which every stage holds the first freight, verified.
func everywhere() *world {
	w := newWorld()
	for i, stage := range []string{"test", "uat-a", "uat-b", "prod"} {
		w.arrive(first, 10*i+5, stage)
		w.result("smoke", "success", 10*i+8, stage)
	}
	return w
}

// ready is a world in which prod may have the second freight.
func ready() *world {
	w := everywhere()
	w.arrive(second, 110, "test")
	w.result("smoke", "success", 112, "test")
	w.arrive(second, 120, "uat-a", "uat-b")
	w.result("smoke", "success", 125, "uat-a", "uat-b")
	w.result("lint", "failure", 126, "uat-b")
	return w
}

// proposed is a world with the second freight proposed for prod, as #12.
func proposed() *world {
	w := ready()
	w.propose("prod", second, "octo", 130, 12)
	return w
}

func deployment(tag string) directives.ResourceChange {
	return directives.ResourceChange{
		Group: "apps", Kind: "Deployment", Namespace: "guestbook", Name: "web", Path: "manifests/web.yaml", Action: directives.Changed,
		Fields: []directives.FieldChange{
			{Path: "metadata.labels.version", Old: "1.4.1", New: tag},
			{Path: "spec.template.spec.containers[name=web].image", Old: "ghcr.io/acme/guestbook@sha256:1111", New: "ghcr.io/acme/guestbook@sha256:2222"},
		},
	}
}
