package promote

import (
	"slices"
	"strings"
)

// capped keeps promotions back for which the policy leaves no room (H1). Those that
// are open keep their place. The others get what is left in the pipeline's order,
// after them those that could not be made. What is delivered without a pull
// request is never open.
func (p Pipeline) capped(verdicts []Verdict, policy Policy, s Snapshot) {
	if policy.Caps.Promotions == 0 {
		return
	}
	open := slices.Clone(s.Elsewhere)
	for _, stage := range p.Stages {
		if s.Stages[stage.Name].Open != nil {
			open = append(open, p.Name+"/"+stage.Name)
		}
	}
	for _, unmade := range []bool{false, true} {
		for i, stage := range p.Stages {
			v, state := &verdicts[i], s.Stages[stage.Name]
			if v.Action != Promote || stage.Kind != Assembled || stage.Target.Push || state.Open != nil || state.Unmade != unmade {
				continue
			}
			if len(open) < policy.Caps.Promotions {
				open = append(open, p.Name+"/"+stage.Name)
				continue
			}
			slices.Sort(open)
			v.Action, v.Refused = Wait, v.Ask != nil
			v.Pins, v.Frees = nil, nil
			v.Reasons = slices.Insert(v.Reasons, 0, Reason{Kind: Capped, Stage: stage.Name, Have: len(open), Need: policy.Caps.Promotions, Note: strings.Join(open, ", ")})
		}
	}
}
