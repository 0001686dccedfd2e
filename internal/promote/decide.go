package promote

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Decide says for every stage, in the pipeline's order, what is to be done and
// why. It is a pure function of its arguments: planning, a dry run, the status
// text and the real thing all print the value it returns (P1).
func Decide(p Pipeline, policy Policy, s Snapshot) []Verdict {
	out := make([]Verdict, 0, len(p.Stages))
	known := newMemo()
	for _, stage := range p.Stages {
		d := decision{memo: known, pipeline: p, policies: policy, policy: policy.For(p.Name, stage.Name), snapshot: s, stage: stage, state: s.Stages[stage.Name]}
		v := d.decide()
		if d.state.Left && v.Ask == nil {
			v.leave(stage)
		}
		if v.Ask == nil {
			v.Reasons = append(append(v.Reasons, s.staleness(stage)...), p.unpublished(s, stage)...)
		}
		v.Due, v.Retested = s.dueAndAsked(stage)
		v.Until = earliest(v.Until, s.gatesChange(stage))
		out = append(out, v)
	}
	p.capped(out, policy, s)
	p.inTurn(out, policy, s)
	return out
}

// decision is the work on one stage's verdict.
type decision struct {
	pipeline Pipeline
	policies Policy
	policy   StagePolicy
	snapshot Snapshot
	stage    Stage
	state    StageState
	held     map[string]string
	taken    *Takeover // of this stage
	memo     *memo
	verdict  Verdict
}

func (d *decision) decide() Verdict {
	d.verdict = Verdict{Stage: d.stage.Name}
	if last, ok := d.snapshot.Facts.Holding(d.stage.Name); ok {
		d.held, d.verdict.Holds = last.Freight, last.Freight
	}
	if t, ok := d.snapshot.Facts.TakeoverOf(d.stage.Name, d.snapshot.Now); ok {
		d.taken, d.stage.Strict = &t, false // nobody verified its combination, nor has to
	}
	ask := d.ask()
	d.verdict.Ask = ask
	stops, until := d.stops(ask != nil)
	if len(stops) > 0 {
		return d.stopped(stops, until)
	}
	return d.untilClosed(d.unmakeable(d.judged(ask)))
}

// judged decides about a stage that nothing stops.
func (d *decision) judged(ask *Ask) Verdict {
	if ask != nil && ask.Back && d.stage.Kind != Assembled {
		return d.refused([]Reason{{Kind: NothingWritten, Stage: d.stage.Name}})
	}
	if d.stage.Kind == Control {
		return d.pass()
	}
	if hold, ok := d.wayBack(); ok && ask == nil {
		v := d.keep(*d.state.Open)
		v.Reasons = append(v.Reasons, hold.reason())
		return v
	}
	slots := d.slots()
	switch {
	case d.stage.Kind == Observed:
		return d.watch(slots)
	case ask != nil && ask.Back:
		return d.back(*ask, slots)
	case ask != nil:
		return d.asked(*ask, slots)
	case d.stage.Schedule != nil:
		return d.scheduled(slots)
	}
	return d.automatic(slots)
}

// ask returns the last wish for this stage.
func (d *decision) ask() *Ask {
	for _, a := range slices.Backward(d.snapshot.Asks) {
		if a.Stage == d.stage.Name {
			return &a
		}
	}
	return nil
}

// stops lists what keeps the stage from any promotion. A hold that nobody said
// /hold for does not stop what a person asks for; the one that asks releases it.
// Nor does that of a rollback stop the promotion that goes back.
func (d *decision) stops(asked bool) ([]Reason, time.Time) {
	reasons := slices.Clone(d.state.Trouble)
	if len(reasons) == 0 {
		reasons = d.loss()
	}
	if d.policy.Freeze {
		reasons = append(reasons, Reason{Kind: Frozen, Stage: d.stage.Name})
	}
	var until time.Time
	if closed := d.windowClosed(); len(closed) > 0 && !d.somePastWindow() {
		reasons, until = append(reasons, closed...), closed[0].Until
	}
	_, back := d.wayBack()
	if hold, ok := d.snapshot.Facts.HoldOf(d.stage.Name, "", d.snapshot.Now); ok && !back && (!asked || hold.Cause == HeldByCommand) {
		reasons = append(reasons, hold.reason())
		until = earliest(until, hold.Until)
	}
	return reasons, until
}

// loss holds all stages when the ledger does not know one of them any more: what
// it would say of the others is not the whole truth either (L4).
func (d *decision) loss() []Reason {
	for _, stage := range d.pipeline.Stages {
		for _, r := range d.snapshot.Stages[stage.Name].Trouble {
			if r.Kind == LedgerLost {
				return []Reason{r}
			}
		}
	}
	return nil
}

func (d *decision) stopped(reasons []Reason, until time.Time) Verdict {
	v := d.verdict
	v.Action, v.Reasons, v.Until, v.Refused = Held, reasons, until, v.Ask != nil
	if d.state.Open != nil {
		v.Freight, v.Blocked = d.state.Open.Proposal.Freight, reasons
	}
	return v
}

// automatic decides without anybody asking.
func (d *decision) automatic(slots []slot) Verdict {
	want, waiting := map[string]string{}, map[string]string{}
	if d.taken != nil {
		d.verdict.Reasons = append(d.verdict.Reasons, d.taken.reason())
	}
	for _, sl := range slots {
		d.verdict.Until = earliest(d.verdict.Until, sl.until)
		switch {
		case sl.pin != nil && d.state.Open != nil: // what it was pinned to is still on its way
			want[sl.request.Warehouse] = d.state.Open.Proposal.Freight[sl.request.Warehouse]
		case sl.pin == nil && sl.candidate != nil && d.prefers(sl.request, sl.candidate.ID, sl.held):
			want[sl.request.Warehouse] = sl.candidate.ID
		case sl.held != "":
			want[sl.request.Warehouse] = sl.held
		}
		if sl.pin != nil {
			d.verdict.Reasons = append(d.verdict.Reasons, sl.pin.reason())
		} else if sl.newest != nil && d.prefers(sl.request, sl.newest.ID, want[sl.request.Warehouse]) {
			waiting[sl.request.Warehouse] = sl.newest.ID
			d.verdict.Reasons = append(d.verdict.Reasons, sl.missing...)
		} else if sl.newest == nil && len(sl.missing) > 0 {
			d.verdict.Reasons = append(d.verdict.Reasons, sl.missing...)
		} else if want[sl.request.Warehouse] == "" {
			d.verdict.Reasons = append(d.verdict.Reasons, Reason{Kind: FirstFreight, Warehouse: sl.request.Warehouse})
		}
	}
	d.trouble()
	if d.stage.Strict {
		want = d.strictly(want, waiting, slots)
	}
	switch {
	case d.state.Open != nil:
		return d.open(want, slots)
	case len(want) < len(slots):
		return d.finish(Wait, waiting)
	case maps.Equal(want, d.held):
		return d.settled(waiting, slots)
	case !d.policy.Auto && !d.follows(want, d.held):
		d.verdict.Rule = d.rules(want)
		d.verdict.Reasons = append([]Reason{{Kind: ByHand, Stage: d.stage.Name}}, d.verdict.Reasons...)
		return d.finish(Wait, want)
	}
	return d.promote(want)
}

// settled is the verdict of a stage that holds what it may have.
func (d *decision) settled(waiting map[string]string, slots []slot) Verdict {
	if slices.ContainsFunc(slots, func(s slot) bool { return s.pin != nil }) {
		return d.finish(Held, waiting)
	}
	if len(waiting) > 0 || slices.ContainsFunc(slots, func(s slot) bool { return s.newest == nil && len(s.missing) > 0 }) {
		return d.finish(Wait, waiting)
	}
	return d.finish(Current, d.held)
}

func (d *decision) finish(action Action, freight map[string]string) Verdict {
	v := d.verdict
	v.Action = action
	if len(freight) > 0 {
		v.Freight = freight
	}
	return v
}

func (d *decision) promote(want map[string]string) Verdict {
	d.verdict.Rule = d.rules(want)
	if d.unseen(want) {
		d.verdict.Reasons = append(d.verdict.Reasons, Reason{Kind: CombinationUnseen})
	}
	return d.finish(Promote, want)
}

// trouble adds what went wrong while looking for freight of the warehouses that
// this stage takes straight from.
func (d *decision) trouble() {
	for _, r := range d.snapshot.Trouble {
		if request, ok := d.stage.Request(r.Warehouse); ok && len(request.From) == 0 {
			d.verdict.Reasons = append(d.verdict.Reasons, r)
		}
	}
}

// prefers tells whether a slot would rather have freight a than b: the newer one,
// or whatever its upstream holds now.
func (d *decision) prefers(request Request, a, b string) bool {
	return a != b && (request.MatchUpstream || d.newer(a, b))
}

// newer tells whether freight a was selected after b. Anything is newer than
// nothing, or than what is not known any more, and what moves by itself is newer
// than what does not: a stage goes on from there to the newest.
func (d *decision) newer(a, b string) bool {
	fa, _ := d.snapshot.Facts.FreightByID(a)
	fb, ok := d.snapshot.Facts.FreightByID(b)
	if ra, rb := d.rank(fa), d.rank(fb); ok && ra != rb {
		return ra > rb
	}
	return !ok || fa.Selected.After(fb.Selected)
}

// rules says per slot that changes how the upstream rule is met.
func (d *decision) rules(want map[string]string) string {
	var out []string
	for _, request := range d.stage.Requests {
		freight, ok := d.snapshot.Facts.FreightByID(want[request.Warehouse])
		if !ok || freight.ID == d.held[request.Warehouse] {
			continue
		}
		rule := d.available(request, freight).Rule
		if len(d.stage.Requests) > 1 {
			rule = request.Warehouse + ": " + rule
		}
		out = append(out, rule)
	}
	return strings.Join(out, "; ")
}
