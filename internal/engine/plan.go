package engine

import (
	"context"
	"errors"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// plan is what a promotion is going to do, before anything of it is done.
type plan struct {
	freight []promote.Freight
	program directives.Program
	sources *sources
	// restored is the arrival whose files come back as they were, in the place of
	// what the directives would make.
	restored *promote.Arrival
	result   *directives.Result
	err      error // it can not be made; a [*failure] when that is the stage's own
}

// planned evaluates what the directives say for the freight of the verdict.
func (w *stageWork) planned() *plan {
	p := &plan{}
	if back := w.verdict.Back; back != nil && back.Commit != "" {
		if p.restored, p.err = w.arrivedAt(back.Commit); p.err != nil {
			return p
		}
	}
	for _, request := range w.at.stage.Requests {
		id := w.verdict.Freight[request.Warehouse]
		freight, ok := w.view.Snapshot.Facts.FreightByID(id)
		if id == "" && p.restored != nil {
			continue // a slot that the stage did not have then
		}
		if !ok {
			p.err = &failure{reason: promote.Reason{Kind: promote.FirstFreight, Warehouse: request.Warehouse}}
			return p
		}
		p.freight = append(p.freight, freight)
	}
	if p.restored != nil {
		return p
	}
	p.sources = &sources{work: w, freight: p.freight, used: map[promote.SourceCommit]bool{}}
	var err error
	if p.program, err = w.at.update.Program(w.pipeline.Scope(w.at.stage.Name, p.freight)); err != nil {
		p.err = w.renderFailure(err)
	}
	return p
}

// runAll makes the files of all the plans. What could not be begun any more has
// the error of the context.
func (r *round) runAll(ctx context.Context, works []*stageWork) {
	var t tasks
	for _, w := range works {
		if w.plan != nil && w.plan.err == nil {
			t.add("", computing, func(context.Context) error {
				w.doing("assembling and rendering " + w.at.stage.Name)
				w.plan.result, w.plan.err = w.runDirectives(ctx)
				return nil
			})
		}
	}
	_ = t.each(ctx) // each plan has its own error
	for _, w := range works {
		if w.plan != nil && w.plan.err == nil && w.plan.result == nil {
			w.plan.err = context.Cause(ctx)
		}
	}
}

// prefetch brings the folders that all of the plans copy from and write to,
// together, so that the number of requests does not grow with the stages. What
// can not be found is left to the directive that wants it: its error names the
// place.
func (r *round) prefetch(ctx context.Context, works []*stageWork) error {
	needs := map[*gitrepo.Repo][]gitrepo.Need{}
	for _, w := range works {
		if w.plan == nil || w.plan.err != nil {
			continue
		}
		if head := w.at.head.Commit; head != "" { // which the new tree is compared with
			needs[w.at.home.git] = append(needs[w.at.home.git], gitrepo.Need{Commit: head, Paths: []string{w.at.stage.Target.Path}})
		}
		if before := w.plan.restored; before != nil {
			needs[w.at.home.git] = append(needs[w.at.home.git], gitrepo.Need{Commit: before.Commit, Paths: []string{w.at.stage.Target.Path}, Optional: true})
		}
		for _, step := range w.plan.program.Steps {
			from, ok := step.Directive.(directives.Copy)
			if !ok {
				continue
			}
			source, err := r.source(ctx, from.Source.Repository)
			if err != nil {
				continue
			}
			if commit, err := w.plan.sources.commit(ctx, source, from.Source); err == nil {
				needs[source.git] = append(needs[source.git], gitrepo.Need{Commit: commit, Paths: []string{from.From}, Optional: true})
			}
		}
	}
	var t tasks
	for git, wanted := range needs {
		t.add("", onGit, func(context.Context) error { // trees are read later with the context that they were opened with
			var unreachable *gitrepo.UnreachableError
			if err := git.Prefetch(ctx, wanted...); errors.As(err, &unreachable) {
				return err
			}
			return nil
		})
	}
	return t.all(ctx)
}
