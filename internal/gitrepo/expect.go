package gitrepo

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Expect takes somebody's word that a ref is at a commit, and brings that as
// Prefetch does for a commit that Refs told of. It is for asking both at the same time. A
// lie costs a request: where a ref is, is what Refs says.
func (r *Repo) Expect(ctx context.Context, ref, commit string) error {
	id, err := parseID(commit)
	if err != nil {
		return err
	}
	r.lines.told(ref, id)
	if err := r.fetchCommits(ctx, []plumbing.Hash{id}); err != nil {
		return fmt.Errorf("fetch from %s: %w", r.url, err)
	}
	return nil
}

// told notes where somebody says that a ref is.
func (l *lines) told(ref string, id plumbing.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[ref] = id
}
