package engine

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
)

// discovery is what the subscriptions of a pipeline have at this look. It is
// made once: artifacts do not change within a look.
type discovery struct {
	trouble []promote.Reason
	passed  []promote.Passed
}

// maxPassed bounds what is kept of each warehouse as seen and not taken (F8).
const maxPassed = 20

// discover asks registries and branches for the best artifacts of every
// warehouse, and makes freight where they are new (F3).
func (l *look) discover(ctx context.Context, p promote.Pipeline, facts promote.Facts) ([]promote.Freight, *discovery) {
	found := &discovery{}
	var out []promote.Freight
	for _, w := range p.Warehouses {
		if w.Manual {
			continue
		}
		freight, passed, err := l.assemble(ctx, p, w, facts)
		found.passed = append(found.passed, passed[:min(len(passed), maxPassed)]...)
		switch {
		case err != nil:
			found.trouble = append(found.trouble, promote.Reason{Kind: promote.DiscoveryFailed, Warehouse: w.Name, Note: err.Error()})
			l.Log.Warn("discovery failed", "repo", l.name, "warehouse", w.Name, "error", err)
		case freight != nil:
			out = append(out, *freight)
		}
	}
	return out, found
}

// assemble makes freight of one warehouse; nil while a subscription found
// nothing, or when the newest freight is the same. What was seen and not taken
// comes with it in any case.
func (l *look) assemble(
	ctx context.Context, p promote.Pipeline, w promote.Warehouse, facts promote.Facts,
) (_ *promote.Freight, passed []promote.Passed, _ error) {
	newest := newestOf(facts, w.Name)
	freight := promote.Freight{Warehouse: w.Name, Selected: l.now}
	for _, s := range w.Images {
		result, err := l.image(ctx, s, newest)
		if err != nil {
			return nil, passed, err
		}
		passed = append(passed, passedOver(w.Name, path.Base(s.Repository)+":", result.Passed)...)
		if !result.OK {
			return nil, passed, nil
		}
		freight.Images = append(freight.Images, result.Image)
	}
	for _, s := range w.Charts {
		result, err := l.chart(ctx, s, newest)
		if err != nil {
			return nil, passed, err
		}
		passed = append(passed, passedOver(w.Name, s.Name+" ", result.Passed)...)
		if !result.OK {
			return nil, passed, nil
		}
		freight.Charts = append(freight.Charts, result.Chart)
	}
	for _, s := range w.Gits {
		commit, err := l.newestCommit(ctx, s, newest)
		if err != nil {
			return nil, passed, err
		}
		freight.Commits = append(freight.Commits, commit)
	}
	if freight.ID = freight.Identify(); freight.ID == newest.ID {
		return nil, passed, nil
	}
	freight.Alias = l.alias(p.Name, freight.ID, facts)
	if known, ok := facts.FreightByID(freight.ID); ok { // selected again; it stays what it was, its tag included
		known.Selected = freight.Selected
		freight = known
	}
	if !freight.Selected.After(newest.Selected) { // somebody's clock is ahead of ours
		freight.Selected = newest.Selected.Add(time.Millisecond)
	}
	return &freight, passed, nil
}

// passedOver names tags and versions by what stands before them.
func passedOver(warehouse, before string, tags []registry.Passed) []promote.Passed {
	out := make([]promote.Passed, len(tags))
	for i, t := range tags {
		out[i] = promote.Passed{Warehouse: warehouse, Item: before + t.Item, Reason: string(t.Reason), Detail: t.Detail}
	}
	return out
}

func newestOf(facts promote.Facts, warehouse string) promote.Freight {
	for _, f := range slices.Backward(facts.Freight) {
		if f.Warehouse == warehouse && !f.Manual {
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
