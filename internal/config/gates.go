package config

import "github.com/towpath/towpath/internal/promote"

// verification builds the gates of a stage.
func (e *evaluator) verification(raw rawStage) (gates []promote.Gate, onArrival bool) {
	v := raw.Verification
	switch {
	case raw.Control.Value:
		return nil, true
	case v == nil:
		e.add(raw.Name.At, "stage %q has no `verification`: it needs gates, or `verification: none` where arriving is enough", raw.Name.Value)
		return nil, false
	case v.Word.Set():
		return nil, true
	case !v.Gates.Set():
		return nil, false // reported where it was decoded
	}
	required := false
	seen := map[string]At{}
	for _, g := range v.Gates.Items {
		if first, twice := seen[g.Name.Value]; twice && g.Name.Set() {
			e.add(g.Name.At, "gate %q is there twice; the first is at line %d", g.Name.Value, first.Line)
		}
		seen[g.Name.Value] = g.Name.At
		built := e.gate(g)
		e.checkGate(g)
		if raw.kind() == promote.Fileless && g.onArrival() {
			e.add(g.Name.At, "gate %q looks at the commit of the arrival, and a stage without files has none: say `at`, or take `dispatch`, `external` or `manual`", g.Name.Value)
		}
		required = required || built.Required
		gates = append(gates, built)
	}
	if !required {
		e.add(v.Gates.At, "stage %q has no required gate; write `verification: none` where arriving is enough", raw.Name.Value)
	}
	return gates, false
}

// onArrival tells whether the result is looked for on the arrival's commit.
func (raw rawGate) onArrival() bool {
	byName := raw.Check.Set() || raw.Status.Set() || raw.Deployment.Set() || raw.ArgoCD.Set()
	return byName && !raw.Commit.Set()
}

// gate builds one gate.
func (e *evaluator) gate(raw rawGate) promote.Gate {
	g := promote.Gate{
		Name:     raw.Name.Value,
		App:      e.text(raw.App),
		Required: raw.Required.or(true),
		Owner:    e.text(raw.Owner),
		Expect:   raw.Expect.Value,
		Pass:     values(raw.Pass),
		Within:   e.duration(raw.Within),
	}
	switch {
	case raw.Check.Set():
		g.Source, g.Match = promote.FromCheck, e.text(raw.Check)
	case raw.Status.Set():
		g.Source, g.Match = promote.FromStatus, e.text(raw.Status)
	case raw.Deployment.Set():
		g.Source, g.Match = promote.FromDeployment, e.text(raw.Deployment)
	case raw.Dispatch != nil:
		g.Source, g.Match, g.Dispatch = promote.FromDispatch, g.Name, e.dispatch(raw)
	}
	return g
}

// checkGate reports keys that mean nothing with the gate's source.
func (e *evaluator) checkGate(raw rawGate) {
	dispatch := raw.Dispatch != nil
	byName := raw.Check.Set() || raw.Status.Set()
	for _, rule := range []struct {
		key   string
		at    At
		fits  bool
		needs string
	}{
		{"app", raw.App.At, raw.Check.Set(), "`check`"},
		{"expect", raw.Expect.At, byName, "`check` or `status`"},
		{"pass", raw.Pass.At, raw.Check.Set() || dispatch, "`check` or `dispatch`"},
		{"job", raw.Job.At, dispatch, "`dispatch`"},
		{"repository", raw.Repository.At, byName || dispatch, "`check`, `status` or `dispatch`"},
		{"at", raw.Commit.At, byName, "`check` or `status`"},
		{"matrix", raw.Matrix.At, byName || dispatch, "`check`, `status` or `dispatch`"},
		{"by", raw.byAt(), raw.Manual.Value, "`manual`"},
	} {
		if rule.at.Set() && !rule.fits {
			e.add(rule.at, "`%s` means nothing without %s", rule.key, rule.needs)
		}
	}
	if raw.Schedule != nil {
		if !dispatch {
			e.schedule(*raw.Schedule)
			e.add(raw.Schedule.At, "`schedule` means nothing without `dispatch`")
		}
	}
	if raw.Manual.Set() && !raw.Manual.Value {
		e.add(raw.Manual.At, "`manual` is true, or it is left out")
	}
	e.duration(raw.Settle)
	e.text(raw.Repository)
}

func (raw rawGate) byAt() At {
	if raw.By == nil {
		return At{}
	}
	return raw.By.At
}

// gatesWithFreight tries what may depend on freight.
func (e *evaluator) gatesWithFreight(raw rawStage) {
	if raw.Verification == nil {
		return
	}
	for _, g := range raw.Verification.Gates.Items {
		e.gateWithFreight(g)
	}
}

func (e *evaluator) gateWithFreight(raw rawGate) {
	e.text(raw.ArgoCD)
	e.text(raw.Run)
	e.text(raw.Job)
	e.text(raw.Commit)
	e.texts(raw.Matrix)
	if raw.Dispatch != nil {
		e.call(raw)
	}
}
