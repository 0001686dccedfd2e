package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync"

	"github.com/towpath/towpath/internal/directives"
)

// Pool implements [directives.Renderer] in children of this very program, which
// are started when they are needed and kept. What a hostile chart or base
// exhausts is the child's: its stack, its memory, its time (R2). It is safe for
// concurrent use; as many children as processors work at once, and at most four:
// each may use its memory limit, and keeps up to 64 MiB when it stays idle.
type Pool struct {
	limits Limits
	slots  chan struct{} // one for each child that works

	mu   sync.Mutex
	idle []*child // the one that worked last is at the end
	shut bool
}

var _ directives.Renderer = (*Pool)(nil)

// workerArgument is what a program is started with to be a pool's child.
const workerArgument = "render-worker"

// IsWorker reports whether a command line, the program's name first, is that of a
// pool's child. A program that makes a pool asks so before anything else, and then
// does nothing but exit with what [Serve] returns.
func IsWorker(args []string) bool { return len(args) == 2 && args[1] == workerArgument }

const maxChildren = 4

// NewPool returns a pool within limits. Nothing is started yet.
func NewPool(limits Limits) *Pool {
	return &Pool{limits: limits.orDefaults(), slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), maxChildren))}
}

// Warm starts a child, so that the first rendering does not have to wait for it.
func (p *Pool) Warm() error {
	c := p.take()
	if c == nil {
		var err error
		if c, err = p.start(); err != nil {
			return err
		}
	}
	p.keep(c)
	return nil
}

// Close ends the children that do not work, and every other one after its work.
// They also end with this program, however that ends.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for _, c := range p.idle {
		c.kill()
	}
	p.idle = nil
}

// Kustomize returns what `kustomize build` prints for the directory.
func (p *Pool) Kustomize(ctx context.Context, tree fs.FS, build directives.KustomizeBuild) ([]byte, error) {
	return p.render(ctx, tree, job{Kustomize: &build})
}

// Helm returns what `helm template` prints for the chart.
func (p *Pool) Helm(ctx context.Context, tree fs.FS, template directives.HelmTemplate) ([]byte, error) {
	j, err := helmJob(template)
	if err != nil {
		return nil, err
	}
	return p.render(ctx, tree, j)
}

func (p *Pool) render(ctx context.Context, tree fs.FS, j job) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-p.slots }()
	ctx, cancel := p.limits.within(ctx)
	defer cancel()
	d, err := p.renderKept(ctx, tree, j)
	if err != nil {
		return nil, err
	}
	return d.Printed, d.err()
}

// renderKept has a job done by a kept child, and by a new one where there is none
// or it died: maybe of what it had done before.
func (p *Pool) renderKept(ctx context.Context, tree fs.FS, j job) (*done, error) {
	if c := p.take(); c != nil {
		d, err := p.renderIn(ctx, c, tree, j)
		if err == nil || ctx.Err() != nil {
			return d, err
		}
	}
	c, err := p.start()
	if err != nil {
		return nil, err
	}
	return p.renderIn(ctx, c, tree, j)
}

// renderIn has a job done by a child, and keeps that for the next one. An error
// means that the child died, or was ended with the context.
func (p *Pool) renderIn(ctx context.Context, c *child, tree fs.FS, j job) (*done, error) {
	stop := context.AfterFunc(ctx, c.kill)
	d, err := c.render(tree, j)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		c.kill()
		return nil, c.cause(err, p.limits)
	}
	if d.Spent {
		c.kill()
	} else {
		p.keep(c)
	}
	return d, nil
}

// take returns a kept child that lives, or nil.
func (p *Pool) take() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.lives() {
			return c
		}
	}
	return nil
}

func (p *Pool) start() (*child, error) {
	if IsWorker(os.Args) {
		return nil, errors.New("start a renderer: this program is one already, and does not call render.Serve")
	}
	c, err := start(p.limits)
	if err != nil {
		return nil, fmt.Errorf("start a renderer: %w", err)
	}
	return c, nil
}

func (p *Pool) keep(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		c.kill()
		return
	}
	p.idle = append(p.idle, c)
}

// self is this program's file. On Linux it is the one that runs, also when
// another was put into its place.
func self() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// command is the child's, without an environment.
func command() (*exec.Cmd, error) {
	program, err := self()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, workerArgument)
	cmd.Args[0] = os.Args[0]
	cmd.Env = []string{}
	cmd.Dir = os.TempDir()
	return cmd, nil
}
