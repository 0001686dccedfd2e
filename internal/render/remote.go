package render

import (
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

// remoteTree is the parent's tree, of which a child asks what it needs, once. It
// is not safe for concurrent use.
type remoteTree struct {
	*worker
	dirs map[string]*remoteDir
}

// remoteDir is what is known of a directory.
type remoteDir struct {
	answer
	entries map[string]treeEntry
	files   map[string]treeFile
}

var (
	_ fs.ReadDirFS  = (*remoteTree)(nil)
	_ fs.ReadFileFS = (*remoteTree)(nil)
	_ fs.ReadLinkFS = (*remoteTree)(nil)
	_ fs.StatFS     = (*remoteTree)(nil)
)

func newRemoteTree(w *worker, known []given) *remoteTree {
	t := &remoteTree{worker: w, dirs: map[string]*remoteDir{}}
	for _, g := range known {
		t.learn(g.Dir, g.Answer)
	}
	return t
}

// learn keeps what is in a directory, and files of it.
func (t *remoteTree) learn(name string, a *answer) *remoteDir {
	d := &remoteDir{answer: *a, entries: map[string]treeEntry{}}
	for _, e := range a.Entries {
		d.entries[e.Base] = e
	}
	d.keep(a.Files)
	t.dirs[name] = d
	return d
}

func (d *remoteDir) keep(files []treeFile) {
	if len(files) > 0 && d.files == nil {
		d.files = map[string]treeFile{}
	}
	for _, f := range files {
		d.files[f.Base] = f
	}
}

func (t *remoteTree) ask(q question) *answer {
	if err := t.to.Encode(report{Question: &q}); err != nil {
		return &answer{Failed: err.Error()}
	}
	return <-t.answers
}

// err is the tree's, in its words.
func (a *answer) err() error {
	switch {
	case a.Failed == "":
		return nil
	case a.Missing:
		return &failedError{a.Failed, fs.ErrNotExist}
	}
	return errors.New(a.Failed)
}

func (t *remoteTree) dir(name string) *remoteDir {
	if d := t.dirs[name]; d != nil {
		return d
	}
	return t.learn(name, t.ask(question{Dir: name}))
}

// entry finds an entry, the root too.
func (t *remoteTree) entry(op, name string) (treeEntry, error) {
	if name == "." {
		return treeEntry{Base: ".", Type: fs.ModeDir}, nil
	}
	d := t.dir(path.Dir(name))
	e, found := d.entries[path.Base(name)]
	if err := d.err(); err != nil || found {
		return e, err
	}
	return e, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// file reads a file, and those beside it with the first one.
func (t *remoteTree) file(name string) (treeFile, error) {
	dir, base := path.Split(name)
	d := t.dir(path.Clean(dir))
	if f, known := d.files[base]; known {
		return f, nil
	}
	a := t.ask(question{Dir: path.Clean(dir), File: base, Beside: d.files == nil, Max: t.limits.Input})
	d.keep(a.Files)
	return d.files[base], a.err()
}

// Lstat implements fs.ReadLinkFS.
func (t *remoteTree) Lstat(name string) (fs.FileInfo, error) {
	e, err := t.entry("lstat", name)
	if err != nil {
		return nil, err
	}
	return remoteInfo{t, name, e}, nil
}

// Stat implements fs.StatFS.
func (t *remoteTree) Stat(name string) (fs.FileInfo, error) {
	to, err := directives.Resolve(t, name)
	if err != nil {
		return nil, err
	}
	return t.Lstat(to)
}

// ReadLink implements fs.ReadLinkFS.
func (t *remoteTree) ReadLink(name string) (string, error) {
	e, err := t.entry("readlink", name)
	return e.Target, err
}

// ReadDir implements fs.ReadDirFS.
func (t *remoteTree) ReadDir(name string) ([]fs.DirEntry, error) {
	d := t.dir(name)
	entries := make([]fs.DirEntry, len(d.Entries))
	for i, e := range d.Entries {
		entries[i] = fs.FileInfoToDirEntry(remoteInfo{t, path.Join(name, e.Base), e})
	}
	return entries, d.err()
}

// ReadFile implements fs.ReadFileFS.
func (t *remoteTree) ReadFile(name string) ([]byte, error) {
	f, err := t.file(name)
	if err == nil && f.Size != int64(len(f.Data)) {
		err = errTooMuchInput
	}
	return f.Data, err
}

// Open implements fs.FS. Nobody opens a file here, they are read.
func (t *remoteTree) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// remoteInfo is an entry of a remoteTree.
type remoteInfo struct {
	tree *remoteTree
	name string
	treeEntry
}

func (i remoteInfo) Name() string       { return i.Base }
func (i remoteInfo) Mode() fs.FileMode  { return i.Type }
func (i remoteInfo) IsDir() bool        { return i.Type.IsDir() }
func (i remoteInfo) ModTime() time.Time { return time.Time{} }
func (i remoteInfo) Sys() any           { return nil }

// Size is 0 for what can not be read; reading it says why.
func (i remoteInfo) Size() int64 {
	f, _ := i.tree.file(i.name)
	return f.Size
}
