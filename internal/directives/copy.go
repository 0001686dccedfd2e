package directives

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Kind implements Directive.
func (Copy) Kind() string { return "copy" }

// Target is where the directive writes, for errors.
func (c Copy) Target() string { return c.To }

// Apply copies a file onto To, or a tree into it (D2). Modes and links are kept;
// a link that would lead out of the workspace from its new place is refused. An
// existing directory is merged with, anything else is replaced (P2). Nothing is
// read but the names, so an untouched subtree keeps its git id.
func (c Copy) Apply(ctx context.Context, ws *Workspace, env *Env) error {
	if err := CheckPath(c.From); err != nil {
		return err
	}
	tree, err := env.Source(ctx, c.Source)
	if err != nil {
		return err
	}
	from, err := Resolve(tree, c.From)
	if err != nil {
		return err
	}
	info, err := fs.Lstat(tree, from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s in %s", c.From, c.Source)
	case err != nil:
		return err
	}
	left := maxTree
	return ws.copyIn(ctx, c.To, copier{tree: tree, from: from, ignore: ignoreMatcher(c.Ignore), left: &left}, info)
}

// String names the source as people write it.
func (r SourceRef) String() string {
	name := r.Repository
	if name == "." || name == "" {
		name = "this repository"
	}
	if r.Ref != "" {
		name += " at " + r.Ref
	}
	return name
}

// copyIn puts an entry of another tree at a path.
func (w *Workspace) copyIn(ctx context.Context, to string, c copier, info fs.FileInfo) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	to, err := w.resolveParent("copy to", to)
	if err != nil {
		return err
	}
	n, err := c.entry(ctx, c.from, to, info)
	if err != nil || n == nil {
		return err
	}
	return w.put(to, n)
}

// copier makes nodes of another tree's entries.
type copier struct {
	tree   fs.FS
	from   string
	ignore gitignore.Matcher // nil: nothing is ignored
	left   *int              // how many entries may still be looked at
}

// maxTree bounds the files and folders that one directive, or what is
// preserved, may walk through: a few objects of git can be a tree without end.
const maxTree = 500_000

var errTooManyEntries = fmt.Errorf("it has more than %d files and folders", maxTree)

// entry returns the node for one entry of the source that will stand at to, nil
// when nothing of it is left. Directories without anything ignored stay lazy.
func (c copier) entry(ctx context.Context, name, to string, info fs.FileInfo) (*node, error) {
	if *c.left--; *c.left < 0 {
		return nil, errTooManyEntries
	}
	if name != c.from && c.ignored(name, info.IsDir()) {
		return nil, nil
	}
	n := untouched(c.tree, name, info)
	switch info.Mode().Type() {
	case 0:
		return n, nil
	case fs.ModeSymlink:
		target, err := fs.ReadLink(c.tree, name)
		if err != nil {
			return nil, err
		}
		if _, err := linkTarget(to, target); err != nil {
			return nil, err
		}
		return n, nil
	case fs.ModeDir:
		return c.directory(ctx, n, name, to)
	case fs.ModeIrregular:
		return nil, fmt.Errorf("%s is a submodule, of which the source has no files; `ignore` leaves it out", name)
	}
	return nil, fmt.Errorf("%s is neither a file nor a directory", name)
}

func (c copier) directory(ctx context.Context, n *node, name, to string) (*node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := n.open(); err != nil {
		return nil, err
	}
	whole := n.origin
	for _, base := range slices.Sorted(maps.Keys(n.children)) {
		child := n.children[base]
		if err := CheckPath(base); err != nil {
			return nil, err
		}
		kept, err := c.entry(ctx, path.Join(name, base), path.Join(to, base), child.origin.info)
		if err != nil {
			return nil, err
		}
		if kept == nil {
			delete(n.children, base)
			n.origin = nil
			continue
		}
		if kept.origin == nil {
			n.origin = nil
		}
		n.children[base] = kept
	}
	if whole != n.origin && len(n.children) == 0 {
		return nil, nil // git has no empty directories
	}
	return n, nil
}

func (c copier) ignored(name string, isDir bool) bool {
	if c.ignore == nil {
		return false
	}
	relative := strings.TrimPrefix(strings.TrimPrefix(name, c.from), "/")
	if c.from == "." {
		relative = name
	}
	return c.ignore.Match(strings.Split(relative, "/"), isDir)
}

// ignoreMatcher reads lines of gitignore syntax, relative to what is copied.
func ignoreMatcher(lines []string) gitignore.Matcher {
	var patterns []gitignore.Pattern
	for _, line := range lines {
		if line = strings.TrimRight(line, "\r"); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, gitignore.ParsePattern(line, nil))
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	return gitignore.NewMatcher(patterns)
}
