package directives

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// Workspace is a tree in memory that starts empty. What was copied in is read
// from its source only when somebody looks, and keeps the source's git id for as
// long as nothing under it changes.
//
// It is an fs.FS with ReadDir, ReadFile, Stat, Lstat and ReadLink; links are
// followed inside the tree only. It is safe for concurrent use.
type Workspace struct {
	mu    sync.Mutex
	root  *node
	edits []Edit
}

// Edit is one value that a directive changed, for the commit message.
type Edit struct {
	File string
	Key  string
	Old  string // empty when the key is new
	New  string
	Note string // what else a reader should know: an anchor that is used elsewhere
}

// node is one entry. Exactly one of these holds: it is untouched (origin is
// set), or its content is here.
type node struct {
	mode     fs.FileMode
	origin   *origin
	data     []byte           // content of a file, target of a link
	children map[string]*node // of a directory; nil until somebody looks
}

// origin is where an untouched entry comes from.
type origin struct {
	tree fs.FS
	name string
	info fs.FileInfo
}

// NewWorkspace returns an empty workspace.
func NewWorkspace() *Workspace {
	return &Workspace{root: newDir()}
}

func newDir() *node {
	return &node{mode: fs.ModeDir | 0o755, children: map[string]*node{}}
}

// WriteFile writes a file; mode is 0o644 or 0o755. Directories are made, and a
// file or a directory that is in the way is replaced: the later one wins (P2).
func (w *Workspace) WriteFile(name string, data []byte, mode fs.FileMode) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, err := w.resolveParent("write", name)
	if err != nil {
		return err
	}
	return w.put(name, &node{mode: fileMode(mode), data: slices.Clone(data)})
}

// Remove removes a file, a link or a directory with all that is in it, and the
// directories around it that are empty then, since git has none. Removing what is
// not there is an error that wraps fs.ErrNotExist.
func (w *Workspace) Remove(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, err := w.resolveParent("remove", name)
	if err != nil {
		return err
	}
	if name == "." {
		w.root = newDir()
		return nil
	}
	if n, err := w.find(name); err != nil {
		return err
	} else if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	for {
		dir, err := w.openForWriting(path.Dir(name))
		if err != nil {
			return err
		}
		delete(dir.children, path.Base(name))
		if name = path.Dir(name); name == "." || len(dir.children) > 0 {
			return nil
		}
	}
}

// Edits returns what the directives changed so far, in order.
func (w *Workspace) Edits() []Edit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.edits)
}

func (w *Workspace) record(file string, edits []Edit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range edits {
		e.File = file
		w.edits = append(w.edits, e)
	}
}

// edit changes a file in place: links are followed, the mode stays, and nothing
// is written when change returns the bytes it was given.
func (w *Workspace) edit(name string, change func([]byte) ([]byte, []Edit, error)) error {
	name, err := Resolve(w, name)
	if err != nil {
		return err
	}
	info, err := w.Lstat(name)
	if err != nil {
		return fmt.Errorf("there is no file %s", name)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	old, err := w.ReadFile(name)
	if err != nil {
		return err
	}
	data, edits, err := change(old)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(edits) == 0 {
		return nil
	}
	w.record(name, edits)
	return w.WriteFile(name, data, info.Mode())
}

// put sets an entry at a resolved path. A directory that comes onto a directory
// is merged into it; anything else replaces what was there.
func (w *Workspace) put(name string, n *node) error {
	if name == "." {
		if !n.mode.IsDir() {
			return errors.New("a file can not take the place of the whole workspace")
		}
		return merge(w.root, n)
	}
	dir, err := w.openForWriting(path.Dir(name))
	if err != nil {
		return err
	}
	return dir.add(path.Base(name), n)
}

func (n *node) add(name string, child *node) error {
	if old := n.children[name]; old != nil && old.mode.IsDir() && child.mode.IsDir() {
		return merge(old, child)
	}
	n.children[name] = child
	return nil
}

// merge puts the entries of one directory into another.
func merge(into, from *node) error {
	if err := into.open(); err != nil {
		return err
	}
	if len(into.children) == 0 && from.origin != nil {
		*into = *from // nothing to merge with: stays untouched
		return nil
	}
	if err := from.open(); err != nil {
		return err
	}
	into.origin = nil
	for _, name := range slices.Sorted(maps.Keys(from.children)) {
		if err := into.add(name, from.children[name]); err != nil {
			return err
		}
	}
	return nil
}

// open reads the names in a directory, once.
func (n *node) open() error {
	if n.children != nil {
		return nil
	}
	entries, err := fs.ReadDir(n.origin.tree, n.origin.name)
	if err != nil {
		return err
	}
	children := make(map[string]*node, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		children[e.Name()] = untouched(n.origin.tree, path.Join(n.origin.name, e.Name()), info)
	}
	n.children = children
	return nil
}

func untouched(tree fs.FS, name string, info fs.FileInfo) *node {
	return &node{mode: info.Mode(), origin: &origin{tree, name, info}}
}

// find returns the entry at a resolved path, nil when there is none.
func (w *Workspace) find(name string) (*node, error) {
	n := w.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if !n.mode.IsDir() {
			return nil, nil
		}
		if err := n.open(); err != nil {
			return nil, err
		}
		if n = n.children[part]; n == nil {
			return nil, nil
		}
	}
	return n, nil
}

// openForWriting returns a directory, made where needed, of which no part counts
// as untouched any more.
func (w *Workspace) openForWriting(name string) (*node, error) {
	n := w.root
	if err := n.open(); err != nil {
		return nil, err
	}
	n.origin = nil
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		child := n.children[part]
		if child == nil || !child.mode.IsDir() {
			child = newDir()
			n.children[part] = child
		}
		if err := child.open(); err != nil {
			return nil, err
		}
		child.origin = nil
		n = child
	}
	return n, nil
}

func fileMode(mode fs.FileMode) fs.FileMode {
	if mode&0o111 != 0 {
		return 0o755
	}
	return 0o644
}
