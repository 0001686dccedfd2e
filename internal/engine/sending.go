package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// sending is what a round writes to another repository. It goes there after the
// ledger has it: two repositories can not be pushed at once, and a branch that no
// proposal names is nobody's (P12).
type sending struct {
	to      *home
	batch   *gitrepo.Batch
	updates []gitrepo.Update
	after   []effect
	asked   bool // a comment wants it
}

// sendingTo is what goes to a repository; nil for our own.
func (r *round) sendingTo(h *home) *sending {
	if h.abroad == nil {
		return nil
	}
	for _, e := range r.sendings {
		if e.to == h {
			return e
		}
	}
	e := &sending{to: h}
	if h.git != nil {
		e.batch = h.git.NewBatch()
	}
	r.sendings = append(r.sendings, e)
	return e
}

// moving is what this round is about to push to a repository.
func (r *round) moving(h *home) []gitrepo.Update {
	if e := r.sendingTo(h); e != nil {
		return e.updates
	}
	return r.updates
}

// work is one stage's part of the round.
func (r *round) work(p config.Pipeline, at *place, view *report.View, verdict *promote.Verdict) *stageWork {
	w := &stageWork{round: r, pipeline: p, at: at, view: view, verdict: verdict, batch: r.batch}
	if e := r.sendingTo(at.home); e != nil {
		w.batch = e.batch
	}
	return w
}

// asksElsewhere tells whether the round's comment wants something pushed to
// another repository.
func (r *round) asksElsewhere() bool {
	return slices.ContainsFunc(r.sendings, func(e *sending) bool { return e.asked })
}

// send pushes to the other repositories, side by side and each in one atomic push,
// and does there what follows. One that fails keeps none of the others back. It tells
// whether everything was pushed; what a repository refused to have moved stands
// aside, and the round is done again without it.
func (r *round) send(ctx context.Context) (done bool, failed error) {
	done = true
	became := make([]error, len(r.sendings))
	var t tasks
	for i, e := range r.sendings {
		t.add("", writing, func(ctx context.Context) error {
			became[i] = r.run(ctx, e)
			return nil
		})
	}
	if err := t.each(ctx); err != nil {
		return false, err
	}
	for i, e := range r.sendings {
		var refusal *gitrepo.RefusedError
		switch err := became[i]; {
		case errors.As(err, &refusal):
			e.to.refused[refusal.Ref] = refusal.Reason
			r.changed, done = true, false
		case err != nil:
			failed, done = errors.Join(failed, err), false
		}
	}
	return done, failed
}

func (r *round) run(ctx context.Context, e *sending) error {
	if len(e.updates) > 0 {
		if err := e.batch.Push(ctx, e.updates...); err != nil {
			return fmt.Errorf("push to %s: %w", e.to.name, err)
		}
		for _, u := range e.updates {
			e.to.moved(u)
			r.Log.Info("pushed", "repo", e.to.name, "ref", u.Ref, "commit", u.New)
		}
		r.change()
	}
	return r.perform(ctx, e.after)
}

// moved notes where a push put a ref.
func (h *home) moved(u gitrepo.Update) {
	h.refs[u.Ref] = u.New
	if u.New == "" {
		delete(h.refs, u.Ref)
	}
}
