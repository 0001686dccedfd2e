package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

const tags = "refs/tags/"

// taggedCommit is the commit of the newest tag that the subscription follows,
// when the content of the included paths there differs from that at the newest
// freight's commit, else that commit. A tag that was taken and is gone or broken
// keeps its place: what disappears takes nothing back (F6).
func (g *gathering) taggedCommit(ctx context.Context, s promote.GitSubscription, from *source) (_ promote.Commit, ok bool, _ error) {
	refs, err := g.found.artifacts.tags.once(s.Repository, func() (map[string]string, error) { return from.git.Refs(ctx, tags) })
	if err != nil {
		return promote.Commit{}, false, fmt.Errorf("list the tags of %s: %w", s.Repository, err)
	}
	var names []string
	for ref := range refs {
		if tag := strings.TrimPrefix(ref, tags); !promote.IsVerifiedTag(tag) {
			names = append(names, tag)
		}
	}
	previous, _ := g.newest.Commit(s.Repository)
	admitted, leftOut := s.Tags.Choose(names, previous.Tag)
	for i, tag := range admitted {
		found, why, err := g.commitOf(ctx, s, from, tag, refs[tags+tag])
		if err != nil {
			return promote.Commit{}, false, err
		}
		if why.Reason != "" {
			g.passTags(s, why)
			if tag != previous.Tag {
				continue
			}
			found = previous
		}
		for _, older := range admitted[i+1:] {
			g.passTags(s, promote.Passed{Version: older, Reason: promote.PassedOlder, Detail: tag + " was taken"})
		}
		g.passTags(s, leftOut...)
		return found, true, nil
	}
	g.passTags(s, leftOut...)
	return promote.Commit{}, false, nil
}

// commitOf is the commit that a tag points at, or that of the newest freight when
// nothing differs there; or why the tag can not be taken.
func (g *gathering) commitOf(
	ctx context.Context, s promote.GitSubscription, from *source, tag, id string,
) (found promote.Commit, why promote.Passed, _ error) {
	if id == "" {
		return found, promote.Passed{Version: tag, Reason: promote.PassedDisappeared, Detail: "selected last and not there any more"}, nil
	}
	commit, err := from.git.Commit(ctx, id)
	var unreachable *gitrepo.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		return found, why, err
	case err != nil:
		return found, promote.Passed{Version: tag, Reason: promote.PassedUnreadable, Detail: "it leads to no commit"}, nil
	}
	found, err = g.changedCommit(ctx, s, from, promote.Commit{Repository: s.Repository, ID: commit.ID, Tag: tag}, g.ownedFolders(from, from.branch))
	if err != nil {
		return found, why, fmt.Errorf("tag %s of %s: %w", tag, s.Repository, err)
	}
	return found, why, nil
}

// passTags keeps tags of a repository that were seen and not taken.
func (g *gathering) passTags(s promote.GitSubscription, items ...promote.Passed) {
	for _, p := range items {
		p.Item, p.Repository = s.Repository+"@"+p.Version, s.Repository
		g.pass(p)
	}
}
