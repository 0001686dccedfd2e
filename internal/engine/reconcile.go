package engine

import (
	"context"
	"fmt"

	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// place is one stage's target as this look found it.
type place struct {
	pipeline      string
	stage         promote.Stage
	home          *home // which it is written to
	update        config.Update
	head          promote.Head
	promotionHead string // commit of the promotion branch; empty: none
	pulls         []forge.PullRequest
	facts         promote.Facts             // of the pipeline, growing while the place is reconciled
	news          promote.Facts             // what was found out and is not in the ledger yet
	leftover      bool                      // the promotion branch was merged and can go
	inFlight      bool                      // the head is a merge that GitHub does not tell of yet
	gates         map[string][]promote.Gate // where freight has a say in them, by its [promote.Set]
	rivals        bool                      // a pipeline of another repository promotes there
	rewritten     bool                      // the head does not descend from the last arrival
	pushed        promote.Proposal          // what the promotion branch of another repository holds, where that is not the latest
}

func (l *look) place(ctx context.Context, p config.Pipeline, stage promote.Stage, facts promote.Facts) (*place, error) {
	at := &place{pipeline: p.Name, stage: stage, home: l.homeOf(stage), update: p.Updates[stage.Name], facts: facts}
	if !stage.HasBranch() {
		return at, nil
	}
	at.head.Commit = at.home.refs[heads+stage.Target.Branch]
	at.promotionHead = at.home.refs[heads+stage.Target.PromotionBranch()]
	at.pulls = at.home.pulls[stage.Target.PromotionBranch()]
	var err error
	at.head.Tree, err = l.content(ctx, at, at.head.Commit)
	return at, err
}

// reconcile derives from git and the pull requests what has happened to a stage
// since the ledger was written: merges, reverts, drift, rejections (P7, P13).
func (l *look) reconcile(ctx context.Context, at *place) error {
	if err := l.merges(ctx, at); err != nil {
		return err
	}
	if err := l.deliveries(ctx, at); err != nil {
		return err
	}
	if err := l.changes(ctx, at); err != nil {
		return err
	}
	return l.rejections(ctx, at)
}

// learn adds what was found out.
func (at *place) learn(news promote.Facts) {
	for i := range news.Arrivals {
		news.Arrivals[i].Repository, news.Arrivals[i].Target = at.home.number(), at.stage.Target
	}
	at.news = at.news.Merge(news)
	at.facts = at.facts.Merge(news)
}

// after returns the source's time of something that followed the last arrival.
// GitHub and git tell whole seconds, so two things may seem to be at once.
func (at *place) after(when time.Time) time.Time {
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	if n := len(arrivals); n > 0 && !when.After(arrivals[n-1].At) {
		return arrivals[n-1].At.Add(time.Millisecond)
	}
	return when
}

// arrivedPulls are the pull requests whose merge the ledger has recorded. One
// that was rejected may be opened again and merged all the same.
func arrivedPulls(facts promote.Facts, stage string) map[int]bool {
	out := map[int]bool{}
	for _, a := range facts.ArrivalsIn(stage) {
		out[a.PullRequest] = true
	}
	return out
}

func rejectedPulls(facts promote.Facts, stage string) map[int]bool {
	out := map[int]bool{}
	for _, r := range facts.Rejections {
		if r.Stage == stage {
			out[r.PullRequest] = true
		}
	}
	return out
}

// merges finds promotion pull requests that were merged, by whoever and however,
// while we looked or not: the stage holds the freight since merged_at, at the
// merge commit (P7).
func (l *look) merges(ctx context.Context, at *place) error {
	recorded := arrivedPulls(at.facts, at.stage.Name)
	for _, pull := range slices.Backward(at.pulls) {
		if !pull.Merged {
			continue
		}
		at.leftover = at.leftover || (at.promotionHead != "" && pull.HeadSHA == at.promotionHead)
		if recorded[pull.Number] {
			continue
		}
		pull, err := at.home.repo.PullRequest(ctx, pull.Number) // lists do not say who merged
		if err != nil {
			return fmt.Errorf("read #%d: %w", pull.Number, err)
		}
		tree, err := l.content(ctx, at, pull.MergeCommit)
		if err != nil {
			return fmt.Errorf("read merge commit of #%d: %w", pull.Number, err)
		}
		proposal, ok := at.proposal(tree)
		if !ok {
			continue // somebody added to it; the head will tell
		}
		var approvers []string
		if l.policy(at).Approvals > 0 {
			if _, approvers, err = l.approvals(ctx, at, pull.Number, pull.HeadSHA); err != nil {
				return err
			}
		}
		at.learn(promote.Facts{Arrivals: []promote.Arrival{{
			Stage: at.stage.Name, Manner: promote.ByMerge, Freight: proposal.Freight, Commit: pull.MergeCommit, Tree: tree,
			At: at.after(pull.MergedAt), PullRequest: pull.Number, By: pull.MergedBy, Sources: proposal.Sources, Config: proposal.Config,
			Approvers: approvers, Back: proposal.Back != nil,
		}}})
	}
	return nil
}

// proposal returns the latest proposal of a tree.
func (at *place) proposal(tree string) (promote.Proposal, bool) {
	for _, p := range slices.Backward(at.facts.Proposals) {
		if p.Stage == at.stage.Name && p.Tree == tree {
			return p, true
		}
	}
	return promote.Proposal{}, false
}

// proposed returns the latest proposal for the stage: it is pushed together with
// the promotion branch, so that branch holds it or is not ours (P12).
func (at *place) proposed() (promote.Proposal, bool) {
	for _, p := range slices.Backward(at.facts.Proposals) {
		if p.Stage == at.stage.Name {
			return p, true
		}
	}
	return promote.Proposal{}, false
}

// afterProposals returns the time of a new proposal: those of one look must stay
// in order, since the latest one is what the promotion branch holds.
func (at *place) afterProposals(now time.Time) time.Time {
	if last, ok := at.proposed(); ok && !now.After(last.At) {
		return last.At.Add(time.Millisecond)
	}
	return now
}

// changes looks at what people did on the stage branch (P13): an earlier
// arrival's tree is a revert, what was proposed last is an arrival of theirs,
// anything else is drift.
func (l *look) changes(ctx context.Context, at *place) error {
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	if len(arrivals) == 0 {
		return nil
	}
	last := arrivals[len(arrivals)-1]
	if at.head.Commit == "" {
		if last.Tree != "" { // the branch was deleted
			at.learn(promote.Facts{Arrivals: []promote.Arrival{{
				Stage: at.stage.Name, Manner: promote.ByDrift, Commit: last.Commit, At: at.after(l.now), By: "the branch was deleted",
			}}})
		}
		return nil
	}
	if same, err := l.sameContent(ctx, at, last); same || err != nil {
		return err
	}
	found := promote.Arrival{Stage: at.stage.Name, Manner: promote.ByDrift, Commit: at.head.Commit, Tree: at.head.Tree}
	switch p, ok := at.proposed(); {
	case ok && p.Tree == at.head.Tree && at.promotionHead != "" && l.justSeen(at.head.Commit):
		at.inFlight = true
		return nil
	case ok && p.Tree == at.head.Tree && at.promotionHead != "":
		found.Manner, found.Freight, found.Sources, found.Config, found.Back = promote.ByPush, p.Freight, p.Sources, p.Config, p.Back != nil
		at.leftover = true
	}
	for _, earlier := range slices.Backward(arrivals) {
		if found.Freight == nil && earlier.Freight != nil && earlier.Tree == at.head.Tree {
			found.Manner, found.Freight, found.Sources, found.Config = promote.ByRevert, earlier.Freight, earlier.Sources, earlier.Config
		}
	}
	var err error
	if found.At, found.By, err = l.changed(ctx, at, last); err != nil {
		return err
	}
	news := promote.Facts{Arrivals: []promote.Arrival{found}}
	if found.Manner == promote.ByRevert {
		news.Holds = []promote.Hold{{
			Stage: at.stage.Name, Cause: promote.HeldByRevert, By: found.By, At: found.At,
			Reason: "the stage branch was reverted; `/promote " + at.stage.Name + "` or `/unhold " + at.stage.Name + "` goes on",
		}}
	}
	at.learn(news)
	return nil
}

// sameContent tells whether the head holds what the last arrival brought. Which
// files are the stage's own is today's word, so after a change of `preserve` the
// arrival's commit is judged by it as well (P17).
func (l *look) sameContent(ctx context.Context, at *place, last promote.Arrival) (bool, error) {
	if last.Tree == at.head.Tree || last.Commit == at.head.Commit {
		return true, nil
	}
	then, err := l.content(ctx, at, last.Commit)
	if gitrepo.IsMissing(err) {
		return false, nil // the branch was rewritten, and the commit is gone
	}
	if err != nil {
		return false, fmt.Errorf("read the last arrival in %s: %w", at.stage.Name, err)
	}
	return then == at.head.Tree, nil
}

// changed is when the head came, and by whom. Committers choose their dates, so
// they are believed only where the history goes on from the last arrival, and
// never about the future.
func (l *look) changed(ctx context.Context, at *place, last promote.Arrival) (time.Time, string, error) {
	commit, err := at.home.git.Commit(ctx, at.head.Commit)
	if err != nil {
		return time.Time{}, "", fmt.Errorf("read head of %s: %w", at.stage.Target.Branch, err)
	}
	goesOn, err := at.home.git.IsAncestor(ctx, last.Commit, at.head.Commit)
	if err != nil && !gitrepo.IsMissing(err) {
		return time.Time{}, "", fmt.Errorf("read history of %s: %w", at.stage.Target.Branch, err)
	}
	at.rewritten = !goesOn
	when := l.now
	if goesOn && commit.Committer.When.Before(when) {
		when = commit.Committer.When
	}
	return at.after(when), commit.Author.Name, nil
}

// unexplained is how long a head that holds what was proposed may wait for
// GitHub to tell of the merge; then people put it there themselves.
const unexplained = 2 * time.Minute

// justSeen tells whether a commit was met for the first time a short while ago.
func (e *Engine) justSeen(commit string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, ok := e.seen.get(commit)
	if !ok {
		first = e.Now()
		e.seen.keep(commit, first)
	}
	return e.Now().Sub(first) < unexplained
}

// rejections finds promotions that a person closed unmerged while both branches
// existed: per slot, the freight that differed from what the stage held is
// rejected. Other closings are repaired by the next promotion (P7).
func (l *look) rejections(ctx context.Context, at *place) error {
	recorded := rejectedPulls(at.facts, at.stage.Name)
	for _, pull := range at.pulls {
		if pull.State == "open" || pull.Merged || recorded[pull.Number] || pull.HeadSHA != at.promotionHead ||
			at.head.Commit == "" || strings.Contains(pull.Body, closedMark) {
			continue
		}
		login, bot, err := at.home.repo.ClosedBy(ctx, pull.Number)
		if err != nil {
			return fmt.Errorf("ask who closed #%d: %w", pull.Number, err)
		}
		if bot {
			continue
		}
		tree, err := l.content(ctx, at, pull.HeadSHA)
		if err != nil {
			return err
		}
		if proposal, ok := at.proposal(tree); ok {
			at.learn(promote.Facts{Rejections: at.reject(proposal.Freight, login, pull)})
		}
	}
	return nil
}

func (at *place) reject(freight map[string]string, by string, pull forge.PullRequest) []promote.Rejection {
	holding, _ := at.facts.Holding(at.stage.Name)
	var out []promote.Rejection
	for _, r := range at.stage.Requests {
		if id := freight[r.Warehouse]; id != "" && id != holding.Freight[r.Warehouse] {
			out = append(out, promote.Rejection{
				Stage: at.stage.Name, Warehouse: r.Warehouse, Freight: id, PullRequest: pull.Number, By: by, At: pull.ClosedAt,
			})
		}
	}
	return out
}

// open finds the promotion that waits to be merged: an open pull request, or a
// branch that was pushed just before a crash (P12).
func (l *look) open(ctx context.Context, at *place) (*promote.Open, error) {
	if at.promotionHead == "" || at.leftover {
		return nil, nil
	}
	out := &promote.Open{Commit: at.promotionHead}
	for _, pull := range at.pulls {
		if pull.HeadSHA == at.promotionHead && pull.State != "open" {
			return nil, nil // closed by a person, or by us before going on
		}
		if pull.State == "open" {
			out.PullRequest, out.URL = pull.Number, pull.URL
			break
		}
	}
	commit, err := at.home.git.Commit(ctx, at.promotionHead)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at.stage.Target.PromotionBranch(), err)
	}
	// All of the branch counts, not just the stage's folder: it is merged whole.
	proposal, ok := at.proposed()
	out.Proposal, out.Foreign = proposal, !ok || !isOf(commit, proposal)
	if out.Foreign && at.home.abroad != nil {
		at.pushed, out.Unpushed = at.earlier(commit)
		out.Foreign = !out.Unpushed
	}
	if out.PullRequest == 0 {
		return out, nil
	}
	return out, l.judgePull(ctx, at, out)
}
