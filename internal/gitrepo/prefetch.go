package gitrepo

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Need is what is to be readable of one commit.
type Need struct {
	Commit string
	// Paths come whole, with everything beneath them; "." is the whole tree.
	// Those that do not exist are left for the reader to find out; links are not
	// followed. None: only the commit.
	Paths []string
	// Ahead brings the listings of the directories in the root as well, so that
	// the next look for a path has a level less to ask for.
	Ahead bool
	// Optional commits are left out when the server does not have them.
	Optional bool
}

// Prefetch makes what is needed of several commits readable without further
// requests. All of it is asked for together: the commits in one request, each
// missing level on the way to the paths in one, and all that is beneath them in
// one. Nothing is asked for that is here.
//
// An annotated tag stands for what it names. IsMissing tells of commits that
// the server does not have.
func (r *Repo) Prefetch(ctx context.Context, needs ...Need) error {
	err := r.prefetch(ctx, needs)
	required := slices.DeleteFunc(slices.Clone(needs), func(n Need) bool { return n.Optional })
	if IsMissing(err) && len(required) < len(needs) {
		err = r.prefetch(ctx, required)
	}
	if err != nil {
		return fmt.Errorf("prefetch from %s: %w", r.url, err)
	}
	return nil
}

func (r *Repo) prefetch(ctx context.Context, needs []Need) error {
	var commits, whole []plumbing.Hash
	way := slices.ContainsFunc(needs, func(n Need) bool { return len(n.Paths) > 0 && !n.whole() })
	for _, n := range needs {
		id, err := parseID(n.Commit)
		if err != nil {
			return err
		}
		// Where there is a way to go, what is needed whole comes at its end.
		if n.whole() && !way {
			whole = append(whole, id)
		} else {
			commits = append(commits, id)
		}
	}
	if err := r.fetchCommits(ctx, commits, whole...); err != nil {
		return err
	}
	w := newWalk(r)
	for _, n := range needs {
		if len(n.Paths) == 0 && !n.Ahead {
			continue
		}
		root, err := r.treeID(ctx, n.Commit)
		if err != nil {
			return err
		}
		w.to(root, n.Paths)
		if n.Ahead {
			w.aheadOf(root)
		}
	}
	return w.run(ctx)
}

func (n Need) whole() bool { return slices.Contains(n.Paths, ".") }

// Prefetch makes everything under the paths readable, as Repo.Prefetch does
// for several commits.
func (t *Tree) Prefetch(ctx context.Context, paths ...string) error {
	w := newWalk(t.src)
	w.to(t.root, paths)
	if err := w.run(ctx); err != nil {
		return fmt.Errorf("prefetch: %w", err)
	}
	return nil
}
