package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// place is one stage's target as this look found it.
type place struct {
	stage         promote.Stage
	update        config.Update
	head          promote.Head
	promotionHead string // commit of the promotion branch; empty: none
	pulls         []forge.PullRequest
	facts         promote.Facts // of the pipeline, growing while the place is reconciled
	news          promote.Facts // what was found out and is not in the ledger yet
	leftover      bool          // the promotion branch was merged and can go
	inFlight      bool          // the head is a merge that GitHub does not tell of yet
}

func (l *look) place(ctx context.Context, p config.Pipeline, stage promote.Stage, facts promote.Facts) (*place, error) {
	at := &place{stage: stage, update: p.Updates[stage.Name], facts: facts}
	at.head.Commit = l.refs[heads+stage.Target.Branch]
	at.promotionHead = l.refs[heads+stage.Target.PromotionBranch()]
	at.pulls = l.pulls[stage.Target.PromotionBranch()]
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
	if err := l.changes(ctx, at); err != nil {
		return err
	}
	return l.rejections(ctx, at)
}

// learn adds what was found out.
func (at *place) learn(news promote.Facts) {
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

// recordedPulls are the pull requests of a stage that the ledger has settled.
func recordedPulls(facts promote.Facts, stage string) map[int]bool {
	out := map[int]bool{}
	for _, a := range facts.ArrivalsIn(stage) {
		out[a.PullRequest] = true
	}
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
	recorded := recordedPulls(at.facts, at.stage.Name)
	for _, pull := range slices.Backward(at.pulls) {
		if !pull.Merged || pull.BaseRef != at.stage.Target.Branch {
			continue
		}
		at.leftover = at.leftover || (at.promotionHead != "" && pull.HeadSHA == at.promotionHead)
		if recorded[pull.Number] {
			continue
		}
		pull, err := l.repo.PullRequest(ctx, pull.Number) // lists do not say who merged
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
		at.learn(promote.Facts{Arrivals: []promote.Arrival{{
			Stage: at.stage.Name, Manner: promote.ByMerge, Freight: proposal.Freight, Commit: pull.MergeCommit, Tree: tree,
			At: at.after(pull.MergedAt), PullRequest: pull.Number, By: pull.MergedBy, Sources: proposal.Sources, Config: proposal.Config,
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

// changes looks at what people did on the stage branch (P13): an earlier
// arrival's tree is a revert, anything else is drift.
func (l *look) changes(ctx context.Context, at *place) error {
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	if at.head.Commit == "" || len(arrivals) == 0 {
		return nil
	}
	last := arrivals[len(arrivals)-1]
	if last.Tree == at.head.Tree {
		return nil
	}
	if p, ok := at.proposal(at.head.Tree); ok && p.At.After(last.At) {
		at.inFlight = true
		return nil
	}
	commit, err := l.git.Commit(ctx, at.head.Commit)
	if err != nil {
		return fmt.Errorf("read head of %s: %w", at.stage.Target.Branch, err)
	}
	found := promote.Arrival{
		Stage: at.stage.Name, Manner: promote.ByDrift, Commit: at.head.Commit, Tree: at.head.Tree,
		At: at.after(commit.Committer.When), By: commit.Author.Name,
	}
	for _, earlier := range slices.Backward(arrivals) {
		if earlier.Manner != promote.ByDrift && earlier.Tree == at.head.Tree {
			found.Manner, found.Freight, found.Sources, found.Config = promote.ByRevert, earlier.Freight, earlier.Sources, earlier.Config
			break
		}
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

// rejections finds promotions that a person closed unmerged while both branches
// existed: per slot, the freight that differed from what the stage held is
// rejected. Other closings are repaired by the next promotion (P7).
func (l *look) rejections(ctx context.Context, at *place) error {
	recorded := recordedPulls(at.facts, at.stage.Name)
	for _, pull := range at.pulls {
		if pull.State == "open" || pull.Merged || recorded[pull.Number] || pull.HeadSHA != at.promotionHead ||
			at.head.Commit == "" || strings.Contains(pull.Body, closedMark) {
			continue
		}
		login, bot, err := l.repo.ClosedBy(ctx, pull.Number)
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
	tree, err := l.content(ctx, at, at.promotionHead)
	if err != nil {
		return nil, err
	}
	proposal, ok := at.proposal(tree)
	out.Proposal, out.Foreign = proposal, !ok
	if out.PullRequest == 0 {
		return out, nil
	}
	return out, l.judgePull(ctx, at, tree, out)
}

// judgePull asks what GitHub says of the open pull request. Only a merge that is
// ours needs to know whether it is mergeable.
func (l *look) judgePull(ctx context.Context, at *place, tree string, open *promote.Open) error {
	reviews, err := l.repo.Reviews(ctx, open.PullRequest)
	if err != nil {
		return fmt.Errorf("list reviews of #%d: %w", open.PullRequest, err)
	}
	latest := map[string]forge.Review{}
	for _, r := range reviews {
		if r.State = strings.ToUpper(r.State); r.State != "COMMENTED" {
			latest[r.User] = r
		}
	}
	for _, r := range latest {
		if r.State != "APPROVED" {
			continue
		}
		// What was approved is a tree: made again on another base it may be the same.
		reviewed, err := l.content(ctx, at, r.CommitID)
		if err != nil {
			return fmt.Errorf("read the commit that %s reviewed: %w", r.User, err)
		}
		open.Approved = open.Approved || reviewed == tree
	}
	pull, err := l.repo.PullRequest(ctx, open.PullRequest)
	if err != nil {
		return fmt.Errorf("read #%d: %w", open.PullRequest, err)
	}
	open.Mergeable = promote.Mergeable(pull.MergeableState)
	return nil
}

// trouble says what keeps us from writing a stage at all (P9, L4).
func (l *look) trouble(ctx context.Context, p config.Pipeline, at *place) ([]promote.Reason, error) {
	known := len(at.facts.ArrivalsIn(at.stage.Name)) > 0 ||
		slices.ContainsFunc(at.facts.Proposals, func(p promote.Proposal) bool { return p.Stage == at.stage.Name })
	if known || at.head.Commit == "" || at.head.Tree == "" {
		return nil, nil
	}
	wrote, err := l.promotionsWrote(ctx, p, at)
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", at.stage.Target.Branch, err)
	}
	if wrote {
		return []promote.Reason{{Kind: promote.LedgerLost, Stage: at.stage.Name}}, nil
	}
	where := "branch " + at.stage.Target.Branch
	if at.stage.Target.Path != "." {
		where = "folder " + at.stage.Target.Path + " of " + where
	}
	return []promote.Reason{{Kind: promote.ForeignBranch, Stage: at.stage.Name, Note: where}}, nil
}

// ownHistory is how many commits of a branch are asked for our trailers.
const ownHistory = 100

// promotionsWrote tells whether the history of a stage's branch carries trailers
// of the stage: on its commits, or on what was merged into it.
func (l *look) promotionsWrote(ctx context.Context, p config.Pipeline, at *place) (bool, error) {
	log, err := l.git.Log(ctx, at.head.Commit, "", ownHistory)
	if err != nil {
		return false, err
	}
	ours := func(message string) bool {
		return strings.Contains(message, "\nTowpath-Pipeline: "+p.ID()+"\nTowpath-Stage: "+at.stage.Name+"\n")
	}
	for _, commit := range log {
		if ours(commit.Message) {
			return true, nil
		}
		for _, merged := range commit.Parents[min(1, len(commit.Parents)):] {
			commit, err := l.git.Commit(ctx, merged)
			if err != nil {
				return false, err
			}
			if ours(commit.Message) {
				return true, nil
			}
		}
	}
	return false, nil
}
