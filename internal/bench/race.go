package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"
)

// mark is a moment of a promotion that is measured from its start.
type mark int

const (
	untilPushed mark = iota // the manifests are on the server
	untilPull               // the pull request is open
	wholeLook               // everything is written, checks and texts too
	marks
)

// lap is one promotion of one contender.
type lap struct {
	branch           string // that holds the manifests
	took             [marks]time.Duration
	git, api, images int // requests
}

// contender promotes freight in its own way.
type contender interface {
	name() string
	promote(ctx context.Context, f freight) (lap, error)
	pushesTo() string // owner/name of its repository
}

const (
	warmRepository = "acme/warm"
	coldRepository = "acme/cold"
)

// race is all rounds over a repository of one size.
type race struct {
	dir     string
	files   int
	layout  layout
	rounds  int
	profile string

	world *world
	warm  *product
	cold  *product
	laps  map[string][]lap
}

// Names of what Towpath does; the shell's are in shells.
const (
	warmTowpath = "towpath, warm"
	coldTowpath = "towpath, nothing on disk"
	nothingNew  = "towpath, nothing new"
)

// run races. Before the rounds that are measured, Towpath alone makes one, so that
// there is a stage to promote to.
func (r *race) run(ctx context.Context) (*outcome, error) {
	dir := filepath.Join(r.dir, fmt.Sprint(r.files))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var err error
	if r.world, err = newWorld(dir, r.files, r.layout, warmRepository, coldRepository); err != nil {
		return nil, err
	}
	defer r.world.close()
	r.warm = &product{world: r.world, title: warmTowpath, repository: warmRepository}
	r.cold = &product{world: r.world, title: coldTowpath, repository: coldRepository, cold: true}
	contenders := append(shells(r.world, warmRepository), r.warm, r.cold)
	names := make([]string, 0, len(contenders)+1)
	for _, c := range contenders {
		names = append(names, c.name())
	}
	if err := r.round(ctx, []contender{r.warm, r.cold}); err != nil {
		return nil, fmt.Errorf("first round: %w", err)
	}
	r.laps = map[string][]lap{}
	debug.FreeOSMemory()
	stop, err := r.profiled()
	if err != nil {
		return nil, err
	}
	for n := range r.rounds {
		if err := r.round(ctx, slices.Clone(contenders)); err != nil {
			return nil, fmt.Errorf("round %d: %w", n+1, err)
		}
	}
	return &outcome{files: r.files, names: append(names, nothingNew), laps: r.laps}, stop()
}

func (r *race) profiled() (stop func() error, err error) {
	if r.profile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(r.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// round brings one freight and has everybody promote it.
func (r *race) round(ctx context.Context, order []contender) error {
	f, err := r.world.bring(ctx, warmRepository, coldRepository)
	if err != nil {
		return fmt.Errorf("bring freight: %w", err)
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	made := map[string]string{} // manifests → who made them
	for _, c := range order {
		l, err := c.promote(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		text, err := r.world.hub.ReadFile(c.pushesTo(), l.branch, r.layout.manifest())
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		made[text] = c.name()
		r.note(c.name(), l)
	}
	if len(made) != 1 {
		return different(made)
	}
	return r.after(ctx, order, f)
}

// note keeps a lap; those of the first round are not kept.
func (r *race) note(name string, l lap) {
	if r.laps != nil {
		r.laps[name] = append(r.laps[name], l)
	}
}

// after tidies up for the next round.
func (r *race) after(ctx context.Context, order []contender, f freight) error {
	for _, c := range order {
		if s, ok := c.(*shell); ok {
			if err := r.world.hub.SetBranch(s.repository, s.branch(f), "", ciPerson); err != nil {
				return err
			}
		}
	}
	idle, err := r.warm.settle(ctx)
	if err != nil {
		return fmt.Errorf("look after the merge: %w", err)
	}
	r.note(nothingNew, idle)
	_, err = r.cold.settle(ctx)
	return err
}

// different says who made which manifests.
func different(made map[string]string) error {
	err := errors.New("the contenders made different manifests")
	for text, who := range made {
		err = fmt.Errorf("%w\n--- %s:\n%s", err, who, text)
	}
	return err
}
