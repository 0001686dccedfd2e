package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/towpath/towpath/internal/promote"
)

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
		if g.Mirror.Value && raw.kind() == promote.Fileless {
			e.add(g.Mirror.At, "`mirror` writes on the arrival's commit, and a stage without files has none")
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
		Settle:   e.duration(raw.Settle),
		Matrix:   e.texts(raw.Matrix),
		By:       raw.By.people(),
		Mirror:   raw.Mirror.Value,
		At:       e.place(raw),
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
	case raw.ArgoCD.Set():
		g.Source, g.Match = promote.FromStatus, argoStatus+e.text(raw.ArgoCD)
	case raw.External.Set():
		g.Source, g.Match, g.App = promote.FromExternal, raw.Name.Value, raw.External.Value
	case raw.Manual.Value:
		g.Source, g.Match = promote.FromManual, raw.Name.Value
	case raw.Run.Set():
		g.Source, g.Match, g.Run = promote.FromRun, raw.Name.Value, e.runLine(raw.Run)
	}
	return g
}

// argoStatus begins the context of the commit statuses that the templates in Argo
// CD's documentation of its notifications write; the application's name follows.
const argoStatus = "continuous-delivery/"

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// place is where a gate's results are looked for. Without freight it may not be
// known yet at which commit.
func (e *evaluator) place(raw rawGate) *promote.Place {
	if !raw.Commit.Set() {
		return nil
	}
	p := &promote.Place{Repository: promote.NormaliseRepository(e.or(raw.Repository, "."))}
	if e.when == noFreight && !raw.Commit.template.Static() {
		p.Lost = "has to know the freight first"
		return p
	}
	if p.Commit = e.text(raw.Commit); !fullCommit.MatchString(p.Commit) {
		p.Commit, p.Lost = "", fmt.Sprintf("names no commit: `at` is %q", p.Commit)
	}
	return p
}

// Gates are a stage's gates for freight, one per slot. There are none where they
// are the same for any.
func (p Pipeline) Gates(stage string, freight []promote.Freight) []promote.Gate {
	raws := p.gates[stage]
	if raws == nil {
		return nil
	}
	s, _ := p.Stage(stage)
	out := slices.Clone(s.Gates)
	for i, raw := range raws {
		if out[i].At == nil {
			continue
		}
		e := &evaluator{collector: &collector{}, scope: p.Scope(stage, freight), when: actual}
		place := e.place(raw)
		if mistakes := e.sorted(); len(mistakes) > 0 {
			place = &promote.Place{Repository: out[i].At.Repository, Lost: "names no commit: " + mistakes[0].Message}
		}
		if place.Repository == "." {
			place.Repository = promote.NormaliseRepository(p.Repository)
		}
		out[i].At = place
	}
	return out
}

// keepGates keeps what the gates of a stage say where freight has a say in it.
func (p Pipeline) keepGates(stage promote.Stage, raw rawStage) {
	if slices.ContainsFunc(stage.Gates, func(g promote.Gate) bool { return g.At != nil }) {
		p.gates[stage.Name] = raw.Verification.Gates.Items
	}
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
		{"matrix", raw.Matrix.At, byName, "`check` or `status`"},
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
	switch {
	case raw.Repository.Set() && byName && !raw.Commit.Set():
		e.add(raw.Repository.At, "`repository` needs `at`: the commit there, such as ${{ image('…').revision }} or ${{ commit('…').id }}")
	case raw.Matrix.Set() && raw.Expect.Set():
		e.add(raw.Expect.At, "`expect` means nothing with `matrix`: every cell has to be there")
	case raw.Matrix.Set() && raw.Matrix.empty():
		e.add(raw.Matrix.At, "`matrix` lists no cell")
	}
	if own, err := path.Match(e.text(raw.Check)+e.text(raw.Status), raw.Name.Value); raw.Mirror.Value && raw.onArrival() && own && err == nil {
		e.add(raw.Mirror.At, "`mirror` writes %q, which the gate itself looks for", raw.Name.Value)
	}
	if raw.Manual.Set() && !raw.Manual.Value {
		e.add(raw.Manual.At, "`manual` is true, or it is left out")
	}
	if raw.Manual.Value && raw.By.empty() {
		e.add(raw.Manual.At, "`manual` needs `by`: the users or teams who may say so")
	}
}

// people are those who may say whether a manual gate passed.
func (p *rawPeople) people() promote.Right {
	if p == nil {
		return promote.Right{}
	}
	return promote.Right{Users: values(p.Users), Teams: values(p.Teams)}
}

func (p *rawPeople) empty() bool {
	return p == nil || !p.Users.bad && !p.Teams.bad && len(p.Users.Items)+len(p.Teams.Items) == 0
}

// runLine is the command of a gate. What follows from freight was chosen by whoever
// pushed it, and in a shell line it would be a part of the program.
func (e *evaluator) runLine(line Text) string {
	if !line.template.Static() {
		e.add(line.At, "`run` is a shell line, and what follows from freight must not be a part of it: the command has it in the variable TOWPATH_FREIGHT, as JSON")
		return ""
	}
	return e.text(line)
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
	e.text(raw.Job)
	e.text(raw.Commit)
	if raw.Dispatch != nil {
		e.call(raw)
	}
}
