package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// rounds bounds how often one look decides: once per stage that a fact can pass
// through, and once more (P18); twice that, since a promotion is pushed in one
// round and its pull request opened in the next; once per comment; and once each for
// what is published and for what people are told.
func (l *look) rounds() int {
	stages := 0
	for _, p := range l.config.parsed.Pipelines {
		stages += len(p.Stages)
	}
	return 2*(stages+1) + len(l.remarks()) + 2
}

// round is one pass of read, decide, prepare and write within a look.
type round struct {
	*look
	batch    *gitrepo.Batch
	facts    map[string]promote.Facts // new ones, by pipeline
	handled  *promote.Handled
	updates  []gitrepo.Update
	sendings []*sending
	log      []string // subject lines of the ledger's commit
	before   []effect
	after    []effect
	order    *order
	taken    []string // calls of outside systems that are done when the ledger has them
	changed  bool
	pushed   bool
	pruned   pruned
}

// effect is one write to GitHub.
type effect struct {
	what string // for the log and errors
	do   func(ctx context.Context) error
}

// round decides everything once, and writes what follows from it.
func (l *look) round(ctx context.Context, errand *errand) (*round, error) {
	r := l.newRound()
	if err := r.takeWish(ctx, errand); err != nil {
		return nil, err
	}
	if r.order == nil {
		if err := r.takeOrder(ctx); err != nil {
			return nil, err
		}
	}
	r.decide(ctx)
	if r.order != nil {
		r.answer()
	}
	if err := r.write(ctx); err != nil {
		return nil, err
	}
	errand.did(r)
	return r, nil
}

func (l *look) newRound() *round {
	return &round{look: l, batch: l.git.NewBatch(), facts: map[string]promote.Facts{}}
}

// decide reads all pipelines, and decides and prepares them one after the other:
// caps count what was decided before. One that can not be read keeps no other back.
func (r *round) decide(ctx context.Context) {
	r.views, r.vain.failed, r.due, r.copies = nil, nil, time.Time{}, nil
	unmade := len(r.vain.unmade)
	sights := r.sights(ctx)
	for i, p := range r.config.parsed.Pipelines {
		if err := r.pipeline(ctx, p, sights[i]); err != nil {
			r.vain.failed = errors.Join(r.vain.failed, fmt.Errorf("pipeline %s: %w", p.Name, err))
			r.order = nil // it may be about this pipeline
		}
	}
	if r.config.parsed.Policy.Caps.Promotions > 0 && len(r.vain.unmade) > unmade {
		r.changed = true // somebody else may have that turn
	}
}

// pipeline decides and prepares one pipeline.
func (r *round) pipeline(ctx context.Context, p config.Pipeline, seen *sight) error {
	if err := seen.failed(p); err != nil {
		return err
	}
	facts, places := r.book.Pipelines[p.Name], seen.places
	snapshot := promote.Snapshot{Now: r.now, Stages: seen.states}
	snapshot.Configured = r.config.since
	r.record(p.Name, promote.Facts{Freight: r.found.fresh[p.Name]}, freightLines(p.Name, r.found.fresh[p.Name])...)
	r.endTakeovers(ctx, p)
	if r.order != nil {
		r.order.ask(ctx, r, p)
	}
	r.hear(p, places)
	for _, stage := range p.Stages {
		if places[stage.Name].rewritten {
			r.alertRewritten(places[stage.Name])
		}
		news := places[stage.Name].news
		r.record(p.Name, news, arrivalLines(p.Name, news)...)
	}
	if r.order != nil {
		r.order.apply(r, p, places, &snapshot)
	}
	passed := r.preReleases(ctx, p)
	snapshot.Trouble, snapshot.Passed = r.found.by[p.Name].trouble, slices.Concat(r.found.by[p.Name].passed, passed)
	snapshot.Facts = facts.Merge(r.facts[p.Name])
	r.leaveAlone(p, snapshot.Stages)
	r.countOpen(p, &snapshot)
	r.countUses(p, &snapshot)
	view := report.View{Pipeline: p.Pipeline, Policy: r.config.parsed.Policy, Snapshot: snapshot, URL: strings.TrimSuffix(r.repo.Info().CloneURL, ".git"), Shared: r.config.shared(p)}
	view.Verdicts = promote.Decide(p.Pipeline, view.Policy, snapshot)
	works := make([]*stageWork, len(view.Verdicts))
	for i := range view.Verdicts {
		verdict := &view.Verdicts[i]
		works[i] = r.work(p, places[verdict.Stage], &view, verdict)
		if verdict.Action == promote.Promote && !works[i].waits() && works[i].at.stage.Kind == promote.Assembled {
			works[i].plan = works[i].planned()
		}
		works[i].lookAhead()
	}
	if err := r.prefetch(ctx, works); err != nil {
		return err
	}
	r.runAll(ctx, works)
	r.compareAll(ctx, works)
	var failed error
	for _, work := range works { // what could not be asked for one stage keeps no other back
		if err := work.do(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("stage %s: %w", work.at.stage.Name, err))
		}
		if !snapshot.Stages[work.at.stage.Name].Left {
			work.startDue()
		}
	}
	if err := r.publish(ctx, p, snapshot); err != nil {
		failed = errors.Join(failed, err)
	}
	r.alert(p, view)
	r.views = append(r.views, view)
	return failed
}

// record keeps new facts for the ledger.
func (r *round) record(pipeline string, news promote.Facts, lines ...string) {
	if news.Empty() {
		return
	}
	r.facts[pipeline] = r.facts[pipeline].Merge(news)
	r.log = append(r.log, lines...)
}

// write performs everything that was prepared: what GitHub must know before the
// push, objects and ledger in one atomic push, and what follows.
func (r *round) write(ctx context.Context) error {
	if err := errors.Join(r.perform(ctx, r.before), r.readMoot(ctx)); err != nil {
		return err
	}
	handled := r.handled
	if r.asksElsewhere() { // the comment comes again until what it wants was pushed
		r.handled = nil
	}
	if pushed, err := r.push(ctx); !pushed || err != nil {
		return err
	}
	if err := r.forgetCalls(ctx); err != nil {
		return err
	}
	done, failed := r.send(ctx)
	failed = errors.Join(failed, r.perform(ctx, r.after), r.readMoot(ctx))
	if handled != nil && (done || r.handled != nil) {
		failed = errors.Join(failed, r.close(ctx, *handled))
	}
	return failed
}

// perform does all of the effects; one that fails keeps none of the others back.
func (r *round) perform(ctx context.Context, effects []effect) error {
	var failed error
	for _, e := range effects {
		r.doing(e.what)
		if err := e.do(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", e.what, err))
			continue
		}
		r.Log.Info("done", "repo", r.name, "effect", e.what)
		r.change()
	}
	return failed
}

// change notes that the round wrote something, so that there is another one.
func (r *round) change() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = true
}

// push writes the ledger's commit and every branch in one atomic push. Nothing
// is pushed when there is nothing to say. A stage whose branch the repository
// refuses to have moved stands aside, and the round is done again without it.
func (r *round) push(ctx context.Context) (pushed bool, err error) {
	if len(r.facts) == 0 && r.handled == nil && len(r.updates) == 0 {
		return true, nil
	}
	if err := r.commitLedger(ctx); err != nil {
		return false, err
	}
	r.doing("pushing to " + r.name)
	err = r.batch.Push(ctx, r.updates...)
	var refusal *gitrepo.RefusedError
	if errors.As(err, &refusal) && refusal.Ref != heads+ledger.Branch && r.refused[refusal.Ref] == "" {
		r.refused[refusal.Ref] = refusal.Reason
		r.changed = true
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("push: %w", err)
	}
	clear(r.found.fresh)
	r.pushed = true
	for _, u := range r.updates {
		r.moved(u)
		r.Log.Info("pushed", "repo", r.name, "ref", u.Ref, "commit", u.New)
	}
	for name, news := range r.facts {
		r.book.Pipelines[name] = r.book.Pipelines[name].Merge(news)
	}
	r.forgetPruned()
	if r.handled != nil {
		r.book.Handled[r.handled.Comment] = *r.handled
	}
	r.keepLedger()
	r.changed = true
	return true, nil
}

func (r *round) commitLedger(ctx context.Context) error {
	head := r.refs[heads+ledger.Branch]
	files := map[string][]byte{}
	base := ""
	if head == "" {
		files["README.md"] = []byte(ledger.Readme)
	} else {
		commit, err := r.git.Commit(ctx, head)
		if err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		base = commit.Tree
	}
	for _, name := range slices.Sorted(maps.Keys(r.facts)) {
		encoded, err := ledger.Files(name, r.facts[name])
		if err != nil {
			return err
		}
		maps.Copy(files, encoded)
	}
	if r.handled != nil {
		name, data, err := ledger.HandledFile(*r.handled)
		if err != nil {
			return err
		}
		files[name] = data
		r.log = append(r.log, fmt.Sprintf("handle comment %d of %s", r.handled.Comment, r.handled.Author))
	}
	if err := r.prune(files); err != nil {
		return err
	}
	tree, err := r.batch.WriteFiles(ctx, base, files)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	spec := gitrepo.CommitSpec{Tree: tree, Author: r.signature(), Committer: r.signature(), Message: ledgerMessage(r.log)}
	if head != "" {
		spec.Parents = []string{head}
	}
	commit, err := r.batch.WriteCommit(spec)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	r.updates = append(r.updates, gitrepo.Update{Ref: heads + ledger.Branch, Old: head, New: commit})
	return nil
}

// signature is who commits, at the time of the look.
func (l *look) signature() gitrepo.Signature {
	return gitrepo.Signature{Name: "towpath", Email: "towpath@users.noreply.github.com", When: l.now}
}
