package promote

import (
	"slices"
	"testing"
	"time"
)

// H1: what several stages could have at once, they have one after the other, in the
// pipeline's order; a stage's own hold does not keep it from newer freight.
func TestResourcesAreTakenInTurn(t *testing.T) {
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	gate := Gate{Name: "e2e", Source: FromStatus, Match: "e2e", Required: true}
	p := Pipeline{Name: "web"}
	for _, name := range []string{"a", "b", "c", "d"} {
		p.Stages = append(p.Stages, Stage{Name: name, Gates: []Gate{gate}, Uses: []string{"argo"}})
	}
	p.Stages[3].Uses = nil
	p.Stages[2].Target.Push = true
	arrived := func(stage string) Facts {
		return Facts{Arrivals: []Arrival{{Stage: stage, Manner: ByMerge, Freight: map[string]string{"app": "f"}, Commit: "c", Tree: "t", At: at}}}
	}
	open := map[string]StageState{"a": {Open: &Open{}}, "b": {Open: &Open{}}, "d": {Open: &Open{}}}
	for _, c := range []struct {
		name      string
		most      int
		facts     Facts
		elsewhere []string
		want      []string // the stages that freight comes into
	}{
		{"one at a time", 1, Facts{}, nil, []string{"a", "d"}},
		{"two at a time", 2, Facts{}, nil, []string{"a", "b", "d"}},
		{"room for all", 3, Facts{}, nil, []string{"a", "b", "c", "d"}},
		{"held by another pipeline", 1, Facts{}, []string{"api/x"}, []string{"d"}},
		{"held by a stage that newer freight comes into", 1, arrived("b"), nil, []string{"b", "d"}},
		{"held by a later stage", 1, arrived("c"), nil, []string{"c", "d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Snapshot{Now: at.Add(time.Hour), Facts: c.facts, Stages: open, InUse: map[string][]string{"argo": c.elsewhere}}
			verdicts := []Verdict{
				{Stage: "a", Action: Opened, Merge: true}, {Stage: "b", Action: Opened, Merge: true},
				{Stage: "c", Action: Promote}, {Stage: "d", Action: Opened, Merge: true},
			}
			p.inTurn(verdicts, Policy{Caps: Caps{Resources: map[string]int{"argo": c.most}}}, s)
			var got []string
			for i, v := range verdicts {
				if v.enters(p.Stages[i]) {
					got = append(got, v.Stage)
				} else if len(v.Blocked)+len(v.Reasons) == 0 {
					t.Errorf("%s waits without a reason", v.Stage)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("freight comes into %v, want %v", got, c.want)
			}
		})
	}
}
