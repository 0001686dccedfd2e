package engine

import (
	"slices"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// countOpen tells a pipeline, where the policy limits promotions, which ones of the
// others are open, those that this round is about to push included, and which of
// its own could not be made in this look.
func (r *round) countOpen(p config.Pipeline, snapshot *promote.Snapshot) {
	if r.config.parsed.Policy.Caps.Promotions == 0 {
		return
	}
	for _, other := range r.config.parsed.Pipelines {
		for _, s := range other.Stages {
			name := other.Name + "/" + s.Name
			switch {
			case other.Name == p.Name:
				state := snapshot.Stages[s.Name]
				state.Unmade = r.vain.unmade[name]
				snapshot.Stages[s.Name] = state
			case s.Kind == promote.Assembled && r.proposed(s):
				snapshot.Elsewhere = append(snapshot.Elsewhere, name)
			}
		}
	}
}

// countUses tells a pipeline which resources those of the other ones hold, by what
// the ledger says of them, and which they are about to take in this round.
func (r *round) countUses(p config.Pipeline, snapshot *promote.Snapshot) {
	if len(r.config.parsed.Policy.Caps.Resources) == 0 {
		return
	}
	snapshot.InUse = map[string][]string{}
	for _, other := range r.config.parsed.Pipelines {
		if other.Name == p.Name {
			continue
		}
		facts := promote.Snapshot{Now: r.now, Facts: r.book.Pipelines[other.Name].Merge(r.facts[other.Name])}
		for resource, by := range other.InUse(facts) {
			snapshot.InUse[resource] = append(snapshot.InUse[resource], by...)
		}
	}
	for _, v := range r.views { // decided before, in this round
		v.Pipeline.Merging(v.Verdicts, snapshot.InUse)
	}
}

// proposed tells whether a stage has a promotion that waits to be merged: its
// branch is there, and no pull request from it has ended.
func (r *round) proposed(s promote.Stage) bool {
	at, branch := r.homeOf(s), s.Target.PromotionBranch()
	head := at.refs[heads+branch]
	if i := slices.IndexFunc(r.moving(at), func(u gitrepo.Update) bool { return u.Ref == heads+branch }); i >= 0 {
		head = r.moving(at)[i].New
	}
	ended := slices.ContainsFunc(at.pulls[branch], func(pull forge.PullRequest) bool { return pull.State != "open" && pull.HeadSHA == head })
	return head != "" && !ended
}
