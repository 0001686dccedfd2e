package main

import (
	"context"
	"errors"
	"fmt"
)

// run measures everything that is wanted. What it finds on the way it prints; the
// rows come in the order of the table.
func (b *bench) run(ctx context.Context) ([]row, error) {
	found := map[string][]row{}
	var outcomes []*outcome
	if b.wants(warmRows, delayRows, scaleRows, coldRows, requestRows, memoryRows, restRows, againRows) {
		for _, size := range b.sizes {
			out, memory, err := b.race(ctx, size)
			if err != nil {
				return nil, fmt.Errorf("with %d files: %w", size, err)
			}
			outcomes = append(outcomes, out...)
			found[memoryRows] = append(found[memoryRows], memory...)
		}
	}
	var plain []*outcome
	for _, o := range outcomes {
		if o.delay == 0 {
			plain = append(plain, o)
		}
	}
	if len(plain) > 1 {
		found[scaleRows] = []row{scale(plain[0], plain[len(plain)-1])}
	}
	var err error
	if b.wants(stageRows) {
		if found[stageRows], err = raceStages(ctx, b.dir, stagesFiles, b.rounds); err != nil {
			return nil, err
		}
	}
	if b.wants(renderRows) {
		if found[renderRows], err = raceRenderings(ctx, b.dir, renderings(), b.rounds); err != nil {
			return nil, err
		}
	}
	if b.wants(runnerRows) {
		var table string
		if found[runnerRows], table, err = raceRunner(b.rounds); err != nil {
			return nil, err
		}
		fmt.Print(table)
	}
	var rows []row
	for _, group := range allRows {
		if !b.wants(group) {
			continue
		}
		for _, o := range outcomes {
			rows = append(rows, o.rows(group)...)
		}
		rows = append(rows, found[group]...)
	}
	return rows, nil
}

// race measures one size. The memory is that at the greatest.
func (b *bench) race(ctx context.Context, files int) (outcomes []*outcome, memory []row, err error) {
	r, err := newRace(ctx, b.dir, files, b.layout, b.rounds)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	fmt.Printf("\nA repository of %d files of %d bytes in the mean, %d applications in a folder, %d commits.\n", files, r.world.mean, beside, history)
	if b.wants(warmRows, scaleRows, coldRows, requestRows, restRows, againRows) {
		o, err := r.plain(ctx)
		if err != nil {
			return nil, nil, err
		}
		fmt.Print(o)
		outcomes = append(outcomes, o)
	}
	if b.wants(delayRows) {
		o, err := r.delayed(ctx)
		if err != nil {
			return nil, nil, err
		}
		fmt.Print(o)
		outcomes = append(outcomes, o)
	}
	if b.wants(memoryRows) && files == b.sizes[len(b.sizes)-1] {
		found, err := r.memory(ctx)
		if err != nil {
			return nil, nil, err
		}
		memory = append(memory, found)
	}
	return outcomes, memory, nil
}
