package promote

import (
	"strings"
	"testing"
	"time"
)

// X1: how far a stage has come with what it may have now.
func TestProgress(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	held := Arrival{Stage: "test", Manner: ByDelivery, Freight: map[string]string{"app": "f1"}, Commit: "c1", Tree: "t1", At: now.Add(-time.Hour)}
	drift := Arrival{Stage: "test", Manner: ByDrift, Commit: "c2", Tree: "t2", At: now.Add(-time.Minute)}
	said := func(state string) []Result {
		return []Result{{Stage: "test", Commit: "c1", Source: FromRun, Name: "smoke", State: state, At: now.Add(-time.Minute)}}
	}
	smoke := Gate{Name: "smoke", Match: "smoke", Source: FromRun, Required: true, Run: "true"}
	perf := Gate{Name: "perf", Match: "perf", Source: FromStatus}
	late := Gate{Name: "late", Match: "late", Source: FromStatus, Required: true, Within: time.Minute}
	reason := func(kinds ...ReasonKind) (out []Reason) {
		for _, kind := range kinds {
			out = append(out, Reason{Kind: kind, Stage: "test"})
		}
		return out
	}
	for name, test := range map[string]struct {
		verdict  Verdict
		arrivals []Arrival
		results  []Result
		gates    []Gate
		runs     bool
		want     string
	}{
		"verified":                           {Verdict{Action: Current}, []Arrival{held}, said("success"), []Gate{smoke, perf}, false, "done"},
		"no result yet":                      {Verdict{Action: Current}, []Arrival{held}, nil, []Gate{smoke}, false, "waits: gate smoke in test is run by `action run`"},
		"failed":                             {Verdict{Action: Current}, []Arrival{held}, said("failure"), []Gate{smoke}, false, "failed: gate smoke in test failed: failure"},
		"failed before, and runs again":      {Verdict{Action: Current}, []Arrival{held}, said("failure"), []Gate{smoke}, true, "waits: gate smoke in test failed: failure"},
		"another one failed meanwhile":       {Verdict{Action: Current}, []Arrival{held}, nil, []Gate{smoke, late}, true, "failed: gate smoke in test is run by `action run`; gate late in test timed out: no result within 1m"},
		"changed by people":                  {Verdict{Action: Current}, []Arrival{held, drift}, said("success"), []Gate{smoke}, false, "failed: test was changed outside of a promotion (drift at c2)"},
		"nothing there":                      {Verdict{Action: Wait, Reasons: reason(NotThere)}, nil, nil, []Gate{smoke}, false, "waits: not in test yet"},
		"newer freight has not come so far":  {Verdict{Action: Wait, Reasons: reason(NotThere)}, []Arrival{held}, said("success"), []Gate{smoke}, false, "done"},
		"somebody has to ask for newer":      {Verdict{Action: Wait, Reasons: reason(ByHand)}, []Arrival{held}, said("success"), []Gate{smoke}, false, "waits: available: /promote test"},
		"newer freight soaks":                {Verdict{Action: Wait, Reasons: reason(NotThere, Soaking)}, []Arrival{held}, said("success"), []Gate{smoke}, false, "waits: not in test yet; soaking in test until 0001-01-01 00:00 UTC"},
		"held":                               {Verdict{Action: Held, Reasons: reason(Frozen)}, []Arrival{held}, said("success"), []Gate{smoke}, false, "waits: frozen by policy: nothing is promoted"},
		"another lane failed":                {Verdict{Action: Wait, Reasons: reason(LaneFailed)}, nil, nil, []Gate{smoke}, false, "failed: freight  waits: it failed in test (gate : ), and `failFast` keeps it from the other lanes"},
		"can not be rendered":                {Verdict{Action: Held, Reasons: reason(RenderFailed)}, []Arrival{held}, said("success"), []Gate{smoke}, false, "failed: render failed: "},
		"open, and nothing is said about it": {Verdict{Action: Opened}, []Arrival{held}, nil, []Gate{smoke}, false, "waits: #7 waits to be merged"},
		"open, and approvals are missing":    {Verdict{Action: Opened, Blocked: []Reason{{Kind: ApprovalsMissing, Need: 1}}}, nil, nil, []Gate{smoke}, false, "waits: 0 of 1 approvals"},
		"open, with a conflict":              {Verdict{Action: Opened, Reasons: reason(Conflict)}, nil, nil, []Gate{smoke}, false, "failed: the pull request has a merge conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			stage := Stage{Name: "test", Gates: test.gates}
			s := Snapshot{Now: now, Facts: Facts{Arrivals: test.arrivals, Results: test.results}, Stages: map[string]StageState{"test": {Open: &Open{PullRequest: 7}}}}
			p := s.Progress(stage, test.verdict, func(string) bool { return test.runs })
			got := string(p.State)
			var why []string
			for _, r := range p.Reasons {
				why = append(why, r.String())
			}
			if len(why) > 0 {
				got += ": " + strings.Join(why, "; ")
			}
			if got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}

// X6: what somebody looks for who was not asked to bring freight here, brings none.
func TestLeft(t *testing.T) {
	for _, v := range []Verdict{{Action: Promote, Pins: []string{"app"}}, {Action: Opened, Merge: true}, {Action: Current}} {
		before := v.Action
		v.leave(Stage{Name: "test"})
		if v.Merge || v.Action == Promote || len(v.Pins) > 0 {
			t.Errorf("%+v", v)
		}
		if before == Promote && (v.Action != Wait || v.Reasons[0].Kind != LeftAlone) {
			t.Errorf("%+v", v)
		}
	}
}
