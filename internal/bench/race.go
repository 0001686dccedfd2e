package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"
)

// contender promotes freight in its own way.
type contender interface {
	name() string
	promote(ctx context.Context, f freight) (lap, error)
	pushesTo() string // owner/name of its repository
}

const (
	warmRepository = "acme/warm"
	coldRepository = "acme/cold"
	addedDelay     = 50 * time.Millisecond
)

// race is all rounds over a repository of one size.
type race struct {
	dir    string
	files  int
	layout layout
	rounds int

	world  *world
	shells []*shell
	warm   *product
	cold   *product
}

// newRace makes the world and has Towpath alone promote once, so that there is a
// stage to promote to. Whoever called it closes the race.
func newRace(ctx context.Context, dir string, files int, at layout, rounds int) (_ *race, err error) {
	r := &race{dir: filepath.Join(dir, fmt.Sprint(files)), files: files, layout: at, rounds: rounds}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.world, err = newWorld(r.dir, files, site{at, []string{warmRepository, coldRepository}}); err != nil {
		return nil, err
	}
	r.shells = shells(r.world, warmRepository, at[0])
	r.warm = &product{world: r.world, title: warmTowpath, repository: warmRepository, layout: at}
	r.cold = &product{world: r.world, title: coldTowpath, repository: coldRepository, layout: at, cold: true}
	if err := r.round(ctx, &outcome{laps: map[string][]lap{}}, []contender{r.warm, r.cold}); err != nil {
		return nil, fmt.Errorf("first round: %w", err)
	}
	debug.FreeOSMemory()
	return r, nil
}

func (r *race) close() error {
	for _, p := range []*product{r.warm, r.cold} {
		if p != nil {
			p.close()
		}
	}
	if r.world != nil {
		r.world.close()
	}
	return os.RemoveAll(r.dir)
}

// plain races everybody.
func (r *race) plain(ctx context.Context) (*outcome, error) {
	var all []contender
	for _, s := range r.shells {
		all = append(all, s)
	}
	return r.run(ctx, 0, append(all, r.warm, r.cold))
}

// delayed races those that the bounds speak of over a git server far away.
func (r *race) delayed(ctx context.Context) (*outcome, error) {
	var all []contender
	for _, s := range r.shells {
		if s.title != shellAll {
			all = append(all, s)
		}
	}
	return r.run(ctx, addedDelay, append(all, r.warm))
}

func (r *race) run(ctx context.Context, delay time.Duration, contenders []contender) (*outcome, error) {
	out := &outcome{files: r.files, delay: delay, laps: map[string][]lap{}}
	for _, c := range contenders {
		out.names = append(out.names, c.name())
	}
	if delay == 0 {
		out.names = append(out.names, nothingNew)
	}
	for n := range r.rounds {
		if err := r.round(ctx, out, slices.Clone(contenders)); err != nil {
			return nil, fmt.Errorf("round %d: %w", n+1, err)
		}
	}
	return out, nil
}

// round brings one freight and has everybody promote it.
func (r *race) round(ctx context.Context, into *outcome, order []contender) error {
	var repositories []string
	for _, c := range order {
		if !slices.Contains(repositories, c.pushesTo()) {
			repositories = append(repositories, c.pushesTo())
		}
	}
	f, err := r.world.bring(ctx, repositories...)
	if err != nil {
		return fmt.Errorf("bring freight: %w", err)
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	made := map[string]string{} // manifests → who made them
	r.world.slow(into.delay)
	for _, c := range order {
		l, err := c.promote(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		text, err := r.world.hub.ReadFile(c.pushesTo(), l.branch, r.layout[0].manifest())
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		made[text] = c.name()
		into.laps[c.name()] = append(into.laps[c.name()], l)
	}
	if len(made) != 1 {
		return different(made)
	}
	r.world.slow(0)
	return r.after(ctx, into, order, f)
}

// after tidies up for the next round, and looks once more where nothing is new.
func (r *race) after(ctx context.Context, into *outcome, order []contender, f freight) error {
	for _, c := range order {
		switch c := c.(type) {
		case *shell:
			if err := r.world.hub.SetBranch(c.repository, c.branch(f), "", ciPerson); err != nil {
				return err
			}
		case *product:
			idle, err := c.settle(ctx)
			if err != nil {
				return fmt.Errorf("look after the merge: %w", err)
			}
			if c == r.warm {
				into.laps[nothingNew] = append(into.laps[nothingNew], idle)
			}
		}
	}
	return nil
}

// different says who made which manifests.
func different(made map[string]string) error {
	err := errors.New("the contenders made different manifests")
	for text, who := range made {
		err = fmt.Errorf("%w\n--- %s:\n%s", err, who, text)
	}
	return err
}
