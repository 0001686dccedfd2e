package directives

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Result is what a program made.
type Result struct {
	Tree      *Workspace
	Edits     []Edit // what the directives changed in files, in order
	Resources int    // how many manifests were rendered; 0 without rendering
}

// StepError is a directive that failed (P11).
type StepError struct {
	Index    int // from 1
	Kind     string
	Path     string
	Position string // of the directive in the configuration
	Err      error
}

func (e *StepError) Error() string {
	return fmt.Sprintf("directive %d (%s %s): %v", e.Index, e.Kind, e.Path, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

// RenderError is an application that could not be rendered, or whose rendering
// was refused (P10, R3).
type RenderError struct {
	App  string // empty when the stage has one application without a name
	Kind string // kustomize | helm | directory
	Path string
	Err  error
}

func (e *RenderError) Error() string {
	app := ""
	if e.App != "" {
		app = " " + e.App
	}
	return fmt.Sprintf("render%s (%s %s): %v", app, e.Kind, e.Path, e.Err)
}

func (e *RenderError) Unwrap() error { return e.Err }

// Run applies the directives in order to a workspace that starts empty, renders
// it, and takes what is to be preserved from current, the branch's tree at the
// path now (nil when there is none). Failures are a [*StepError], a
// [*RenderError], or an error about the whole.
func Run(ctx context.Context, p Program, env *Env, current fs.FS) (*Result, error) {
	ws := NewWorkspace()
	for _, s := range p.Steps {
		if err := s.apply(ctx, ws, env); err != nil {
			return nil, err
		}
	}
	result := &Result{Tree: ws, Edits: ws.Edits()}
	if len(p.Render) > 0 {
		if err := result.render(ctx, p, env); err != nil {
			return nil, err
		}
		if err := result.checkPins(ctx, p, env); err != nil {
			return nil, err
		}
	} else if len(ws.root.children) == 0 && !p.AllowEmpty {
		return nil, errors.New("the directives made no files; `allowEmpty` permits that")
	}
	if current != nil {
		if err := result.Tree.preserve(ctx, current, p.Preserve); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func (s Step) apply(ctx context.Context, ws *Workspace, env *Env) error {
	err := ctx.Err()
	if err == nil {
		err = s.Directive.Apply(ctx, ws, env)
	}
	if err == nil {
		return nil
	}
	failed := &StepError{Index: s.Index, Kind: s.Directive.Kind(), Position: s.Position, Err: err}
	if d, ok := s.Directive.(interface{ Target() string }); ok {
		failed.Path = d.Target()
	}
	return failed
}

// render replaces the workspace by what the applications print.
func (r *Result) render(ctx context.Context, p Program, env *Env) error {
	out := newOutput()
	for _, app := range p.Render {
		if err := out.print(ctx, app, r.Tree, env, p.AllowEmpty); err != nil {
			kind, target := app.target()
			return &RenderError{App: app.Name, Kind: kind, Path: target, Err: err}
		}
	}
	tree, err := out.tree()
	if err != nil {
		return fmt.Errorf("lay out the rendered files: %w", err)
	}
	r.Tree, r.Resources = tree, out.resources
	return nil
}

// target is what an application is made of, for errors.
func (a App) target() (kind, name string) {
	switch {
	case a.Directory != nil:
		return "directory", a.Directory.Path
	case a.Kustomize != nil:
		return "kustomize", a.Kustomize.Path
	}
	return "helm", a.Helm.Chart
}

// manifests are those of one application, as they are printed or written.
func (a App) manifests(ctx context.Context, tree *Workspace, renderer Renderer) ([]stream, error) {
	var printed []byte
	var err error
	switch {
	case a.Directory != nil:
		return a.Directory.read(tree)
	case a.Kustomize != nil:
		printed, err = renderer.Kustomize(ctx, tree, *a.Kustomize)
	default:
		printed, err = renderer.Helm(ctx, tree, *a.Helm)
	}
	return []stream{{data: printed}}, err
}

// CheckGlob says why a glob can not be used. Globs are relative to the target's
// folder; ** stands for any number of directories. What would be tried in too
// many ways is refused: every brace and every ** multiplies them.
func CheckGlob(glob string) error {
	switch {
	case !doublestar.ValidatePattern(glob):
		return fmt.Errorf("the glob %q is malformed", glob)
	case strings.Count(glob, "**") > 3, strings.Count(glob, "{") > 3:
		return fmt.Errorf("the glob %q has more than three ** or more than three braces", glob)
	}
	return nil
}

// preserve puts the files of the branch that match over the result. Where the
// branch has none, what the directives made stays.
func (w *Workspace) preserve(ctx context.Context, current fs.FS, globs []string) error {
	bounded := &boundedTree{FS: current, left: maxTree}
	for _, glob := range globs {
		if err := CheckGlob(glob); err != nil {
			return err
		}
		err := doublestar.GlobWalk(bounded, path.Clean(glob), func(name string, _ fs.DirEntry) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			info, err := fs.Lstat(current, name)
			if err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.put(name, untouched(current, name, info))
		}, doublestar.WithFilesOnly(), doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors())
		if err != nil {
			return fmt.Errorf("preserve %q: %w", glob, err)
		}
	}
	return nil
}

// boundedTree lists so many entries and no more.
type boundedTree struct {
	fs.FS
	left int
}

// ReadDir implements fs.ReadDirFS.
func (t *boundedTree) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(t.FS, name)
	if t.left -= len(entries); err == nil && t.left < 0 {
		err = errTooManyEntries
	}
	return entries, err
}

// Stat implements fs.StatFS.
func (t *boundedTree) Stat(name string) (fs.FileInfo, error) { return fs.Stat(t.FS, name) }
