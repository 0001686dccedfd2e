package config

import (
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// Update is what a promotion of one stage writes. Its expressions are evaluated
// when the freight is there.
type Update struct {
	Target     promote.Target
	Preserve   []string // globs of what is kept from the branch
	AllowEmpty bool
	Adopt      bool // takes over what others wrote there before (P9)
	raw        rawUpdate
}

// Program evaluates the update's expressions in a scope with one freight per
// slot. The error is of type [Mistakes] and has positions: what an expression
// names may be missing in this very freight.
func (u Update) Program(scope expression.Scope) (directives.Program, error) {
	e := &evaluator{collector: &collector{}, scope: scope, when: actual}
	program := e.program(u.raw)
	program.Preserve, program.AllowEmpty = u.Preserve, u.AllowEmpty
	if mistakes := e.sorted(); len(mistakes) > 0 {
		return directives.Program{}, mistakes
	}
	return program, nil
}

// Refs are the sources that directives read at a ref of their own, as far as that
// does not follow from freight; complete tells whether there are no others.
func (u Update) Refs(scope expression.Scope) (refs []directives.SourceRef, complete bool) {
	e := &evaluator{collector: &collector{}, scope: scope, when: noFreight}
	for _, d := range u.raw.Directives.Items {
		if d.Copy != nil && d.Copy.Ref.Set() {
			refs = append(refs, directives.SourceRef{Repository: e.or(d.Copy.Repository, "."), Ref: e.text(d.Copy.Ref)})
		}
	}
	return refs, len(e.sorted()) == 0
}

// program builds the directives and the rendering of an update.
func (e *evaluator) program(raw rawUpdate) directives.Program {
	var program directives.Program
	for i, d := range raw.Directives.Items {
		if built := e.directive(d); built != nil {
			program.Steps = append(program.Steps, directives.Step{Index: i + 1, Position: d.At.String(), Directive: built})
		}
	}
	if raw.Render != nil {
		program.Render = e.render(*raw.Render)
	}
	return program
}

// knownWarehouse reports a warehouse that no slot of the stage holds.
func (e *evaluator) knownWarehouse(w Word) bool {
	if !w.Set() || len(e.slots(w.Value)) > 0 {
		return true
	}
	e.add(w.At, "the stage holds no freight of warehouse %q", w.Value)
	return false
}

// slots are the freight of a warehouse, or of all where none is named.
func (e *evaluator) slots(warehouse string) []promote.Freight {
	var out []promote.Freight
	for _, f := range e.scope.Freight {
		if warehouse == "" || f.Warehouse == warehouse {
			out = append(out, f)
		}
	}
	return out
}
