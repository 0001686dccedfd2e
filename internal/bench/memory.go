package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// warmPromotions is how many promotions the peak of memory is taken over.
const warmPromotions = 3

// memory is the peak of a bot that starts with its mirror on disk and promotes: of
// the engine's process and its renderers' together.
func (r *race) memory(ctx context.Context) (row, error) {
	p, err := startApart(ctx, assignment{r.world.wiring(r.warm.dir()), r.warm.repository, r.layout.promotionBranches()})
	if err != nil {
		return row{}, err
	}
	used, err := r.promoteApart(ctx, p)
	if err = errors.Join(err, p.close()); err != nil {
		return row{}, fmt.Errorf("promote in a process of its own: %w", err)
	}
	r.warm.engine = nil // its mirror went on without it
	return row{
		what: fmt.Sprintf("peak memory of a warm promotion, %d files", r.files), figure: used.engine + used.renderers, unit: " MB", want: 100,
		from: fmt.Sprintf("peaks since their start, %d promotions: the engine's process %.0f MB, its renderers (%d) %.0f MB; %.0f MB that they share are the program's file, of which each is counted its part",
			warmPromotions, used.engine, used.count, used.renderers, used.shared),
	}, nil
}

func (r *race) promoteApart(ctx context.Context, p *apart) (*usage, error) {
	if _, err := p.look(""); err != nil {
		return nil, err
	}
	for range warmPromotions {
		f, err := r.world.bring(ctx, r.warm.repository)
		if err != nil {
			return nil, err
		}
		promoted, err := p.look(f.commits[r.warm.repository])
		if err == nil && !promoted {
			err = errors.New("the look did not promote")
		}
		if err = errors.Join(err, r.world.accept(r.warm.repository, len(r.layout))); err != nil {
			return nil, err
		}
		if _, err := p.look(""); err != nil {
			return nil, err
		}
	}
	return peaks(p.cmd.Process.Pid)
}

// usage is the memory of an engine's process and its renderers', in MB. What they
// share, which is in memory once, counts once: in parts of the same size.
type usage struct {
	engine, renderers float64 // at their peaks
	count             int     // of the renderers
	shared            float64
}

// peaks asks the system for the memory of a process and of its children. Only
// Linux tells.
func peaks(pid int) (*usage, error) {
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return nil, err
	}
	u := &usage{}
	for _, name := range statuses {
		read, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		text := string(read)
		self, parent := field(text, "Pid") == strconv.Itoa(pid), field(text, "PPid") == strconv.Itoa(pid)
		if !self && !parent {
			continue
		}
		rollup, err := os.ReadFile(filepath.Join(filepath.Dir(name), "smaps_rollup"))
		if err != nil {
			return nil, err
		}
		peak, unknown := megabytes(text, "VmHWM")
		counted, unknownRss := megabytes(string(rollup), "Rss")
		parts, unknownPss := megabytes(string(rollup), "Pss")
		if err := errors.Join(unknown, unknownRss, unknownPss); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		u.shared += counted - parts
		peak -= counted - parts
		if self {
			u.engine = peak
			continue
		}
		u.renderers += peak
		u.count++
	}
	if u.engine == 0 || u.count == 0 {
		return nil, errors.New("this system does not tell how much memory processes use")
	}
	return u, nil
}

func megabytes(status, name string) (float64, error) {
	value, err := strconv.ParseFloat(strings.TrimSuffix(field(status, name), " kB"), 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return value / 1024, nil
}
