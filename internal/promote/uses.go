package promote

import (
	"maps"
	"slices"
	"strings"
)

// InUse are the resources that the pipeline's stages hold, as pipeline/stage: from
// the arrival of freight until its verification has a final word (H1).
func (p Pipeline) InUse(s Snapshot) map[string][]string {
	out := map[string][]string{}
	for _, stage := range p.Stages {
		if a, ok := s.Facts.Holding(stage.Name); ok && len(stage.Uses) > 0 && !s.judge(stage, a).final() {
			take(out, p, stage)
		}
	}
	return out
}

func (s Standing) final() bool { return s.Verified || !s.pending() }

func take(taken map[string][]string, p Pipeline, stage Stage) {
	for _, resource := range stage.Uses {
		if name := p.Name + "/" + stage.Name; !slices.Contains(taken[resource], name) {
			taken[resource] = append(taken[resource], name)
		}
	}
}

// Merging adds what the verdicts are about to let into stages.
func (p Pipeline) Merging(verdicts []Verdict, taken map[string][]string) {
	for i, stage := range p.Stages {
		if verdicts[i].enters(stage) {
			take(taken, p, stage)
		}
	}
}

// enters tells whether freight comes into the stage by this verdict, and not only
// onto a pull request.
func (v Verdict) enters(stage Stage) bool {
	return v.Merge || v.Action == Promote && (stage.Kind != Assembled || stage.Target.Push)
}

// inTurn keeps freight out of stages whose resources others hold: all of them at
// once, or none. What is open says so; what would go in by itself waits. Who goes
// first is the pipeline's order.
func (p Pipeline) inTurn(verdicts []Verdict, policy Policy, s Snapshot) {
	if !slices.ContainsFunc(p.Stages, func(stage Stage) bool { return len(stage.Uses) > 0 }) {
		return
	}
	taken := p.InUse(s)
	for resource, by := range s.InUse {
		taken[resource] = append(taken[resource], by...)
	}
	for i, stage := range p.Stages {
		v, open := &verdicts[i], s.Stages[stage.Name].Open != nil
		if len(stage.Uses) == 0 || !open && !v.enters(stage) {
			continue
		}
		reasons := busy(policy, taken, p.Name+"/"+stage.Name, stage)
		switch enters := v.enters(stage); {
		case len(reasons) == 0 && enters:
			take(taken, p, stage)
		case len(reasons) == 0:
		case enters && !v.Merge:
			v.Action, v.Refused, v.Pins, v.Frees = Wait, v.Ask != nil, nil, nil
			v.Reasons = append(reasons, v.Reasons...)
		default:
			v.Merge = false
			v.Blocked = append(v.Blocked, reasons...)
		}
	}
}

// busy are the stage's resources of which nothing is left beside what it holds itself.
func busy(policy Policy, taken map[string][]string, name string, stage Stage) []Reason {
	var out []Reason
	for _, resource := range slices.Sorted(maps.Keys(taken)) {
		others := slices.DeleteFunc(slices.Clone(taken[resource]), func(by string) bool { return by == name })
		if most := policy.Caps.Resources[resource]; slices.Contains(stage.Uses, resource) && len(others) >= most {
			slices.Sort(others)
			out = append(out, Reason{
				Kind: ResourceTaken, Stage: stage.Name, Note: resource + " is in use by " + strings.Join(others, ", "), Have: len(others), Need: most,
			})
		}
	}
	return out
}
