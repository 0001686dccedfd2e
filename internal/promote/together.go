package promote

import (
	"maps"
	"slices"
	"strings"
)

// unseen tells whether this combination was never verified together in one of the
// upstreams (A9).
func (d *decision) unseen(want map[string]string) bool {
	if len(want) < 2 {
		return false
	}
	upstreams := false
	for _, r := range d.stage.Requests {
		for _, from := range r.From {
			upstreams = true
			if lanes := d.pipeline.Lanes(from); len(lanes) > 0 && len(within(lanes[0], want)) == len(want) && d.provedBy(r, from, want) {
				return false
			}
		}
	}
	return upstreams
}

// within narrows a combination to the slots that a stage has.
func within(stage Stage, want map[string]string) map[string]string {
	out := map[string]string{}
	for warehouse, id := range want {
		if _, ok := stage.Request(warehouse); ok {
			out[warehouse] = id
		}
	}
	return out
}

// notTogether says which upstream stages have not verified a combination together,
// by the same strategies that count for each freight alone; nil when enough have.
// An upstream answers for the slots that it has itself.
func (d *decision) notTogether(stage Stage, want map[string]string) []Reason {
	var out []Reason
	for _, request := range stage.Requests {
		if len(request.From) == 0 {
			continue
		}
		need, err := request.Availability.Needed(len(request.From))
		if err != nil {
			return []Reason{{Kind: PromotionFailed, Stage: stage.Name, Note: err.Error()}}
		}
		have := 0
		var missing []string
		for _, from := range request.From {
			if d.provedBy(request, from, want) {
				have++
			} else {
				missing = append(missing, request.upstreamName(from, d.pipeline.Stamps(from)))
			}
		}
		reason := Reason{Kind: NotTogether, Stage: strings.Join(missing, ", "), Freight: d.aliases(want), Have: have, Need: need}
		if have < need && !slices.Contains(out, reason) {
			out = append(out, reason)
		}
	}
	return out
}

// provedBy tells whether an upstream of a request verified its part of a
// combination together: all of its lanes, or one stamp where that is enough.
func (d *decision) provedBy(request Request, from string, want map[string]string) bool {
	return slices.ContainsFunc(d.pipeline.Upstreams(Request{From: []string{from}, Stamps: request.Stamps}), func(name string) bool {
		lanes := d.pipeline.Lanes(name)
		return len(lanes) > 0 && !slices.ContainsFunc(lanes, func(lane Stage) bool { return !d.proved(lane, within(lane, want)) })
	})
}

// proved tells whether a lane verified a combination together. A control-flow
// stage verifies nothing: it has passed all of it on, and what comes before it must
// have verified it by its rule.
func (d *decision) proved(lane Stage, want map[string]string) bool {
	arrivals := d.snapshot.Facts.ArrivalsIn(lane.Name)
	if lane.Kind != Control {
		return d.snapshot.verification(lane, want, arrivals).Verified
	}
	for warehouse, id := range want {
		if !hasArrived(arrivals, warehouse, id) {
			return false
		}
	}
	return len(d.notTogether(lane, want)) == 0
}

// aliases names the freight of a combination, in the order of the slots.
func (d *decision) aliases(want map[string]string) string {
	var out []string
	for _, request := range d.stage.Requests {
		if id := want[request.Warehouse]; id != "" {
			freight, _ := d.snapshot.Facts.FreightByID(id)
			out = append(out, freight.Alias)
		}
	}
	return strings.Join(out, " and ")
}

// strictly narrows what a stage should have to a combination that was verified
// together: what it would have otherwise, else what came into an upstream stage
// last and may come here as it is, else what it holds. What it does not get waits.
func (d *decision) strictly(want, waiting map[string]string, slots []slot) map[string]string {
	if len(want) < len(slots) || maps.Equal(want, d.held) {
		return want
	}
	reasons := d.notTogether(d.stage, want)
	if len(reasons) == 0 {
		return want
	}
	for warehouse, id := range want {
		if id != d.held[warehouse] {
			waiting[warehouse] = id
		}
	}
	d.verdict.Reasons = append(d.verdict.Reasons, reasons...)
	for _, a := range slices.Backward(d.snapshot.Facts.Arrivals) {
		if combination, ok := d.combination(a, want, slots); ok {
			return combination
		}
	}
	return maps.Clone(d.held)
}

// combination is what an arrival of an upstream stage held, with what is wanted in
// the slots that it has not, when the stage may have all of it and rather so than
// what it holds.
func (d *decision) combination(a Arrival, want map[string]string, slots []slot) (map[string]string, bool) {
	if !d.comesFrom(d.stage, a.Stage) {
		return nil, false
	}
	out, better := maps.Clone(want), false
	for _, sl := range slots {
		warehouse := sl.request.Warehouse
		if id := a.Freight[warehouse]; id != "" {
			out[warehouse] = id
		}
		id := out[warehouse]
		if id == sl.held {
			continue
		}
		freight, ok := d.snapshot.Facts.FreightByID(id)
		if !ok || sl.pin != nil || !d.prefers(sl.request, id, sl.held) || !d.ordinary(freight) ||
			len(d.unfit(freight)) > 0 || !d.available(sl.request, freight).OK {
			return nil, false
		}
		better = true
	}
	return out, better && len(d.notTogether(d.stage, out)) == 0
}

// comesFrom tells whether a stage takes freight from a lane of another one, through
// control-flow stages as well.
func (d *decision) comesFrom(stage Stage, lane string) bool {
	for _, r := range stage.Requests {
		if r.TakesFrom(lane) {
			return true
		}
		for _, from := range r.From {
			for _, before := range d.pipeline.Lanes(from) {
				if before.Kind == Control && d.comesFrom(before, lane) {
					return true
				}
			}
		}
	}
	return false
}
