package promote

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// open decides about a stage that has a promotion waiting to be merged, when
// want is what the stage should have now.
func (d *decision) open(want map[string]string, slots []slot) Verdict {
	open := *d.state.Open
	if !open.Foreign && len(want) == len(slots) && d.displaces(want, open.Proposal.Freight) {
		return d.promote(want)
	}
	if !open.Foreign && len(want) == len(slots) && d.supersedes(want, open.Proposal.Freight) {
		switch {
		case !d.policy.Auto && !d.follows(want, open.Proposal.Freight):
			d.verdict.Reasons = append(d.verdict.Reasons, Reason{Kind: ByHand, Stage: d.stage.Name})
		case open.Approved:
			d.verdict.Reasons = append(d.verdict.Reasons, Reason{Kind: Approved, Freight: d.differing(want, open.Proposal.Freight)})
		case d.policy.QueueNewer:
			d.verdict.Reasons = append(d.verdict.Reasons, Reason{Kind: Queued, Freight: d.differing(want, open.Proposal.Freight)})
		default:
			return d.promote(want)
		}
	}
	return d.keep(open)
}

// keep is the verdict of an open promotion that stays what it is: made again
// when its base moved, blocked when it is not available any more, merged by us
// when policy says so and GitHub says clean.
func (d *decision) keep(open Open) Verdict {
	v := d.verdict
	v.Action, v.Freight, v.Rule = Opened, open.Proposal.Freight, open.Proposal.Rule
	v.Blocked = d.blocks(open)
	v.Back = open.Proposal.Back
	if !open.Foreign && v.Back == nil && d.unseen(open.Proposal.Freight) {
		v.Reasons = append(v.Reasons, Reason{Kind: CombinationUnseen})
	}
	switch {
	case open.Foreign:
	case open.Unpushed:
		v.Action = Promote
		v.Reasons = append(v.Reasons, Reason{Kind: Unpushed, Stage: d.stage.Name})
	case open.Proposal.BaseTree != d.state.Head.Tree:
		v.Action = Promote
		v.Reasons = append(v.Reasons, Reason{Kind: BaseMoved, Stage: d.stage.Name})
	case open.PullRequest == 0:
		v.Reasons = append(v.Reasons, Reason{Kind: Unopened, Stage: d.stage.Name})
	case d.policy.Merge.Auto && len(v.Blocked) == 0 && open.Mergeable == "behind" && open.Proposal.Base != d.state.Head.Commit:
		again := d.again(open.Proposal)
		if d.snapshot.Now.Before(again) {
			v.Reasons = append(v.Reasons, Reason{Kind: MergeWaits, Note: string(open.Mergeable)})
			v.Until = earliest(v.Until, again)
			break
		}
		v.Action = Promote
		v.Reasons = append(v.Reasons, Reason{Kind: OutOfDate, Stage: d.stage.Name})
	case d.policy.Merge.Auto && len(v.Blocked) == 0:
		v.Merge = open.Mergeable == "clean"
		if open.Mergeable == "dirty" {
			v.Reasons = append(v.Reasons, Reason{Kind: Conflict, Stage: d.stage.Name})
		} else if !v.Merge {
			v.Reasons = append(v.Reasons, Reason{Kind: MergeWaits, Note: string(open.Mergeable)})
			if open.Mergeable == "unknown" {
				v.Until = earliest(v.Until, d.snapshot.Now.Add(mergeabilityDelay))
			}
		}
	}
	return v
}

// mergeabilityDelay is when to ask again after GitHub said that it does not know
// yet whether a pull request can be merged; no event tells.
const mergeabilityDelay = 5 * time.Second

// maxPause bounds how long a promotion that is behind waits to be made again.
const maxPause = 10 * time.Minute

// again is when a promotion may be made again that differs in its base only: at
// once, and then a minute later each time, so that on a branch that never rests
// neither its checks nor the ledger go round and round.
func (d *decision) again(p Proposal) time.Time {
	var pause time.Duration
	for _, earlier := range d.snapshot.Facts.Proposals {
		if earlier.Stage == p.Stage && earlier.Tree == p.Tree && earlier.BaseTree == p.BaseTree && maps.Equal(earlier.Freight, p.Freight) && earlier.At.Before(p.At) {
			pause += time.Minute
		}
	}
	return p.At.Add(min(pause, maxPause))
}

// blocks says why an open promotion must not be merged: what it brings is not
// available any more, somebody else wrote its branch, or approvals are missing.
func (d *decision) blocks(open Open) []Reason {
	var out []Reason
	if open.Foreign {
		out = append(out, Reason{Kind: ForeignHead, Stage: d.stage.Name})
	}
	if open.Unpushed {
		out = append(out, Reason{Kind: Unpushed, Stage: d.stage.Name})
	}
	if maps.Equal(open.Proposal.Freight, d.held) { // what is held, made again
		out = append(out, d.windowClosed()...)
	}
	for _, request := range d.stage.Requests {
		id := open.Proposal.Freight[request.Warehouse]
		freight, ok := d.snapshot.Facts.FreightByID(id)
		switch {
		case !ok || id == d.held[request.Warehouse]:
		case open.Proposal.Back != nil:
			out = append(out, d.misplaced(freight)...)
		default:
			out = append(out, d.available(request, freight).Reasons...)
		}
	}
	if have, need := len(open.Approvers), d.policy.Approvals; open.PullRequest != 0 && have < need {
		out = append(out, Reason{Kind: ApprovalsMissing, Have: have, Need: need, By: strings.Join(open.Approvers, ", ")})
	}
	if d.stage.Strict && !maps.Equal(open.Proposal.Freight, d.held) {
		out = append(out, d.notTogether(d.stage, open.Proposal.Freight)...)
	}
	return out
}

// supersedes tells whether want brings newer freight than the open promotion in
// some slot and older freight in none. What the stage holds already brings nothing:
// somebody asked for older freight than that.
func (d *decision) supersedes(want, open map[string]string) bool {
	newer := false
	for warehouse, id := range want {
		switch other := open[warehouse]; {
		case id == other:
		case d.prefers(requestOf(d.stage, warehouse), id, other):
			newer = newer || id != d.held[warehouse]
		default:
			return false
		}
	}
	return newer
}

func requestOf(stage Stage, warehouse string) Request {
	request, _ := stage.Request(warehouse)
	return request
}

// differing names the freight that want has and the open promotion has not.
func (d *decision) differing(want, open map[string]string) string {
	for _, request := range d.stage.Requests {
		if id := want[request.Warehouse]; id != open[request.Warehouse] {
			freight, _ := d.snapshot.Facts.FreightByID(id)
			return freight.Alias
		}
	}
	return ""
}

// asked answers a person's wish: all slots are available, or the whole is
// refused with the list of what is missing (A9, C4).
func (d *decision) asked(ask Ask, slots []slot) Verdict {
	want := map[string]string{}
	missing := d.strangers(ask)
	for _, sl := range slots {
		id, reasons := d.choose(ask, sl)
		if len(reasons) > 0 {
			missing = append(missing, reasons...)
			d.verdict.Until = earliest(d.verdict.Until, sl.until)
		}
		want[sl.request.Warehouse] = id
	}
	if d.stage.Strict && len(missing) == 0 && !maps.Equal(want, d.held) {
		missing = d.notTogether(d.stage, want)
	}
	if maps.Equal(want, d.held) {
		missing = append(missing, d.windowClosed()...)
	}
	if len(missing) > 0 {
		return d.refused(missing)
	}
	d.holds(want, slots)
	if d.stage.Kind == Fileless && maps.Equal(want, d.held) {
		return d.finish(Current, want)
	}
	open := d.state.Open
	if open != nil && !open.Foreign && open.PullRequest != 0 && maps.Equal(open.Proposal.Freight, want) && open.Proposal.BaseTree == d.state.Head.Tree {
		return d.keep(*open)
	}
	return d.promote(want)
}

// strangers are the warehouses of a wish that the stage does not request.
func (d *decision) strangers(ask Ask) []Reason {
	var out []Reason
	for _, warehouse := range slices.Sorted(maps.Keys(ask.Freight)) {
		if _, ok := d.stage.Request(warehouse); !ok {
			out = append(out, Reason{Kind: OtherWarehouse, Stage: d.stage.Name, Warehouse: warehouse, Freight: ask.Freight[warehouse]})
		}
	}
	return out
}

// refused is a wish that is not granted; an open promotion stays what it is.
func (d *decision) refused(reasons []Reason) Verdict {
	d.verdict.Reasons, d.verdict.Refused = reasons, true
	if d.state.Open != nil {
		v := d.keep(*d.state.Open)
		v.Action = Opened
		return v
	}
	return d.finish(Wait, nil)
}

// choose returns the freight that a wish means for one slot.
func (d *decision) choose(ask Ask, sl slot) (string, []Reason) {
	name, named := ask.Freight[sl.request.Warehouse]
	if named {
		freight, ok := d.snapshot.Facts.find(sl.request.Warehouse, name)
		if !ok {
			return "", []Reason{{Kind: UnknownFreight, Warehouse: sl.request.Warehouse, Freight: name}}
		}
		return freight.ID, d.available(sl.request, freight).Reasons
	}
	switch {
	case sl.candidate != nil && d.prefers(sl.request, sl.candidate.ID, sl.held):
		if sl.candidate.Selected.Truncate(time.Second).After(ask.At) {
			return "", []Reason{{Kind: MovedSince, Stage: d.stage.Name, Warehouse: sl.request.Warehouse, Freight: sl.candidate.Alias}}
		}
		return sl.candidate.ID, nil
	case len(ask.Freight) == 0 && sl.newest != nil && d.prefers(sl.request, sl.newest.ID, sl.held):
		return sl.held, sl.missing
	case sl.held == "":
		return "", []Reason{{Kind: FirstFreight, Warehouse: sl.request.Warehouse}}
	}
	return sl.held, nil
}

// holds pins the slots that get something else than the candidate, and frees
// what the wish releases (P14).
func (d *decision) holds(want map[string]string, slots []slot) {
	for _, sl := range slots {
		id := want[sl.request.Warehouse]
		isCandidate := sl.candidate != nil && sl.candidate.ID == id
		switch {
		case sl.pin != nil && isCandidate:
			d.verdict.Frees = append(d.verdict.Frees, sl.request.Warehouse)
		case sl.pin == nil && sl.candidate != nil && !isCandidate && id != sl.held:
			d.verdict.Pins = append(d.verdict.Pins, sl.request.Warehouse)
		}
	}
	if _, ok := d.snapshot.Facts.HoldOf(d.stage.Name, "", d.snapshot.Now); ok {
		d.verdict.Frees = append(d.verdict.Frees, "")
	}
}

// find looks freight of a warehouse up by id, the beginning of one (ten digits
// or more), or alias.
func (f Facts) find(warehouse, name string) (Freight, bool) {
	for _, freight := range f.Freight {
		if freight.Warehouse != warehouse {
			continue
		}
		if freight.ID == name || freight.Alias == name || (len(name) >= 10 && len(name) < len(freight.ID) && freight.ID[:len(name)] == name) {
			return freight, true
		}
	}
	return Freight{}, false
}
