package promote

import "slices"

// leave makes nothing of a verdict that would bring freight into the stage.
func (v *Verdict) leave(stage Stage) {
	v.Merge = false
	if v.Action != Promote {
		return
	}
	v.Action, v.Passes, v.Pins, v.Frees = Wait, nil, nil, nil
	v.Reasons = slices.Insert(v.Reasons, 0, Reason{Kind: LeftAlone, Stage: stage.Name})
}

// Progress is how far a stage has come with what it may have now, for whoever
// brings freight through it and waits.
type Progress struct {
	State   ProgressState
	Arrival Arrival // that it holds; zero: none
	Gates   []GateResult
	Reasons []Reason // what it waits for, or why it failed
	Holds   bool     // it holds what it may have, and only its gates have the word
}

// ProgressState is how far a stage has come.
type ProgressState string

// The states of a stage on its way. What failed does not go on without somebody
// who changes something.
const (
	ProgressDone   ProgressState = "done"
	ProgressWaits  ProgressState = "waits"
	ProgressFailed ProgressState = "failed"
)

// lasting are the reasons that do not end by waiting.
var lasting = []ReasonKind{
	RenderFailed, PromotionFailed, PushRefused, Conflict, ForeignHead, ForeignBranch, LedgerLost, NotAccepted, NotAllowed, PolicyBroken, OtherRepository,
	LaneFailed,
}

// comes are the reasons for which freight that a stage may have is not there yet.
// With any other it holds what it may have, and newer freight has not come so far.
var comes = []ReasonKind{
	ByHand, Soaking, HeldBy, Frozen, WindowClosed, Capped, ResourceTaken, ApprovalsMissing, Queued, Approved, Scheduled, WrittenByOthers, DiscoveryFailed,
	RunOnly, Executing,
}

// Progress says how far a stage has come. Gates that `action run` runs are
// pending while runs says so, whatever was said of them before.
func (s Snapshot) Progress(stage Stage, v Verdict, runs func(gate string) bool) Progress {
	var out Progress
	if a, ok := s.Facts.Holding(stage.Name); ok {
		out.Arrival, out.Gates = a, s.Gates(stage, a)
	}
	reasons := slices.Concat(v.Blocked, v.Reasons)
	has := func(kinds []ReasonKind) bool {
		return slices.ContainsFunc(reasons, func(r Reason) bool { return slices.Contains(kinds, r.Kind) })
	}
	switch {
	case v.Action == Current:
	case has(lasting):
		return out.as(ProgressFailed, reasons)
	case v.Action == Opened:
		if open := s.Stages[stage.Name].Open; len(reasons) == 0 && open != nil {
			reasons = []Reason{{Kind: Unmerged, Stage: stage.Name, Have: open.PullRequest}}
		}
		return out.as(ProgressWaits, reasons)
	case v.Action != Wait, out.Arrival.Commit == "", has(comes):
		return out.as(ProgressWaits, reasons)
	}
	return s.verifying(stage, out, runs)
}

func (p Progress) as(state ProgressState, reasons []Reason) Progress {
	p.State, p.Reasons = state, reasons
	return p
}

// verifying is the progress of a stage that holds what it may have.
func (s Snapshot) verifying(stage Stage, out Progress, runs func(gate string) bool) Progress {
	arrivals := s.Facts.ArrivalsIn(stage.Name)
	if len(arrivals) == 0 {
		return out.as(ProgressWaits, nil)
	}
	if last := arrivals[len(arrivals)-1]; last.Manner == ByDrift {
		return out.as(ProgressFailed, []Reason{{Kind: Drifted, Stage: stage.Name, Note: ShortID(last.Commit)}})
	}
	out.State, out.Holds = ProgressDone, true
	for _, g := range out.Gates {
		switch {
		case !g.Gate.Required || g.State == GatePassed || stage.OnArrival:
			continue
		case g.State == GateWaits || g.Gate.Source == FromRun && runs(g.Gate.Name):
			if out.State == ProgressDone {
				out.State = ProgressWaits
			}
		default:
			out.State = ProgressFailed
		}
		out.Reasons = append(out.Reasons, g.reason(stage.Name))
	}
	return out
}
