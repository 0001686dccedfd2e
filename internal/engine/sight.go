package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
)

// sight is what a round read of one pipeline.
type sight struct {
	mu     sync.Mutex
	places map[string]*place
	states map[string]promote.StageState
	errs   map[string]error // by stage
	unread error            // of all pipelines
}

// sights reads all pipelines at once: what registries and repositories have, and
// every stage. What can not be read is its own pipeline's trouble, so no task
// reports an error, and none is cancelled for another.
func (r *round) sights(ctx context.Context) []*sight {
	all := make([]*sight, len(r.config.parsed.Pipelines))
	if len(all) == 0 {
		return nil
	}
	var t tasks
	var undated error
	t.add("", onGitHub, func(ctx context.Context) error {
		undated = r.date(ctx)
		return nil
	})
	if len(r.found.by) == 0 { // warehouse after warehouse otherwise, where nothing could be asked ahead
		r.askRegistries(&t, r.config, r.book)
	}
	var mu sync.Mutex
	for i, p := range r.config.parsed.Pipelines {
		s := &sight{places: map[string]*place{}, states: map[string]promote.StageState{}, errs: map[string]error{}}
		all[i] = s
		facts := r.book.Pipelines[p.Name]
		if r.found.by[p.Name] == nil {
			t.add("", onRegistry, func(context.Context) error {
				fresh, by := r.discover(ctx, p, facts) // its answers are for later rounds, too
				mu.Lock()
				defer mu.Unlock()
				r.found.fresh[p.Name], r.found.by[p.Name] = fresh, by
				return nil
			})
		}
		for _, stage := range p.Stages {
			t.add("", onGitHub, func(ctx context.Context) error {
				at, state, err := r.observeStage(ctx, p, stage, facts)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.places[stage.Name], s.states[stage.Name], s.errs[stage.Name] = at, state, err
				return nil
			})
		}
	}
	if err := errors.Join(t.all(ctx), undated); err != nil {
		for _, s := range all {
			s.unread = err
		}
	}
	return all
}

// failed is why the pipeline could not be read: that of its first stage.
func (s *sight) failed(p config.Pipeline) error {
	if s.unread != nil {
		return s.unread
	}
	for _, stage := range p.Stages {
		if err := s.errs[stage.Name]; err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
	}
	return nil
}

// observeStage reads one stage's place and what happened there.
func (r *round) observeStage(ctx context.Context, p config.Pipeline, stage promote.Stage, facts promote.Facts) (*place, promote.StageState, error) {
	var state promote.StageState
	r.doing("asking GitHub about " + stage.Name)
	at, err := r.place(ctx, p, stage, facts)
	if errors.Is(err, errNoFolder) {
		state.Trouble = []promote.Reason{{Kind: promote.ForeignBranch, Stage: stage.Name, Note: err.Error()}}
		return at, state, nil
	}
	if err != nil {
		return nil, state, err
	}
	r.endHolds(ctx, at)
	if state.Trouble = at.keptOut(); len(state.Trouble) > 0 {
		return at, state, nil
	}
	if !stage.HasBranch() {
		state.Results, err = r.results(ctx, p, at)
		state.Gates = at.gates
		return at, state, err
	}
	if stage.Kind == promote.Observed {
		if err := r.others(ctx, p, at); err != nil {
			return nil, state, err
		}
		state.Head = at.head
		state.Results, err = r.results(ctx, p, at)
		state.Gates = at.gates
		return at, state, err
	}
	if err := r.reconcile(ctx, at); err != nil {
		return nil, state, err
	}
	state.Head = at.head
	if state.Open, err = r.open(ctx, at); err != nil {
		return nil, state, err
	}
	if state.Trouble, err = r.trouble(ctx, p, at); err != nil {
		return nil, state, err
	}
	if at.rivals {
		state.Open = nil // it is theirs, and nothing is said there
	}
	state.Results, err = r.results(ctx, p, at)
	state.Gates = at.gates
	return at, state, err
}
