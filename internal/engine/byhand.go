package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/report"
)

// handmade asks for freight that somebody puts together (F5).
type handmade struct {
	warehouse string
	artifacts []promote.Wish // subscriptions without one are left to the newest
	by        string
}

// refusal is why something that was asked for is not done: an answer for who
// asked, and no reason to try again.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// byHand makes freight of what is named, each resolved once, and of the newest of
// the other subscriptions. Made again of the same it is the same freight; where
// people assemble, that makes it the newest (F6). The error is a [*refusal] when
// it can not be made.
func (r *round) byHand(ctx context.Context, p config.Pipeline, wish handmade) (promote.Freight, error) {
	facts := r.book.Pipelines[p.Name].Merge(r.facts[p.Name]).Merge(promote.Facts{Freight: r.found.fresh[p.Name]})
	i := slices.IndexFunc(p.Warehouses, func(w promote.Warehouse) bool { return w.Name == wish.warehouse })
	if i < 0 {
		return promote.Freight{}, &refusal{fmt.Sprintf("pipeline %s has no warehouse %q", p.Name, wish.warehouse)}
	}
	g := &gathering{look: r.look, pipeline: p, warehouse: p.Warehouses[i], facts: facts, newest: newestOf(facts, p.Warehouses[i])}
	var err error
	if g.given, err = g.warehouse.Choose(wish.artifacts); err != nil {
		return promote.Freight{}, &refusal{err.Error()}
	}
	freight, complete, err := g.gather(ctx)
	if err != nil {
		return promote.Freight{}, err
	}
	if !complete {
		return promote.Freight{}, &refusal{g.nothing()}
	}
	freight.ID, freight.Manual, freight.By, freight.Selected = freight.Identify(), true, wish.by, r.now
	freight.Alias = r.alias(p.Name, freight.ID, facts)
	ok, when, err := p.Admits(freight)
	switch {
	case err != nil:
		return promote.Freight{}, &refusal{err.Error()}
	case !ok:
		return promote.Freight{}, &refusal{fmt.Sprintf("`when` of warehouse %s is false for %s: %s", wish.warehouse, report.Artifacts(freight), when)}
	}
	if known, ok := facts.FreightByID(freight.ID); ok {
		if !g.warehouse.Manual || known.ID == g.newest.ID {
			return known, nil
		}
		known.Selected = freight.Selected
		freight = known
	}
	if !freight.Selected.After(g.newest.Selected) {
		freight.Selected = g.newest.Selected.Add(time.Millisecond)
	}
	r.record(p.Name, promote.Facts{Freight: []promote.Freight{freight}}, freightLines(p.Name, []promote.Freight{freight})...)
	return freight, nil
}

// nothing says which subscriptions found nothing.
func (g *gathering) nothing() string {
	var what []string
	for _, p := range g.passed {
		if p.Reason == promote.PassedNothing {
			what = append(what, p.Item)
		}
	}
	return fmt.Sprintf("nothing is admitted for %s: name it, or widen the subscription", strings.Join(what, ", "))
}

// namedImage is the image of a tag or digest that somebody named.
func (g *gathering) namedImage(ctx context.Context, s promote.ImageSubscription, version string) (promote.Image, error) {
	image, err := g.found.artifacts.resolved.once(s.Repository+"@"+version, func() (promote.Image, error) {
		return g.registry.Resolve(ctx, s.Repository, version, s.Platform)
	})
	image.ByTag = s.ByTag
	return image, refused(err, version)
}

// namedChart is the chart of a version that somebody named.
func (g *gathering) namedChart(ctx context.Context, s promote.ChartSubscription, version string) (promote.Chart, error) {
	chart, err := g.registry.ResolveChart(ctx, s, version)
	return chart, refused(err, version)
}

// refused tells what a registry does not have from one that can not be asked.
func refused(err error, version string) error {
	var known *registry.Error
	if errors.As(err, &known) && !known.Temporary() {
		return &refusal{fmt.Sprintf("%q is not taken: %s", version, known)}
	}
	return err
}

// registryDown tells an error that passes by itself some day: the registry is
// asked again at its own pace, and everything else goes on meanwhile.
func registryDown(err error) bool {
	var down *registry.Error
	return errors.As(err, &down) && down.Temporary()
}

// namedCommit is the commit of a tag or branch that somebody named, or one by its
// full id, which must be in the history of the branch that is followed: forges
// hand out the commits of everybody's forks by id as well.
func (g *gathering) namedCommit(ctx context.Context, s promote.GitSubscription, name string) (promote.Commit, error) {
	from, err := g.source(ctx, s.Repository)
	if errors.Is(err, errUnshared) {
		return promote.Commit{}, &refusal{err.Error()}
	}
	if err != nil {
		return promote.Commit{}, err
	}
	branch := cmp.Or(s.Branch, from.branch)
	found := promote.Commit{Repository: s.Repository}
	id := name
	if !isCommit(name) {
		if id, err = from.named(ctx, name); err != nil {
			return promote.Commit{}, unknown(err, "%s has no branch or tag %q; a commit is named by its 40 digits", g.called(s.Repository), name)
		}
		if from.at(tags+name) == id {
			found.Tag = name
		}
	}
	commit, err := from.git.Commit(ctx, id)
	if err != nil {
		return promote.Commit{}, unknown(err, "%s has no commit %s", g.called(s.Repository), name)
	}
	if id == name {
		head, err := from.head(ctx, branch)
		if err != nil {
			return promote.Commit{}, err
		}
		within, err := from.git.IsAncestor(ctx, commit.ID, head)
		if err != nil && !gitrepo.IsMissing(err) {
			return promote.Commit{}, err
		}
		if !within {
			return promote.Commit{}, &refusal{fmt.Sprintf("commit %s is not in the history of %s of %s", promote.ShortID(id), branch, g.called(s.Repository))}
		}
	}
	found.ID = commit.ID
	found.Content, err = includedContent(ctx, from.git, found.ID, s, g.ownedFolders(from, branch))
	return found, err
}

// unknown is the answer to a name that leads nowhere, unless nobody could be asked.
func unknown(err error, format string, args ...any) error {
	var unreachable *gitrepo.UnreachableError
	if errors.As(err, &unreachable) {
		return err
	}
	return &refusal{fmt.Sprintf(format, args...)}
}

func (o *order) makeFreight(ctx context.Context, r *round, p config.Pipeline, c command.Command) error {
	wish := handmade{warehouse: c.Warehouse.Name, by: o.comment.Author}
	for _, a := range c.Artifacts {
		wish.artifacts = append(wish.artifacts, promote.Wish(a))
	}
	freight, err := r.byHand(ctx, p, wish)
	var no *refusal
	switch {
	case errors.As(err, &no):
		o.failed = true
		o.lines = append(o.lines, report.NotMade(c.Warehouse.Name, no.text))
	case err != nil:
		return err
	default:
		o.lines = append(o.lines, report.Made(p.Pipeline, freight))
	}
	return nil
}

// mayAssemble asks for the right to make freight of a warehouse: where people
// assemble it may go straight into every stage that takes from the warehouse, so
// the right to each of them is needed; elsewhere nothing moves by it, and one is
// enough.
func (l *look) mayAssemble(ctx context.Context, warehouse command.Stage, user string) (denied string, err error) {
	var manual bool
	var stages []command.Stage
	for _, p := range l.config.parsed.Pipelines {
		if p.Name != warehouse.Pipeline {
			continue
		}
		manual = slices.ContainsFunc(p.Warehouses, func(w promote.Warehouse) bool { return w.Name == warehouse.Name && w.Manual })
		for _, s := range p.Stages {
			if r, ok := s.Request(warehouse.Name); ok && len(r.From) == 0 {
				stages = append(stages, command.Stage{Pipeline: p.Name, Name: s.Name})
			}
		}
	}
	if len(stages) == 0 { // every stage has it from others
		stages = append(stages, command.Stage{Pipeline: warehouse.Pipeline})
	}
	for _, stage := range stages {
		if denied, err = l.may(ctx, "freight", stage, user); err != nil {
			return "", err
		}
		if (denied != "") == manual {
			return denied, nil
		}
	}
	return denied, nil
}
