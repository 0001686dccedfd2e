package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/towpath/towpath/internal/gitrepo"
)

// errNoFolder is a file, a link or a submodule where a stage's folder should be.
var errNoFolder = errors.New("not a folder")

// emptyTree is the id that git gives to a tree without entries.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// content is the identity of what a stage owns at a commit: the git id of its
// folder, or, where some files are preserved from the branch and so not its
// own, a hash of the ids of the others. Empty when there is nothing.
func (l *look) content(ctx context.Context, at *place, commit string) (string, error) {
	if commit == "" {
		return "", nil
	}
	folder, err := l.folder(ctx, at, commit)
	if err != nil || folder == nil {
		return "", err
	}
	return contentID(folder, at.update.Preserve)
}

// folder is the stage's tree at a commit; nil when there is none.
func (l *look) folder(ctx context.Context, at *place, commit string) (fs.FS, error) {
	tree, err := at.home.git.Tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	return subfolder(tree, at.stage.Target.Path)
}

// subfolder is a folder of a tree, "." the tree itself; nil when there is none.
func subfolder(tree *gitrepo.Tree, name string) (fs.FS, error) {
	if name = path.Clean(name); name == "." {
		return tree, nil
	}
	info, err := tree.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s: %w", name, errNoFolder)
	}
	return fs.Sub(tree, name)
}

// maxFiles bounds what is walked through to tell the preserved files from the
// others: a few objects of git can be a tree without end.
const maxFiles = 500_000

func contentID(folder fs.FS, preserve []string) (string, error) {
	if len(preserve) == 0 {
		info, err := fs.Stat(folder, ".")
		if err != nil {
			return "", err
		}
		if id := gitID(info); id != emptyTree {
			return id, nil
		}
		return "", nil
	}
	hash, any, left := sha256.New(), false, maxFiles
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fmt.Errorf("it has more than %d files and folders", maxFiles)
		}
		if err != nil || entry.IsDir() || matches(preserve, name) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		any = true
		_, err = fmt.Fprintf(hash, "%s %s %s\n", info.Mode(), gitID(info), name)
		return err
	})
	if err != nil || !any {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)[:20]), nil
}

// matches tells whether one of the globs matches a path.
func matches(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return doublestar.MatchUnvalidated(glob, name) })
}

func gitID(info fs.FileInfo) string {
	if known, ok := info.Sys().(interface{ GitID() string }); ok {
		return known.GitID()
	}
	return ""
}
