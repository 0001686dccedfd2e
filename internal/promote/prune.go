package promote

import (
	"slices"
	"time"
)

// What is needed no more goes when it is old and there is much that is newer (L3).
const (
	keepFor      = 90 * 24 * time.Hour
	keepFreight  = 100 // of a warehouse
	keepArrivals = 50  // of a stage; more than are compared with its merged pull requests
)

// Prune splits facts into those that are kept and those that go. Freight is what
// goes or stays, and what is about it goes with it: so nothing that stays names
// what is gone. What a stage holds, what an open or intended promotion brings, what
// a rejection names, and a warehouse's newest stay in any case; so does what left
// the same files as an arrival that stays, since its results count for that one.
// What people said stays.
func (f Facts) Prune(now time.Time, verdicts []Verdict) (kept, gone Facts) {
	p := pruning{facts: f, now: now, gone: map[string]bool{}}
	p.freight()
	p.spare(verdicts)
	kept = f
	kept.Freight, gone.Freight = split(f.Freight, func(x Freight) bool { return p.gone[x.ID] })
	kept.Proposals, gone.Proposals = split(f.Proposals, func(x Proposal) bool { return p.any(x.Freight) })
	kept.Arrivals, gone.Arrivals = split(f.Arrivals, p.arrival)
	kept.Overrides, gone.Overrides = split(f.Overrides, func(x Override) bool { return p.gone[x.Freight] })
	kept.Published, gone.Published = split(f.Published, func(x Publication) bool { return p.gone[x.Freight] })
	commits := map[string]bool{}
	for _, a := range kept.Arrivals {
		commits[a.Commit] = true
	}
	past := func(at time.Time, commit string) bool { return p.old(at) && !commits[commit] }
	kept.Results, gone.Results = split(f.Results, func(x Result) bool { return past(x.At, x.Commit) })
	kept.Attempts, gone.Attempts = split(f.Attempts, func(x Attempt) bool { return past(x.At, x.Commit) })
	kept.Runs, gone.Runs = split(f.Runs, func(x AttemptRun) bool { return past(x.At, x.Commit) })
	lastTick, lastAlert := map[string]time.Time{}, map[string]Alert{}
	for _, t := range f.Ticks {
		lastTick[t.Stage] = t.At
	}
	for _, a := range f.Alerts {
		lastAlert[a.Thing()] = a
	}
	kept.Ticks, gone.Ticks = split(f.Ticks, func(x Tick) bool { return p.old(x.At) && x.At.Before(lastTick[x.Stage]) })
	kept.Alerts, gone.Alerts = split(f.Alerts, func(x Alert) bool {
		last := lastAlert[x.Thing()]
		return p.old(x.At) && (x.At.Before(last.At) || x.State == AlertOver)
	})
	kept.Told, gone.Told = split(f.Told, func(x Told) bool { return p.old(x.At) })
	return kept, gone
}

// PruneHandled lists the comments that nobody asks about any more.
func PruneHandled(handled map[int64]Handled, now time.Time) []int64 {
	var out []int64
	for id, h := range handled {
		if now.Sub(h.At) > keepFor {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func split[T any](list []T, goes func(T) bool) (kept, gone []T) {
	for _, x := range list {
		if goes(x) {
			gone = append(gone, x)
		} else {
			kept = append(kept, x)
		}
	}
	return kept, gone
}

// pruning finds the freight that goes.
type pruning struct {
	facts Facts
	now   time.Time
	gone  map[string]bool // freight, by id
}

func (p pruning) old(at time.Time) bool { return p.now.Sub(at) > keepFor }

func (p pruning) any(slots map[string]string) bool {
	for _, id := range slots {
		if p.gone[id] {
			return true
		}
	}
	return false
}

// freight finds what is old, the newest aside.
func (p pruning) freight() {
	type shelf struct{ warehouse, channel string }
	newer, seen := map[string]int{}, map[shelf]bool{}
	for _, f := range slices.Backward(p.facts.Freight) {
		newest := !seen[shelf{f.Warehouse, f.Channel}]
		seen[shelf{f.Warehouse, f.Channel}] = true
		if newer[f.Warehouse]++; newer[f.Warehouse] > keepFreight && p.old(f.Selected) && !newest {
			p.gone[f.ID] = true
		}
	}
}

// spare takes from it what is needed.
func (p pruning) spare(verdicts []Verdict) {
	keep := func(slots map[string]string) {
		for _, id := range slots {
			delete(p.gone, id)
		}
	}
	for _, v := range verdicts {
		keep(v.Freight)
		keep(v.Holds)
	}
	for _, r := range p.facts.Rejections {
		delete(p.gone, r.Freight)
	}
	proposed, arrived := map[string]bool{}, map[string]int{}
	for _, x := range slices.Backward(p.facts.Proposals) {
		if !proposed[x.Stage] || !p.old(x.At) {
			keep(x.Freight)
		}
		proposed[x.Stage] = true
	}
	for _, a := range slices.Backward(p.facts.Arrivals) {
		if arrived[a.Stage]++; arrived[a.Stage] <= keepArrivals || !p.old(a.At) {
			keep(a.Freight)
		}
	}
	for p.spareEqual(keep) {
	}
}

// spareEqual keeps what left the same files as an arrival that stays, and tells
// whether there was any.
func (p pruning) spareEqual(keep func(slots map[string]string)) bool {
	type place struct{ stage, tree string }
	stays := map[place]bool{}
	for _, a := range p.facts.Arrivals {
		if a.Manner != ByDrift && !p.any(a.Freight) {
			stays[place{a.Stage, a.Tree}] = true
		}
	}
	found := false
	for _, a := range p.facts.Arrivals {
		if p.any(a.Freight) && stays[place{a.Stage, a.Tree}] {
			keep(a.Freight)
			found = true
		}
	}
	return found
}

// arrival tells whether an arrival goes: with its freight, or drift before all that
// stays in the stage.
func (p pruning) arrival(a Arrival) bool {
	if a.Manner != ByDrift {
		return p.any(a.Freight)
	}
	for _, other := range p.facts.Arrivals {
		if other.Stage == a.Stage && other.Manner != ByDrift && !p.any(other.Freight) {
			return a.At.Before(other.At) && p.old(a.At)
		}
	}
	return false
}
