package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// A push that was told of just before its repository is gone is forgotten with it:
// the look after that has no mirror to fetch it into.
func TestForgottenRepositoriesExpectNothing(t *testing.T) {
	e := New(Config{})
	e.mirrors["acme/app"] = &gitrepo.Repo{}
	e.configs["acme/app"] = &configuration{branch: "main", parsed: &config.Config{}}
	commit := strings.Repeat("1", 40)
	e.Expect("acme/app", "refs/heads/main", commit)
	e.Expect("acme/app", "refs/heads/other", commit)
	e.Expect("acme/other", "refs/heads/main", commit)
	if len(e.expected) != 1 || len(e.expected["acme/app"]) != 1 {
		t.Fatalf("expected %v", e.expected)
	}
	e.forget("acme/app")
	if len(e.expected) != 0 {
		t.Errorf("still expected: %v", e.expected)
	}
}

// G11: what a command came to while a look went on is of that look, not of its future,
// in which nothing counts yet.
func TestRunEndsDuringLook(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	stage := promote.Stage{Name: "test", Gates: []promote.Gate{{Name: "smoke", Match: "smoke", Source: promote.FromRun, Required: true, Run: "true"}}}
	arrival := promote.Arrival{Stage: "test", Manner: promote.ByDelivery, Commit: "c1", Tree: "t1", Freight: map[string]string{"app": "f1"}, At: now.Add(-time.Minute)}
	at := &place{stage: stage, facts: promote.Facts{Arrivals: []promote.Arrival{arrival}}}
	l := &look{Engine: New(Config{}), now: now}
	l.hub.calls = []Call{{ID: "1", Pipeline: "web", Stage: "test", Gate: "smoke", Commit: "c1", State: "success", At: now.Add(3 * time.Second), Ran: true}}
	r := &round{look: l}
	r.hear(config.Pipeline{Pipeline: promote.Pipeline{Name: "web", Stages: []promote.Stage{stage}}}, map[string]*place{"test": at})
	snapshot := promote.Snapshot{Now: now, Facts: at.facts, Stages: map[string]promote.StageState{}}
	if gates := snapshot.Gates(stage, arrival); len(gates) != 1 || gates[0].State != promote.GatePassed {
		t.Errorf("%+v", gates)
	}
}

// What a look finds out about a configuration that it has a copy of is known to the
// next one as well.
func TestNotesReachTheNextLook(t *testing.T) {
	e := New(Config{})
	known := &configuration{commit: "c1"}
	e.configs["acme/app"] = known
	own := *known
	l := &look{Engine: e, home: &home{name: "acme/app"}, config: &own}
	l.note(func(c *configuration) { c.touched = "c0" })
	if own.touched != "c0" || known.touched != "c0" {
		t.Errorf("%q, %q", own.touched, known.touched)
	}
}
