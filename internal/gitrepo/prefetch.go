package gitrepo

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Prefetch makes everything under the paths readable without further
// requests: one request per missing level on the way to them, all paths
// together, then one for all that is missing beneath. Paths that do not exist
// are left for the reader to find out; links are not followed.
func (t *Tree) Prefetch(ctx context.Context, paths ...string) error {
	roots, err := t.reach(ctx, paths)
	if err != nil {
		return fmt.Errorf("prefetch: %w", err)
	}
	// What is fetched may name trees that a spare mirror does not have: look
	// again until nothing is missing. Each round gets whole subtrees, so two do.
	for {
		missing, err := t.lacking(ctx, roots)
		if err != nil {
			return fmt.Errorf("prefetch: %w", err)
		}
		if len(missing) == 0 {
			return nil
		}
		if err := t.src.ensure(ctx, missing, withAll); err != nil {
			return fmt.Errorf("prefetch: %w", err)
		}
	}
}

// step is a place on the way to a path.
type step struct {
	at   entry
	rest []string
}

// reach walks to all paths at once, level by level.
func (t *Tree) reach(ctx context.Context, paths []string) ([]entry, error) {
	root := entry{name: ".", mode: modeDir, id: t.root}
	var steps []step
	for _, p := range paths {
		if p == "." {
			return []entry{root}, nil
		}
		steps = append(steps, step{at: root, rest: strings.Split(p, "/")})
	}
	var reached []entry
	for len(steps) > 0 {
		level := make([]plumbing.Hash, 0, len(steps))
		for _, s := range steps {
			level = append(level, s.at.id)
		}
		if err := t.src.ensure(ctx, level, alone); err != nil {
			return nil, err
		}
		var next []step
		for _, s := range steps {
			d, err := t.src.directory(ctx, s.at.id)
			if err != nil {
				return nil, err
			}
			e, ok := d.find(s.rest[0])
			switch {
			case !ok:
			case len(s.rest) == 1:
				reached = append(reached, e)
			case e.mode.isDir():
				next = append(next, step{at: e, rest: s.rest[1:]})
			}
		}
		steps = next
	}
	return reached, nil
}

// lacking gives what is missing at and under the entries, as far as can be
// seen: a missing tree hides what is beneath.
func (t *Tree) lacking(ctx context.Context, entries []entry) ([]plumbing.Hash, error) {
	var blobs, missing []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for len(entries) > 0 {
		var trees []plumbing.Hash
		for _, e := range entries {
			switch {
			case seen[e.id]:
			case e.mode.isDir():
				trees = append(trees, e.id)
			case e.mode.isBlob():
				blobs = append(blobs, e.id)
			}
			seen[e.id] = true
		}
		absent := map[plumbing.Hash]bool{}
		for _, id := range t.src.missing(trees) {
			absent[id] = true
			missing = append(missing, id)
		}
		entries = nil
		for _, id := range trees {
			if absent[id] {
				continue
			}
			d, err := t.src.directory(ctx, id)
			if err != nil {
				return nil, err
			}
			entries = append(entries, d.entries...)
		}
	}
	return append(missing, t.src.missing(blobs)...), nil
}
