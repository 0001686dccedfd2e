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
	Memory int64         // bytes that a [Pool]'s child may use; 0: 512 MiB
}

func (l Limits) orDefaults() Limits {
	if l.Time <= 0 {
		l.Time = time.Minute
	}
	if l.Input <= 0 {
		l.Input = 64 << 20
	}
	if l.Output <= 0 {
		l.Output = 64 << 20
	}
	if l.Memory <= 0 {
		l.Memory = 512 << 20
	}
	return l
}

// Renderer implements [directives.Renderer] in this process, whose stack and
// memory it does not protect: that takes a [Pool]. It is safe for concurrent use.
type Renderer struct{ limits Limits }

var _ directives.Renderer = (*Renderer)(nil)

// New returns a renderer within limits.
func New(limits Limits) *Renderer { return &Renderer{limits.orDefaults()} }

// RefusedError is something that a rendering asked for and never gets.
type RefusedError struct {
	File  string // in the tree
	Entry string // the entry in it, as written
	Why   string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: %q is refused: %s", e.File, e.Entry, e.Why)
}

// job is one rendering: exactly one of the two.
type job struct {
	Kustomize *directives.KustomizeBuild
	Helm      *directives.HelmTemplate
}

// path is what is rendered, in the tree.
func (j job) path() string {
	if j.Kustomize != nil {
		return j.Kustomize.Path
	}
	return j.Helm.Chart
}

// Kustomize returns what `kustomize build` prints for the directory.
func (r *Renderer) Kustomize(ctx context.Context, tree fs.FS, build directives.KustomizeBuild) ([]byte, error) {
	return r.bounded(ctx, tree, job{Kustomize: &build})
}

// Helm returns what `helm template` prints for the chart.
func (r *Renderer) Helm(ctx context.Context, tree fs.FS, template directives.HelmTemplate) ([]byte, error) {
	j, err := helmJob(template)
	if err != nil {
		return nil, err
	}
	return r.bounded(ctx, tree, j)
}

// bounded ends with the context or the time limit. Neither library can be
// interrupted: one that overruns is left behind, and ends at its next look at
// the tree.
func (r *Renderer) bounded(ctx context.Context, tree fs.FS, j job) ([]byte, error) {
	ctx, cancel := r.limits.within(ctx)
	defer cancel()
	done := make(chan outcome, 1)
	go func() { done <- r.limits.render(ctx, tree, j) }()
	select {
	case o := <-done:
		return o.printed, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// within bounds a rendering's time.
func (l Limits) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.Time, fmt.Errorf("it takes longer than %s", l.Time))
}

type outcome struct {
	printed []byte
	err     error
}

// guarded does something of a library's; a panic is an error.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the renderer panicked: %v", p)
		}
	}()
	return do()
}

func (l Limits) render(ctx context.Context, tree fs.FS, j job) (o outcome) {
	if err := directives.CheckPath(j.path()); err != nil {
		return outcome{err: err}
	}
	o.err = guarded(func() (err error) {
		if j.Kustomize != nil {
			o.printed, err = kustomizeBuild(newFileSystem(ctx, tree, l.Input), j.Kustomize.Path)
		} else {
			o.printed, err = helmTemplate(&reader{ctx: ctx, tree: tree, left: l.Input}, *j.Helm)
		}
		return err
	})
	if o.err == nil && int64(len(o.printed)) > l.Output {
		o = outcome{err: fmt.Errorf("it prints %d bytes, more than the %d allowed", len(o.printed), l.Output)}
	}
	return o
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
