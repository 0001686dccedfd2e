package engine

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// bindGates finds out, for everything that came into a stage, where the gates
// look for results that are not on the arrival's commit.
func (l *look) bindGates(p config.Pipeline, at *place) {
	for _, a := range at.facts.ArrivalsIn(at.stage.Name) {
		set := promote.Set(a.Freight)
		if _, known := at.gates[set]; known {
			continue
		}
		var freight []promote.Freight
		for _, r := range at.stage.Requests {
			if f, ok := at.facts.FreightByID(a.Freight[r.Warehouse]); ok {
				freight = append(freight, f)
			}
		}
		gates := p.Gates(at.stage.Name, freight)
		if gates == nil {
			return
		}
		if at.gates == nil {
			at.gates = map[string][]promote.Gate{}
		}
		at.gates[set] = gates
	}
}

// mirrored is how many of the last arrivals carry a gate's mirror.
const mirrored = watchedArrivals

// mirrorAll writes on the last arrivals' commits what the gates say that are to be
// seen there. What was written last is remembered, so that a look that changed
// nothing asks nothing. Two stages at one commit would contradict each other by
// one name: there the first one has it.
func (l *look) mirrorAll(ctx context.Context) error {
	var failed error
	for _, v := range l.views {
		failed = errors.Join(failed, l.mirror(ctx, v))
	}
	return failed
}

func (l *look) mirror(ctx context.Context, v report.View) error {
	var failed error
	for _, stage := range v.Pipeline.Stages {
		if !stage.HasBranch() || !l.homeOf(stage).open(v.Pipeline.Name, stage.Name) || !slices.ContainsFunc(stage.Gates, func(g promote.Gate) bool { return g.Mirror }) {
			continue
		}
		arrivals := v.Snapshot.Facts.ArrivalsIn(stage.Name)
		for _, a := range arrivals[max(0, len(arrivals)-mirrored):] {
			for _, g := range v.Snapshot.Gates(stage, a) {
				if g.Gate.Mirror && a.Manner != promote.ByDrift {
					failed = errors.Join(failed, l.mirrorGate(ctx, v, stage, a, g))
				}
			}
		}
	}
	return failed
}

func (l *look) mirrorGate(ctx context.Context, v report.View, stage promote.Stage, a promote.Arrival, g promote.GateResult) error {
	repo := l.homeOf(stage).repo
	check := report.Mirrored(v, stage, g)
	key := strings.Join([]string{repo.Info().FullName, a.Commit, check.Name}, " ")
	who := v.Pipeline.Name + "/" + stage.Name
	l.mu.Lock()
	known, _ := l.shown.get(key)
	l.mu.Unlock()
	if known.check == check || known.stage != "" && known.stage != who {
		return nil
	}
	if err := repo.WriteCheck(ctx, l.check(check, a.Commit)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown.keep(key, mirrorOf{who, check})
	return nil
}

// mirrorOf is what a mirror said last, and of which stage.
type mirrorOf struct {
	stage string
	check report.Check
}

// gatesOf are the gates of the stage for an arrival.
func (at *place) gatesOf(a promote.Arrival) []promote.Gate {
	return promote.StageState{Gates: at.gates}.GatesOf(at.stage, a)
}

// elsewhere reads what the gates look for that is not on the commits of arrivals.
// A place that can not be read is the gate's trouble and nobody else's.
func (l *look) elsewhere(ctx context.Context, at *place, commits []string) ([]promote.Result, error) {
	var out []promote.Result
	for _, a := range at.facts.ArrivalsIn(at.stage.Name) {
		if at.gates == nil || !slices.Contains(commits, a.Commit) {
			continue
		}
		for _, g := range at.gatesOf(a) {
			if g.At == nil || g.At.Commit == "" {
				continue
			}
			found, err := l.there(ctx, g)
			if err != nil {
				return nil, err
			}
			for _, r := range found {
				if r.Stage, r.Commit = at.stage.Name, a.Commit; !slices.ContainsFunc(out, r.Same) {
					out = append(out, r)
				}
			}
		}
	}
	return out, nil
}

// there reads what a gate looks for at its place. Another repository is read when
// it is public or shares itself, as sources are (H3).
func (l *look) there(ctx context.Context, g promote.Gate) ([]promote.Result, error) {
	from, err := l.source(ctx, g.At.Repository)
	if errors.Is(err, errUnshared) {
		g.At.Lost = "can not be looked for: " + err.Error()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	observed, err := l.observations(ctx, from.repo, g.At.Commit, []promote.Source{g.Source})
	var refused *forge.APIError
	if errors.Is(err, forge.ErrNotFound) || errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity {
		g.At.Lost = "can not be looked for: " + g.At.Repository + " has no commit " + promote.ShortID(g.At.Commit)
		return nil, nil
	}
	var out []promote.Result
	for _, o := range observed {
		r := promote.Result{Place: g.At.String(), Source: o.Source, Name: o.Name, App: o.App, State: o.State, URL: o.URL, At: o.At}
		if g.Wants(r) {
			out = append(out, r)
		}
	}
	return out, err
}
