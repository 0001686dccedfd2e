package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// emptyTree is the id of the tree without entries.
var emptyTree = object{kind: plumbing.TreeObject}.id()

// change puts an entry at a path of a tree; the zero entry removes what is
// there.
type change struct {
	path []string
	to   entry
}

// edit applies changes to a tree and gives the new one.
func (b *Batch) edit(ctx context.Context, base string, changes []change) (string, error) {
	root := emptyTree
	if base != "" {
		var err error
		if root, err = b.baseID(ctx, base); err != nil {
			return "", fmt.Errorf("write a tree: %w", err)
		}
	}
	e, err := b.editDir(ctx, root, changes)
	if err != nil {
		return "", fmt.Errorf("write a tree for %s: %w", b.repo.url, err)
	}
	return b.rootOf(e), nil
}

// rootOf gives the id of a root tree. Git knows no empty directory, but a root
// may be empty, and then it is an object like others.
func (b *Batch) rootOf(e entry) string {
	if e.mode == 0 {
		return b.put(object{kind: plumbing.TreeObject}).String()
	}
	return e.id.String()
}

// editDir gives the changed directory, the zero entry when nothing is left.
func (b *Batch) editDir(ctx context.Context, id plumbing.Hash, changes []change) (entry, error) {
	d := &directory{}
	if id != emptyTree {
		var err error
		if d, err = b.directory(ctx, id); err != nil {
			return entry{}, err
		}
	}
	here := map[string]entry{}     // replaced whole
	below := map[string][]change{} // changed within
	for _, c := range changes {
		name := c.path[0]
		if err := checkName(name); err != nil {
			return entry{}, err
		}
		if len(c.path) == 1 {
			here[name] = c.to
		} else {
			below[name] = append(below[name], change{path: c.path[1:], to: c.to})
		}
	}
	for name, inside := range below {
		if _, both := here[name]; both {
			return entry{}, fmt.Errorf("%q is both a file and a directory", name)
		}
		child := emptyTree
		if e, ok := d.find(name); ok && e.mode.isDir() {
			child = e.id
		}
		e, err := b.editDir(ctx, child, inside)
		if err != nil {
			return entry{}, err
		}
		here[name] = e
	}
	return b.putDir(d, here)
}

// putDir writes a directory with entries replaced, added or, by the zero
// entry, removed.
func (b *Batch) putDir(d *directory, replaced map[string]entry) (entry, error) {
	entries := slices.DeleteFunc(slices.Clone(d.entries), func(e entry) bool {
		_, gone := replaced[e.name]
		return gone
	})
	for name, e := range replaced {
		if e.mode != 0 {
			e.name = name
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return entry{}, nil
	}
	o, err := encodeDirectory(entries)
	if err != nil {
		return entry{}, err
	}
	return entry{mode: modeDir, id: b.put(o)}, nil
}

// known gives the id that an entry says it has, if the server has that object.
func (b *Batch) known(info fs.FileInfo) (id string, h plumbing.Hash, ok bool) {
	named, is := info.Sys().(interface{ GitID() string })
	if !is {
		return "", plumbing.ZeroHash, false
	}
	h, err := parseID(named.GitID())
	if err != nil {
		return "", plumbing.ZeroHash, false
	}
	return named.GitID(), h, b.repo.serverHas(h)
}

// Bounds of one content, in files and directories and in bytes of a path: trees
// that name each other many times over can hold more than any memory.
const (
	maxCopied    = 500_000
	maxPathBytes = 4096
)

// copying is content on its way into a batch.
type copying struct {
	*Batch
	content fs.FS
	count   int // of files and directories met
}

// dir gives the tree of a directory of content, the empty tree's id when there
// is no file in it.
func (c *copying) dir(dir string) (plumbing.Hash, error) {
	list, err := fs.ReadDir(c.content, dir)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if c.count += len(list); c.count > maxCopied {
		return plumbing.ZeroHash, fmt.Errorf("%s: more than %d files and directories", dir, maxCopied)
	}
	var entries []entry
	for _, item := range list {
		e, err := c.entry(path.Join(dir, item.Name()), item)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if e.mode != 0 {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return emptyTree, nil
	}
	o, err := encodeDirectory(entries)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("%s: %w", dir, err)
	}
	return c.put(o), nil
}

func (c *copying) entry(name string, item fs.DirEntry) (entry, error) {
	if err := checkName(item.Name()); err != nil {
		return entry{}, fmt.Errorf("%s: %w", path.Dir(name), err)
	}
	if len(name) > maxPathBytes {
		return entry{}, fmt.Errorf("%.100s...: a path of more than %d bytes", name, maxPathBytes)
	}
	info, err := item.Info()
	if err != nil {
		return entry{}, err
	}
	m, err := modeOf(info.Mode())
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", name, err)
	}
	e := entry{name: item.Name(), mode: m}
	said, id, known := c.known(info)
	switch {
	case m == modeSubmodule:
		if said == "" {
			return entry{}, fmt.Errorf("%s: a submodule without its commit", name)
		}
		e.id = id
	case known:
		e.id = id
	default:
		if e.id, err = c.once(name, m, said); err != nil {
			return entry{}, err
		}
	}
	if e.id == emptyTree {
		return entry{}, nil
	}
	return e, nil
}

// once copies a file or directory; one of another repository once, wherever it
// appears. said is its id there, "" when it has none.
func (c *copying) once(name string, m mode, said string) (plumbing.Hash, error) {
	c.mu.Lock()
	id, done := c.copied[said]
	c.mu.Unlock()
	if done {
		return id, nil
	}
	var err error
	if m == modeDir {
		id, err = c.dir(name)
	} else {
		var data []byte
		data, err = readEntry(c.content, name, m)
		id = c.put(object{kind: plumbing.BlobObject, data: data})
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if said != "" {
		c.mu.Lock()
		c.copied[said] = id
		c.mu.Unlock()
	}
	return id, nil
}

func readEntry(content fs.FS, name string, m mode) ([]byte, error) {
	if m != modeLink {
		return fs.ReadFile(content, name)
	}
	target, err := fs.ReadLink(content, name)
	if err != nil {
		return nil, err
	}
	if target == "" {
		return nil, fmt.Errorf("%s: %w", name, errors.New("a link to nothing"))
	}
	return []byte(target), nil
}
