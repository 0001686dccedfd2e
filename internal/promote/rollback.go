package promote

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// maxEarlier bounds how many earlier arrivals a refusal lists.
const maxEarlier = 10

// back answers the wish to go back (P14): to the files of the last verified
// arrival before this one, or, where freight is named, to that freight rendered
// anew. The upstream rule is not asked, so only what the stage has held before
// can be gone back to.
func (d *decision) back(ask Ask, slots []slot) Verdict {
	if now, ok := d.snapshot.Facts.Holding(d.stage.Name); ok && now.At.Truncate(time.Second).After(ask.At) {
		return d.refused([]Reason{{Kind: ArrivedSince, Stage: d.stage.Name, Freight: d.called(now.Freight)}})
	}
	want, back := map[string]string{}, &Back{Comment: ask.Comment}
	var missing []Reason
	if len(ask.Freight) > 0 {
		want, missing = d.named(ask, slots)
		d.verdict.Rule = "not asked: gone back to freight of before"
	} else if before, why := d.before(); len(why) > 0 {
		missing = why
	} else {
		want, back.Commit = before.Freight, before.Commit
		d.verdict.Rule = "not asked: gone back to what came here at " + clock(before.At)
	}
	if len(missing) > 0 {
		return d.refused(missing)
	}
	d.verdict.Back = back
	open := d.state.Open
	if open != nil && open.Proposal.Back != nil && !open.Foreign && open.PullRequest != 0 && open.Proposal.Back.Commit == back.Commit &&
		maps.Equal(open.Proposal.Freight, want) && open.Proposal.BaseTree == d.state.Head.Tree {
		return d.keep(*open)
	}
	return d.finish(Promote, want)
}

// before finds the last verified arrival before this one that left other files,
// or says why there is none. Who went back already goes on from there, so that
// going back twice is two steps back.
func (d *decision) before() (Arrival, []Reason) {
	arrivals := d.snapshot.Facts.ArrivalsIn(d.stage.Name)
	reasons := []Reason{{Kind: NothingBefore, Stage: d.stage.Name}}
	for _, a := range slices.Backward(arrivals[:origin(arrivals)]) {
		if a.Manner == ByDrift || a.Tree == d.state.Head.Tree {
			continue
		}
		if out := d.outOfPlace(a.Freight); len(out) > 0 {
			if len(reasons) <= maxEarlier && !slices.Contains(reasons, out[0]) {
				reasons = append(reasons, out[0])
			}
			continue
		}
		standing := d.snapshot.judge(d.stage, a)
		if standing.Verified {
			return a, nil
		}
		if len(reasons) <= maxEarlier {
			reasons = append(reasons, Reason{Kind: NotVerified, Stage: d.stage.Name, Freight: d.called(a.Freight), Note: texts(standing.Reasons), Until: a.At})
		}
	}
	return Arrival{}, reasons
}

// origin is the place of the arrival that brought what is there now, or, where
// that went back to what had been there before, of the one it went back to.
func origin(arrivals []Arrival) int {
	at := len(arrivals) - 1
	for earlier := at; earlier >= 0; earlier = wentBackTo(arrivals[:at], arrivals[at]) {
		at = earlier
	}
	return max(at, 0)
}

// wentBackTo is the place of the arrival whose files, or else whose freight, a
// later one brought back; negative: it did not go back.
func wentBackTo(before []Arrival, a Arrival) int {
	for i, b := range slices.Backward(before) {
		if (a.Back || a.Manner == ByRevert || a.Manner == ByUnchanged) && b.Manner != ByDrift && b.Tree == a.Tree {
			return i
		}
	}
	for i, b := range slices.Backward(before) {
		if a.Back && b.Manner != ByDrift && maps.Equal(b.Freight, a.Freight) {
			return i
		}
	}
	return -1
}

// named are the slots with the freight that a wish to go back names; the others
// keep what they hold.
func (d *decision) named(ask Ask, slots []slot) (map[string]string, []Reason) {
	want := maps.Clone(d.held)
	var missing []Reason
	for _, warehouse := range slices.Sorted(maps.Keys(ask.Freight)) {
		name := ask.Freight[warehouse]
		freight, known := d.snapshot.Facts.find(warehouse, name)
		switch _, requested := d.stage.Request(warehouse); {
		case !requested:
			missing = append(missing, Reason{Kind: OtherWarehouse, Stage: d.stage.Name, Warehouse: warehouse, Freight: name})
			continue
		case !known:
			missing = append(missing, Reason{Kind: UnknownFreight, Warehouse: warehouse, Freight: name})
			continue
		}
		held := d.everHeld(warehouse)
		if !slices.Contains(held, freight.ID) {
			missing = append(missing, Reason{Kind: NeverThere, Stage: d.stage.Name, Freight: freight.Alias, Note: d.listed(held)})
			continue
		}
		missing = append(missing, d.misplaced(freight)...)
		if want == nil {
			want = map[string]string{}
		}
		want[warehouse] = freight.ID
	}
	for _, sl := range slots {
		if len(missing) == 0 && want[sl.request.Warehouse] == "" {
			missing = append(missing, Reason{Kind: FirstFreight, Warehouse: sl.request.Warehouse})
		}
	}
	return want, missing
}

// everHeld is the freight that a slot has held, the last first.
func (d *decision) everHeld(warehouse string) []string {
	var out []string
	for _, a := range slices.Backward(d.snapshot.Facts.ArrivalsIn(d.stage.Name)) {
		if id := a.Freight[warehouse]; id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (d *decision) listed(ids []string) string {
	var names []string
	for _, id := range ids[:min(len(ids), maxEarlier)] {
		if freight, ok := d.snapshot.Facts.FreightByID(id); ok {
			names = append(names, freight.Alias)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; it has held " + strings.Join(names, ", ")
}

// wayBack is the hold of a rollback whose promotion waits to be merged.
func (d *decision) wayBack() (Hold, bool) {
	hold, ok := d.snapshot.Facts.HoldOf(d.stage.Name, "", d.snapshot.Now)
	return hold, ok && hold.Cause == HeldByRollback && d.state.Open != nil && d.state.Open.Proposal.Back != nil
}

// called names the freight of slots by their aliases.
func (d *decision) called(slots map[string]string) string {
	var out []string
	for _, warehouse := range slices.Sorted(maps.Keys(slots)) {
		freight, ok := d.snapshot.Facts.FreightByID(slots[warehouse])
		if !ok {
			freight.Alias = ShortID(slots[warehouse])
		}
		out = append(out, freight.Alias)
	}
	return strings.Join(out, ", ")
}

func texts(reasons []Reason) string {
	out := make([]string, len(reasons))
	for i, r := range reasons {
		out[i] = r.String()
	}
	return strings.Join(out, ", ")
}
