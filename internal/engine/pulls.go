package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// tellMoved says once on an open pull request that it was made again because the
// stage branch moved (P8).
func (w *stageWork) tellMoved(made *assembly) {
	open := w.view.Snapshot.Stages[w.at.stage.Name].Open
	if open == nil || open.PullRequest == 0 || w.verdict.Ask != nil {
		return
	}
	before := open.Proposal
	if open.Unpushed {
		before = w.at.pushed
	}
	if before.BaseTree == w.at.head.Tree {
		return
	}
	w.then(effect{fmt.Sprintf("tell #%d that its base moved", open.PullRequest), func(ctx context.Context) error {
		_, err := w.at.home.repo.Reply(ctx, open.PullRequest, "moved-"+made.base, fmt.Sprintf(
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
	w.then(effect{"open pull request for stage " + w.at.stage.Name, func(ctx context.Context) error {
		pull, err := w.at.home.repo.OpenPullRequest(ctx, forge.NewPullRequest{Title: title, Body: body, Head: target.PromotionBranch(), Base: target.Branch})
		var exists *forge.ExistsError
		if err != nil && !errors.As(err, &exists) {
			return err
		}
		if exists != nil {
			w.at.home.moot.pulls = true
			return nil
		}
		w.at.home.opened[pull.Number] = true
		before := w.at.home.pulls[target.PromotionBranch()]
		w.at.home.pulls[target.PromotionBranch()] = slices.Insert(slices.Clone(before), 0, pull)
		return w.linkSuperseded(ctx, before, pull.Number)
	}})
	return nil
}

// merge merges the open promotion, pinned to the head that was judged (P7).
func (w *stageWork) merge(open promote.Open) {
	policy := w.view.Policy.For(w.pipeline.Name, w.at.stage.Name)
	w.then(effect{fmt.Sprintf("merge #%d", open.PullRequest), func(ctx context.Context) error {
		check := report.Proposed(*w.view, w.at.stage.Name)
		if err := w.at.home.repo.WriteCheck(ctx, w.check(check, open.Commit)); err != nil {
			return err
		}
		title, message := report.MergeMessage(*w.view, w.at.stage.Name)
		_, err := w.at.home.repo.MergePullRequest(ctx, open.PullRequest, open.Commit, policy.Merge.Method, title, message)
		var moved *forge.MovedError
		var unmergeable *forge.NotMergeableError
		if errors.As(err, &moved) || errors.As(err, &unmergeable) {
			w.Log.Info("merge waits", "repo", w.name, "pr", open.PullRequest, "reason", err.Error())
			w.at.home.stuck[open.PullRequest] = true
			return nil
		}
		if err != nil {
			return err
		}
		w.at.home.moot = moot{pulls: true, git: true}
		return nil
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
	return w.at.home.repo.EditPullRequest(ctx, closed[0].Number, closed[0].Title, body)
}

// closePull closes a promotion whose branch goes in this round's push, which may
// have closed it already.
func (w *stageWork) closePull(open promote.Open, why string) {
	if open.PullRequest != 0 {
		w.after = append(w.after, w.closing(open, why))
	}
}

func (w *stageWork) closing(open promote.Open, why string) effect {
	branch := w.at.stage.Target.PromotionBranch()
	return effect{fmt.Sprintf("close #%d", open.PullRequest), func(ctx context.Context) error {
		for _, pull := range w.at.home.pulls[branch] {
			if pull.Number != open.PullRequest {
				continue
			}
			if err := w.at.home.repo.EditPullRequest(ctx, pull.Number, pull.Title, closedMark+"\n> Closed: "+why+".\n\n"+pull.Body); err != nil {
				return err
			}
		}
		if err := w.at.home.repo.ClosePullRequest(ctx, open.PullRequest); err != nil {
			return err
		}
		w.at.home.moot.pulls = true
		return nil
	}}
}
