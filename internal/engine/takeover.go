package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// pullRequestOf reads a pull request that a channel means, of our own repository or
// of another one that we may read (H3).
func (l *look) pullRequestOf(ctx context.Context, repository string, number int) (forge.PullRequest, error) {
	from, err := l.source(ctx, repository)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return from.repo.PullRequest(ctx, number)
}

// endTakeovers writes down the takeovers that end since their pull request was
// closed, so that it takes nothing over when it is opened again (T1), or since
// there is no such channel any more. Where that can not be asked the takeover goes
// on, and is asked about at the next look.
func (r *round) endTakeovers(ctx context.Context, p config.Pipeline) {
	facts := r.book.Pipelines[p.Name].Merge(r.facts[p.Name])
	for _, stage := range p.Stages {
		t, ok := facts.TakeoverOf(stage.Name, r.now)
		if !ok {
			continue
		}
		over, err := r.isOver(ctx, p, stage, t)
		if err != nil {
			r.Log.Warn("can not ask about the pull request of a takeover", "repo", r.name, "stage", stage.Name, "error", err)
		}
		if !over {
			continue
		}
		r.recordTakeover(p.Name, promote.Takeover{
			Stage: t.Stage, Channel: t.Channel, Number: t.Number, Repository: t.Repository, By: promote.Automatic, Released: true, At: r.now,
		})
	}
}

// isOver tells whether there is nothing any more that a takeover is for. GitHub is
// asked once per look.
func (r *round) isOver(ctx context.Context, p config.Pipeline, stage promote.Stage, t promote.Takeover) (bool, error) {
	if !p.HasChannel(stage, t.Channel) {
		return true, nil
	}
	if t.Number == 0 {
		return false, nil
	}
	pull, err := r.found.pulls.once(fmt.Sprint(t.Repository, t.Number), func() (forge.PullRequest, error) {
		return r.pullRequestOf(ctx, t.Repository, t.Number)
	})
	if errors.Is(err, forge.ErrNotFound) {
		return true, nil
	}
	return err == nil && pull.State != "open", err
}

// recordTakeover keeps takeovers of a stage in the order in which they were said.
func (r *round) recordTakeover(pipeline string, t promote.Takeover) {
	for _, before := range r.book.Pipelines[pipeline].Merge(r.facts[pipeline]).Takeovers {
		if before.Stage == t.Stage && !t.At.After(before.At) {
			t.At = before.At.Add(time.Millisecond)
		}
	}
	r.record(pipeline, promote.Facts{Takeovers: []promote.Takeover{t}}, takeoverLine(pipeline, t))
}

// preReleases makes freight of the channels that stages are taken over for, once
// per look (F7).
func (r *round) preReleases(ctx context.Context, p config.Pipeline) (passed []promote.Passed) {
	facts := r.book.Pipelines[p.Name].Merge(r.facts[p.Name])
	for _, stage := range p.Stages {
		t, ok := facts.TakeoverOf(stage.Name, r.now)
		if !ok {
			continue
		}
		for _, request := range stage.Requests {
			i := slices.IndexFunc(p.Warehouses, func(w promote.Warehouse) bool { return w.Name == request.Warehouse })
			if i < 0 || !p.Warehouses[i].HasChannel(t.Channel) {
				continue
			}
			g := &gathering{look: r.look, pipeline: p, warehouse: p.Warehouses[i], facts: facts, newest: newestOf(facts, p.Warehouses[i]), taken: t}
			for _, f := range facts.Freight {
				if f.Warehouse == request.Warehouse && f.Channel == t.Word() {
					g.newest = f
				}
			}
			freight, err := g.assemble(ctx)
			passed = append(passed, g.passed[:min(len(g.passed), maxPassed)]...)
			switch {
			case err != nil:
				r.Log.Warn("discovery failed", "repo", r.name, "warehouse", request.Warehouse, "channel", t.Word(), "error", err)
				r.found.by[p.Name].failed(request.Warehouse, err)
			case freight != nil:
				r.record(p.Name, promote.Facts{Freight: []promote.Freight{*freight}}, freightLines(p.Name, []promote.Freight{*freight})...)
				facts = facts.Merge(promote.Facts{Freight: []promote.Freight{*freight}})
			}
		}
	}
	return passed
}

// takeOver writes down who takes a stage over for what, or says why not. What kept
// the stage at something else, a revert or a promotion by hand, ends with it.
func (o *order) takeOver(ctx context.Context, r *round, p config.Pipeline, c command.Command, stage promote.Stage) error {
	refuse := func(format string, args ...any) error {
		o.lines = append(o.lines, report.NotTaken(stage.Name, fmt.Sprintf(format, args...)))
		return nil
	}
	channel, number, err := p.Take(stage, c.Channel)
	if err != nil {
		return refuse("%s", err)
	}
	t := promote.Takeover{
		Stage: stage.Name, Channel: channel.Name, Number: number, Repository: channel.Repository,
		By: o.comment.Author, Comment: o.comment.ID, Until: endOf(c, o.comment.Created), At: o.comment.Created.Add(time.Duration(c.Line) * time.Millisecond),
	}
	facts := r.book.Pipelines[p.Name].Merge(r.facts[p.Name])
	other, taken := facts.TakeoverOf(stage.Name, r.now)
	switch {
	case stage.Kind == promote.Control:
		return refuse("it is a control-flow stage and holds nothing")
	case stage.Kind == promote.Observed:
		return refuse("others write it")
	case !t.Until.IsZero() && !t.Until.After(r.now):
		return refuse("the time under `--for` has passed")
	case taken && other.Word() != t.Word():
		return refuse("it is taken over by %s for %s already; `/release %s` ends that", other.By, other.Word(), stage.Name)
	}
	if number > 0 {
		pull, err := r.pullRequestOf(ctx, channel.Repository, number)
		switch {
		case errors.Is(err, errUnshared):
			return refuse("%s", err)
		case errors.Is(err, forge.ErrNotFound):
			return refuse("%s has no pull request %d", r.called(channel.Repository), number)
		case err != nil:
			return err
		case pull.State != "open":
			return refuse("pull request %d of %s is closed", number, r.called(channel.Repository))
		}
	}
	r.recordTakeover(p.Name, t)
	r.free(p.Name, stage, t, facts)
	o.lines = append(o.lines, report.Taken(t))
	return nil
}

// free ends what would keep a stage from its takeover, but not what somebody asked
// for by /hold.
func (r *round) free(pipeline string, stage promote.Stage, t promote.Takeover, facts promote.Facts) {
	slots := []string{""}
	for _, request := range stage.Requests {
		slots = append(slots, request.Warehouse)
	}
	for _, warehouse := range slots {
		if hold, held := facts.HoldOf(stage.Name, warehouse, r.now); held && hold.Cause != promote.HeldByCommand {
			release := promote.Hold{Stage: stage.Name, Warehouse: warehouse, Cause: promote.HeldByPin, By: t.By, At: r.now, Released: true}
			r.record(pipeline, promote.Facts{Holds: []promote.Hold{release}}, holdLine(pipeline, release))
		}
	}
}

// release ends the takeover of a stage.
func (o *order) release(r *round, p config.Pipeline, stage promote.Stage) {
	t, ok := r.book.Pipelines[p.Name].Merge(r.facts[p.Name]).TakeoverOf(stage.Name, r.now)
	if !ok {
		o.lines = append(o.lines, report.NotReleased(stage.Name))
		return
	}
	t.By, t.Comment, t.At, t.Until, t.Released = o.comment.Author, o.comment.ID, o.comment.Created, time.Time{}, true
	r.recordTakeover(p.Name, t)
	o.lines = append(o.lines, report.Released(t))
}

// confirmedTakeover asks GitHub whether a takeover of the ledger was said in its
// comment, by somebody who may (L4). The end of one needs nobody behind it: it gives
// the stage back to what the policy lets in.
func (l *look) confirmedTakeover(ctx context.Context, pipeline string, t promote.Takeover) (bool, error) {
	if t.Released || (!t.Until.IsZero() && !l.now.Before(t.Until)) {
		return true, nil
	}
	said := saying{
		verb: "takeover", stage: command.Stage{Pipeline: pipeline, Name: t.Stage}, by: t.By, comment: t.Comment,
		what: fmt.Sprint(t.Word(), t.Until),
	}
	ok, err := l.confirmed(ctx, said, func(c command.Command, at time.Time) bool {
		return c.Channel == t.Word() && t.Until.Equal(endOf(c, at))
	})
	if err != nil {
		return false, fmt.Errorf("confirm the takeover of %s: %w", t.Stage, err)
	}
	return ok, nil
}

// endOf is when a takeover ends by itself that a comment asks for; zero: never.
func endOf(c command.Command, said time.Time) time.Time {
	if c.For == 0 {
		return time.Time{}
	}
	return said.Add(c.For)
}

func takeoverLine(pipeline string, t promote.Takeover) string {
	verb := "taken over"
	if t.Released {
		verb = "released"
	}
	return fmt.Sprintf("%s/%s: %s by %s for %s", pipeline, t.Stage, verb, t.By, t.Word())
}
