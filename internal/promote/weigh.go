package promote

// Weighed is how the rule of one slot comes out for one freight, and what each of
// its upstreams says.
type Weighed struct {
	Availability
	Standings map[string]Standing
}

// Weigh applies a request of a stage to one freight, by the code that decides, for
// who explains a verdict.
func Weigh(p Pipeline, policy Policy, s Snapshot, stage Stage, request Request, freight Freight) Weighed {
	d := decision{memo: newMemo(), pipeline: p, policies: policy, policy: policy.For(p.Name, stage.Name), snapshot: s, stage: stage, state: s.Stages[stage.Name]}
	return Weighed{d.available(request, freight), d.standings(request, freight)}
}

// WhatIf decides about one stage as if somebody who may had asked for freight now.
func WhatIf(p Pipeline, policy Policy, s Snapshot, stage string, freight Freight) Verdict {
	s.Asks = []Ask{{Stage: stage, Freight: map[string]string{freight.Warehouse: freight.ID}, At: s.Now}}
	for _, v := range Decide(p, policy, s) {
		if v.Stage == stage {
			return v
		}
	}
	return Verdict{Stage: stage, Action: Wait}
}
