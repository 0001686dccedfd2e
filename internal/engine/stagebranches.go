package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// stageBranches deletes the branches that stages had which are gone, as far as all
// that is there was written by promotions, and nothing else needs them.
func (c *cleaning) stageBranches(ctx context.Context, all []remains) error {
	var order []branchOf
	by := map[branchOf][]remains{}
	for _, at := range all {
		b := branchOf{at.home, at.stage.Target.Branch}
		if at.head.Commit == "" {
			continue
		}
		if by[b] == nil {
			order = append(order, b)
		}
		by[b] = append(by[b], at)
	}
	for _, b := range order {
		places := by[b]
		why, err := c.needed(ctx, b, places)
		if err != nil {
			return fmt.Errorf("branch %s: %w", b.branch, err)
		}
		if at := places[len(places)-1]; why != "" {
			c.leave(b, at.name(), why)
		} else {
			c.delete(at, b, at.gone())
		}
	}
	return nil
}

// needed says why a branch is not deleted; empty: nobody needs it, and all of it
// was written by promotions.
func (c *cleaning) needed(ctx context.Context, b branchOf, places []remains) (string, error) {
	for _, at := range places {
		_, lives := at.pipeline.Stage(at.stage.Name)
		reasons := at.keptOut()
		switch {
		case len(reasons) > 0:
			return reasons[0].String(), nil
		case at.stage.Target.Path != ".":
			return fmt.Sprintf("the branch is shared; the files of %s in %s are left", at.name(), at.stage.Target.Path), nil
		case lives:
			return at.gone(), nil
		}
	}
	if b.branch == b.home.branch {
		return "it is the default branch", nil
	}
	if who := c.uses(b); who != "" {
		return who, nil
	}
	if !c.mayWrite(b) {
		return "the policy does not list it among those that pipelines may write", nil
	}
	if words := b.home.refused[heads+b.branch]; words != "" {
		return "the repository does not let it be deleted: " + words, nil
	}
	if why, err := c.writtenByOthers(ctx, b, places); why != "" || err != nil {
		return why, err
	}
	return c.pullsAt(ctx, b)
}

// mayWrite asks the policy of the repository.
func (c *cleaning) mayWrite(b branchOf) bool {
	if b.home.abroad != nil {
		return b.home.abroad.owners.MayWrite(b.branch)
	}
	return c.config.parsed.MayWrite(b.branch)
}

// uses says which stage or warehouse there is that writes a branch or reads from it.
func (c *cleaning) uses(b branchOf) string {
	at := func(repository string) bool {
		name := promote.NormaliseRepository(c.called(repository))
		return name == b.home.name || b.home.abroad != nil && name == b.home.abroad.asked
	}
	for _, p := range c.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if s.HasBranch() && s.Target.Branch == b.branch && at(s.Target.Repository) {
				return fmt.Sprintf("%s/%s is on it", p.Name, s.Name)
			}
			refs, complete := p.Updates[s.Name].Refs(p.Scope(s.Name, nil))
			if !complete {
				return fmt.Sprintf("what %s/%s reads follows from freight", p.Name, s.Name)
			}
			for _, ref := range refs {
				if at(ref.Repository) && strings.TrimPrefix(ref.Ref, heads) == b.branch {
					return fmt.Sprintf("%s/%s reads from it", p.Name, s.Name)
				}
			}
		}
		for _, w := range p.Warehouses {
			for _, s := range w.Gits {
				if s.Branch == b.branch && at(s.Repository) {
					return fmt.Sprintf("warehouse %s of %s follows it", w.Name, p.Name)
				}
			}
		}
	}
	return ""
}

// writtenByOthers says what on a branch is not known to be of promotions.
func (c *cleaning) writtenByOthers(ctx context.Context, b branchOf, places []remains) (string, error) {
	head := b.home.refs[heads+b.branch]
	var last promote.Arrival
	for _, at := range places {
		for _, a := range at.facts.Arrivals {
			if a.Manner == promote.ByAdoption || a.Manner == promote.ByOthers {
				return "others wrote it before promotions did", nil
			}
			if !a.At.Before(last.At) {
				last = a
			}
		}
	}
	switch {
	case last.Commit == "":
		made, err := c.madeEmpty(ctx, b, places)
		if made || err != nil {
			return "", err
		}
		return "nothing is known to have arrived there", nil
	case last.Manner == promote.ByDrift || last.Commit != head:
		return "somebody else wrote to it after what arrived there last", nil
	}
	for _, at := range places {
		wrote, err := c.promotionsWrote(ctx, at.pipeline, at.place)
		if wrote || err != nil {
			return "", err
		}
	}
	return "no promotion is in its history", nil
}

// madeEmpty tells whether a branch is still the empty commit that its first
// promotion made it of.
func (c *cleaning) madeEmpty(ctx context.Context, b branchOf, places []remains) (bool, error) {
	commit, err := b.home.git.Commit(ctx, b.home.refs[heads+b.branch])
	if err != nil {
		return false, err
	}
	return len(commit.Parents) == 0 && slices.ContainsFunc(places, func(at remains) bool {
		p, ok := at.proposed()
		return ok && p.Base == commit.ID && p.BaseTree == "" && strings.Contains(commit.Message, "\nTowpath-Pipeline: "+at.pipeline.ID()+"\n")
	}), nil
}

// pullsAt names an open pull request that people have from a branch, or into it.
func (c *cleaning) pullsAt(ctx context.Context, b branchOf) (string, error) {
	into, err := b.home.repo.OpenPullRequests(ctx, b.branch, maxPulls)
	if err != nil {
		return "", err
	}
	from, err := b.home.repo.PullRequests(ctx, b.branch, maxPulls)
	if err != nil {
		return "", err
	}
	from = slices.DeleteFunc(from, func(p forge.PullRequest) bool {
		return p.State != "open" || !strings.EqualFold(p.HeadRepo, b.home.name)
	})
	for _, pull := range append(into, from...) {
		if !c.ours[pullKey(b.home, pull.Number)] {
			return fmt.Sprintf("#%d of %s is open there", pull.Number, pull.Author), nil
		}
	}
	return "", nil
}
