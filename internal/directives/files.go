package directives

import (
	"context"
	"fmt"

	"github.com/bmatcuk/doublestar/v4"
)

// Delete removes what a path or a glob names from the workspace.
type Delete struct {
	Path string // ** stands for any number of directories
}

// Kind implements Directive.
func (Delete) Kind() string { return "delete" }

// Target is what the directive removes, for errors.
func (d Delete) Target() string { return d.Path }

// Apply removes a file, a link, or a directory with all that is in it, and the
// directories that are empty then. A path is a glob where nothing has that very
// name. Nothing to remove is an error (D6).
func (d Delete) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	if err := CheckPath(d.Path); err != nil {
		return err
	}
	names := []string{d.Path}
	if _, err := ws.Lstat(d.Path); err != nil {
		if err := CheckGlob(d.Path); err != nil {
			return err
		}
		if names, err = doublestar.Glob(ws, d.Path, doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors()); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no %s in the workspace", d.Path)
	}
	for _, name := range outermost(names) {
		if err := ws.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// outermost leaves out what lies in a directory that is named itself.
func outermost(names []string) []string {
	named := map[string]bool{}
	for _, name := range names {
		named[name] = true
	}
	if named["."] {
		return []string{"."}
	}
	var out []string
	for _, name := range names {
		inside := false
		for i := range name {
			inside = inside || name[i] == '/' && named[name[:i]]
		}
		if !inside {
			out = append(out, name)
		}
	}
	return out
}

// Write writes a file with the content that the configuration says.
type Write struct {
	File    string
	Content string
}

// Kind implements Directive.
func (Write) Kind() string { return "write" }

// Target is the file that the directive writes, for errors.
func (w Write) Target() string { return w.File }

// Apply writes the bytes as they are, in the place of whatever is there (D6).
func (w Write) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	return ws.WriteFile(w.File, []byte(w.Content), 0o644)
}
