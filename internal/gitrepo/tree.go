package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// source is where a tree's objects come from: a repository, or a batch over
// one.
type source interface {
	directory(ctx context.Context, id plumbing.Hash) (*directory, error)
	// blob reads a file; the missing ones beside it come along.
	blob(ctx context.Context, id plumbing.Hash, beside *directory) ([]byte, error)
	missing(ids []plumbing.Hash) []plumbing.Hash
	ensure(ctx context.Context, ids []plumbing.Hash, scope scope) error
}

// Tree is a git tree as a read-only file system: fs.FS, ReadDirFS, ReadFileFS,
// StatFS and ReadLinkFS. What is not in the mirror is fetched when it is read:
// a directory listing with all listings beneath it, a file with the files
// beside it. Prefetch brings more at once.
//
// Links inside the tree are followed, except by Lstat and ReadLink; a link
// that leaves the tree does not exist. FileInfo.Sys has the method
// GitID() string. It is safe for parallel use.
type Tree struct {
	// ctx bounds the fetches: the methods of fs.FS have no place for one, and
	// a tree lives no longer than the look that opened it.
	ctx  context.Context
	src  source
	root plumbing.Hash
}

var (
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
)

// Tree opens the tree of a commit (or annotated tag), or a tree by its id. The
// context serves all later reads.
func (r *Repo) Tree(ctx context.Context, commitOrTree string) (*Tree, error) {
	root, err := r.treeID(ctx, commitOrTree)
	if err != nil {
		return nil, err
	}
	return &Tree{ctx: ctx, src: r, root: root}, nil
}

// gitID is what FileInfo.Sys gives.
type gitID string

// GitID is the id of the blob or tree; for a submodule that of its commit.
func (id gitID) GitID() string { return string(id) }

// ID is the id of the tree.
func (t *Tree) ID() string { return t.root.String() }

// Open implements fs.FS.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.lookup("open", name, true)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return &dirFile{node: n, name: name}, nil
	}
	data, err := n.content()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &blobFile{Reader: bytes.NewReader(data), node: n}, nil
}

// ReadFile implements fs.ReadFileFS.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.lookup("read", name, true)
	if err != nil {
		return nil, err
	}
	data, err := n.content()
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return bytes.Clone(data), nil
}

// ReadDir implements fs.ReadDirFS.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.lookup("readdir", name, true)
	if err != nil {
		return nil, err
	}
	list, err := n.list()
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return list, nil
}

// Stat implements fs.StatFS. Asking the size of a file reads it.
func (t *Tree) Stat(name string) (fs.FileInfo, error) { return t.lookup("stat", name, true) }

// Lstat implements fs.ReadLinkFS.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) { return t.lookup("lstat", name, false) }

// ReadLink implements fs.ReadLinkFS.
func (t *Tree) ReadLink(name string) (string, error) {
	n, err := t.lookup("readlink", name, false)
	if err != nil {
		return "", err
	}
	if !n.mode.isLink() {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := n.content()
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target), nil
}

// maxLinks is how many links one path may go through, as in Linux.
const maxLinks = 40

// lookup walks to a path. A link as the last element is followed on demand.
func (t *Tree) lookup(op, name string, follow bool) (*node, error) {
	n, err := t.walk(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	n.entry.name = path.Base(name)
	return n, nil
}

func (t *Tree) walk(name string, follow bool) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	// at holds the way from the root to where we are, so that ".." of a link's
	// target means the directory that the link is in.
	at := []*node{{tree: t, entry: entry{name: ".", mode: modeDir, id: t.root}}}
	rest := strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		here := at[len(at)-1]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(at) == 1 {
				return nil, fmt.Errorf("link leaves the tree: %w", fs.ErrNotExist)
			}
			at = at[:len(at)-1]
			continue
		}
		next, err := here.child(part)
		if err != nil {
			return nil, err
		}
		if !next.mode.isLink() || (len(rest) == 0 && !follow) {
			at = append(at, next)
			continue
		}
		target, err := next.content()
		if err != nil {
			return nil, err
		}
		if links++; links > maxLinks {
			return nil, errors.New("too many links")
		}
		if path.IsAbs(string(target)) {
			return nil, fmt.Errorf("link leaves the tree: %w", fs.ErrNotExist)
		}
		rest = append(strings.Split(string(target), "/"), rest...)
	}
	return at[len(at)-1], nil
}

// node is an entry in its place: fs.FileInfo and fs.DirEntry.
type node struct {
	entry
	tree *Tree
	in   *directory // nil for the root
}

func (n *node) Name() string               { return n.name }
func (n *node) Mode() fs.FileMode          { return n.mode.fsMode() }
func (n *node) Type() fs.FileMode          { return n.mode.fsMode().Type() }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) IsDir() bool                { return n.mode.isDir() }
func (n *node) Sys() any                   { return gitID(n.id.String()) }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) String() string             { return fs.FormatFileInfo(n) }

// Size reads the file, so that listing a directory does not. It is 0 for what
// can not be read: reading it reports why.
func (n *node) Size() int64 {
	if !n.mode.isBlob() {
		return 0
	}
	data, err := n.content()
	if err != nil {
		return 0
	}
	return int64(len(data))
}

func (n *node) child(name string) (*node, error) {
	if !n.IsDir() {
		return nil, fs.ErrNotExist
	}
	d, err := n.tree.src.directory(n.tree.ctx, n.id)
	if err != nil {
		return nil, err
	}
	e, ok := d.find(name)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return &node{entry: e, tree: n.tree, in: d}, nil
}

func (n *node) content() ([]byte, error) {
	if !n.mode.isBlob() {
		return nil, fmt.Errorf("not a file: %w", fs.ErrInvalid)
	}
	return n.tree.src.blob(n.tree.ctx, n.id, n.in)
}

// list gives the entries by name. A listing is mostly followed by those
// beneath, so all of them come at once; except for the root, whose whole tree
// may be large.
func (n *node) list() ([]fs.DirEntry, error) {
	if !n.IsDir() {
		return nil, errors.New("not a directory")
	}
	if n.in != nil {
		if err := n.tree.src.ensure(n.tree.ctx, []plumbing.Hash{n.id}, withTrees); err != nil {
			return nil, err
		}
	}
	d, err := n.tree.src.directory(n.tree.ctx, n.id)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(d.entries))
	for _, e := range d.entries {
		list = append(list, &node{entry: e, tree: n.tree, in: d})
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// blobFile is an open file.
type blobFile struct {
	*bytes.Reader
	node *node
}

func (f *blobFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *blobFile) Close() error               { return nil }

// dirFile is an open directory.
type dirFile struct {
	node *node
	name string
	list []fs.DirEntry // what is left, once read
	read bool
}

func (f *dirFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *dirFile) Close() error               { return nil }

func (f *dirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (f *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if !f.read {
		list, err := f.node.list()
		if err != nil {
			return nil, &fs.PathError{Op: "readdir", Path: f.name, Err: err}
		}
		f.list, f.read = list, true
	}
	if n <= 0 {
		n = len(f.list)
	} else if len(f.list) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.list))
	head := f.list[:n]
	f.list = f.list[n:]
	return head, nil
}
