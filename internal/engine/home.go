package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// home is a repository that promotions are written to, as this look found it: its
// branches, pull requests, checks, people and policy are those of the stages that
// live there. The usual one is the pipelines' own.
type home struct {
	name    string // owner/name, in lower case
	repo    *forge.Repo
	git     *gitrepo.Repo
	branch  string // the default branch
	refs    map[string]string
	pulls   map[string][]forge.PullRequest // by promotion branch
	refused map[string]string              // refs that it refused to have moved in this look, with its words
	stuck   map[int]bool                   // pull requests that could not be merged in this look
	opened  map[int]bool                   // pull requests that this look opened
	moot    moot
	abroad  *abroad // nil: the pipelines' own

	comments []forge.Comment
}

func newHome() *home {
	return &home{refused: map[string]string{}, stuck: map[int]bool{}, opened: map[int]bool{}}
}

// number is GitHub's number of a repository that is not the pipelines' own.
func (h *home) number() int64 {
	if h.abroad == nil {
		return 0
	}
	return h.abroad.number
}

// holds tells whether promotions write a stage of a pipeline here.
func (h *home) holds(p config.Pipeline, s promote.Stage) bool {
	if h.abroad == nil {
		return s.Kind == promote.Assembled && !p.Elsewhere(s)
	}
	return p.Elsewhere(s) && s.Target.Repository == h.abroad.asked
}

// homeOf is where a stage is written; for one without files it is our own.
func (l *look) homeOf(s promote.Stage) *home {
	if h := l.homes[s.Target.Repository]; h != nil {
		return h
	}
	return l.home
}

// writtenTo names the repository that a stage is written to.
func (l *look) writtenTo(p promote.Pipeline, stage string) string {
	s, _ := p.Stage(stage)
	return l.homeOf(s).name
}

// open tells whether we may write a lane here: our own repository is ours.
func (h *home) open(pipeline, lane string) bool {
	return h.abroad == nil || len(h.abroad.out[pipeline+"/"+lane]) == 0
}

// lodging are lanes of a stage that are written to one repository, where one entry
// of its policy is about them.
type lodging struct {
	*home
	policy promote.StagePolicy
	lanes  []promote.Stage
}

// lodgings are the places that a stage, or a lane, is written to: each has owners
// with a say. Where the configuration does not know it, it is our own.
func (l *look) lodgings(stage command.Stage) []lodging {
	var out []lodging
	for _, p := range l.config.parsed.Pipelines {
		if p.Name != stage.Pipeline {
			continue
		}
		for _, s := range p.Lanes(stage.Name) {
			in := lodging{l.homeOf(s), l.config.parsed.Policy.For(p.Name, s.Name), []promote.Stage{s}}
			same := slices.IndexFunc(out, func(o lodging) bool { return o.home == in.home && o.policy.Position == in.policy.Position })
			if same < 0 {
				out = append(out, in)
			} else {
				out[same].lanes = append(out[same].lanes, s)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, lodging{l.home, l.config.parsed.Policy.For(stage.Pipeline, stage.Name), nil})
	}
	return out
}

// moot is what a look did to a repository's pull requests, so that what was read
// of it does not hold any more.
type moot struct{ pulls, git bool }

// readMoot reads again, once for everything that was done.
func (l *look) readMoot(ctx context.Context) error {
	for _, h := range append(l.otherHomes(nil), l.home) {
		was := h.moot
		h.moot = moot{}
		if was.pulls {
			if err := l.readPulls(ctx, h, l.config); err != nil {
				return err
			}
		}
		if was.git {
			if err := l.readHome(ctx, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// readHome reads git again within a look.
func (l *look) readHome(ctx context.Context, h *home) error {
	if h.abroad != nil {
		return l.readElsewhere(ctx, h)
	}
	return l.readGit(ctx)
}

// readPulls lists the newest pull requests of every promotion branch that a
// configuration has in a repository.
func (l *look) readPulls(ctx context.Context, h *home, c *configuration) error {
	var t tasks
	take := l.listPulls(&t, h, c)
	if err := t.all(ctx); err != nil {
		return err
	}
	take()
	return nil
}

// listPulls makes the tasks of readPulls. When all of them are done, what they
// found is to be taken.
func (l *look) listPulls(t *tasks, h *home, c *configuration, after ...string) (take func()) {
	found := map[string][]forge.PullRequest{}
	var mu sync.Mutex
	for _, p := range c.parsed.Pipelines {
		for _, s := range p.Stages {
			if !h.holds(p, s) {
				continue
			}
			branch := s.Target.PromotionBranch()
			t.add("", onGitHub, func(ctx context.Context) error {
				pulls, err := h.repo.PullRequests(ctx, branch, maxPulls)
				if err != nil {
					return fmt.Errorf("list pull requests of %s: %w", branch, err)
				}
				// A fork may have a branch of the same name, and people may open another
				// pull request from ours, or point ours at another base.
				pulls = slices.DeleteFunc(pulls, func(p forge.PullRequest) bool {
					return !strings.EqualFold(p.HeadRepo, h.name) || p.BaseRef != s.Target.Branch
				})
				mu.Lock()
				defer mu.Unlock()
				found[branch] = pulls
				return nil
			}, after...)
		}
	}
	return func() { h.pulls = found }
}
