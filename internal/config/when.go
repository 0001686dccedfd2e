package config

import (
	"errors"
	"fmt"

	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// condition is a warehouse's `when`.
type condition struct {
	at       At
	source   string
	template expression.Template
}

// when reads a warehouse's condition and tries it on a stand-in: what it names
// must exist there, and what it gives must be true or false.
func (b *builder) when(raw rawWarehouse, w warehouse) *condition {
	if !raw.When.Set() {
		return nil
	}
	template, err := expression.CompileBare(raw.When.Value)
	if err != nil {
		return nil // reported by its format
	}
	scope := b.scope("", "", b.vars)
	scope.Freight = []promote.Freight{w.sample()}
	value, err := template.Eval(scope)
	var unknown *expression.UnknownError
	switch {
	case err == nil:
		if _, ok := value.(bool); !ok {
			b.add(raw.When.At, "`when` must give true or false")
		}
	case errors.As(err, &unknown) || template.Static():
		b.add(raw.When.At, "`when`: %s", err)
	}
	return &condition{at: raw.When.At, source: raw.When.Value, template: template}
}

// Admits tells whether freight may be made by the `when` of its warehouse, and
// what that is. An error names the place.
func (p Pipeline) Admits(f promote.Freight) (ok bool, when string, _ error) {
	c := p.whens[f.Warehouse]
	if c == nil {
		return true, "", nil
	}
	value, err := c.template.Eval(expression.Scope{Pipeline: p.Name, Vars: p.vars, Each: p.each, Freight: []promote.Freight{f}})
	if err != nil {
		return false, c.source, fmt.Errorf("%s: `when`: %w", c.at, err)
	}
	ok, isBool := value.(bool)
	if !isBool {
		return false, c.source, fmt.Errorf("%s: `when` must give true or false", c.at)
	}
	return ok, c.source, nil
}
