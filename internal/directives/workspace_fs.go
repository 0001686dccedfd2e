package directives

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"
)

var (
	_ fs.ReadDirFS  = (*Workspace)(nil)
	_ fs.ReadFileFS = (*Workspace)(nil)
	_ fs.StatFS     = (*Workspace)(nil)
	_ fs.ReadLinkFS = (*Workspace)(nil)
)

// lockedWorkspace is what Resolve needs of a workspace whose lock is held.
type lockedWorkspace struct{ *Workspace }

func (w lockedWorkspace) Lstat(name string) (fs.FileInfo, error) { return w.lstat(name) }
func (w lockedWorkspace) ReadLink(name string) (string, error)   { return w.readLink(name) }

// Open implements fs.FS.
func (w *Workspace) Open(name string) (fs.File, error) {
	info, err := w.stat("open", name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		entries, err := w.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{openFile: openFile{info: info, name: name}, entries: entries}, nil
	}
	data, err := w.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{info: info, name: name, Reader: bytes.NewReader(data)}, nil
}

// ReadDir implements fs.ReadDirFS.
func (w *Workspace) ReadDir(name string) ([]fs.DirEntry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.readDir(name)
}

// ReadFile implements fs.ReadFileFS. The bytes are the caller's.
func (w *Workspace) ReadFile(name string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.follow("read", name)
	if err != nil {
		return nil, err
	}
	switch {
	case n.mode.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	case n.origin != nil:
		return fs.ReadFile(n.origin.tree, n.origin.name)
	}
	return slices.Clone(n.data), nil
}

// Stat implements fs.StatFS.
func (w *Workspace) Stat(name string) (fs.FileInfo, error) { return w.stat("stat", name) }

// Lstat implements fs.ReadLinkFS.
func (w *Workspace) Lstat(name string) (fs.FileInfo, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	to, err := w.resolveParent("lstat", name)
	if err != nil {
		return nil, err
	}
	return w.lstat(to)
}

// ReadLink implements fs.ReadLinkFS.
func (w *Workspace) ReadLink(name string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	to, err := w.resolveParent("readlink", name)
	if err != nil {
		return "", err
	}
	return w.readLink(to)
}

func (w *Workspace) stat(op, name string) (fs.FileInfo, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.follow(op, name)
	if err != nil {
		return nil, err
	}
	return n.info(path.Base(name)), nil
}

// follow returns the entry that a path leads to.
func (w *Workspace) follow(op, name string) (*node, error) {
	to, err := Resolve(lockedWorkspace{w}, name)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	n, err := w.find(to)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

// resolveParent follows the links on the way to a path, not one at its end. The
// caller holds the lock.
func (w *Workspace) resolveParent(op, name string) (string, error) {
	if err := CheckPath(name); err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: err}
	}
	dir, err := Resolve(lockedWorkspace{w}, path.Dir(name))
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: err}
	}
	return path.Join(dir, path.Base(name)), nil
}

func (w *Workspace) lstat(name string) (fs.FileInfo, error) {
	n, err := w.find(name)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	return n.info(path.Base(name)), nil
}

func (w *Workspace) readLink(name string) (string, error) {
	n, err := w.find(name)
	switch {
	case err != nil:
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	case n == nil:
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrNotExist}
	case n.mode.Type() != fs.ModeSymlink:
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	case n.origin != nil:
		return fs.ReadLink(n.origin.tree, n.origin.name)
	}
	return string(n.data), nil
}

func (w *Workspace) readDir(name string) ([]fs.DirEntry, error) {
	n, err := w.follow("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	if err := n.open(); err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, 0, len(n.children))
	for _, child := range slices.Sorted(maps.Keys(n.children)) {
		entries = append(entries, fs.FileInfoToDirEntry(n.children[child].info(child)))
	}
	return entries, nil
}

func (n *node) info(name string) fs.FileInfo {
	return fileInfo{node: *n, name: name}
}

// fileInfo is a snapshot of an entry.
type fileInfo struct {
	node node
	name string
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Mode() fs.FileMode  { return i.node.mode }
func (i fileInfo) IsDir() bool        { return i.node.mode.IsDir() }
func (i fileInfo) ModTime() time.Time { return time.Time{} }

func (i fileInfo) Size() int64 {
	if i.node.origin != nil {
		return i.node.origin.info.Size()
	}
	return int64(len(i.node.data))
}

// Sys returns what the source said of an untouched entry, which knows its
// GitID() string; nil for what was made here.
func (i fileInfo) Sys() any {
	if i.node.origin == nil {
		return nil
	}
	return i.node.origin.info.Sys()
}

type openFile struct {
	*bytes.Reader
	info fs.FileInfo
	name string
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	openFile
	entries []fs.DirEntry
}

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		all := d.entries
		d.entries = nil
		return all, nil
	}
	if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	some := d.entries[:n]
	d.entries = d.entries[n:]
	return some, nil
}
