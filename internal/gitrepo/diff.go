package gitrepo

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// FileChange is a file, link or submodule that differs between two trees. An
// added one has no old id and mode, a removed one no new ones.
type FileChange struct {
	Path             string
	OldID, NewID     string
	OldMode, NewMode fs.FileMode
}

// Bounds of a diff, in paths and in bytes of them: trees that name each other
// many times over can hold more files than any memory.
const (
	maxChanges     = 500_000
	maxChangeBytes = 128 << 20
)

// Diff gives the files that differ between two trees (or the trees of two
// commits; "" is the empty tree), by path: those at and under the given paths,
// or all where none is given. It reads only directories whose ids differ, a
// level of both trees per request where they are missing.
func (r *Repo) Diff(ctx context.Context, treeA, treeB string, under ...string) ([]FileChange, error) {
	a, err := r.diffRoot(ctx, treeA)
	if err != nil {
		return nil, err
	}
	b, err := r.diffRoot(ctx, treeB)
	if err != nil {
		return nil, err
	}
	var changes []FileChange
	met, size := 0, 0
	level := []pair{{a: a, b: b}}
	for len(level) > 0 {
		if err := r.ensurePairs(ctx, level); err != nil {
			return nil, fmt.Errorf("compare trees of %s: %w", r.url, err)
		}
		var next []pair
		for _, p := range level {
			inside, err := r.comparePair(ctx, p)
			if err != nil {
				return nil, err
			}
			for _, q := range inside {
				if !q.concerns(under) {
					continue
				}
				if met, size = met+1, size+len(q.path); met > maxChanges || size > maxChangeBytes {
					return nil, fmt.Errorf("compare trees of %s: more than %d changes, or their paths take more than %d bytes", r.url, maxChanges, maxChangeBytes)
				}
				if q.a.mode.isDir() || q.b.mode.isDir() {
					next = append(next, q)
				}
				if change, ok := q.change(); ok && q.within(under) {
					changes = append(changes, change)
				}
			}
		}
		level = next
	}
	slices.SortFunc(changes, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// pair is a path in two trees. The zero entry stands for nothing there.
type pair struct {
	path string
	a, b entry
}

// within says whether the pair is at or under one of the paths.
func (p pair) within(paths []string) bool {
	return len(paths) == 0 || slices.ContainsFunc(paths, func(of string) bool { return isUnder(p.path, of) })
}

// concerns says whether something at or under the pair can be within paths.
func (p pair) concerns(paths []string) bool {
	return p.within(paths) || slices.ContainsFunc(paths, func(of string) bool { return isUnder(of, p.path) })
}

// isUnder says whether a path is another one, or lies beneath it.
func isUnder(path, of string) bool {
	return of == "." || path == of || strings.HasPrefix(path, of+"/")
}

func (r *Repo) diffRoot(ctx context.Context, id string) (entry, error) {
	if id == "" {
		return entry{}, nil
	}
	h, err := r.treeID(ctx, id)
	return entry{mode: modeDir, id: h}, err
}

func (r *Repo) ensurePairs(ctx context.Context, pairs []pair) error {
	var trees []plumbing.Hash
	for _, p := range pairs {
		for _, e := range []entry{p.a, p.b} {
			if e.mode.isDir() {
				trees = append(trees, e.id)
			}
		}
	}
	return r.ensure(ctx, trees, alone)
}

// comparePair gives what differs one level down.
func (r *Repo) comparePair(ctx context.Context, p pair) ([]pair, error) {
	if p.a.id == p.b.id && p.a.mode == p.b.mode {
		return nil, nil
	}
	before, err := r.entries(ctx, p.a)
	if err != nil {
		return nil, err
	}
	after, err := r.entries(ctx, p.b)
	if err != nil {
		return nil, err
	}
	var differ []pair
	for _, e := range before.entries {
		if now, _ := after.find(e.name); now.id != e.id || now.mode != e.mode {
			differ = append(differ, pair{path: path.Join(p.path, e.name), a: e, b: now})
		}
	}
	for _, e := range after.entries {
		if _, there := before.find(e.name); !there {
			differ = append(differ, pair{path: path.Join(p.path, e.name), b: e})
		}
	}
	return differ, nil
}

// entries gives what is in an entry; nothing where it is no directory.
func (r *Repo) entries(ctx context.Context, of entry) (*directory, error) {
	if !of.mode.isDir() {
		return &directory{}, nil
	}
	return r.directory(ctx, of.id)
}

// change is what a pair says of files; directories speak through what is in
// them.
func (p pair) change() (FileChange, bool) {
	c := FileChange{Path: p.path}
	if p.a.mode != 0 && !p.a.mode.isDir() {
		c.OldID, c.OldMode = p.a.id.String(), p.a.mode.fsMode()
	}
	if p.b.mode != 0 && !p.b.mode.isDir() {
		c.NewID, c.NewMode = p.b.id.String(), p.b.mode.fsMode()
	}
	return c, c.OldID != "" || c.NewID != ""
}
