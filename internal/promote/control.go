package promote

import (
	"maps"
	"slices"
)

// pass decides about a control-flow stage. It has no files that could hold only
// one thing, so it passes on all freight that its rule lets through and that it
// has not passed on yet, the oldest first: freight that becomes available late
// counts downstream as if the stage were not in between.
func (d *decision) pass() Verdict {
	holds := maps.Clone(d.held)
	if holds == nil {
		holds = map[string]string{}
	}
	newest := maps.Clone(holds)
	var missing []Reason
	if d.verdict.Ask != nil {
		missing = d.strangers(*d.verdict.Ask)
	}
	for _, request := range d.stage.Requests {
		passing, reasons := d.passing(request)
		missing = append(missing, reasons...)
		for _, freight := range passing {
			holds[request.Warehouse] = freight.ID
			d.verdict.Passes = append(d.verdict.Passes, maps.Clone(holds))
			if old := newest[request.Warehouse]; old == "" || d.newer(freight.ID, old) {
				newest[request.Warehouse] = freight.ID
			}
		}
	}
	if len(d.verdict.Passes) > 0 && !maps.Equal(holds, newest) {
		d.verdict.Passes = append(d.verdict.Passes, newest)
	}
	d.verdict.Reasons = append(d.verdict.Reasons, missing...)
	d.trouble()
	return d.passed(newest, len(missing) > 0)
}

// passed is the verdict once it is known what passes and that something is missing.
func (d *decision) passed(newest map[string]string, missing bool) Verdict {
	asked := d.verdict.Ask != nil
	switch {
	case len(d.verdict.Passes) > 0 && !(asked && missing) && (asked || d.policy.Auto):
		d.verdict.Rule = d.rules(newest)
		return d.finish(Promote, newest)
	case asked && missing:
		d.verdict.Passes, d.verdict.Refused = nil, true
		return d.finish(Wait, nil)
	case len(d.verdict.Passes) > 0:
		d.verdict.Passes, d.verdict.Rule = nil, d.rules(newest)
		d.verdict.Reasons = append([]Reason{{Kind: ByHand, Stage: d.stage.Name}}, d.verdict.Reasons...)
		return d.finish(Wait, newest)
	case missing:
		return d.finish(Wait, nil)
	}
	return d.finish(Current, d.held)
}

// passing lists the freight of one slot that is to be passed on, the oldest
// first, and says what is missing for the newest.
func (d *decision) passing(request Request) (out []Freight, missing []Reason) {
	if named, reasons, ok := d.namedPass(request); ok {
		return named, reasons
	}
	arrivals := d.snapshot.Facts.ArrivalsIn(d.stage.Name)
	known := false
	for _, freight := range d.snapshot.Facts.Freight {
		if !d.pipeline.warehouse(request.Warehouse).Ordinary(freight) {
			continue
		}
		known, missing = true, nil
		if hasArrived(arrivals, request.Warehouse, freight.ID) {
			continue
		}
		answer := d.available(request, freight)
		if reasons := d.unfit(freight); len(reasons) > 0 {
			answer = Availability{Reasons: reasons}
		}
		d.verdict.Until = earliest(d.verdict.Until, answer.Until)
		if answer.OK {
			out = append(out, freight)
			continue
		}
		missing = answer.Reasons
	}
	if !known {
		missing = []Reason{{Kind: FirstFreight, Warehouse: request.Warehouse}}
	}
	if d.verdict.Ask != nil && len(d.verdict.Ask.Freight) > 0 {
		return nil, nil // somebody asked for another slot's freight
	}
	return out, missing
}

// namedPass answers a wish that names freight of the slot.
func (d *decision) namedPass(request Request) (out []Freight, missing []Reason, named bool) {
	if d.verdict.Ask == nil || d.verdict.Ask.Freight[request.Warehouse] == "" {
		return nil, nil, false
	}
	name := d.verdict.Ask.Freight[request.Warehouse]
	freight, ok := d.snapshot.Facts.find(request.Warehouse, name)
	switch {
	case !ok:
		return nil, []Reason{{Kind: UnknownFreight, Warehouse: request.Warehouse, Freight: name}}, true
	case hasArrived(d.snapshot.Facts.ArrivalsIn(d.stage.Name), request.Warehouse, freight.ID):
		return nil, nil, true
	}
	answer := d.available(request, freight)
	d.verdict.Until = earliest(d.verdict.Until, answer.Until)
	if !answer.OK {
		return nil, answer.Reasons, true
	}
	return []Freight{freight}, nil, true
}

func hasArrived(arrivals []Arrival, warehouse, freight string) bool {
	return slices.ContainsFunc(arrivals, func(a Arrival) bool { return a.Freight[warehouse] == freight })
}

// passedOn is what a control-flow stage says of freight: it counts, and soaks,
// from the moment it was passed on, whatever was passed on since (A4).
func passedOn(stage Stage, warehouse, freight string, arrivals []Arrival) Standing {
	for _, a := range arrivals {
		if a.Freight[warehouse] == freight {
			return Standing{Verified: true, VerifiedAt: a.At, Since: a.Entered(), Arrival: a}
		}
	}
	return Standing{Reasons: []Reason{{Kind: NotThere, Stage: stage.Name}}}
}
