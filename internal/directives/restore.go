package directives

import (
	"context"
	"io/fs"
	"path"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Restore makes the files of an earlier tree again, byte for byte, but for those
// that match preserve: they are what current has of them, and nothing where it has
// none. Current is nil when there is nothing now.
func Restore(ctx context.Context, earlier, current fs.FS, preserve []string) (*Result, error) {
	var kept gitignore.Matcher
	if len(preserve) > 0 {
		kept = anyGlob(preserve)
	}
	info, err := fs.Stat(earlier, ".")
	if err != nil {
		return nil, err
	}
	ws, left := NewWorkspace(), maxTree
	if err := ws.copyIn(ctx, ".", copier{tree: earlier, from: ".", ignore: kept, left: &left}, info); err != nil {
		return nil, err
	}
	if current != nil {
		if err := ws.preserve(ctx, current, preserve); err != nil {
			return nil, err
		}
	}
	return &Result{Tree: ws}, nil
}

// anyGlob matches the files that one of the globs matches.
type anyGlob []string

// Match implements gitignore.Matcher.
func (globs anyGlob) Match(segments []string, isDir bool) bool {
	name := path.Join(segments...)
	for _, glob := range globs {
		if !isDir && doublestar.MatchUnvalidated(path.Clean(glob), name) {
			return true
		}
	}
	return false
}
