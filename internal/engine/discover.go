package engine

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/gitrepo"
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
		previous, had := newest.Image(s.Repository)
		result, err := l.Registry.Discover(ctx, s, previous, had)
		if err != nil {
			return nil, passed, err
		}
		passed = append(passed, passedOver(w.Name, s.Repository, result.Passed)...)
		if !result.OK {
			return nil, passed, nil
		}
		freight.Images = append(freight.Images, result.Image)
	}
	for _, s := range w.Gits {
		commit, err := l.newestCommit(ctx, p, s, newest)
		if err != nil {
			return nil, passed, err
		}
		if commit == "" {
			return nil, passed, nil
		}
		freight.Commits = append(freight.Commits, promote.Commit{Repository: promote.NormaliseRepository(s.Repository), ID: commit})
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

func passedOver(warehouse, repository string, tags []registry.Passed) []promote.Passed {
	out := make([]promote.Passed, len(tags))
	for i, t := range tags {
		out[i] = promote.Passed{Warehouse: warehouse, Item: path.Base(repository) + ":" + t.Item, Reason: string(t.Reason), Detail: t.Detail}
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

// newestCommit is the head of the branch when the content of the included paths
// there differs from that at the newest freight's commit, else that commit (F4).
func (l *look) newestCommit(ctx context.Context, p promote.Pipeline, s promote.GitSubscription, newest promote.Freight) (string, error) {
	branch := s.Branch
	if branch == "" {
		branch = l.branch
	}
	head := l.refs[heads+branch]
	if head == "" {
		return "", fmt.Errorf("branch %s does not exist", branch)
	}
	previous, had := newest.Commit(s.Repository)
	if !had || previous.ID == head {
		return head, nil
	}
	changed, err := l.changedPaths(ctx, previous.ID, head)
	if gitrepo.IsMissing(err) {
		return head, nil // the branch was rewritten, and the old commit is gone
	}
	if err != nil {
		return "", fmt.Errorf("compare %s with branch %s: %w", promote.ShortID(previous.ID), branch, err)
	}
	owned := l.ownedFolders(branch)
	for _, name := range changed {
		if s.Admits(name, matches) && !slices.ContainsFunc(owned, func(folder string) bool { return strings.HasPrefix(name, folder+"/") }) {
			return head, nil
		}
	}
	return previous.ID, nil
}

func (l *look) changedPaths(ctx context.Context, a, b string) ([]string, error) {
	before, err := l.git.Tree(ctx, a)
	if err != nil {
		return nil, err
	}
	after, err := l.git.Tree(ctx, b)
	if err != nil {
		return nil, err
	}
	diff, err := l.git.Diff(ctx, before.ID(), after.ID())
	if err != nil {
		return nil, err
	}
	out := make([]string, len(diff))
	for i, change := range diff {
		out[i] = change.Path
	}
	return out, nil
}

// ownedFolders are the folders of a branch that promotions write: what changes
// there makes no freight, so that nothing goes round in a circle.
func (l *look) ownedFolders(branch string) []string {
	var out []string
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if s.Target.Branch == branch && s.Target.Path != "." {
				out = append(out, s.Target.Path)
			}
		}
	}
	return out
}
