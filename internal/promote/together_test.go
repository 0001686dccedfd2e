package promote

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A9: with `combination: strict` only what was verified together upstream comes:
// the newest of each slot, else what came in upstream last of what may come.
func TestStrict(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 5, 9, minutes, 0, 0, time.UTC) }
	requests := func(from ...string) []Request {
		return []Request{{Warehouse: "app", From: from}, {Warehouse: "flags", From: from}}
	}
	gate := []Gate{{Name: "e2e", Source: FromStatus, Match: "e2e", Required: true}}
	pipeline := Pipeline{Name: "p", Stages: []Stage{
		{Name: "test", Requests: requests(), Gates: gate},
		{Name: "pass", Kind: Control, OnArrival: true, Requests: requests("test")},
		{Name: "prod", OnArrival: true, Strict: true, Requests: requests("test")},
		{Name: "behind", OnArrival: true, Strict: true, Requests: requests("pass")},
	}}
	var freight []Freight
	for i, id := range []string{"a1", "f1", "a2", "f2"} {
		freight = append(freight, Freight{ID: id, Alias: id, Warehouse: map[byte]string{'a': "app", 'f': "flags"}[id[0]], Selected: at(i)})
	}
	// "a1 f1 +" came into test and was verified, "a2 f1 -" failed there; into the
	// control-flow stage everything came.
	snapshot := func(holds string, came ...string) Snapshot {
		s := Snapshot{Now: at(59), Facts: Facts{Freight: freight}, Stages: map[string]StageState{}}
		bring := func(stage, words string, n int) Arrival {
			parts := strings.Fields(words)
			a := Arrival{Stage: stage, Manner: ByMerge, Freight: map[string]string{"app": parts[0], "flags": parts[1]}, Commit: stage + words, Tree: stage + words, At: at(n)}
			s.Facts.Arrivals = append(s.Facts.Arrivals, a)
			return a
		}
		for i, words := range came {
			a := bring("test", words, 10+i)
			s.Facts.Results = append(s.Facts.Results, Result{Stage: "test", Commit: a.Commit, Source: FromStatus, Name: "e2e",
				State: map[string]string{"+": "success", "-": "failure"}[strings.Fields(words)[2]], At: at(11 + i)})
			for warehouse, id := range a.Freight { // one at a time: it does not say what was together
				s.Facts.Arrivals = append(s.Facts.Arrivals, Arrival{Stage: "pass", Manner: ByRule, Freight: map[string]string{warehouse: id}, At: a.At})
			}
		}
		for _, stage := range []string{"prod", "behind"} {
			if holds != "" {
				bring(stage, holds, 9)
			}
		}
		return s
	}
	for name, c := range map[string]struct {
		snapshot Snapshot
		ask      map[string]string
		action   Action
		freight  string
		reason   string
	}{
		"verified together":         {snapshot("a1 f1", "a1 f1 +", "a2 f2 +"), nil, Promote, "a2 f2", ""},
		"each alone":                {snapshot("a1 f1", "a1 f1 +", "a2 f1 +", "a1 f2 -"), nil, Promote, "a2 f1", ""},
		"each with another":         {snapshot("a1 f1", "a2 f1 +", "a1 f2 +"), nil, Promote, "a1 f2", "to verify a2 and f2 together (0 of 1)"},
		"nothing that is better":    {snapshot("a2 f1", "a2 f1 +", "a1 f2 +"), nil, Wait, "f2", "to verify a2 and f2 together (0 of 1)"},
		"at first":                  {snapshot("", "a2 f1 +", "a1 f2 +"), nil, Promote, "a1 f2", "to verify a2 and f2 together (0 of 1)"},
		"failed together":           {snapshot("a1 f1", "a2 f1 +", "a1 f2 +", "a2 f2 -"), nil, Wait, "", "failed"},
		"asked for, not together":   {snapshot("a1 f1", "a2 f1 +", "a1 f2 +"), map[string]string{"app": "a2", "flags": "f2"}, Wait, "", "to verify a2 and f2 together (0 of 1)"},
		"asked for, older together": {snapshot("a1 f1", "a2 f1 +", "a1 f2 +"), map[string]string{"app": "a2", "flags": "f1"}, Promote, "a2 f1", ""},
		"asked for the newest":      {snapshot("a1 f1", "a2 f1 +", "a1 f2 +"), map[string]string{}, Wait, "", "to verify a2 and f2 together (0 of 1)"},
	} {
		for _, stage := range []string{"prod", "behind"} {
			t.Run(name+" "+stage, func(t *testing.T) {
				s := c.snapshot
				if c.ask != nil {
					s.Asks = []Ask{{Stage: stage, Freight: c.ask, By: "ann", At: s.Now}}
				}
				verdicts := Decide(pipeline, Policy{Stages: []StagePolicy{{Match: "p/*", Auto: true}}}, s)
				v := verdicts[slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Stage == stage })]
				got := strings.TrimSpace(v.Freight["app"] + " " + v.Freight["flags"])
				if v.Action != c.action || c.freight != "" && got != c.freight {
					t.Errorf("%s %q, want %s %q", v.Action, got, c.action, c.freight)
				}
				if c.reason != "" && !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return strings.Contains(r.String(), c.reason) }) {
					t.Errorf("no reason %q in %v", c.reason, v.Reasons)
				}
				if refused := c.ask != nil && c.action == Wait; v.Refused != refused {
					t.Errorf("refused: %v", v.Refused)
				}
			})
		}
	}
}
