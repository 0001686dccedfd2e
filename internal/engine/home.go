package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

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
}

func newHome() *home { return &home{refused: map[string]string{}, stuck: map[int]bool{}} }

// homeOf is where a stage is written; for one without files it is our own.
func (l *look) homeOf(promote.Stage) *home { return l.home }

// readHome reads git again within a look.
func (l *look) readHome(ctx context.Context, _ *home) error { return l.readGit(ctx) }

// readPulls lists the newest pull requests of every promotion branch that a
// configuration has in a repository.
func (l *look) readPulls(ctx context.Context, h *home, c *configuration) error {
	found := map[string][]forge.PullRequest{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	var mu sync.Mutex
	for _, p := range c.parsed.Pipelines {
		for _, s := range p.Stages {
			if s.Kind != promote.Assembled || l.homeOf(s) != h {
				continue
			}
			branch := s.Target.PromotionBranch()
			group.Go(func() error {
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
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	h.pulls = found
	return nil
}
