package engine

import (
	"context"
	"slices"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
)

// discovery is what the subscriptions of a pipeline have at this look. It is
// made once: artifacts do not change within a look.
type discovery struct {
	trouble []promote.Reason
	passed  []promote.Passed
}

// maxPassed bounds what is kept of each warehouse as seen and not taken (F8).
const maxPassed = 200

// discover asks registries and branches for the best artifacts of every
// warehouse, and makes freight where they are new (F3).
func (l *look) discover(ctx context.Context, p config.Pipeline, facts promote.Facts) ([]promote.Freight, *discovery) {
	found := &discovery{}
	var out []promote.Freight
	for _, w := range p.Warehouses {
		if w.Manual {
			continue
		}
		g := &gathering{look: l, pipeline: p, warehouse: w, facts: facts, newest: newestOf(facts, w)}
		freight, err := g.assemble(ctx)
		found.passed = append(found.passed, g.passed[:min(len(g.passed), maxPassed)]...)
		switch {
		case err != nil:
			found.failed(w.Name, err)
			l.Log.Warn("discovery failed", "repo", l.name, "warehouse", w.Name, "error", err)
		case freight != nil:
			out = append(out, *freight)
		}
	}
	return out, found
}

// failed keeps the first reason for which a warehouse could not be read.
func (d *discovery) failed(warehouse string, err error) {
	if !slices.ContainsFunc(d.trouble, func(r promote.Reason) bool { return r.Warehouse == warehouse }) {
		d.trouble = append(d.trouble, promote.Reason{Kind: promote.DiscoveryFailed, Warehouse: warehouse, Note: err.Error()})
	}
}

// newestOf is the freight of a warehouse that was selected last; freight made by
// hand is left out where nobody but people's wishes makes it move.
func newestOf(facts promote.Facts, w promote.Warehouse) promote.Freight {
	for _, f := range slices.Backward(facts.Freight) {
		if w.Ordinary(f) {
			return f
		}
	}
	return promote.Freight{}
}

// alias keeps the name that freight has, and gives new freight one that nobody
// else in the repository has.
func (l *look) alias(pipeline, id string, facts promote.Facts) string {
	if known, ok := facts.FreightByID(id); ok {
		return known.Alias
	}
	taken := map[string]bool{}
	for name, other := range l.book.Pipelines {
		if name != pipeline {
			for _, f := range other.Freight {
				taken[f.Alias] = true
			}
		}
	}
	for _, f := range facts.Freight {
		taken[f.Alias] = true
	}
	return promote.Alias(id, func(alias string) bool { return taken[alias] })
}
