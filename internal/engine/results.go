package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
)

// Results count also after the stage moved on (G1): its last arrivals are asked
// for results in any case, since they may be repeated, and more of them while a
// gate has no final word on them.
const (
	watchedArrivals = 4
	maxWatched      = 20
	watchedFor      = 3 * 24 * time.Hour
)

// results asks GitHub for what the gates look for. Final ones that are new are
// kept as facts, so that a rule that changes can judge them again (A8).
func (l *look) results(ctx context.Context, p config.Pipeline, at *place) ([]promote.Result, error) {
	if len(at.stage.Gates) == 0 {
		return nil, nil
	}
	l.bindGates(p, at)
	commits := at.watched(l.now)
	out, err := l.onBranch(ctx, at, commits)
	if err != nil {
		return nil, err
	}
	there, err := l.elsewhere(ctx, at, commits)
	if err != nil {
		return nil, err
	}
	ours, err := l.dispatched(ctx, p, at, commits)
	if err != nil {
		return nil, err
	}
	out = slices.Concat(out, there, ours)
	for _, result := range out {
		if result.Final() && !slices.ContainsFunc(at.facts.Results, result.Same) {
			at.learn(promote.Facts{Results: []promote.Result{result}})
		}
	}
	return out, nil
}

// onBranch are the results on commits of the stage's branch.
func (l *look) onBranch(ctx context.Context, at *place, commits []string) ([]promote.Result, error) {
	sources := gateSources(at.stage)
	if len(sources) == 0 {
		return nil, nil
	}
	observed := make([][]forge.Observation, len(commits))
	var t tasks
	for i, commit := range commits {
		t.add("", onGitHub, func(ctx context.Context) (err error) {
			observed[i], err = l.observations(ctx, at.home.repo, commit, sources)
			return err
		})
	}
	if err := t.all(ctx); err != nil {
		return nil, err
	}
	var out []promote.Result
	for i, commit := range commits {
		for _, o := range observed[i] {
			result := promote.Result{
				Stage: at.stage.Name, Commit: commit, Source: o.Source, Name: o.Name, App: o.App, State: o.State, URL: o.URL, At: o.At,
			}
			if at.stage.Wants(result) {
				out = append(out, result)
			}
		}
	}
	return out, nil
}

// gateSources is what is asked for on the commits of a stage's branch.
func gateSources(stage promote.Stage) []promote.Source {
	var out []promote.Source
	for _, g := range stage.Gates {
		asked := g.Dispatch == nil && g.At == nil && g.Source != promote.FromManual && g.Source != promote.FromExternal && g.Source != promote.FromRun
		if asked && stage.HasBranch() && !slices.Contains(out, g.Source) {
			out = append(out, g.Source)
		}
	}
	return out
}

// askResults asks for the results of the arrivals that the ledger knows, ahead of
// time.
func (l *look) askResults(t *tasks, c *configuration, book *ledger.Book, after ...string) {
	for _, p := range c.parsed.Pipelines {
		for _, s := range p.Stages {
			if len(gateSources(s)) == 0 || p.Elsewhere(s) {
				continue
			}
			at := &place{stage: s, home: l.home, facts: book.Pipelines[p.Name], head: promote.Head{Tree: "not read yet"}}
			for _, commit := range at.watched(l.now) {
				t.add("", onGitHub, func(ctx context.Context) error {
					_, _ = l.observations(ctx, l.repo, commit, gateSources(s)) // asked again by who needs it
					return nil
				}, after...)
			}
		}
	}
}

// observations asks once per look; what comes in meanwhile brings another look.
func (l *look) observations(ctx context.Context, repo *forge.Repo, commit string, sources []promote.Source) ([]forge.Observation, error) {
	key := fmt.Sprint(repo.Info().FullName, commit, sources)
	l.mu.Lock()
	known, ok := l.hub.observed[key]
	l.mu.Unlock()
	if ok {
		return known, nil
	}
	observed, err := repo.Observations(ctx, commit, sources...)
	if err != nil {
		return nil, fmt.Errorf("read results on %s: %w", promote.ShortID(commit), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hub.observed[key] = observed
	return observed, nil
}

// watched lists the commits of the arrivals that are asked for results, and the
// head where it holds the tree of the last one.
func (at *place) watched(now time.Time) []string {
	var out []string
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	for _, a := range slices.Backward(arrivals) {
		if len(out) == maxWatched {
			break
		}
		if a.Manner == promote.ByDrift || slices.Contains(out, a.Commit) {
			continue
		}
		if len(out) < watchedArrivals || now.Sub(a.At) < watchedFor && at.undecided(a, now) {
			out = append(out, a.Commit)
		}
	}
	if n := len(arrivals); n > 0 && at.head.Commit != "" && arrivals[n-1].Tree == at.head.Tree && !slices.Contains(out, at.head.Commit) {
		out = append(out, at.head.Commit)
	}
	return out
}

// undecided tells whether a gate waits for a result on an arrival's commit.
func (at *place) undecided(a promote.Arrival, now time.Time) bool {
	var there []promote.Result
	for _, r := range at.facts.Results {
		if r.Stage == at.stage.Name && r.Commit == a.Commit {
			there = append(there, r)
		}
	}
	return slices.ContainsFunc(at.gatesOf(a), func(g promote.Gate) bool {
		return g.Judge(there, a.At, now).State == promote.GateWaits
	})
}
