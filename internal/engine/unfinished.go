package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// The ledger and another repository can not be pushed at once. The proposal is in
// the ledger first, so what a crash leaves is a proposal that was not pushed; it
// is recognised, and pushed by the next look.

// isOf tells whether a commit is that of a proposal, as a whole.
func isOf(commit gitrepo.Commit, p promote.Proposal) bool {
	return commit.Tree == p.Root && slices.Equal(commit.Parents, []string{p.Base})
}

// earlier finds the proposal that a commit is of, where it is not the latest.
func (at *place) earlier(commit gitrepo.Commit) (promote.Proposal, bool) {
	for _, p := range slices.Backward(at.facts.Proposals) {
		if p.Stage == at.stage.Name && isOf(commit, p) {
			return p, true
		}
	}
	return promote.Proposal{}, false
}

// unfinished tells whether a proposal is in the ledger already, as the latest,
// and returns it then: a crash came before it was pushed to another repository.
func (at *place) unfinished(p promote.Proposal) (promote.Proposal, bool) {
	last, ok := at.proposed()
	if !ok || at.home.abroad == nil || last.By != p.By || last.Base != p.Base || last.Root != p.Root || last.Config != p.Config ||
		!maps.Equal(last.Freight, p.Freight) || !slices.Equal(last.Sources, p.Sources) || (last.Back == nil) != (p.Back == nil) {
		return p, false
	}
	return last, true
}

// deliveries finds the promotion that was pushed to a stage branch of another
// repository: it arrived with that push, which the ledger could not know before.
func (l *look) deliveries(ctx context.Context, at *place) error {
	p, ok := at.proposed()
	if !ok || at.home.abroad == nil || !at.stage.Target.Push || at.head.Commit == "" {
		return nil
	}
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	if n := len(arrivals); n > 0 && arrivals[n-1].Commit == at.head.Commit {
		return nil
	}
	commit, err := at.home.git.Commit(ctx, at.head.Commit)
	if err != nil {
		return fmt.Errorf("read head of %s: %w", at.stage.Target.Branch, err)
	}
	if !isOf(commit, p) {
		return nil
	}
	at.learn(promote.Facts{Arrivals: []promote.Arrival{{
		Stage: at.stage.Name, Manner: promote.ByDelivery, Freight: p.Freight, Commit: commit.ID, Tree: at.head.Tree,
		At: at.after(commit.Committer.When), By: p.By, Sources: p.Sources, Config: p.Config, Back: p.Back != nil,
	}}})
	return nil
}

// heldFor tells whether a comment holds the stage already.
func (at *place) heldFor(comment int64) bool {
	return slices.ContainsFunc(at.facts.Holds, func(h promote.Hold) bool {
		return h.Stage == at.stage.Name && h.Comment == comment && h.Cause == promote.HeldByRollback
	})
}
