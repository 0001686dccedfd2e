package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// stageWork turns one stage's verdict into what is to be written.
type stageWork struct {
	*round
	pipeline config.Pipeline
	at       *place
	view     *report.View
	verdict  *promote.Verdict
	plan     *plan          // of a promotion
	batch    *gitrepo.Batch // of the repository that the stage is written to
}

func (w *stageWork) do(ctx context.Context) error {
	if w.at.stage.Kind != promote.Assembled {
		w.arrive()
		return nil
	}
	if w.at.leftover && w.verdict.Action != promote.Promote && w.refusal() == "" {
		w.update(w.at.stage.Target.PromotionBranch(), w.at.promotionHead, "")
		w.changedOnlyBranch()
	}
	open := w.view.Snapshot.Stages[w.at.stage.Name].Open
	switch {
	case w.refusal() != "":
		w.fail(promote.Reason{Kind: promote.PushRefused, Stage: w.at.stage.Name, Note: w.refusal()})
		return nil
	case w.moves(w.at.stage.Target.PromotionBranch()) || w.at.stage.Target.Push && w.moves(w.at.stage.Target.Branch):
		w.deferOrder() // the next round sees what becomes of it
		return nil
	case w.at.inFlight:
		w.deferOrder()
		w.verdict.Until = soon(w.verdict.Until, w.now.Add(settle))
		return nil
	case w.verdict.Action == promote.Promote:
		return w.promote(ctx, open)
	case w.toOpen() != nil:
		return w.openPull(ctx, *open)
	case w.verdict.Merge && !w.at.home.stuck[open.PullRequest]:
		w.merge(*open)
	}
	if w.verdict.Action == promote.Opened {
		w.recordHolds()
	}
	return nil
}

// toOpen is the promotion that was pushed and has no pull request yet; nil: none.
func (w *stageWork) toOpen() *promote.Open {
	open := w.view.Snapshot.Stages[w.at.stage.Name].Open
	if w.verdict.Action != promote.Opened || open == nil || open.PullRequest != 0 || len(w.verdict.Blocked) > 0 {
		return nil
	}
	return open
}

// waits tells whether nothing is written for the stage in this round, whatever
// was decided.
func (w *stageWork) waits() bool { return w.refusal() != "" || w.at.inFlight }

// recordHolds writes down the slots that a wish pins or frees where nothing else
// has to be written.
func (w *stageWork) recordHolds() {
	news := promote.Facts{Holds: w.holds()}
	w.record(w.pipeline.Name, news, arrivalLines(w.pipeline.Name, news)...)
}

// deferOrder leaves a wish that can not be answered yet for later: what is not
// handled comes again.
func (w *stageWork) deferOrder() {
	if w.verdict.Ask != nil {
		w.order = nil
	}
}

// refusal is what the repository said when it refused to move the stage's
// branches; empty: it did not.
func (w *stageWork) refusal() string {
	for _, branch := range []string{w.at.stage.Target.PromotionBranch(), w.at.stage.Target.Branch} {
		if words := w.at.home.refused[heads+branch]; words != "" {
			return branch + ": " + words
		}
	}
	return ""
}

// moves tells whether this round moves a branch of the stage's repository already.
func (w *stageWork) moves(branch string) bool {
	return slices.ContainsFunc(w.moving(w.at.home), func(u gitrepo.Update) bool { return u.Ref == heads+branch })
}

// settle is how long GitHub is given to tell of what was just done.
const settle = 5 * time.Second

func soon(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// changedOnlyBranch notes why the ledger is written when a merged promotion
// branch is all there is to tidy up.
func (w *stageWork) changedOnlyBranch() {
	w.log = append(w.log, fmt.Sprintf("%s/%s: remove the merged promotion branch", w.pipeline.Name, w.at.stage.Name))
}

// then is done after the push that justifies it.
func (w *stageWork) then(e effect) {
	if at := w.sendingTo(w.at.home); at != nil {
		at.after = append(at.after, e)
		return
	}
	w.after = append(w.after, e)
}

func (w *stageWork) update(branch, before, after string) {
	move := gitrepo.Update{Ref: heads + branch, Old: before, New: after}
	if at := w.sendingTo(w.at.home); at != nil {
		at.updates = append(at.updates, move)
		at.asked = at.asked || w.verdict == nil || w.verdict.Ask != nil
		return
	}
	w.updates = append(w.updates, move)
}

// promote assembles the stage's files and puts them on the promotion branch. What
// fails here is this stage's failure: nothing of it is pushed, and the other
// stages go on (P11).
func (w *stageWork) promote(ctx context.Context, open *promote.Open) error {
	made, err := w.assembly(ctx)
	var failed *failure
	switch {
	case errors.As(err, &failed):
		w.fail(failed.reason)
		return nil
	case errors.Is(err, directives.ErrRunning):
		w.await(open)
		return nil
	case err != nil:
		return err
	}
	switch {
	case made.content == w.at.head.Tree && w.at.head.Commit != "":
		w.unchanged(made, open)
		return nil
	case open != nil && !open.Foreign && !open.Unpushed && made.sameAs(open.Proposal) && w.at.head.Tree == open.Proposal.BaseTree && !w.verdict.Because(promote.OutOfDate):
		w.verdict.Action = promote.Opened
		return nil
	}
	if open != nil && open.PullRequest != 0 && w.verdict.Ask != nil {
		w.supersede(*open)
	}
	return w.propose(made)
}

// await leaves the stage as it is until its command is done; so does who asked for it.
func (w *stageWork) await(open *promote.Open) {
	w.deferOrder()
	reason := promote.Reason{Kind: promote.Executing, Stage: w.at.stage.Name}
	w.verdict.Action = promote.Wait
	if open != nil {
		w.verdict.Action, w.verdict.Freight = promote.Opened, open.Proposal.Freight
		w.verdict.Blocked = append(w.verdict.Blocked, reason)
	}
	w.verdict.Reasons = append(w.verdict.Reasons, reason)
}

// deliver puts the promotion on the stage branch itself; it arrives with the push.
// A pull request that is still open from before has nothing left to bring.
func (w *stageWork) deliver(p promote.Proposal, commit string) []promote.Arrival {
	target := w.at.stage.Target
	w.update(target.Branch, w.at.head.Commit, commit)
	if w.at.promotionHead != "" {
		w.update(target.PromotionBranch(), w.at.promotionHead, "")
	}
	if open := w.view.Snapshot.Stages[p.Stage].Open; open != nil {
		w.closePull(*open, "the stage is delivered to without pull requests now")
	}
	if w.at.home.abroad != nil {
		return nil // it has not arrived before it is pushed, and the ledger comes first
	}
	return []promote.Arrival{{
		Stage: p.Stage, Manner: promote.ByDelivery, Freight: p.Freight, Commit: commit, Tree: p.Tree,
		At: w.at.after(w.now), By: p.By, Sources: p.Sources, Config: p.Config, Back: p.Back != nil,
		Target: target,
	}}
}

// failure is a reason that a promotion could not be made.
type failure struct{ reason promote.Reason }

func (f *failure) Error() string { return f.reason.String() }

func (w *stageWork) fail(reason promote.Reason) {
	w.verdict.Action = promote.Held
	w.verdict.Reasons = append(w.verdict.Reasons, reason)
	w.verdict.Refused = w.verdict.Ask != nil
	if open := w.view.Snapshot.Stages[w.at.stage.Name].Open; open != nil {
		w.verdict.Freight = open.Proposal.Freight
		w.verdict.Blocked = append(w.verdict.Blocked, reason)
	}
	w.vain.unmade[w.pipeline.Name+"/"+w.at.stage.Name] = true
	w.Log.Warn("promotion failed", "repo", w.name, "stage", w.at.stage.Name, "reason", reason.String())
}

// unchanged records that the freight arrived without changing a byte (P6). An
// open promotion has nothing left to bring.
func (w *stageWork) unchanged(made *assembly, open *promote.Open) {
	name := w.at.stage.Name
	arrival := promote.Arrival{
		Stage: name, Manner: promote.ByUnchanged, Freight: w.verdict.Freight, Commit: w.at.head.Commit, Tree: w.at.head.Tree,
		At: w.at.after(w.now), By: w.by(), Sources: made.sources, Config: made.config, Back: w.verdict.Back != nil,
		Repository: w.at.home.number(), Target: w.at.stage.Target,
	}
	holding, held := w.view.Snapshot.Facts.Holding(name)
	if held && holding.Tree == arrival.Tree {
		arrival.Since = holding.Entered()
	}
	if open != nil {
		w.closePull(*open, "what it would bring is on the stage branch already")
		w.update(w.at.stage.Target.PromotionBranch(), open.Commit, "")
	}
	if held && maps.Equal(holding.Freight, arrival.Freight) && holding.Tree == arrival.Tree && (open == nil || w.at.home.abroad != nil) {
		w.recordHolds()
		w.verdict.Action = promote.Current
		return
	}
	news := promote.Facts{Arrivals: []promote.Arrival{arrival}, Holds: w.holds()}
	w.record(w.pipeline.Name, news, arrivalLines(w.pipeline.Name, news)...)
	w.verdict.Action = promote.Current
}

func (w *stageWork) by() string {
	if w.verdict.Ask != nil {
		return w.verdict.Ask.By
	}
	return promote.Automatic
}

// holds are what the wish holds, and the slots that it pins or frees (P14).
func (w *stageWork) holds() []promote.Hold {
	var out []promote.Hold
	for _, warehouse := range w.verdict.Pins {
		out = append(out, promote.Hold{
			Stage: w.at.stage.Name, Warehouse: warehouse, Cause: promote.HeldByPin, By: w.by(), At: w.now,
			Reason: "promoted by hand; `/promote " + w.at.stage.Name + "` follows the newest freight again",
		})
	}
	if back := w.verdict.Back; back != nil && w.verdict.Ask != nil && !w.at.heldFor(back.Comment) {
		out = append(out, heldByRollback(w.at.stage.Name, w.by(), w.afterHolds(), back.Comment))
	}
	for _, warehouse := range w.verdict.Frees {
		out = append(out, promote.Hold{Stage: w.at.stage.Name, Warehouse: warehouse, Cause: promote.HeldByPin, By: w.by(), At: w.now, Released: true})
	}
	return out
}

// afterHolds is now, or just after the last hold or release of the stage: the same
// comment may have one, and the last word counts.
func (w *stageWork) afterHolds() time.Time {
	at := w.now
	for _, h := range w.view.Snapshot.Facts.Holds {
		if h.Stage == w.at.stage.Name && !h.At.Before(at) {
			at = h.At.Add(time.Millisecond)
		}
	}
	return at
}

// propose commits the tree on the stage's head and points the promotion branch
// at it, with the proposal in the same push (P3, L1).
func (w *stageWork) propose(made *assembly) error {
	target := w.at.stage.Target
	proposal := promote.Proposal{
		Stage: w.at.stage.Name, Freight: w.verdict.Freight, Base: made.base, BaseTree: w.at.head.Tree, Tree: made.content, Root: made.root,
		Rule: w.verdict.Rule, Sources: made.sources, Config: made.config, By: w.by(), At: w.at.afterProposals(w.now), Unverified: made.unverified, Back: w.verdict.Back,
		Repository: w.at.home.number(), Target: w.at.stage.Target,
	}
	if open := w.view.Snapshot.Stages[w.at.stage.Name].Open; open != nil && w.verdict.Ask == nil && maps.Equal(open.Proposal.Freight, proposal.Freight) {
		proposal.By, proposal.Rule = open.Proposal.By, open.Proposal.Rule // made again on a new base; nobody asked anew
	}
	proposal, written := w.at.unfinished(proposal)
	commit, err := w.batch.WriteCommit(gitrepo.CommitSpec{
		Tree: made.root, Parents: []string{made.base}, Author: w.signature(), Committer: w.signature(),
		Message: report.CommitMessage(*w.view, proposal, made.freight, made.edits),
	})
	if err != nil {
		return fmt.Errorf("commit promotion: %w", err)
	}
	news := promote.Facts{Holds: w.holds()}
	if !written {
		news.Proposals = []promote.Proposal{proposal}
	}
	if target.Push {
		news.Arrivals = w.deliver(proposal, commit)
	} else {
		if made.created {
			w.update(target.Branch, "", made.base)
		}
		w.update(target.PromotionBranch(), w.at.promotionHead, commit)
		w.tellMoved(made)
	}
	var lines []string
	if !written {
		lines = append(lines, proposalLine(w.pipeline.Name, proposal, made.freight))
	}
	lines = append(lines, arrivalLines(w.pipeline.Name, promote.Facts{Arrivals: news.Arrivals, Holds: news.Holds})...)
	w.record(w.pipeline.Name, news, lines...)
	return nil
}
