package engine

import (
	"context"
	"io/fs"
	"slices"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// arrivedAt is the stage's arrival at a commit, which a rollback restores.
func (w *stageWork) arrivedAt(commit string) (*promote.Arrival, error) {
	for _, a := range slices.Backward(w.at.facts.ArrivalsIn(w.at.stage.Name)) {
		if a.Commit == commit && a.Manner != promote.ByDrift {
			return &a, nil
		}
	}
	return nil, &failure{reason: promote.Reason{
		Kind: promote.PromotionFailed, Stage: w.at.stage.Name, Note: "nothing is known to have arrived at " + promote.ShortID(commit),
	}}
}

// restore brings back the files that an earlier arrival left, byte for byte, but
// for what is the branch's own (P14).
func (w *stageWork) restore(ctx context.Context, current fs.FS) (*directives.Result, error) {
	before, err := w.folder(ctx, w.at, w.plan.restored.Commit)
	if gitrepo.IsMissing(err) || err == nil && before == nil {
		return nil, &failure{reason: promote.Reason{
			Kind: promote.PromotionFailed, Stage: w.at.stage.Name,
			Note: "the files at " + promote.ShortID(w.plan.restored.Commit) + " are gone from the repository",
		}}
	}
	if err != nil {
		return nil, w.renderFailure(err)
	}
	result, err := directives.Restore(ctx, before, current, w.at.update.Preserve)
	if err != nil {
		return nil, w.renderFailure(err)
	}
	return result, nil
}
