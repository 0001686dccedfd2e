package promote

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// way is a path as one line: who lets whom have it when, and which edge binds.
func way(p Path) string {
	var out []string
	for i, leg := range p.Legs {
		text := fmt.Sprintf("%s %s", leg.Stage, Span(leg.Begins))
		if i == p.Binds {
			text += fmt.Sprintf(" (binds %s)", Span(leg.Saves))
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ") + " → " + Span(p.Total())
}

// The path goes through the upstream that lets a rule be met: the last one of all,
// the quickest of any, the n-th of a number.
func TestLongestPath(t *testing.T) {
	pace := map[string][2]time.Duration{ // to merge, to verify
		"test": {time.Minute, 9 * time.Minute}, "a": {0, 10 * time.Minute}, "b": {0, 30 * time.Minute}, "c": {0, 20 * time.Minute}, "prod": {5 * time.Minute, 0},
		"wide": {0, time.Minute}, "wide.2": {0, 40 * time.Minute},
	}
	stage := func(name string, requests ...Request) Stage { return Stage{Name: name, Requests: requests} }
	from := func(rule Strategy, soak time.Duration, stages ...string) Request {
		return Request{Warehouse: "app", From: stages, Availability: rule, Soak: soak}
	}
	straight := Request{Warehouse: "app"}
	stamp := func(as, name string) Stage { // as slow as another stage
		s := stage("wide@"+name, straight)
		s.Stamp, pace[s.Name] = name, pace[as]
		return s
	}
	start := []Stage{stage("test", straight), stage("a", from(Strategy{}, 0, "test")), stage("b", from(Strategy{}, 0, "test")), stage("c", from(Strategy{}, 0, "test"))}
	for name, c := range map[string]struct {
		stages []Stage
		to     string
		want   string
	}{
		"nothing":  {nil, "", " → 0s"},
		"unknown":  {start, "prod", " → 0s"},
		"one":      {[]Stage{stage("test", straight)}, "", "test 0s → 10m"},
		"any":      {append(start, stage("prod", from(Strategy{Kind: Any}, 0, "b", "a", "c"))), "prod", "test 0s, a 10m (binds 10m), prod 20m → 25m"},
		"all":      {append(start, stage("prod", from(Strategy{Kind: All}, 0, "a", "b", "c"))), "", "test 0s, b 10m (binds 10m), prod 40m → 45m"},
		"majority": {append(start, stage("prod", from(Strategy{Kind: Majority}, 0, "a", "b", "c"))), "prod", "test 0s, c 10m (binds 10m), prod 30m → 35m"},
		"number":   {append(start, stage("prod", from(Strategy{Kind: AtLeast, N: 2}, 0, "b", "c"))), "prod", "test 0s, b 10m (binds 10m), prod 40m → 45m"},
		"percent":  {append(start, stage("prod", from(Strategy{Kind: Percent, N: 34}, 0, "a", "b", "c"))), "prod", "test 0s, c 10m (binds 10m), prod 30m → 35m"},
		"soak passes while it is verified": {
			append(start, stage("prod", from(Strategy{}, 25*time.Minute, "b"))), "prod", "test 0s, b 10m (binds 30m), prod 40m → 45m",
		},
		"soak from the arrival": {
			append(start, stage("prod", from(Strategy{}, time.Hour, "test"))), "prod", "test 0s (binds 1h1m), prod 1h1m → 1h6m",
		},
		"the soak of one rule is one thing to shorten": {
			append(start, stage("prod", from(Strategy{Kind: All}, 3*time.Hour, "a", "b"))), "prod", "test 0s, b 10m (binds 2h50m), prod 3h10m → 3h15m",
		},
		"the last lane of a stage": {
			append(start, stage("wide", straight), stage("wide.2", straight), stage("prod", from(Strategy{Kind: All}, 0, "a", "wide"))), "prod",
			"wide.2 0s (binds 20m), prod 40m → 45m",
		},
		"stamps, all of them": {
			append(start, stamp("wide", "eu"), stamp("wide.2", "us"), stage("prod", from(Strategy{}, 0, "wide"))), "prod", "wide@us 0s (binds 40m), prod 40m → 45m",
		},
		"stamps, any of them": {
			append(start, stamp("wide", "eu"), stamp("wide.2", "us"), stage("prod", Request{Warehouse: "app", From: []string{"wide"}, Stamps: AnyStamp})), "prod",
			"wide@eu 0s (binds 1m), prod 1m → 6m",
		},
		"all lanes of a stage": {
			[]Stage{stage("wide", straight), stage("wide.2", straight), stage("prod", from(Strategy{}, time.Hour, "wide"))}, "prod",
			"wide 0s (binds 1h), prod 1h → 1h5m",
		},
		"slots are apart": {
			append(start, stage("prod", from(Strategy{}, 0, "a"), Request{Warehouse: "flags"})), "prod", "test 0s, a 10m (binds 10m), prod 20m → 25m",
		},
		"a stage without a number": {
			[]Stage{stage("x", straight), stage("y", from(Strategy{}, 0, "x"))}, "", "x 0s, y 0s → 0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := Pipeline{Stages: c.stages}
			got := LongestPath(p, c.to, func(s Stage) Pace {
				known, ok := pace[s.Name]
				if !ok {
					return Pace{}
				}
				return Pace{Merge: &known[0], Verify: &known[1]}
			})
			if way(got) != c.want {
				t.Errorf("got  %s\nwant %s", way(got), c.want)
			}
		})
	}
}

// The pace of a stage is the median of what its facts tell.
func TestPace(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 5, 9, minutes, 0, 0, time.UTC) }
	slots := func(id string) map[string]string { return map[string]string{"app": id} }
	gate := Gate{Name: "e2e", Source: FromStatus, Match: "e2e", Required: true}
	stage := Stage{Name: "test", Requests: []Request{{Warehouse: "app"}}, Gates: []Gate{gate}}
	var facts Facts
	for i, c := range []struct{ proposed, again, arrived, verified int }{{0, 2, 4, 10}, {11, 0, 13, 0}, {20, 0, 30, 33}} {
		id, commit := fmt.Sprint(i), fmt.Sprint("c", i)
		facts.Freight = append(facts.Freight, Freight{ID: id, Warehouse: "app", Selected: at(c.proposed)})
		facts.Proposals = append(facts.Proposals, Proposal{Stage: "test", Freight: slots(id), At: at(c.proposed)}, Proposal{Stage: "other", Freight: slots(id), At: at(c.proposed + 1)})
		if c.again > 0 {
			facts.Proposals = append(facts.Proposals, Proposal{Stage: "test", Freight: slots(id), At: at(c.again)})
		}
		facts.Arrivals = append(facts.Arrivals, Arrival{Stage: "test", Manner: ByMerge, Freight: slots(id), Commit: commit, Tree: commit, At: at(c.arrived)})
		if c.verified > 0 {
			facts.Results = append(facts.Results, Result{Stage: "test", Commit: commit, Source: FromStatus, Name: "e2e", State: "success", At: at(c.verified)})
		}
	}
	said := func(stage Stage, facts Facts) string {
		pace := Snapshot{Now: at(59), Facts: facts}.Pace(stage)
		text := func(d *time.Duration) string {
			if d == nil {
				return "?"
			}
			return Span(*d)
		}
		return text(pace.Merge) + " " + text(pace.Verify)
	}
	if got := said(stage, facts); got != "4m 4m30s" {
		t.Errorf("got %s", got)
	}
	for _, c := range []struct {
		stage Stage
		want  string
	}{{stage, "? ?"}, {Stage{Name: "test", OnArrival: true}, "? 0s"}, {Stage{Name: "test", Kind: Control}, "0s 0s"}, {Stage{Name: "test", Kind: Fileless}, "0s ?"}} {
		if got := said(c.stage, Facts{}); got != c.want {
			t.Errorf("%s: got %s, want %s", c.stage.Kind, got, c.want)
		}
	}
}
