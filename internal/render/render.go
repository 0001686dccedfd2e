// Package render turns a tree into manifests, byte for byte as `kustomize build`
// and `helm template` of the pinned versions print them (R1).
//
// It is the only importer of kustomize and Helm. It knows their file systems,
// their globals and what they would reach for: the network, programs and the
// host's files are refused before they are tried. It does not know where a tree
// comes from or what becomes of the manifests.
package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

// Limits bound one rendering (R2).
type Limits struct {
	Time   time.Duration // 0: a minute
	Input  int64         // bytes read from the tree; 0: 64 MiB
	Output int64         // bytes printed; 0: 64 MiB
}

// Renderer implements [directives.Renderer]. It is safe for concurrent use.
type Renderer struct{ limits Limits }

var _ directives.Renderer = (*Renderer)(nil)

// New returns a renderer within limits.
func New(limits Limits) *Renderer {
	if limits.Time <= 0 {
		limits.Time = time.Minute
	}
	if limits.Input <= 0 {
		limits.Input = 64 << 20
	}
	if limits.Output <= 0 {
		limits.Output = 64 << 20
	}
	return &Renderer{limits}
}

// RefusedError is something that a rendering asked for and never gets.
type RefusedError struct {
	File  string // in the tree
	Entry string // the entry in it, as written
	Why   string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: %q is refused: %s", e.File, e.Entry, e.Why)
}

// Kustomize returns what `kustomize build` prints for the directory.
func (r *Renderer) Kustomize(ctx context.Context, tree fs.FS, build directives.KustomizeBuild) ([]byte, error) {
	if err := directives.CheckPath(build.Path); err != nil {
		return nil, err
	}
	return r.bounded(ctx, func(ctx context.Context) ([]byte, error) {
		return kustomizeBuild(newFileSystem(ctx, tree, r.limits.Input), build.Path)
	})
}

// Helm returns what `helm template` prints for the chart.
func (r *Renderer) Helm(ctx context.Context, tree fs.FS, template directives.HelmTemplate) ([]byte, error) {
	if err := directives.CheckPath(template.Chart); err != nil {
		return nil, err
	}
	return r.bounded(ctx, func(ctx context.Context) ([]byte, error) {
		return helmTemplate(&reader{ctx: ctx, tree: tree, left: r.limits.Input}, template)
	})
}

// bounded runs a rendering within the limits; a panic is an error. Neither
// library can be interrupted: one that overruns is left behind, and ends at its
// next look at the tree.
func (r *Renderer) bounded(ctx context.Context, render func(context.Context) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Time, fmt.Errorf("it takes longer than %s", r.limits.Time))
	defer cancel()
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if p := recover(); p != nil {
				res = result{err: fmt.Errorf("the renderer panicked: %v", p)}
			}
			done <- res
		}()
		res.out, res.err = render(ctx)
	}()
	select {
	case res := <-done:
		if res.err == nil && int64(len(res.out)) > r.limits.Output {
			return nil, fmt.Errorf("it prints %d bytes, more than the %d allowed", len(res.out), r.limits.Output)
		}
		return res.out, res.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// reader reads a tree within a context and a number of bytes. Links are followed
// inside the tree.
type reader struct {
	ctx  context.Context
	tree fs.FS
	left int64
}

var errTooMuchInput = errors.New("it reads more than is allowed")

func (r *reader) file(name string) ([]byte, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, context.Cause(r.ctx)
	}
	to, err := directives.Resolve(r.tree, name)
	if err != nil {
		return nil, err
	}
	info, err := fs.Lstat(r.tree, to)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("not a file")}
	}
	if r.left -= info.Size(); r.left < 0 {
		return nil, errTooMuchInput
	}
	return fs.ReadFile(r.tree, to)
}
