package promote

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// The oracle knows nothing of intervals: it writes down for every minute what a
// stage held, and reads the answers off that tape. Times are whole minutes.

var epoch = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }

type world struct {
	pipeline Pipeline
	policy   Policy
	snapshot Snapshot
	now      int
}

func randomWorld(r *rand.Rand) world {
	w := world{now: 60 + r.IntN(60)}
	w.pipeline = Pipeline{Repository: "acme/app", Name: "p"}
	warehouses := 1 + r.IntN(2)
	for i := range warehouses {
		w.pipeline.Warehouses = append(w.pipeline.Warehouses, Warehouse{Name: fmt.Sprint("w", i)})
	}
	for i := range 1 + r.IntN(5) {
		w.pipeline.Stages = append(w.pipeline.Stages, randomStage(r, i, warehouses))
		w.policy.Stages = append(w.policy.Stages, StagePolicy{Match: fmt.Sprint("p/s", i), Auto: r.IntN(3) > 0, Freeze: r.IntN(12) == 0})
	}
	w.snapshot = Snapshot{Now: minute(w.now), Stages: map[string]StageState{}}
	w.history(r)
	return w
}

// halfHours are the times of every schedule.
var halfHours, _ = ParseCron("*/30 * * * *", "")

func randomStage(r *rand.Rand, i, warehouses int) Stage {
	s := Stage{Name: fmt.Sprint("s", i), OnArrival: r.IntN(5) == 0}
	for n := range warehouses {
		if n > 0 && r.IntN(2) == 0 {
			continue
		}
		request := Request{Warehouse: fmt.Sprint("w", n)}
		for up := range i {
			if r.IntN(2) == 0 {
				request.From = append(request.From, fmt.Sprint("s", up))
			}
		}
		if n := len(request.From); n > 0 {
			request.Soak = time.Duration(r.IntN(3)*r.IntN(30)) * time.Minute
			request.Availability = []Strategy{{}, {Kind: Any}, {Kind: All}, {Kind: Majority}, {Kind: AtLeast, N: 1 + r.IntN(n)}, {Kind: Percent, N: 1 + r.IntN(100)}}[r.IntN(6)]
		}
		request.MatchUpstream = len(request.From) == 1 && r.IntN(3) == 0
		s.Strict = s.Strict || n > 0 && len(request.From) > 0 && r.IntN(2) == 0
		s.Requests = append(s.Requests, request)
	}
	switch r.IntN(12) {
	case 0, 1, 2:
		s.Kind, s.OnArrival = Control, true
		return s
	case 3:
		s.Kind = Observed
	case 4:
		s.Kind = Fileless
	case 5:
		s.Kind = Fileless
		s.Schedule = &Schedule{Cron: halfHours, Unchanged: r.IntN(2) == 0}
	}
	for g := range 1 + r.IntN(2) {
		gate := Gate{Name: fmt.Sprint("g", g), Source: FromStatus, Match: fmt.Sprint("g", g), Required: g == 0 || r.IntN(2) == 0}
		if r.IntN(4) == 0 {
			gate.Within = time.Duration(10+r.IntN(40)) * time.Minute
		}
		s.Gates = append(s.Gates, gate)
	}
	return s
}

func (w *world) history(r *rand.Rand) {
	facts := &w.snapshot.Facts
	for _, warehouse := range w.pipeline.Warehouses {
		for n := range r.IntN(4) {
			id := fmt.Sprintf("%s-f%d", warehouse.Name, n)
			facts.Freight = append(facts.Freight, Freight{ID: id, Alias: id, Warehouse: warehouse.Name, Selected: minute(n*7 + r.IntN(5)), Manual: r.IntN(8) == 0})
		}
	}
	for _, s := range w.pipeline.Stages {
		at := r.IntN(20)
		for n := range r.IntN(6) {
			a := Arrival{Stage: s.Name, Manner: ByMerge, Freight: map[string]string{}, Commit: fmt.Sprint(s.Name, "c", n), Tree: fmt.Sprint(s.Name, "t", n), At: minute(at)}
			for _, f := range facts.Freight {
				if _, ok := s.Request(f.Warehouse); ok && r.IntN(3) > 0 {
					a.Freight[f.Warehouse] = f.ID
				}
			}
			if s.Kind == Control || s.Kind == Fileless {
				a.Manner = ByRule
			} else if s.Kind == Observed {
				a.Manner = ByOthers
			} else if r.IntN(10) == 0 {
				a.Manner, a.Freight = ByDrift, nil
			}
			facts.Arrivals = append(facts.Arrivals, a)
			for _, g := range s.Gates {
				for range r.IntN(3) {
					facts.Results = append(facts.Results, Result{Stage: s.Name, Commit: a.Commit, Source: FromStatus, Name: g.Match,
						State: []string{"success", "success", "success", "failure", "pending"}[r.IntN(5)], At: minute(at + 1 + len(facts.Results))})
				}
			}
			at += 1 + r.IntN(20)
		}
		if s.Schedule != nil && r.IntN(2) == 0 {
			facts.Ticks = append(facts.Ticks, Tick{Stage: s.Name, At: minute(30 * r.IntN(4))})
		}
		if r.IntN(8) == 0 {
			facts.Holds = append(facts.Holds, Hold{Stage: s.Name, Cause: HeldByCommand, By: "ann", At: minute(r.IntN(60)), Until: minute(40 + r.IntN(80)), Released: r.IntN(3) == 0})
		}
		for _, f := range facts.Freight {
			if r.IntN(10) == 0 {
				facts.Rejections = append(facts.Rejections, Rejection{Stage: s.Name, Warehouse: f.Warehouse, Freight: f.ID, By: "bob", At: minute(50)})
			}
		}
	}
	*facts = Facts{}.Merge(*facts)
	w.snapshot.Facts.Arrivals = slices.DeleteFunc(facts.Arrivals, func(a Arrival) bool { return a.At.After(w.snapshot.Now) })
	w.snapshot.Facts.Ticks = slices.DeleteFunc(facts.Ticks, func(t Tick) bool { return t.At.After(w.snapshot.Now) })
	w.snapshot.Facts.Results = slices.DeleteFunc(facts.Results, func(r Result) bool { return r.At.After(w.snapshot.Now) })
	if r.IntN(3) == 0 {
		w.snapshot.Asks = []Ask{{Stage: w.pipeline.Stages[r.IntN(len(w.pipeline.Stages))].Name, By: "ann", At: minute(w.now)}}
	}
}

// tape says for every minute what a slot of a stage held; "" is nothing.
func (w *world) tape(stage, warehouse string) []string {
	out := make([]string, w.now+1)
	for m := range out {
		for _, a := range w.snapshot.Facts.Arrivals {
			if a.Stage == stage && !a.At.After(minute(m)) {
				out[m] = a.Freight[warehouse]
			}
		}
	}
	return out
}

// verified returns the minute of verification, or -1.
func (w *world) verified(stage Stage, freight map[string]string) int {
	var here []Arrival
	drifted := false
	for _, a := range w.snapshot.Facts.Arrivals {
		if a.Stage == stage.Name {
			drifted = a.Manner == ByDrift
			if every(freight, func(warehouse, id string) bool { return a.Freight[warehouse] == id }) {
				here = append([]Arrival{a}, here...)
			}
		}
	}
	if drifted {
		return -1
	}
	for _, a := range here {
		minuteOf, open, bad := int(a.At.Sub(epoch)/time.Minute), false, false
		for _, g := range stage.Gates {
			if !g.Required || stage.OnArrival {
				continue
			}
			state, when := "", -1
			for _, r := range w.snapshot.Facts.Results {
				if m := int(r.At.Sub(epoch) / time.Minute); r.Commit == a.Commit && r.Name == g.Name && m >= when {
					state, when = r.State, m
				}
			}
			switch state {
			case "success":
				minuteOf = max(minuteOf, when)
			case "failure":
				bad = true
			default:
				late := g.Within > 0 && !minute(w.now).Before(a.At.Add(g.Within))
				open, bad = open || !late, bad || late
			}
		}
		if bad {
			return -1
		}
		if !open {
			return minuteOf
		}
	}
	return -1
}

func (w *world) available(request Request, f Freight) bool {
	if f.Warehouse != request.Warehouse {
		return false
	}
	if len(request.From) == 0 {
		return true
	}
	agree := 0
	for _, from := range request.From {
		stage, _ := w.pipeline.Stage(from)
		if stage.Kind == Control {
			if passed := w.passedOn(stage, f); passed >= 0 && time.Duration(w.now-passed)*time.Minute >= request.Soak {
				agree++
			}
			continue
		}
		verified := w.verified(stage, map[string]string{f.Warehouse: f.ID})
		if verified < 0 {
			continue
		}
		best, run := 0, 0
		tape := w.tape(from, f.Warehouse)
		for m, held := range tape {
			if held == f.ID {
				run++
				if m == w.now { // still there: the minutes until now
					best = max(best, run-1)
				}
				continue
			}
			if m > verified {
				best = max(best, run)
			}
			run = 0
		}
		if time.Duration(best)*time.Minute >= request.Soak {
			agree++
		}
	}
	return enough(request, agree)
}

func enough(request Request, agree int) bool {
	n := len(request.From)
	switch s := request.Availability; s.Kind {
	case All:
		return agree == n
	case Majority:
		return 2*agree > n
	case AtLeast:
		return agree >= s.N
	case Percent:
		return 100*agree >= s.N*n
	default:
		return agree > 0
	}
}

// passedOn returns the minute at which a control-flow stage passed freight on that
// it would still let through, or -1.
func (w *world) passedOn(stage Stage, f Freight) int {
	request, _ := stage.Request(f.Warehouse)
	if !w.available(request, f) {
		return -1
	}
	for m, held := range w.tape(stage.Name, f.Warehouse) {
		if held == f.ID {
			return m
		}
	}
	return -1
}

// together tells whether enough upstreams of every slot verified a combination, as
// far as they have its slots, in one and the same arrival.
func (w *world) together(stage Stage, want map[string]string) bool {
	for _, request := range stage.Requests {
		agree := 0
		for _, from := range request.From {
			upstream, _ := w.pipeline.Stage(from)
			part := map[string]string{}
			for _, r := range upstream.Requests {
				if id := want[r.Warehouse]; id != "" {
					part[r.Warehouse] = id
				}
			}
			passed := func(warehouse, id string) bool { return slices.Contains(w.tape(from, warehouse), id) }
			switch {
			case upstream.Kind == Control && every(part, passed) && w.together(upstream, part):
				agree++
			case upstream.Kind != Control && w.verified(upstream, part) >= 0:
				agree++
			}
		}
		if len(request.From) > 0 && !enough(request, agree) {
			return false
		}
	}
	return true
}

func every(m map[string]string, is func(k, v string) bool) bool {
	for k, v := range m {
		if !is(k, v) {
			return false
		}
	}
	return true
}

// before lists the stages that freight comes from, control-flow stages looked through.
func (w *world) before(stage Stage) []string {
	var out []string
	for _, r := range stage.Requests {
		for _, from := range r.From {
			out = append(out, from)
			if upstream, _ := w.pipeline.Stage(from); upstream.Kind == Control {
				out = append(out, w.before(upstream)...)
			}
		}
	}
	return out
}

// proven is what a strict stage has instead of want: the combination that came in
// upstream last of all that were proven and that bring something better and
// nothing worse.
func (w *world) proven(stage Stage, want, holds map[string]string, better func(r Request, a, b string) bool) map[string]string {
	out := holds
	for _, a := range w.snapshot.Facts.Arrivals { // the last one stays
		combination := maps.Clone(want)
		for _, r := range stage.Requests {
			if id := a.Freight[r.Warehouse]; id != "" {
				combination[r.Warehouse] = id
			}
		}
		may := slices.Contains(w.before(stage), a.Stage) && key(combination) != key(holds) && w.together(stage, combination)
		for _, r := range stage.Requests {
			id := combination[r.Warehouse]
			f, _ := w.snapshot.Facts.FreightByID(id)
			rejected := slices.ContainsFunc(w.snapshot.Facts.Rejections, func(r Rejection) bool { return r.Stage == stage.Name && r.Freight == f.ID })
			may = may && (id == holds[r.Warehouse] || better(r, id, holds[r.Warehouse]) && !f.Manual && !rejected && w.available(r, f))
		}
		if may {
			out = combination
		}
	}
	return out
}

// expectPass says what a control-flow stage should do: all that is available and
// was never there passes.
func (w *world) expectPass(stage Stage, asked bool) (Action, string) {
	holds, waits, passes := map[string]string{}, false, false
	for _, a := range w.snapshot.Facts.Arrivals {
		if a.Stage == stage.Name {
			holds = maps.Clone(a.Freight)
		}
	}
	for _, request := range stage.Requests {
		blocked := true // until some freight of the slot is known
		for _, f := range w.snapshot.Facts.Freight {
			rejected := slices.ContainsFunc(w.snapshot.Facts.Rejections, func(r Rejection) bool { return r.Stage == stage.Name && r.Freight == f.ID })
			if f.Warehouse != request.Warehouse || f.Manual {
				continue
			}
			there := slices.Contains(w.tape(stage.Name, f.Warehouse), f.ID)
			available := w.available(request, f) && (!rejected || asked)
			blocked = !there && !available // the newest is the last
			if !there && available {
				passes = true
				if old := holds[f.Warehouse]; old == "" || f.Selected.After(w.age(old)) {
					holds[f.Warehouse] = f.ID
				}
			}
		}
		waits = waits || blocked
	}
	switch {
	case passes && !(asked && waits) && (asked || w.policy.For("p", stage.Name).Auto):
		return Promote, key(holds)
	case waits || passes:
		return Wait, ""
	}
	return Current, key(holds)
}

// age is when freight was selected; what was made by hand is never ahead of what
// moves by itself.
func (w *world) age(id string) time.Time {
	f, _ := w.snapshot.Facts.FreightByID(id)
	if f.Manual {
		return time.Time{}
	}
	return f.Selected
}

func (w *world) holds(stage string) map[string]string {
	var out map[string]string
	for _, a := range w.snapshot.Facts.Arrivals {
		if a.Stage == stage && a.Manner != ByDrift {
			out = a.Freight
		}
	}
	return out
}

// expect says in the plainest way what a stage should do.
func (w *world) expect(stage Stage) (Action, string) {
	asked := len(w.snapshot.Asks) > 0 && w.snapshot.Asks[0].Stage == stage.Name
	if w.policy.For("p", stage.Name).Freeze {
		return Held, ""
	}
	for _, h := range w.snapshot.Facts.Holds {
		if h.Stage == stage.Name && !h.Released && h.Until.After(w.snapshot.Now) {
			return Held, ""
		}
	}
	if stage.Kind == Control {
		return w.expectPass(stage, asked)
	}
	holds := w.holds(stage.Name)
	want, waits, refused := map[string]string{}, false, false
	better := func(r Request, a, b string) bool {
		return a != b && (r.MatchUpstream || b == "" || w.age(a).After(w.age(b)))
	}
	for _, request := range stage.Requests {
		held, best, newest := holds[request.Warehouse], Freight{}, Freight{}
		for _, f := range w.snapshot.Facts.Freight {
			rejected := slices.ContainsFunc(w.snapshot.Facts.Rejections, func(r Rejection) bool { return r.Stage == stage.Name && r.Freight == f.ID })
			if f.Warehouse != request.Warehouse || f.Manual || request.MatchUpstream && w.holds(request.From[0])[f.Warehouse] != f.ID {
				continue
			}
			if !f.Selected.Before(newest.Selected) {
				newest = f
			}
			if (!rejected || asked) && w.available(request, f) && !f.Selected.Before(best.Selected) {
				best = f
			}
		}
		want[request.Warehouse] = held
		if best.ID != "" && better(request, best.ID, held) {
			want[request.Warehouse] = best.ID
		}
		got := want[request.Warehouse]
		if newest.ID != "" && better(request, newest.ID, got) {
			waits = true
			refused = refused || got == held
		}
		if got == "" {
			delete(want, request.Warehouse)
			refused = true
		}
	}
	if stage.Kind == Observed {
		if asked || len(holds) == 0 || key(want) != key(holds) {
			return Wait, ""
		}
		return Current, key(holds)
	}
	if stage.Strict && len(want) == len(stage.Requests) && key(want) != key(holds) && !w.together(stage, want) {
		waits, refused = true, true
		if !asked {
			want = w.proven(stage, want, holds, better)
		}
	}
	if stage.Schedule != nil && !asked {
		return w.atItsTime(stage, want, holds, waits)
	}
	return w.outcome(stage, want, holds, waits, asked, refused)
}

// atItsTime says what a stage with a schedule should do: as any other, but at the
// full and half hours only, and not twice at the same.
func (w *world) atItsTime(stage Stage, want, holds map[string]string, waits bool) (Action, string) {
	before, since := false, false
	last := minute(w.now - w.now%30)
	for _, a := range w.snapshot.Facts.Arrivals {
		before, since = before || a.Stage == stage.Name, since || a.Stage == stage.Name && !a.At.Before(last)
	}
	for _, t := range w.snapshot.Facts.Ticks {
		before, since = before || t.Stage == stage.Name, since || t.Stage == stage.Name && !t.At.Before(last)
	}
	action, freight := w.outcome(stage, want, holds, waits, false, false)
	switch due := before && !since; {
	case action == Promote && !due:
		return Wait, freight
	case action == Current && due && stage.Schedule.Unchanged && w.policy.For("p", stage.Name).Auto:
		return Promote, freight
	}
	return action, freight
}

func (w *world) outcome(stage Stage, want, holds map[string]string, waits, asked, refused bool) (Action, string) {
	switch {
	case asked && refused:
		return Wait, ""
	case asked && stage.Kind == Fileless && key(want) == key(holds):
		return Current, key(want)
	case asked:
		return Promote, key(want)
	case len(want) < len(stage.Requests):
		return Wait, ""
	case key(want) == key(holds):
		if waits {
			return Wait, ""
		}
		return Current, key(want)
	case !w.policy.For("p", stage.Name).Auto:
		return Wait, key(want)
	}
	return Promote, key(want)
}

func key(freight map[string]string) string {
	var out []string
	for w, f := range freight {
		out = append(out, w+"="+f)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// P1, A1–A6, P16: Decide agrees with the oracle on random pipelines and histories.
func TestDecideAgreesWithOracle(t *testing.T) {
	seen := map[Action]int{}
	for seed := range uint64(20000) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)))
		for i, v := range Decide(w.pipeline, w.policy, w.snapshot) {
			action, freight := w.expect(w.pipeline.Stages[i])
			seen[v.Action]++
			if v.Action != action || (freight != "" && key(v.Freight) != freight) {
				t.Fatalf("seed %d, stage %s: decided %s %s, the oracle says %s %s\n%+v\n%+v", seed, v.Stage, v.Action, key(v.Freight), action, freight, v, w.snapshot.Facts)
			}
			if (v.Action == Wait || v.Action == Held) && len(v.Reasons) == 0 {
				t.Fatalf("seed %d, stage %s: %s without a reason (A10)", seed, v.Stage, v.Action)
			}
			if !v.Until.IsZero() && !v.Until.After(w.snapshot.Now) {
				t.Fatalf("seed %d, stage %s: looks again at %s, which has passed", seed, v.Stage, v.Until)
			}
		}
	}
	for _, action := range []Action{Promote, Current, Wait, Held} {
		if seen[action] < 1000 {
			t.Errorf("only %d verdicts %s: the worlds are too tame", seen[action], action)
		}
	}
}
