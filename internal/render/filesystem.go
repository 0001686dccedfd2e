package render

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/towpath/towpath/internal/directives"
)

// fileSystem shows a tree to kustomize, at "/". Nothing is copied and nothing can
// be written.
type fileSystem struct {
	reader
	files map[string][]byte // what was read; kustomize asks for some files twice
}

var _ filesys.FileSystem = (*fileSystem)(nil)

var errReadOnly = errors.New("the tree is read-only")

func newFileSystem(ctx context.Context, tree fs.FS, limit int64) *fileSystem {
	return &fileSystem{reader: reader{ctx, tree, limit}, files: map[string][]byte{}}
}

// inTree turns kustomize's absolute path into one of the tree.
func inTree(name string) string {
	return strings.TrimPrefix(path.Join("/", filepath.ToSlash(name)), "/")
}

// resolve follows links and returns the entry; the root is ".".
func (f *fileSystem) resolve(name string) (string, fs.FileInfo, error) {
	if err := f.ctx.Err(); err != nil {
		return "", nil, context.Cause(f.ctx)
	}
	name = inTree(name)
	if name == "" {
		name = "."
	}
	to, err := directives.Resolve(f.tree, name)
	if err != nil {
		return "", nil, err
	}
	info, err := fs.Lstat(f.tree, to)
	return to, info, err
}

func (f *fileSystem) Exists(name string) bool {
	_, _, err := f.resolve(name)
	return err == nil
}

func (f *fileSystem) IsDir(name string) bool {
	_, info, err := f.resolve(name)
	return err == nil && info.IsDir()
}

// CleanedAbs returns the directory and, for a file, its name; without links, as
// kustomize's check that files stay under their root needs it.
func (f *fileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	to, info, err := f.resolve(name)
	if err != nil {
		return "", "", err
	}
	if info.IsDir() {
		return filesys.ConfirmedDir(path.Join("/", to)), "", nil
	}
	return filesys.ConfirmedDir(path.Join("/", path.Dir(to))), path.Base(to), nil
}

func (f *fileSystem) ReadDir(name string) ([]string, error) {
	to, _, err := f.resolve(name)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(f.tree, to)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	name = inTree(name)
	if data, ok := f.files[name]; ok {
		return slices.Clone(data), nil
	}
	data, err := f.file(name)
	if err != nil {
		return nil, err
	}
	f.files[name] = data
	return slices.Clone(data), nil
}

func (f *fileSystem) Open(name string) (filesys.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &file{Reader: bytes.NewReader(data), name: path.Base(name)}, nil
}

func (f *fileSystem) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(f.tree, inTree(pattern))
	for i := range names {
		names[i] = path.Join("/", names[i])
	}
	return names, err
}

func (f *fileSystem) Walk(name string, walk filepath.WalkFunc) error {
	to, _, err := f.resolve(name)
	if err != nil {
		return walk(name, nil, err)
	}
	return fs.WalkDir(f.tree, to, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return walk(path.Join("/", name), nil, err)
		}
		info, err := entry.Info()
		return walk(path.Join("/", name), info, err)
	})
}

func (*fileSystem) Create(string) (filesys.File, error) { return nil, errReadOnly }
func (*fileSystem) Mkdir(string) error                  { return errReadOnly }
func (*fileSystem) MkdirAll(string) error               { return errReadOnly }
func (*fileSystem) RemoveAll(string) error              { return errReadOnly }
func (*fileSystem) WriteFile(string, []byte) error      { return errReadOnly }

// file is an open file.
type file struct {
	*bytes.Reader
	name string
}

func (*file) Write([]byte) (int, error)    { return 0, errReadOnly }
func (*file) Close() error                 { return nil }
func (f *file) Stat() (fs.FileInfo, error) { return fileInfo{f}, nil }

type fileInfo struct{ file *file }

func (i fileInfo) Name() string     { return i.file.name }
func (i fileInfo) Size() int64      { return i.file.Size() }
func (fileInfo) Mode() fs.FileMode  { return 0o644 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
