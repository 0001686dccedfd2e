package promote

import "slices"

// unmakeable makes nothing of a promotion whose files take commands that nobody runs
// here: `action run` does. What is open stays what it is, and is merged as ever while
// its base is the one that it was made on. What goes back to files of before takes no
// command.
func (d *decision) unmakeable(v Verdict) Verdict {
	if !d.stage.Exec {
		return v
	}
	reason := Reason{Kind: RunOnly, Stage: d.stage.Name}
	if at := slices.IndexFunc(v.Reasons, func(r Reason) bool { return r.Kind == ByHand }); at >= 0 {
		v.Reasons = slices.Clone(v.Reasons)
		v.Reasons[at] = reason // asking does not do
	}
	runs := d.state.Runs && (v.Ask == nil || v.Ask.Comment == 0) // a comment starts no command (D6)
	if v.Action != Promote || runs || v.Back != nil && v.Back.Commit != "" {
		return v
	}
	if d.state.Open == nil {
		v.Action, v.Refused, v.Pins, v.Frees = Wait, v.Ask != nil, nil, nil
		v.Reasons = slices.Insert(slices.Clone(v.Reasons), 0, reason)
		return v
	}
	d.verdict.Reasons = slices.DeleteFunc(slices.Clone(d.verdict.Reasons), func(r Reason) bool { return r.Kind == CombinationUnseen })
	d.verdict.Pins, d.verdict.Frees = nil, nil
	kept := d.keep(*d.state.Open)
	kept.Reasons = append(kept.Reasons, reason)
	if kept.Action == Promote && !kept.Because(OutOfDate) {
		if kept.Because(BaseMoved) {
			kept.Blocked = append(kept.Blocked, Reason{Kind: BaseMoved, Stage: d.stage.Name})
		}
		kept.Blocked = append(kept.Blocked, reason)
	}
	kept.Action, kept.Refused = Opened, v.Ask != nil
	return kept
}
