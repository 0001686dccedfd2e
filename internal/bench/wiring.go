package main

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/render"
)

// wiring is what an engine needs to know of the world. It can be sent to another
// process.
type wiring struct {
	GitHub, API string // addresses
	Key         []byte // PEM, of the App
	Dir         string // the engine's data
}

// newEngine wires an engine as the bot does, with a meter at its ends.
//
// The cache of renderings is there and never helps a round: each has an image of
// its own, whose digest is in the tree that is rendered. What is rendered is
// measured behind the cache, so that the cache itself counts as the engine's.
func newEngine(w wiring, pool directives.Renderer, m *meter) (*engine.Engine, error) {
	git := &http.Client{Transport: m.wire(atGit, func(r *reading) { r.git++ })}
	mirrors, err := gitrepo.NewMirrors(filepath.Join(w.Dir, "git"), git)
	if err != nil {
		return nil, err
	}
	hub, err := forge.New(forge.Config{
		URL: w.GitHub, APIURL: w.API, AppID: appID, PrivateKey: w.Key, Transport: m.wire(atAPI, func(r *reading) { r.api++ }),
		Pace: forge.Pace{Burst: 1000, PerHour: 1_000_000}, // GitHub's limits are not what is measured
	})
	if err != nil {
		return nil, err
	}
	cache, err := render.NewCache(&renderer{pool, m}, filepath.Join(w.Dir, "render"))
	if err != nil {
		return nil, err
	}
	return engine.New(engine.Config{
		Forge: hub, Git: mirrors, Renderer: cache, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Registry: registry.New(registry.Config{Transport: m.wire(atRegistry, func(r *reading) { r.images++ })}),
	}), nil
}
