package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// Local is somebody's clone on disk, read and never written, without any
// network. Its work tree and index are not looked at, hooks and configured
// programs are not run. It is safe for parallel use.
type Local struct {
	dir    string // as it was given
	git    string // what belongs to this work tree
	common string // what all work trees share
	lack   string // why objects may be missing, "" where none should be

	remotes map[string]string // name → address

	mu      sync.Mutex
	objects []*objectDir // its own, then those that it borrows
	trees   *treeCache
}

// Open opens the clone in dir: a work tree with a .git directory, or with a
// .git file as additional work trees and submodules have, or a bare repository.
// Repositories with SHA-256 ids are refused.
func Open(dir string) (*Local, error) {
	c, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("open clone %s: %w", dir, err)
	}
	return c, nil
}

func open(dir string) (*Local, error) {
	git, err := gitDirOf(dir)
	if err != nil {
		return nil, err
	}
	c := &Local{dir: dir, git: git, common: git, trees: newTreeCache()}
	if shared, err := readLine(filepath.Join(git, "commondir")); err == nil {
		c.common = under(git, shared)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := c.configure(); err != nil {
		return nil, err
	}
	c.objects, err = openObjects(filepath.Join(c.common, "objects"), 0, map[string]bool{})
	return c, err
}

// Remote returns the address of a remote as the clone's own configuration has it;
// empty: there is none of the name.
func (c *Local) Remote(name string) string { return c.remotes[name] }

// gitDirOf finds the repository of a directory.
func gitDirOf(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil { // relative paths start from where it really is
		return "", err
	}
	inside := filepath.Join(abs, ".git")
	info, err := os.Stat(inside)
	switch {
	case err == nil && !info.IsDir():
		line, err := readLine(inside)
		if err != nil {
			return "", err
		}
		named, ok := strings.CutPrefix(line, "gitdir: ")
		if !ok {
			return "", errors.New("its .git file does not name a repository")
		}
		abs = under(abs, named)
	case err == nil:
		abs = inside
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if _, err := os.Stat(filepath.Join(abs, "HEAD")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", errors.New("not a git repository: want a clone's top folder or a bare repository")
		}
		return "", err
	}
	return abs, nil
}

// under gives a path that may be relative to a directory.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// Bounds of files, in bytes: far more than git writes.
const (
	maxLineFile = 64 << 10
	maxListFile = 4 << 20
)

func readLine(file string) (string, error) {
	content, err := readRegular(file, maxLineFile)
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// configure reads what of the configuration says how to read the rest.
func (c *Local) configure() error {
	content, err := readRegular(filepath.Join(c.common, "config"), maxListFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	settings := config.New()
	if err := config.NewDecoder(bytes.NewReader(content)).Decode(settings); err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	extensions := settings.Section("extensions")
	if format := extensions.Option("objectformat"); format != "" && !strings.EqualFold(format, "sha1") {
		return fmt.Errorf("its object ids are %s, and only SHA-1 is supported; `git clone` of a SHA-1 repository can be opened", format)
	}
	if storage := extensions.Option("refstorage"); storage != "" && !strings.EqualFold(storage, "files") {
		return fmt.Errorf("its refs are kept as %s, and only files are supported; `git refs migrate --ref-format=files` converts them", storage)
	}
	partial := extensions.Option("partialclone") != ""
	c.remotes = map[string]string{}
	for _, remote := range settings.Section("remote").Subsections {
		c.remotes[remote.Name] = remote.Option("url")
		partial = partial || strings.EqualFold(remote.Option("promisor"), "true")
	}
	info, err := os.Stat(filepath.Join(c.common, "shallow"))
	shallow := err == nil && info.Size() > 0
	switch {
	case partial && shallow:
		c.lack = "shallow partial"
	case partial:
		c.lack = "partial"
	case shallow:
		c.lack = "shallow"
	}
	return nil
}

// maxBorrowing is how far clones may borrow from clones that borrow, as in git.
const maxBorrowing = 5

// openObjects opens an object directory and those that it borrows from.
func openObjects(dir string, depth int, seen map[string]bool) ([]*objectDir, error) {
	if depth > maxBorrowing || seen[dir] {
		return nil, nil
	}
	seen[dir] = true
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("its objects should be in %s, where no object directory is", dir)
	}
	all := []*objectDir{{dir: dir}}
	list, err := readRegular(filepath.Join(dir, "info", "alternates"), maxListFile)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		borrowed, err := openObjects(under(dir, line), depth+1, seen)
		if err != nil {
			return nil, err
		}
		all = append(all, borrowed...)
	}
	return all, nil
}

// Commit reads a commit by its full id, also through an annotated tag.
func (c *Local) Commit(ctx context.Context, id string) (Commit, error) {
	h, err := parseID(id)
	if err != nil {
		return Commit{}, err
	}
	h, o, err := peel(ctx, c, h)
	if err != nil {
		return Commit{}, err
	}
	if o.kind != plumbing.CommitObject {
		return Commit{}, fmt.Errorf("%s in %s is a %s, not a commit", h, c.dir, o.kind)
	}
	return decodeCommit(h, o)
}

// Tree opens the tree of a commit (or annotated tag), or a tree by its id.
func (c *Local) Tree(ctx context.Context, commitOrTree string) (*Tree, error) {
	h, err := parseID(commitOrTree)
	if err != nil {
		return nil, err
	}
	h, o, err := peel(ctx, c, h)
	if err != nil {
		return nil, err
	}
	switch o.kind {
	case plumbing.TreeObject:
		return &Tree{ctx: ctx, src: c, root: h}, nil
	case plumbing.CommitObject:
		commit, err := decodeCommit(h, o)
		return &Tree{ctx: ctx, src: c, root: plumbing.NewHash(commit.Tree)}, err
	}
	return nil, fmt.Errorf("%s in %s is a %s, it has no tree", h, c.dir, o.kind)
}

// object gives an object, or says that it is missing and why that may be.
func (c *Local) object(ctx context.Context, id plumbing.Hash) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o, err := c.find(id)
	if errors.Is(err, errMissing) || errors.Is(err, errGone) {
		for _, d := range c.objects {
			d.refresh() // git may have packed them meanwhile
		}
		o, err = c.find(id)
	}
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, errTooMuch):
		return object{}, fmt.Errorf("object %s in %s: %w", id, c.dir, err)
	case !errors.Is(err, errMissing):
		return object{}, fmt.Errorf("object %s in %s is damaged: %w", id, c.dir, err)
	case c.lack != "":
		return object{}, fmt.Errorf("object %s is missing in %s, which is a %s clone: fetch it there, or use a full clone", id, c.dir, c.lack)
	}
	return object{}, fmt.Errorf("object %s is missing in %s: fetch there, or check it with `git fsck`", id, c.dir)
}

// find looks into all object directories.
func (c *Local) find(id plumbing.Hash) (object, error) {
	for _, d := range c.objects {
		if o, err := d.get(id); !errors.Is(err, errMissing) {
			return o, err
		}
	}
	return object{}, errMissing
}

// The methods of source: what is missing stays missing.

func (c *Local) directory(ctx context.Context, id plumbing.Hash) (*directory, error) {
	return readDirectory(ctx, c, c.trees, id)
}

func (c *Local) blob(ctx context.Context, id plumbing.Hash, _ *directory) ([]byte, error) {
	return readBlob(ctx, c, id)
}

func (c *Local) missing([]plumbing.Hash) []plumbing.Hash { return nil }

func (c *Local) ensure(context.Context, []plumbing.Hash, scope) error { return nil }
