package engine

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/report"
)

// gathering makes freight of one warehouse, and notes what it saw and did not
// take (F8).
type gathering struct {
	*look
	pipeline  config.Pipeline
	warehouse promote.Warehouse
	facts     promote.Facts
	newest    promote.Freight  // which the artifacts follow
	given     promote.Chosen   // what somebody named
	taken     promote.Takeover // whose pre-releases are gathered; zero: none
	passed    []promote.Passed
}

// assemble makes freight of the best artifacts; nil while a subscription found
// nothing, while `when` is false, or when the newest freight is the same.
func (g *gathering) assemble(ctx context.Context) (*promote.Freight, error) {
	freight, complete, err := g.gather(ctx)
	if err != nil || !complete {
		return nil, err
	}
	if g.taken.Channel != "" {
		freight.Channel = g.taken.Word()
	}
	if freight.ID = freight.Identify(); freight.ID == g.newest.ID {
		return nil, nil
	}
	freight.Alias = g.alias(g.pipeline.Name, freight.ID, g.facts)
	ok, when, err := g.pipeline.Admits(freight)
	switch {
	case freight.Channel != "": // a condition is about what moves by itself
	case err != nil:
		return nil, err
	case !ok:
		g.pass(promote.Passed{Item: report.Artifacts(freight), Reason: promote.PassedWhen, Detail: when + " is false"})
		return nil, nil
	}
	freight.Selected = g.now
	if known, ok := g.facts.FreightByID(freight.ID); ok { // selected again; it stays what it was, its tag included
		known.Selected, known.Manual = freight.Selected, false
		freight = known
	}
	if !freight.Selected.After(g.newest.Selected) { // somebody's clock is ahead of ours
		freight.Selected = g.newest.Selected.Add(time.Millisecond)
	}
	return &freight, nil
}

// gather finds the best artifact of every subscription. All of them are looked at
// in any case, so that everything that was seen has its reason; the error is the
// first.
func (g *gathering) gather(ctx context.Context) (freight promote.Freight, complete bool, first error) {
	freight, complete = promote.Freight{Warehouse: g.warehouse.Name}, true
	if g.taken.Channel != "" {
		found, err := g.gatherChannel(ctx, &freight)
		if err != nil || !found {
			return freight, false, err
		}
	}
	note := func(what string, ok bool, err error) {
		if first == nil {
			first = err
		}
		if err == nil && !ok {
			g.pass(promote.Passed{Item: what, Reason: promote.PassedNothing, Detail: "nothing there is admitted by the subscription"})
		}
		complete = complete && ok && err == nil
	}
	for _, s := range g.warehouse.Images {
		if _, ok := freight.Image(s.Repository); ok {
			continue // of the channel
		}
		if version, ok := g.given.Images[s.Repository]; ok {
			image, err := g.namedImage(ctx, s, version)
			note("image "+s.Repository, true, err)
			freight.Images = append(freight.Images, image)
			continue
		}
		found, err := g.image(ctx, s, g.newest)
		g.passOver(s.Repository, path.Base(s.Repository)+":", found.Passed)
		note("image "+s.Repository, found.OK, err)
		freight.Images = append(freight.Images, found.Image)
	}
	for _, s := range g.warehouse.Charts {
		if version, ok := g.given.Charts[s.Name]; ok {
			chart, err := g.namedChart(ctx, s, version)
			note("chart "+s.Name, true, err)
			freight.Charts = append(freight.Charts, chart)
			continue
		}
		found, err := g.chart(ctx, s, g.newest)
		g.passOver(s.Repository, s.Name+" ", found.Passed)
		note("chart "+s.Name, found.OK, err)
		freight.Charts = append(freight.Charts, found.Chart)
	}
	for _, s := range g.warehouse.Gits {
		commit, ok, err := g.commit(ctx, s)
		note("commit of "+s.Repository, ok, err)
		freight.Commits = append(freight.Commits, commit)
	}
	return freight, complete, first
}

// gatherChannel finds the newest builds of a takeover's channel; false while there
// is none. An image that has none of it is left to the newest.
func (g *gathering) gatherChannel(ctx context.Context, freight *promote.Freight) (found bool, _ error) {
	for _, s := range g.warehouse.Images {
		within, ok := s.Within(g.taken)
		if !ok {
			continue
		}
		newest, err := g.image(ctx, within, g.newest)
		if err != nil {
			return false, err
		}
		of := slices.DeleteFunc(slices.Clone(newest.Passed), func(p registry.Passed) bool { return p.Reason == registry.OtherChannel })
		g.passOver(s.Repository, path.Base(s.Repository)+":", of)
		if newest.OK {
			freight.Images, found = append(freight.Images, newest.Image), true
		}
	}
	return found, nil
}

func (g *gathering) pass(p promote.Passed) {
	p.Warehouse = g.warehouse.Name
	g.passed = append(g.passed, p)
}

// passOver keeps tags and versions of a repository, named by what stands before them.
func (g *gathering) passOver(repository, before string, items []registry.Passed) {
	for _, i := range items {
		g.pass(promote.Passed{Item: before + i.Item, Repository: repository, Version: i.Item, Reason: string(i.Reason), Detail: i.Detail})
	}
}
