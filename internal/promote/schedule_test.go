package promote

import (
	"strings"
	"testing"
	"time"
)

// A stage with a schedule takes the newest freight at its times; a time that was
// missed happens once, and one with nothing new has passed.
func TestScheduled(t *testing.T) {
	day := func(days, hours int) time.Time { return time.Date(2026, 1, 5+days, hours, 0, 0, 0, time.UTC) }
	cron, err := ParseCron("0 3 * * *", "")
	if err != nil {
		t.Fatal(err)
	}
	freight := func(ids ...string) []Freight {
		var out []Freight
		for i, id := range ids {
			out = append(out, Freight{ID: id, Alias: id, Warehouse: "app", Selected: day(-9, i)})
		}
		return out
	}
	arrived := func(id string, at time.Time) []Arrival {
		return []Arrival{{Stage: "nightly", Manner: ByRule, Freight: map[string]string{"app": id}, At: at}}
	}
	for name, c := range map[string]struct {
		facts  Facts
		now    time.Time
		again  bool
		hand   bool // not automatic
		asked  bool
		down   bool // the registry
		action Action
		tick   time.Time
		next   time.Time
		reason string
	}{
		"just configured":        {Facts{Freight: freight("a")}, day(0, 12), false, false, false, false, Wait, day(0, 3), day(1, 3), "at 2026-01-06 03:00"},
		"before its time":        {Facts{Freight: freight("a"), Ticks: []Tick{{"nightly", day(0, 3)}}}, day(0, 12), false, false, false, false, Wait, time.Time{}, day(1, 3), "at 2026-01-06 03:00"},
		"at its time":            {Facts{Freight: freight("a"), Ticks: []Tick{{"nightly", day(0, 3)}}}, day(1, 3), false, false, false, false, Promote, day(1, 3), day(2, 3), ""},
		"missed for days":        {Facts{Freight: freight("a", "b"), Arrivals: arrived("a", day(0, 3))}, day(5, 12), false, false, false, false, Promote, day(5, 3), day(6, 3), ""},
		"asked for":              {Facts{Freight: freight("a"), Ticks: []Tick{{"nightly", day(0, 3)}}}, day(0, 12), false, false, true, false, Promote, time.Time{}, time.Time{}, ""},
		"after it was asked for": {Facts{Freight: freight("a", "b"), Arrivals: arrived("a", day(0, 12))}, day(0, 13), false, false, false, false, Wait, time.Time{}, day(1, 3), "at 2026-01-06 03:00"},
		"nothing new":            {Facts{Freight: freight("a"), Arrivals: arrived("a", day(0, 3))}, day(1, 3), false, false, false, false, Current, day(1, 3), day(2, 3), ""},
		"nothing new, again":     {Facts{Freight: freight("a"), Arrivals: arrived("a", day(0, 3))}, day(1, 3), true, false, false, false, Promote, day(1, 3), day(2, 3), ""},
		"again, by hand":         {Facts{Freight: freight("a"), Arrivals: arrived("a", day(0, 3))}, day(1, 3), true, true, false, false, Current, day(1, 3), day(2, 3), ""},
		"by hand":                {Facts{Freight: freight("a"), Ticks: []Tick{{"nightly", day(0, 3)}}}, day(1, 3), false, true, false, false, Wait, day(1, 3), day(2, 3), "/promote nightly"},
		"nobody could look":      {Facts{Freight: freight("a"), Arrivals: arrived("a", day(0, 3))}, day(1, 3), false, false, false, true, Current, time.Time{}, day(2, 3), ""},
		"no freight":             {Facts{Ticks: []Tick{{"nightly", day(0, 3)}}}, day(1, 3), false, false, false, false, Wait, day(1, 3), day(2, 3), "first freight"},
	} {
		t.Run(name, func(t *testing.T) {
			stage := Stage{Name: "nightly", Kind: Fileless, OnArrival: true, Requests: []Request{{Warehouse: "app"}}, Schedule: &Schedule{Cron: cron, Unchanged: c.again}}
			s := Snapshot{Now: c.now, Facts: c.facts, Stages: map[string]StageState{}}
			if c.asked {
				s.Asks = []Ask{{Stage: "nightly", By: "ann", At: c.now}}
			}
			if c.down {
				s.Trouble = []Reason{{Kind: DiscoveryFailed, Warehouse: "app"}}
			}
			v := Decide(Pipeline{Name: "p", Stages: []Stage{stage}}, Policy{Stages: []StagePolicy{{Match: "p/*", Auto: !c.hand}}}, s)[0]
			if v.Action != c.action || !v.Tick.Equal(c.tick) || !v.Until.Equal(c.next) {
				t.Errorf("%s, tick %s, until %s; want %s, %s, %s", v.Action, v.Tick, v.Until, c.action, c.tick, c.next)
			}
			if c.reason != "" && (len(v.Reasons) == 0 || !strings.Contains(v.Reasons[0].String(), c.reason)) {
				t.Errorf("no reason %q in %v", c.reason, v.Reasons)
			}
		})
	}
}
