package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/forge"
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
}

func (w *stageWork) do(ctx context.Context) error {
	if w.at.leftover && w.verdict.Action != promote.Promote && w.refusal() == "" {
		w.update(w.at.stage.Target.PromotionBranch(), w.at.promotionHead, "")
		w.changedOnlyBranch()
	}
	open := w.view.Snapshot.Stages[w.at.stage.Name].Open
	switch {
	case w.refusal() != "":
		w.fail(promote.Reason{Kind: promote.PushRefused, Stage: w.at.stage.Name, Note: w.refusal()})
		return nil
	case w.moves(w.at.stage.Target.PromotionBranch()):
		return nil // the next round sees what becomes of it
	case w.at.inFlight:
		w.verdict.Until = soon(w.verdict.Until, w.now.Add(settle))
		return nil
	case w.verdict.Action == promote.Promote:
		return w.promote(ctx, open)
	case w.verdict.Action == promote.Opened && open != nil && open.PullRequest == 0 && len(w.verdict.Blocked) == 0:
		return w.openPull(ctx, *open)
	case w.verdict.Merge && !w.stuck[open.PullRequest]:
		w.merge(*open)
	}
	return nil
}

// refusal is what the repository said when it refused to move the stage's
// branches; empty: it did not.
func (w *stageWork) refusal() string {
	for _, branch := range []string{w.at.stage.Target.PromotionBranch(), w.at.stage.Target.Branch} {
		if words := w.refused[heads+branch]; words != "" {
			return branch + ": " + words
		}
	}
	return ""
}

// moves tells whether this round moves a branch already.
func (r *round) moves(branch string) bool {
	return slices.ContainsFunc(r.updates, func(u gitrepo.Update) bool { return u.Ref == heads+branch })
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

func (w *stageWork) update(branch, before, after string) {
	w.updates = append(w.updates, gitrepo.Update{Ref: heads + branch, Old: before, New: after})
}

// promote assembles the stage's files and puts them on the promotion branch. What
// fails here is this stage's failure: nothing of it is pushed, and the other
// stages go on (P11).
func (w *stageWork) promote(ctx context.Context, open *promote.Open) error {
	made, err := w.assembleStage(ctx)
	var failed *failure
	switch {
	case errors.As(err, &failed):
		w.fail(failed.reason)
		return nil
	case err != nil:
		return err
	}
	switch {
	case made.content == w.at.head.Tree && w.at.head.Commit != "":
		w.unchanged(made, open)
		return nil
	case open != nil && !open.Foreign && made.sameAs(open.Proposal) && w.at.head.Tree == open.Proposal.BaseTree:
		w.verdict.Action = promote.Opened
		return nil
	}
	if open != nil && open.PullRequest != 0 && w.verdict.Ask != nil {
		w.supersede(*open)
	}
	return w.propose(made)
}

// failure is a reason that a promotion could not be made.
type failure struct{ reason promote.Reason }

func (f *failure) Error() string { return f.reason.String() }

func (w *stageWork) fail(reason promote.Reason) {
	w.verdict.Action = promote.Held
	w.verdict.Reasons = append(w.verdict.Reasons, reason)
	w.verdict.Refused = w.verdict.Ask != nil
	w.Log.Warn("promotion failed", "repo", w.name, "stage", w.at.stage.Name, "reason", reason.String())
}

// assembly is a stage's files as a promotion makes them.
type assembly struct {
	freight    []promote.Freight
	root       string // tree of the whole branch
	content    string // identity of the stage's part of it
	sources    []promote.SourceCommit
	edits      []directives.Edit
	unverified []string
	base       string // commit the promotion is made on
	created    bool   // base is a root commit of ours, to be pushed as well
}

func (a *assembly) sameAs(p promote.Proposal) bool {
	freight := map[string]string{}
	for _, f := range a.freight {
		freight[f.Warehouse] = f.ID
	}
	return p.Tree == a.content && maps.Equal(p.Freight, freight)
}

// assembleStage runs the directives. Everything it looks at is freight, the
// configuration commit and recorded sources, so doing it again gives the same bytes.
func (w *stageWork) assembleStage(ctx context.Context) (*assembly, error) {
	out := &assembly{base: w.at.head.Commit}
	facts := w.view.Snapshot.Facts
	for _, request := range w.at.stage.Requests {
		freight, ok := facts.FreightByID(w.verdict.Freight[request.Warehouse])
		if !ok {
			return nil, fmt.Errorf("freight %s is gone from the ledger", w.verdict.Freight[request.Warehouse])
		}
		out.freight = append(out.freight, freight)
	}
	program, err := w.at.update.Program(w.pipeline.Scope(w.at.stage.Name, out.freight))
	if err != nil {
		return nil, w.renderFailure(err)
	}
	sources := &sources{work: w, freight: out.freight, used: map[promote.SourceCommit]bool{}}
	current, err := w.currentFolder(ctx)
	if err != nil {
		return nil, err
	}
	env := &directives.Env{Freight: out.freight, Source: sources.tree, Renderer: w.Renderer}
	result, err := directives.Run(ctx, program, env, current)
	if err != nil {
		return nil, w.renderFailure(err)
	}
	out.sources, out.edits = sources.commits(), result.Edits
	if out.unverified, err = sources.unverified(ctx); err != nil {
		return nil, err
	}
	return out, w.writeTree(ctx, out, result.Tree)
}

// renderFailure is what the configuration, a source or a manifest got wrong.
// Not being able to ask is no failure of the stage: the look is tried again.
func (w *stageWork) renderFailure(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, errUnreachable) {
		return err
	}
	return &failure{reason: promote.Reason{Kind: promote.RenderFailed, Stage: w.at.stage.Name, Note: err.Error()}}
}

func (w *stageWork) currentFolder(ctx context.Context) (fs.FS, error) {
	if w.at.head.Tree == "" && len(w.at.update.Preserve) == 0 || w.at.head.Commit == "" {
		return nil, nil
	}
	return w.folder(ctx, w.at, w.at.head.Commit)
}

// writeTree puts the result into the branch's tree, and makes the branch's root
// commit where there is no branch yet: GitHub wants a base with common history (P9).
func (w *stageWork) writeTree(ctx context.Context, out *assembly, result fs.FS) (err error) {
	target := w.at.stage.Target
	base := ""
	if out.base == "" {
		if target.Path != "." {
			return &failure{reason: promote.Reason{Kind: promote.PromotionFailed, Note: "branch " + target.Branch + " does not exist"}}
		}
		if out.base, err = w.rootCommit(ctx); err != nil {
			return err
		}
		out.created = true
	} else {
		commit, err := w.git.Commit(ctx, out.base)
		if err != nil {
			return err
		}
		base = commit.Tree
	}
	if out.root, err = w.batch.WriteTree(ctx, base, target.Path, result); err != nil {
		return &failure{reason: promote.Reason{Kind: promote.PromotionFailed, Note: err.Error()}}
	}
	tree, err := w.batch.Tree(ctx, out.root)
	if err != nil {
		return err
	}
	folder, err := subfolder(tree, target.Path)
	if err != nil || folder == nil {
		return err
	}
	out.content, err = contentID(folder, w.at.update.Preserve)
	return err
}

// rootCommit is the empty first commit of a stage branch: always the same one.
func (w *stageWork) rootCommit(ctx context.Context) (string, error) {
	tree, err := w.batch.WriteFiles(ctx, "", nil)
	if err != nil {
		return "", err
	}
	who := gitrepo.Signature{Name: "towpath", Email: "towpath@users.noreply.github.com", When: time.Unix(1735689600, 0).UTC()}
	return w.batch.WriteCommit(gitrepo.CommitSpec{
		Tree: tree, Author: who, Committer: who,
		Message: fmt.Sprintf("Begin stage %s\n\nTowpath-Pipeline: %s\nTowpath-Stage: %s\n", w.at.stage.Name, w.pipeline.ID(), w.at.stage.Name),
	})
}

// unchanged records that the freight arrived without changing a byte (P6). An
// open promotion has nothing left to bring.
func (w *stageWork) unchanged(made *assembly, open *promote.Open) {
	name := w.at.stage.Name
	arrival := promote.Arrival{
		Stage: name, Manner: promote.ByUnchanged, Freight: w.verdict.Freight, Commit: w.at.head.Commit, Tree: w.at.head.Tree,
		At: w.at.after(w.now), By: w.by(), Sources: made.sources, Config: w.config.commit,
	}
	holding, held := w.view.Snapshot.Facts.Holding(name)
	if held && holding.Tree == arrival.Tree {
		arrival.Since = holding.Entered()
	}
	if held && maps.Equal(holding.Freight, arrival.Freight) && holding.Tree == arrival.Tree && open == nil {
		w.verdict.Action = promote.Current
		return
	}
	if open != nil {
		w.closePull(*open, "what it would bring is on the stage branch already")
		w.update(w.at.stage.Target.PromotionBranch(), open.Commit, "")
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

// holds are the slots that the wish pins or frees (P14).
func (w *stageWork) holds() []promote.Hold {
	var out []promote.Hold
	for _, warehouse := range w.verdict.Pins {
		out = append(out, promote.Hold{
			Stage: w.at.stage.Name, Warehouse: warehouse, Cause: promote.HeldByPin, By: w.by(), At: w.now,
			Reason: "promoted by hand; `/promote " + w.at.stage.Name + "` follows the newest freight again",
		})
	}
	for _, warehouse := range w.verdict.Frees {
		out = append(out, promote.Hold{Stage: w.at.stage.Name, Warehouse: warehouse, Cause: promote.HeldByPin, By: w.by(), At: w.now, Released: true})
	}
	return out
}

// propose commits the tree on the stage's head and points the promotion branch
// at it, with the proposal in the same push (P3, L1).
func (w *stageWork) propose(made *assembly) error {
	target := w.at.stage.Target
	if made.created {
		w.update(target.Branch, "", made.base)
	}
	proposal := promote.Proposal{
		Stage: w.at.stage.Name, Freight: w.verdict.Freight, Base: made.base, BaseTree: w.at.head.Tree, Tree: made.content,
		Rule: w.verdict.Rule, Sources: made.sources, Config: w.config.commit, By: w.by(), At: w.now, Unverified: made.unverified,
	}
	if open := w.view.Snapshot.Stages[w.at.stage.Name].Open; open != nil && w.verdict.Ask == nil && maps.Equal(open.Proposal.Freight, proposal.Freight) {
		proposal.By, proposal.Rule = open.Proposal.By, open.Proposal.Rule // made again on a new base; nobody asked anew
	}
	commit, err := w.batch.WriteCommit(gitrepo.CommitSpec{
		Tree: made.root, Parents: []string{made.base}, Author: w.signature(), Committer: w.signature(),
		Message: report.CommitMessage(*w.view, proposal, made.freight, made.edits),
	})
	if err != nil {
		return fmt.Errorf("commit promotion: %w", err)
	}
	w.update(target.PromotionBranch(), w.at.promotionHead, commit)
	w.tellMoved(made)
	news := promote.Facts{Proposals: []promote.Proposal{proposal}, Holds: w.holds()}
	w.record(w.pipeline.Name, news, proposalLine(w.pipeline.Name, proposal, made.freight))
	return nil
}

// tellMoved says once on an open pull request that it was made again because the
// stage branch moved (P8).
func (w *stageWork) tellMoved(made *assembly) {
	open := w.view.Snapshot.Stages[w.at.stage.Name].Open
	if open == nil || open.PullRequest == 0 || w.verdict.Ask != nil || open.Proposal.BaseTree == w.at.head.Tree {
		return
	}
	w.before = append(w.before, effect{fmt.Sprintf("tell #%d that its base moved", open.PullRequest), func(ctx context.Context) error {
		_, err := w.repo.Reply(ctx, open.PullRequest, "moved-"+made.base, fmt.Sprintf(
			"`%s` moved to %s: this promotion is made again on its new head.", w.at.stage.Target.Branch, made.base))
		return err
	}})
}

// openPull opens the pull request of a promotion that was pushed.
func (w *stageWork) openPull(ctx context.Context, open promote.Open) error {
	title, body, err := w.pullText(ctx, w.at, *w.view, open)
	if err != nil {
		return err
	}
	target := w.at.stage.Target
	w.after = append(w.after, effect{"open pull request for stage " + w.at.stage.Name, func(ctx context.Context) error {
		pull, err := w.repo.OpenPullRequest(ctx, forge.NewPullRequest{Title: title, Body: body, Head: target.PromotionBranch(), Base: target.Branch})
		var exists *forge.ExistsError
		if err != nil && !errors.As(err, &exists) {
			return err
		}
		if exists != nil {
			return w.readPulls(ctx)
		}
		before := w.pulls[target.PromotionBranch()]
		w.pulls[target.PromotionBranch()] = slices.Insert(slices.Clone(before), 0, pull)
		return w.linkSuperseded(ctx, before, pull.Number)
	}})
	return nil
}

// merge merges the open promotion, pinned to the head that was judged (P7).
func (w *stageWork) merge(open promote.Open) {
	policy := w.view.Policy.For(w.pipeline.Name, w.at.stage.Name)
	w.after = append(w.after, effect{fmt.Sprintf("merge #%d", open.PullRequest), func(ctx context.Context) error {
		check := report.Proposed(*w.view, w.at.stage.Name)
		if err := w.repo.WriteCheck(ctx, w.check(check, open.Commit)); err != nil {
			return err
		}
		title, message := report.MergeMessage(*w.view, w.at.stage.Name)
		_, err := w.repo.MergePullRequest(ctx, open.PullRequest, open.Commit, policy.Merge.Method, title, message)
		var moved *forge.MovedError
		var unmergeable *forge.NotMergeableError
		if errors.As(err, &moved) || errors.As(err, &unmergeable) {
			w.Log.Info("merge waits", "repo", w.name, "pr", open.PullRequest, "reason", err.Error())
			w.stuck[open.PullRequest] = true
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.readPulls(ctx); err != nil {
			return err
		}
		return w.readGit(ctx)
	}})
}

// closedMark is left in the text of a pull request that we close, so that the
// closing is not taken for a person's rejection, after a crash either.
const closedMark = "<!-- towpath: closed by towpath -->"

// anotherAsked ends the text of a promotion that somebody's wish closed, until
// the number of the new one is known: GitHub has one open pull request per branch.
const anotherAsked = " asked for another promotion"

func (w *stageWork) supersede(open promote.Open) {
	w.before = append(w.before, w.closing(open, "@"+w.verdict.Ask.By+anotherAsked))
}

// linkSuperseded tells the promotion that was closed for this one where it went.
func (w *stageWork) linkSuperseded(ctx context.Context, closed []forge.PullRequest, number int) error {
	if len(closed) == 0 || !strings.HasPrefix(closed[0].Body, closedMark) {
		return nil
	}
	body := strings.Replace(closed[0].Body, anotherAsked+".", fmt.Sprintf("%s: #%d.", anotherAsked, number), 1)
	if body == closed[0].Body {
		return nil
	}
	return w.repo.EditPullRequest(ctx, closed[0].Number, closed[0].Title, body)
}

func (w *stageWork) closePull(open promote.Open, why string) {
	if open.PullRequest != 0 {
		w.before = append(w.before, w.closing(open, why))
	}
}

func (w *stageWork) closing(open promote.Open, why string) effect {
	branch := w.at.stage.Target.PromotionBranch()
	return effect{fmt.Sprintf("close #%d", open.PullRequest), func(ctx context.Context) error {
		for _, pull := range w.pulls[branch] {
			if pull.Number != open.PullRequest {
				continue
			}
			if err := w.repo.EditPullRequest(ctx, pull.Number, pull.Title, closedMark+"\n> Closed: "+why+".\n\n"+pull.Body); err != nil {
				return err
			}
		}
		if err := w.repo.ClosePullRequest(ctx, open.PullRequest); err != nil {
			return err
		}
		return w.readPulls(ctx)
	}}
}
