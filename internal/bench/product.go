package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/render"
)

// product promotes by a look of Towpath's engine.
type product struct {
	world      *world
	title      string
	repository string
	cold       bool // nothing on disk and in memory when a promotion starts

	engine *engine.Engine
	meter  *meter
}

func (p *product) name() string     { return p.title }
func (p *product) pushesTo() string { return p.repository }

// start begins with an empty mirror, as a process does that never ran here.
func (p *product) start() error {
	dir := filepath.Join(p.world.dir, "mirror-of-"+filepath.Base(p.repository))
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	m := newMeter(p.world.layout.promotionBranch())
	mirrors, err := gitrepo.NewMirrors(dir, &http.Client{Transport: m.wire(&m.git)})
	if err != nil {
		return err
	}
	hub, err := forge.New(forge.Config{
		URL: p.world.hub.URL(), APIURL: p.world.hub.APIURL(), AppID: appID, PrivateKey: p.world.key, Transport: m.wire(&m.api),
		Pace: forge.Pace{Burst: 1000, PerHour: 1_000_000}, // GitHub's limits are not what is measured
	})
	if err != nil {
		return err
	}
	p.meter = m
	p.engine = engine.New(engine.Config{
		Forge: hub, Git: mirrors, Registry: registry.New(registry.Config{Transport: m.wire(&m.images)}),
		Renderer: render.New(render.Limits{}), Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	return nil
}

func (p *product) promote(ctx context.Context, _ freight) (lap, error) {
	if p.engine == nil || p.cold {
		if err := p.start(); err != nil {
			return lap{}, err
		}
	}
	out, err := p.look(ctx)
	if err == nil && (p.meter.pushed.IsZero() || p.meter.pullRequest.IsZero()) {
		err = errors.New("the look promoted nothing")
	}
	return out, err
}

// look is one look, measured.
func (p *product) look(ctx context.Context) (lap, error) {
	p.meter.reset()
	start := time.Now()
	_, err := p.engine.Look(ctx, p.repository)
	out := lap{branch: p.world.layout.promotionBranch(), git: p.meter.git, api: p.meter.api, images: p.meter.images}
	out.took[wholeLook] = time.Since(start)
	out.took[untilPushed] = p.meter.pushed.Sub(start)
	out.took[untilPull] = p.meter.pullRequest.Sub(start)
	return out, err
}

// settle merges the promotion and lets the engine see it; then it measures the
// looks at which nothing is new.
func (p *product) settle(ctx context.Context) (lap, error) {
	if err := p.world.accept(p.repository); err != nil {
		return lap{}, err
	}
	for range 2 {
		if _, err := p.engine.Look(ctx, p.repository); err != nil {
			return lap{}, err
		}
	}
	return p.look(ctx)
}
