package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// Rebuilt is a stage of which the ledger knows again what came there.
type Rebuilt struct {
	Pipeline string
	Stage    string
	Arrivals []promote.Arrival // oldest first
	Freight  []promote.Freight // of the last one, as far as it is known again
}

// Rebuild makes the ledger again of the pipelines that have lost it: freight and
// arrivals from the trailers of what was merged, or delivered by push (L4). What
// only the ledger knew is gone: holds, rejections, overrides.
func (e *Engine) Rebuild(ctx context.Context, repository string) ([]Rebuilt, error) {
	return untilFirst(func() ([]Rebuilt, error) { return e.rebuild(ctx, repository) })
}

func (e *Engine) rebuild(ctx context.Context, repository string) ([]Rebuilt, error) {
	l, err := e.observe(ctx, repository)
	if err != nil {
		return nil, err
	}
	defer l.hold()()
	r := l.newRound()
	var out []Rebuilt
	for _, p := range l.config.parsed.Pipelines {
		places, err := l.lost(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("pipeline %s: %w", p.Name, err)
		}
		found, err := r.rebuildPipeline(ctx, p, places)
		if err != nil {
			return nil, fmt.Errorf("pipeline %s: %w", p.Name, err)
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, &refusal{"the ledger knows of the promotions that wrote the stages: there is nothing to make again"}
	}
	return out, r.write(ctx)
}

// lost are the places of a pipeline that promotions write, when the ledger does not
// know of them any more.
func (l *look) lost(ctx context.Context, p config.Pipeline) ([]*place, error) {
	var places []*place
	lost := false
	for _, stage := range p.Stages {
		if stage.Kind != promote.Assembled {
			continue
		}
		at, err := l.place(ctx, p, stage, l.book.Pipelines[p.Name])
		if errors.Is(err, errNoFolder) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(at.keptOut()) > 0 {
			continue
		}
		trouble, err := l.trouble(ctx, p, at)
		if err != nil {
			return nil, err
		}
		places = append(places, at)
		lost = lost || slices.ContainsFunc(trouble, func(r promote.Reason) bool { return r.Kind == promote.LedgerLost })
	}
	if !lost {
		return nil, nil
	}
	return places, nil
}

// rebuildPipeline records what is found of the places of a pipeline. Who asks must
// have the right to promote into all of them.
func (r *round) rebuildPipeline(ctx context.Context, p config.Pipeline, places []*place) ([]Rebuilt, error) {
	var out []Rebuilt
	var freight []promote.Freight
	for _, at := range places {
		by, err := r.self(ctx, command.Stage{Pipeline: p.Name, Name: at.stage.Name})
		if err != nil {
			return nil, err
		}
		tales, err := r.tales(ctx, p, at)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", at.stage.Name, err)
		}
		for _, t := range tales {
			t.arrival.At = at.after(t.arrival.At)
			at.learn(promote.Facts{Arrivals: []promote.Arrival{t.arrival}})
			freight = append(freight, t.freight...)
		}
		if n := len(tales); n > 0 && tales[n-1].arrival.Back {
			last := at.news.Arrivals[len(at.news.Arrivals)-1]
			at.learn(promote.Facts{Holds: []promote.Hold{heldByRollback(at.stage.Name, tales[n-1].asked, last.At, 0)}})
		}
		r.record(p.Name, at.news, append([]string{fmt.Sprintf("%s/%s: made again by %s", p.Name, at.stage.Name, by)}, arrivalLines(p.Name, at.news)...)...)
		out = append(out, Rebuilt{Pipeline: p.Name, Stage: at.stage.Name, Arrivals: at.news.Arrivals})
	}
	known := r.book.Pipelines[p.Name].Merge(promote.Facts{Freight: r.named(p.Name, freight)})
	for i := range out {
		if n := len(out[i].Arrivals); n > 0 {
			out[i].Freight = freightOf(known, out[i].Arrivals[n-1].Freight)
		}
	}
	return out, nil
}

// named records freight that is not known, each once, as old as what tells of it
// first, with an alias.
func (r *round) named(pipeline string, freight []promote.Freight) []promote.Freight {
	slices.SortStableFunc(freight, func(a, b promote.Freight) int { return a.Selected.Compare(b.Selected) })
	facts := r.book.Pipelines[pipeline]
	var out []promote.Freight
	for _, f := range freight {
		if _, ok := facts.FreightByID(f.ID); ok {
			continue
		}
		f.Alias = r.alias(pipeline, f.ID, facts)
		facts = facts.Merge(promote.Facts{Freight: []promote.Freight{f}})
		out = append(out, f)
	}
	r.record(pipeline, promote.Facts{Freight: out}, freightLines(pipeline, out)...)
	return out
}

func freightOf(facts promote.Facts, slots map[string]string) []promote.Freight {
	var out []promote.Freight
	for _, f := range facts.Freight {
		if slots[f.Warehouse] == f.ID {
			out = append(out, f)
		}
	}
	return out
}

// tale is an arrival as git and GitHub tell it, and the freight that it brought.
type tale struct {
	arrival promote.Arrival
	asked   string // who asked for it
	freight []promote.Freight
}

// tales are the arrivals of a stage, oldest first: its pull requests that were
// merged as they were proposed and, where it is delivered by push, its commits.
func (l *look) tales(ctx context.Context, p config.Pipeline, at *place) ([]tale, error) {
	var out []tale
	merged := map[string]bool{}
	for _, pull := range at.pulls {
		if !pull.Merged {
			continue
		}
		merged[pull.MergeCommit] = true
		t, err := l.told(ctx, p, at, pull.HeadSHA)
		if t == nil && err == nil { // the branch's commit is gone; a squash has its message
			t, err = l.told(ctx, p, at, pull.MergeCommit)
		}
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		tree, err := l.content(ctx, at, pull.MergeCommit)
		if gitrepo.IsMissing(err) || err == nil && tree != t.arrival.Tree {
			continue // somebody added to it; what the branch holds is judged by the next look
		}
		if err != nil {
			return nil, err
		}
		full, err := at.home.repo.PullRequest(ctx, pull.Number) // lists do not say who merged
		if err != nil {
			return nil, fmt.Errorf("read #%d: %w", pull.Number, err)
		}
		t.arrival.Manner, t.arrival.Commit, t.arrival.At = promote.ByMerge, pull.MergeCommit, pull.MergedAt
		t.arrival.PullRequest, t.arrival.By = pull.Number, full.MergedBy
		out = append(out, *t)
	}
	if at.stage.Target.Push && at.head.Commit != "" {
		log, err := at.home.git.Log(ctx, at.head.Commit, "", ownHistory)
		if err != nil {
			return nil, err
		}
		for _, commit := range log {
			t, err := l.told(ctx, p, at, commit.ID)
			if err != nil {
				return nil, err
			}
			if t != nil && !merged[commit.ID] {
				out = append(out, *t)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b tale) int { return a.arrival.At.Compare(b.arrival.At) })
	return out, nil
}

// told is what the trailers of a commit say that it brought into a stage, as if it
// was delivered; nil when it is no promotion into this stage, or is gone.
func (l *look) told(ctx context.Context, p config.Pipeline, at *place, id string) (*tale, error) {
	commit, err := at.home.git.Commit(ctx, id)
	if gitrepo.IsMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	told, ok := report.ReadTrailers(commit.Message)
	if !ok || !strings.EqualFold(told.Pipeline, p.ID()) || told.Stage != at.stage.Name {
		return nil, nil
	}
	tree, err := l.content(ctx, at, commit.ID)
	if err != nil {
		return nil, err
	}
	when := commit.Committer.When
	if when.After(l.now) {
		when = l.now
	}
	for i := range told.Freight {
		told.Freight[i].Selected = when
	}
	return &tale{asked: told.By, freight: told.Freight, arrival: promote.Arrival{
		Stage: at.stage.Name, Manner: promote.ByDelivery, Freight: told.Slots, Commit: commit.ID, Tree: tree, At: when, By: told.By,
		Sources: told.Sources, Config: told.Config, Back: told.Rollback,
	}}, nil
}

// heldByRollback is the hold of a stage that went back.
func heldByRollback(stage, by string, at time.Time, comment int64) promote.Hold {
	return promote.Hold{
		Stage: stage, Cause: promote.HeldByRollback, By: by, At: at, Comment: comment,
		Reason: "rolled back; `/promote " + stage + "` or `/unhold " + stage + "` goes on",
	}
}
