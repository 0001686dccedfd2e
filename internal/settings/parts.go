package settings

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/notify"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/render"
)

// Wiring is what an engine is made of.
type Wiring struct {
	GitHub     forge.Config
	Registries registry.Config
	Notify     notify.Config
	Later      func(name string) // see engine.Config; nil: nobody is told of anything
	Outside    engine.Outside    // nil: nobody calls
	Doing      func(what string) // see engine.Config; nil: nobody waits
	DataDir    string            // for mirrors and renderings; both can be lost
	Now        func() time.Time
	Log        *slog.Logger
}

// Parts is an engine with what it works with.
type Parts struct {
	Engine   *engine.Engine
	Hub      *forge.Forge
	Mirrors  *gitrepo.Mirrors
	Renderer *render.Pool // to be closed by who made it
}

// Assemble opens the data folder and makes an engine. It asks nobody anything.
func (w Wiring) Assemble() (*Parts, error) {
	w.GitHub.Logger, w.GitHub.Clock = w.Log, w.Now
	hub, err := forge.New(w.GitHub)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	mirrors, err := gitrepo.NewMirrors(filepath.Join(w.DataDir, "git"), nil)
	if err != nil {
		return nil, err
	}
	p := &Parts{Hub: hub, Mirrors: mirrors, Renderer: render.NewPool(render.Limits{})}
	rendered, err := render.NewCache(p.Renderer, filepath.Join(w.DataDir, "renders"))
	if err != nil {
		return nil, err
	}
	p.Engine = engine.New(engine.Config{
		Forge: hub, Git: mirrors, Renderer: rendered, Now: w.Now, Log: w.Log, Registry: registry.New(w.Registries),
		Notify: notify.New(w.Notify), Later: w.Later, Outside: w.Outside, Doing: w.Doing,
	})
	return p, nil
}
