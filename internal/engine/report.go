package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// report tells GitHub what was decided: the check on every promotion's head and
// its text, one check per commit that things wait at, the configuration's
// mistakes, and answers that a crash swallowed. Everything is written only when
// its text changed (P5).
func (l *look) report(ctx context.Context) error {
	l.mu.Lock()
	l.Engine.views[l.name] = l.views
	l.mu.Unlock()
	l.doing("telling GitHub what waits, and why")
	var t tasks
	t.add("", writing, func(ctx context.Context) error { // issues of one repository, one after the other
		return errors.Join(l.reportMistakes(ctx), l.reportLoss(ctx), l.reportAll(ctx))
	})
	t.add("", writing, l.reportEdits)
	t.add("", writing, l.reportGone)
	waiting := newWaiting()
	for _, v := range l.views {
		for _, verdict := range v.Verdicts {
			t.add("", writing, func(ctx context.Context) error { return l.reportPromotion(ctx, v, verdict) })
		}
		waiting.add(l, v)
	}
	t.add("", writing, l.mirrorAll)
	for _, at := range waiting.spots {
		t.add("", writing, func(ctx context.Context) error {
			return at.home.repo.WriteCheck(ctx, l.check(report.Waiting(waiting.at[at]), at.commit))
		})
	}
	t.add("", writing, l.missingReplies)
	failed := t.each(ctx)
	l.keepCompared()
	if failed != nil {
		return fmt.Errorf("report: %w", failed)
	}
	return nil
}

func (l *look) check(c report.Check, commit string) forge.Check {
	return forge.Check{Name: c.Name, Commit: commit, Conclusion: c.Conclusion, Title: c.Title, Summary: c.Summary}
}

// reportMistakes tells on the configuration's commit and in one issue why a
// pipeline stands still (H4).
func (l *look) reportMistakes(ctx context.Context) error {
	switch {
	case l.config.commit == "" || l.config.settled:
		return nil
	case len(l.config.mistakes) == 0:
		over := []string{"configuration"}
		if !l.config.parsed.Dashboard {
			over = append(over, dashboard)
		}
		if len(l.lostStages()) == 0 {
			over = append(over, lossKey)
		}
		err := l.repo.SettleIssues(ctx, over...)
		l.note(func(c *configuration) { c.settled = err == nil })
		return err
	}
	check := report.Broken(l.config.mistakes.Lines())
	if err := l.repo.WriteCheck(ctx, l.check(check, l.config.commit)); err != nil {
		return err
	}
	_, err := l.repo.EnsureIssue(ctx, "configuration", check.Title, check.Summary)
	return err
}

// dashboard is the key of the issue that shows everything.
const dashboard = "dashboard"

// reportAll keeps the issue that shows all pipelines, where the policy wants one.
// What was written last is remembered, so that a look that changed nothing asks
// nothing.
func (l *look) reportAll(ctx context.Context) error {
	if !l.config.parsed.Dashboard {
		return nil
	}
	title, body := report.Dashboard(l.views, l.config.mistakes.Lines())
	l.mu.Lock()
	same := l.boards[l.name] == body
	l.mu.Unlock()
	if same {
		return nil
	}
	_, err := l.repo.EnsureIssue(ctx, dashboard, title, body)
	if err == nil {
		l.mu.Lock()
		l.boards[l.name] = body
		l.mu.Unlock()
	}
	return err
}

// lossKey is the key of the issue that tells of a lost ledger.
const lossKey = "ledger"

// reportLoss tells in one issue that the ledger is gone, for as long as it is (L4).
func (l *look) reportLoss(ctx context.Context) error {
	lost := l.lostStages()
	l.mu.Lock()
	told := l.losses[l.name]
	l.mu.Unlock()
	var err error
	switch {
	case len(lost) > 0:
		_, err = l.repo.EnsureIssue(ctx, lossKey, "Towpath's ledger is lost", fmt.Sprintf(
			"Promotions wrote these stages, and the branch `%s` does not know of them. Nothing is promoted until it is there again; "+
				"every clone that fetched it has it, and the repository's activity page shows its last commit. Where it is gone for good, "+
				"`action init --ledger` makes again what git and merged pull requests tell.\n\n%s", ledger.Branch, strings.Join(lost, "\n")))
	case told:
		err = l.repo.SettleIssues(ctx, lossKey)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losses[l.name] = len(lost) > 0
	return nil
}

// lostStages lists the stages that promotions wrote and the ledger does not know.
func (l *look) lostStages() []string {
	var lost []string
	for _, v := range l.views {
		for _, verdict := range v.Verdicts {
			for _, r := range verdict.Reasons {
				if r.Kind == promote.LedgerLost && r.Stage == verdict.Stage {
					lost = append(lost, "- `"+v.Pipeline.Name+"/"+verdict.Stage+"`")
				}
			}
		}
	}
	return lost
}

// reportPromotion writes the check on an open promotion's head, and brings its
// text up to date.
func (l *look) reportPromotion(ctx context.Context, v report.View, verdict promote.Verdict) error {
	stage, _ := v.Pipeline.Stage(verdict.Stage)
	open := v.Snapshot.Stages[stage.Name].Open
	if open == nil || open.PullRequest == 0 {
		return nil
	}
	at := &place{stage: stage, home: l.homeOf(stage), update: l.updateOf(v.Pipeline.Name, stage.Name)}
	check := report.Proposed(v, stage.Name)
	if err := at.home.repo.WriteCheck(ctx, l.check(check, open.Commit)); err != nil {
		return err
	}
	if l.passes(open.Commit, check.Conclusion) && verdict.Because(promote.MergeWaits) {
		l.lookAgain(settle)
	}
	if open.Foreign {
		return nil
	}
	if err := l.labelOverride(ctx, at, v, *open); err != nil {
		return err
	}
	title, body, err := l.pullText(ctx, at, v, *open)
	if err != nil {
		return err
	}
	for _, pull := range at.home.pulls[stage.Target.PromotionBranch()] {
		if pull.Number == open.PullRequest && (pull.Title != title || strings.ReplaceAll(pull.Body, "\r\n", "\n") != body) {
			return at.home.repo.EditPullRequest(ctx, pull.Number, title, body)
		}
	}
	return nil
}

// passes tells whether a promotion's check has just come to pass. What GitHub said
// of merging it was said before that, and nobody tells when it changes its mind.
func (l *look) passes(commit, conclusion string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, _ := l.judged.get(commit)
	l.judged.keep(commit, conclusion)
	return conclusion == "success" && before != conclusion
}

// updateOf is what a promotion of the stage writes.
func (l *look) updateOf(pipeline, stage string) config.Update {
	for _, p := range l.config.parsed.Pipelines {
		if p.Name == pipeline {
			return p.Updates[stage]
		}
	}
	return config.Update{}
}

// pullText is the pull request's text, made from the proposal and from the two
// trees, so that it can be made again at any time.
func (l *look) pullText(ctx context.Context, at *place, v report.View, open promote.Open) (title, body string, err error) {
	changes, err := l.compared(ctx, at, open)
	if err != nil {
		return "", "", fmt.Errorf("compare %s with its base: %w", at.stage.Name, err)
	}
	title, body = report.PullRequest(v, at.stage.Name, changes)
	return title, body, nil
}

// comparison names two commits and the folder in which they are compared.
type comparison struct{ repository, before, after, folder string }

type comparisons map[comparison][]directives.ResourceChange

// compared is what a promotion changes. It is remembered for as long as the
// promotion is open: to find out takes longer than anything else in its text.
func (l *look) compared(ctx context.Context, at *place, open promote.Open) ([]directives.ResourceChange, error) {
	key := comparison{at.home.name, open.Proposal.Base, open.Commit, at.stage.Target.Path}
	l.mu.Lock()
	changes, known := l.comparisons[key]
	if !known {
		changes, known = l.Engine.compared[l.name][key]
	}
	l.mu.Unlock()
	if !known {
		before, err := l.folderOrNone(ctx, at, open.Proposal.Base)
		if err != nil {
			return nil, err
		}
		after, err := l.folderOrNone(ctx, at, open.Commit)
		if err != nil {
			return nil, err
		}
		if changes, err = directives.Changes(before, after); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.comparisons[key] = changes
	return changes, nil
}

// compareAll compares promotions that are to be opened, which each waits for then.
func (r *round) compareAll(ctx context.Context, works []*stageWork) {
	var t tasks
	for _, w := range works {
		if open := w.toOpen(); open != nil {
			t.add("", computing, func(context.Context) error {
				_, err := r.compared(ctx, w.at, *open)
				return err
			})
		}
	}
	_ = t.each(ctx) // asked again by who needs it
}

// keepCompared remembers what was compared in this look, and forgets the rest.
func (l *look) keepCompared() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Engine.compared[l.name] = l.comparisons
}

func (l *look) folderOrNone(ctx context.Context, at *place, commit string) (fs.FS, error) {
	folder, err := l.folder(ctx, at, commit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return folder, err
}

// waiting gathers what waits at which commit: on each upstream's arrival, and
// for stages without upstream on the configuration's commit.
type waiting struct {
	spots []spot
	at    map[spot][]report.View
}

// spot is a commit, and the repository that it is in.
type spot struct {
	home   *home
	commit string
}

func newWaiting() *waiting { return &waiting{at: map[spot][]report.View{}} }

func (w *waiting) add(l *look, v report.View) {
	bySpot := map[spot][]promote.Verdict{}
	var order []spot
	for _, verdict := range v.Verdicts {
		for _, at := range l.upstreamSpots(v, verdict.Stage) {
			if bySpot[at] == nil {
				order = append(order, at)
			}
			bySpot[at] = append(bySpot[at], verdict)
		}
	}
	for _, at := range order {
		if w.at[at] == nil {
			w.spots = append(w.spots, at)
		}
		part := v
		part.Verdicts = bySpot[at]
		w.at[at] = append(w.at[at], part)
	}
}

// upstreamSpots are where people look for a stage's verdict.
func (l *look) upstreamSpots(v report.View, stage string) []spot {
	s, _ := v.Pipeline.Stage(stage)
	var out []spot
	for _, r := range s.Requests {
		if len(r.From) == 0 && l.config.touched != "" {
			out = append(out, spot{l.home, l.config.touched})
		}
		for _, from := range r.From {
			for _, lane := range v.Pipeline.Lanes(from) {
				in := l.homeOf(lane)
				if !lane.HasBranch() { // people see it where they see what comes before it
					out = append(out, l.upstreamSpots(v, lane.Name)...)
				} else if a, ok := v.Snapshot.Facts.Holding(lane.Name); ok && in.open(v.Pipeline.Name, lane.Name) {
					out = append(out, spot{in, a.Commit})
				}
			}
		}
	}
	return unique(out)
}

func unique[T comparable](list []T) []T {
	seen := map[T]bool{}
	var out []T
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// discoverAgain is how soon a registry that could not be asked is asked again.
const discoverAgain = 2 * time.Minute

// next is when something will change by time alone.
func (l *look) next() time.Time {
	next := l.again
	for _, found := range l.found.by {
		if len(found.trouble) > 0 {
			next = soon(next, l.now.Add(discoverAgain))
		}
	}
	for _, err := range l.vain.postponed {
		if registryDown(err) {
			next = soon(next, l.now.Add(discoverAgain))
		}
	}
	if l.due.After(l.now) {
		next = soon(next, l.due)
	}
	for _, v := range l.views {
		for _, verdict := range v.Verdicts {
			if verdict.Until.After(l.now) {
				next = soon(next, verdict.Until)
			}
		}
	}
	return next
}
