package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	manyStages  = 20
	stagesFiles = 5_000
)

// crowd is two repositories of the same content, with one stage and with many;
// every stage takes freight from the warehouse and renders an overlay of its own.
type crowd struct {
	world     *world
	one, many *product
	delay     time.Duration // of every request to GitHub
}

// raceStages compares one look that promotes to all of the many stages with one
// that promotes to the one.
func raceStages(ctx context.Context, dir string, files, rounds int) (_ []row, err error) {
	dir = filepath.Join(dir, "stages")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	one, many := site{stagesBeside(1), []string{"acme/one"}}, site{stagesBeside(manyStages), []string{"acme/many"}}
	c := &crowd{}
	if c.world, err = newWorld(dir, files, one, many); err != nil {
		return nil, err
	}
	defer c.world.close()
	c.one = &product{world: c.world, title: "towpath, one stage", repository: one.repositories[0], layout: one.layout}
	c.many = &product{world: c.world, title: fmt.Sprintf("towpath, %d stages", manyStages), repository: many.repositories[0], layout: many.layout}
	defer c.one.close()
	defer c.many.close()
	out, err := c.run(ctx, files, rounds)
	if err != nil {
		return nil, err
	}
	c.delay = addedDelay
	far, err := c.run(ctx, files, (rounds+2)/3) // they take long, and differ little
	if err != nil {
		return nil, err
	}
	pushes := out.most(c.many.title, func(l lap) int { return l.pushes })
	what := fmt.Sprintf("%d stages in one look", manyStages)
	return []row{{
		what: what + " against one stage", figure: out.ratio(c.many.title, c.one.title), unit: "×", want: 7,
		from: fmt.Sprintf("%.1f ms, %.1f ms until pushed, %d files", out.time(c.many.title, untilPushed), out.time(c.one.title, untilPushed), files),
	}, {
		what: what + ", pushes", figure: pushes, want: 1, from: "the most in any round",
	}, {
		what:   fmt.Sprintf("%s, %s added to every request to GitHub: all of the look against one stage", what, addedDelay),
		figure: far.time(c.many.title, wholeLook) / far.time(c.one.title, wholeLook), unit: "×", want: 10,
		from: fmt.Sprintf("%.0f ms, %.0f ms; %.0f and %.0f requests to its API", far.time(c.many.title, wholeLook), far.time(c.one.title, wholeLook),
			far.most(c.many.title, func(l lap) int { return l.api }), far.most(c.one.title, func(l lap) int { return l.api })),
	}}, nil
}

func (c *crowd) run(ctx context.Context, files, rounds int) (*outcome, error) {
	out := &outcome{files: files}
	for n := range rounds + 1 {
		if n <= 1 {
			out.laps = map[string][]lap{} // the first round makes the stages
		}
		if err := c.round(ctx, out); err != nil {
			return nil, fmt.Errorf("round %d: %w", n, err)
		}
	}
	return out, nil
}

func (c *crowd) round(ctx context.Context, into *outcome) error {
	order := []*product{c.one, c.many}
	f, err := c.world.bring(ctx, c.one.repository, c.many.repository)
	if err != nil {
		return fmt.Errorf("bring freight: %w", err)
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	c.world.far(c.delay)
	for _, p := range order {
		l, err := p.promote(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", p.title, err)
		}
		into.laps[p.title] = append(into.laps[p.title], l)
	}
	c.world.far(0)
	for _, p := range order {
		_, settled := p.settle(ctx)
		err = errors.Join(err, settled)
	}
	return err
}
