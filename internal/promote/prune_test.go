package promote

import (
	"fmt"
	"testing"
	"time"
)

// L3: what goes of a long history, and what stays although it is as old.
func TestPrune(t *testing.T) {
	start := minute(0)
	day := func(n int) time.Time { return start.Add(time.Duration(n) * 24 * time.Hour) }
	history := func() Facts {
		var f Facts
		for i := range 300 {
			id := fmt.Sprint(i)
			f.Freight = append(f.Freight, Freight{ID: id, Warehouse: "app", Selected: day(i)})
			f.Proposals = append(f.Proposals, Proposal{Stage: "test", Freight: map[string]string{"app": id}, At: day(i)})
			f.Arrivals = append(f.Arrivals, Arrival{Stage: "test", Freight: map[string]string{"app": id}, Commit: "c" + id, Tree: "t" + id, At: day(i)})
			f.Results = append(f.Results, Result{Stage: "test", Commit: "c" + id, State: "success", At: day(i)})
			f.Alerts = append(f.Alerts, Alert{Stage: "test", Kind: AlertStreak, Subject: "e2e", State: AlertRaised, At: day(i)})
			f.Told = append(f.Told, Told{Stage: "test", At: day(i)})
			f.Ticks = append(f.Ticks, Tick{Stage: "test", At: day(i)})
		}
		return f
	}
	for name, row := range map[string]struct {
		change   func(f *Facts)
		verdicts []Verdict
		now      time.Time
		stays    []string // of the old freight
		freight  int      // that goes
	}{
		"by count and age":            {now: day(1000), freight: 200},
		"by age: what is young stays": {now: day(299), freight: 200}, // 90 days are less than 100 here
		"much in a short time":        {now: start.Add(time.Hour), freight: 0},
		"few, and old": {now: day(1000), change: func(f *Facts) {
			*f = Facts{Freight: f.Freight[:100], Arrivals: f.Arrivals[:100]}
		}},
		"held, by a stage that is rarely promoted": {now: day(1000), freight: 199, stays: []string{"5"}, change: func(f *Facts) {
			f.Arrivals = append([]Arrival{{Stage: "prod", Freight: map[string]string{"app": "5"}, Commit: "p", Tree: "p", At: day(6)}}, f.Arrivals...)
		}},
		"proposed": {now: day(1000), freight: 199, stays: []string{"6"}, change: func(f *Facts) {
			f.Proposals = append([]Proposal{{Stage: "prod", Freight: map[string]string{"app": "6"}, At: day(6)}}, f.Proposals...)
		}},
		"rejected": {now: day(1000), freight: 199, stays: []string{"7"}, change: func(f *Facts) {
			f.Rejections = []Rejection{{Stage: "prod", Warehouse: "app", Freight: "7", At: day(7)}}
		}},
		"wanted, and held by a slot that is pinned": {now: day(1000), freight: 198, stays: []string{"8", "9"}, verdicts: []Verdict{
			{Stage: "prod", Freight: map[string]string{"app": "8"}, Holds: map[string]string{"app": "9"}},
		}},
		"the newest of a channel, and of what is none": {now: day(1000), freight: 199, stays: []string{"10"}, change: func(f *Facts) {
			for i := range f.Freight {
				f.Freight[i].Channel = "pr-1"
			}
			f.Freight[10].Channel = ""
		}},
		"the same files as what is held": {now: day(1000), freight: 198, stays: []string{"11", "12"}, change: func(f *Facts) {
			f.Arrivals[299].Tree, f.Arrivals[11].Tree, f.Arrivals[12].Tree = "same", "same", "same"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := history()
			if row.change != nil {
				row.change(&f)
			}
			kept, gone := f.Prune(row.now, row.verdicts)
			if len(gone.Freight) != row.freight || len(kept.Freight)+len(gone.Freight) != len(f.Freight) {
				t.Errorf("%d freight goes, %d stays, want %d to go", len(gone.Freight), len(kept.Freight), row.freight)
			}
			there := map[string]bool{}
			for _, x := range kept.Freight {
				there[x.ID] = true
			}
			for _, id := range row.stays {
				if !there[id] {
					t.Errorf("freight %s is gone", id)
				}
			}
			commits := map[string]bool{}
			for _, a := range kept.Arrivals {
				commits[a.Commit] = true
				if !there[a.Freight["app"]] {
					t.Errorf("an arrival names freight %s, which is gone", a.Freight["app"])
				}
			}
			for _, x := range gone.Results {
				if commits[x.Commit] {
					t.Errorf("a result on %s is gone, and the arrival is not", x.Commit)
				}
			}
			if again, rest := kept.Prune(row.now, row.verdicts); !rest.Empty() {
				t.Errorf("pruned again: %d freight of %d", len(rest.Freight), len(again.Freight))
			}
			if n := len(f.Ticks); n > 0 && (len(kept.Ticks) == 0 || len(kept.Alerts) == 0) {
				t.Error("the last tick, or what is still so, is gone")
			}
		})
	}
}

// L3: drift goes when everything before it is gone, and stays where it is the last
// word.
func TestPruneDrift(t *testing.T) {
	f := Facts{Arrivals: []Arrival{
		{Stage: "test", Manner: ByDrift, Commit: "a", At: minute(0)},
		{Stage: "test", Freight: map[string]string{"app": "1"}, Commit: "b", Tree: "b", At: minute(1)},
		{Stage: "test", Manner: ByDrift, Commit: "c", At: minute(2)},
	}}
	kept, gone := f.Prune(minute(0).Add(1000*24*time.Hour), nil)
	if len(gone.Arrivals) != 1 || gone.Arrivals[0].Commit != "a" || len(kept.Arrivals) != 2 {
		t.Errorf("gone %+v, kept %+v", gone.Arrivals, kept.Arrivals)
	}
}
