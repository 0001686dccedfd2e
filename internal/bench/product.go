package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/render"
)

// product promotes by a look of Towpath's engine.
type product struct {
	world      *world
	title      string
	repository string
	layout     layout
	cold       bool // nothing of the repository on disk and in memory when a promotion starts

	pool   *render.Pool // kept running, as a bot's
	engine *engine.Engine
	meter  *meter
}

func (p *product) name() string     { return p.title }
func (p *product) pushesTo() string { return p.repository }

// dir is where the engine keeps its data.
func (p *product) dir() string {
	return filepath.Join(p.world.dir, "data-of-"+filepath.Base(p.repository))
}

// start begins with nothing on disk, as a process does that never ran here.
func (p *product) start() error {
	if err := os.RemoveAll(p.dir()); err != nil {
		return err
	}
	if p.pool == nil {
		p.pool = render.NewPool(render.Limits{})
		if err := p.pool.Warm(); err != nil {
			return err
		}
	}
	p.meter = newMeter(p.layout.promotionBranches())
	var err error
	p.engine, err = newEngine(p.world.wiring(p.dir()), p.pool, p.meter)
	return err
}

func (p *product) close() {
	if p.pool != nil {
		p.pool.Close()
	}
}

func (p *product) promote(ctx context.Context, f freight) (lap, error) {
	if p.engine == nil || p.cold {
		if err := p.start(); err != nil {
			return lap{}, err
		}
	}
	out, err := p.look(ctx, f.commits[p.repository])
	if err == nil {
		err = promoted(p.meter, p.layout)
	}
	return out, err
}

// promoted is an error unless every stage was rendered, pushed and proposed.
func promoted(m *meter, at layout) error {
	now, _ := m.read()
	switch {
	case now.pushed.IsZero() || now.opened.IsZero():
		return errors.New("the look did not promote everything")
	case now.renders < len(at):
		return fmt.Errorf("the look rendered %d times for %d stages: a round was spared its work", now.renders, len(at))
	}
	return nil
}

// look is one look, measured. A commit is what the webhook of a push to main
// tells; the bot hands that on before it looks.
func (p *product) look(ctx context.Context, commit string) (lap, error) {
	p.meter.reset()
	start := time.Now()
	if commit != "" {
		p.engine.Expect(p.repository, "refs/heads/main", commit)
	}
	_, err := p.engine.Look(ctx, p.repository)
	end := time.Now()
	now, spells := p.meter.read()
	out := lap{branch: p.layout[0].promotionBranch(), reading: now}
	out.took[wholeLook] = end.Sub(start)
	if !now.pushed.IsZero() {
		out.took[untilPushed] = now.pushed.Sub(start)
		out.rest = out.took[untilPushed] - covered(start, now.pushed, spells)
		out.atGit = covered(start, now.pushed, slices.DeleteFunc(spells, func(s spell) bool { return s.at != atGit }))
	}
	if !now.opened.IsZero() {
		out.took[untilPull] = now.opened.Sub(start)
	}
	return out, err
}

// settle merges the promotion and lets the engine see it; then it measures the
// look at which nothing is new.
func (p *product) settle(ctx context.Context) (lap, error) {
	if err := p.world.accept(p.repository, len(p.layout)); err != nil {
		return lap{}, err
	}
	for range 2 {
		if _, err := p.engine.Look(ctx, p.repository); err != nil {
			return lap{}, err
		}
	}
	return p.look(ctx, "")
}
