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
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

const (
	// commentOverlap is how far before the last listing the next one starts:
	// comments do not become visible in the order of their times.
	commentOverlap = 5 * time.Minute
	// commentMemory is how far back a bot looks that does not know what it listed
	// before, and firstComments how far where there is no ledger yet.
	commentMemory = 7 * 24 * time.Hour
	firstComments = time.Hour
)

// order is one comment with commands, carried out once (C2).
type order struct {
	comment  remark // without an id: a [Wish]
	commands []command.Command
	refusal  string // nothing runs: usage, or a right that is missing
	reply    string
	failed   bool // what it asks for could not be done; the lines say why
	lines    []string
	asked    []command.Stage
}

// readComments lists the comments since the last look that went well, so that
// neither a lost delivery nor a question that GitHub did not answer loses a command.
func (l *look) readComments(ctx context.Context, h *home) (err error) {
	since := l.now.Add(-commentMemory)
	if l.refs[heads+ledger.Branch] == "" {
		since = l.now.Add(-firstComments)
	}
	l.mu.Lock()
	if listed := l.listed[l.name]; listed.After(since) {
		since = listed
	}
	l.mu.Unlock()
	if h.comments, err = h.repo.Comments(ctx, since); err != nil {
		return fmt.Errorf("list comments of %s: %w", h.name, err)
	}
	return nil
}

// staleComment is when nobody expects a command to be carried out any more: a
// bot that was down for days does not promote what was wished for then.
const staleComment = 24 * time.Hour

// takeOrder picks the oldest comment with commands that was not handled yet. One
// whose author's rights could not be asked waits for the next look, and holds
// nobody else up.
func (r *round) takeOrder(ctx context.Context) error {
	self, err := r.Forge.Self(ctx)
	if err != nil {
		return fmt.Errorf("ask who we are: %w", err)
	}
	for _, c := range r.remarks() {
		_, done := r.book.Handled[c.ID]
		// An edited comment is not what its author was seen to say.
		own := c.Author == self && (c.Key != "" || r.Forge.IsApp()) // with a token, we are also the person it is of
		if done || r.answered(c, self) || r.vain.postponed[c.ID] != nil || own || c.Author == "" || c.AuthorIsBot || !c.Updated.Equal(c.Created) {
			continue
		}
		commands, usage := command.Parse(c.Body, r.names(c.in))
		if usage == nil && len(commands) == 0 {
			continue
		}
		if ours, err := r.meansUs(ctx, c, commands, usage); err != nil {
			return err
		} else if !ours {
			continue
		}
		switch heard, err := r.bearable(ctx, c); {
		case err != nil:
			r.vain.postponed[c.ID] = err
			continue
		case !heard:
			continue
		}
		o := &order{comment: c, commands: commands}
		switch {
		case usage != nil:
			o.refusal = r.usage(usage)
		case r.now.Sub(c.Created) > staleComment:
			o.refusal = "Nothing was done: this was asked for more than a day ago. Say it again if it still holds."
		}
		taken, err := r.admit(ctx, o)
		switch {
		case err != nil:
			r.Log.Warn("command postponed", "repo", r.name, "comment", c.ID, "error", err)
			r.vain.postponed[c.ID] = err
		case taken:
			r.order = o
			return nil
		}
	}
	return nil
}

// usage is the reply to a mistake. Stages of a broken file are not known, so it
// says what is broken.
func (r *round) usage(mistake *command.UsageError) string {
	if len(r.config.mistakes) == 0 {
		return mistake.Text
	}
	return mistake.Text + "\n" + report.Status(nil, nil, r.config.mistakes.Lines())
}

// admit tells whether an order counts where it stands, shows its author that it
// was seen, and asks for the rights.
func (r *round) admit(ctx context.Context, o *order) (bool, error) {
	heard, err := r.heard(ctx, o.comment)
	if err != nil || !heard {
		return false, err
	}
	switch err := o.comment.in.repo.React(ctx, o.comment.ID, "eyes"); {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil // deleted meanwhile
	case err != nil: // a courtesy; without it the command counts all the same
		r.Log.Warn("no reaction", "repo", r.name, "comment", o.comment.ID, "error", err)
	}
	// What was listed may have been changed meanwhile (L4).
	switch now, err := o.comment.in.repo.Comment(ctx, o.comment.ID); {
	case errors.Is(err, forge.ErrNotFound) || (err == nil && now.Body != o.comment.Body):
		return false, nil
	case err != nil:
		return false, err
	}
	if o.refusal == "" {
		o.refusal, err = r.authorise(ctx, o)
	}
	if o.refusal == "" && err == nil {
		o.refusal, err = r.untilPulls(ctx, o)
	}
	return err == nil, err
}

// stillPostponed is the error that makes the look be tried again.
func (l *look) stillPostponed() error {
	var out []error
	for _, c := range l.remarks() {
		if err := l.vain.postponed[c.ID]; err != nil && !registryDown(err) {
			out = append(out, fmt.Errorf("comment %d: %w", c.ID, err))
		}
	}
	return errors.Join(out...)
}

// names are the stages that a comment in a repository may mean: in our own all of
// them, in another one those that are written there.
func (l *look) names(in *home) command.Names {
	var out command.Names
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if in.abroad != nil && !in.lets(p, s) {
				continue
			}
			bare := command.Stage{Pipeline: p.Name, Name: promote.BareStage(s.Name)}
			if !slices.Contains(out.Stages, bare) { // it means all of its lanes
				out.Stages = append(out.Stages, bare)
			}
			if s.Name != bare.Name {
				out.Stages = append(out.Stages, command.Stage{Pipeline: p.Name, Name: s.Name})
			}
		}
		for _, w := range p.Warehouses {
			if in.abroad != nil {
				break
			}
			out.Warehouses = append(out.Warehouses, command.Stage{Pipeline: p.Name, Name: w.Name})
		}
	}
	return out
}

// heard tells whether commands count on this issue: open ones, and our own pull
// requests after they were merged.
func (r *round) heard(ctx context.Context, c remark) (bool, error) {
	open, merged, err := c.in.repo.IssueState(ctx, c.Issue)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil // deleted or moved elsewhere, with the comment
	case err != nil:
		return false, fmt.Errorf("read #%d: %w", c.Issue, err)
	}
	if open || !merged {
		return open, nil
	}
	return c.in.promotes(c.Issue), nil
}

// authorise asks for the commenter's rights, per command and per stage, and
// returns "" or the refusal. One "no" and nothing runs; not being able to ask is
// an error, and tried again.
func (r *round) authorise(ctx context.Context, o *order) (string, error) {
	for _, c := range o.commands {
		if c.Verb == "freight" {
			denied, err := r.mayAssemble(ctx, c.Warehouse, o.comment.Author)
			if err != nil || denied != "" {
				return denied, err
			}
		}
		for _, stage := range c.Stages {
			denied, err := r.mayDo(ctx, c, stage, o.comment.Author)
			if err != nil || denied != "" {
				return denied, err
			}
		}
	}
	return "", nil
}

// ask carries out the commands of an order about a pipeline for which somebody has
// to be asked first. Where that can not be done, the order waits for the next look.
func (o *order) ask(ctx context.Context, r *round, p config.Pipeline) {
	if o.refusal != "" {
		return
	}
	for _, c := range o.commands {
		var err error
		switch {
		case c.Verb == "freight" && c.Warehouse.Pipeline == p.Name:
			err = o.makeFreight(ctx, r, p, c)
		case c.Verb == "takeover" || c.Verb == "release":
			for _, name := range meant(c.Stages, p) {
				stage, _ := p.Stage(name.Name)
				if c.Verb == "release" {
					o.release(r, p, stage)
				} else {
					err = errors.Join(err, o.takeOver(ctx, r, p, c, stage))
				}
			}
		}
		if err != nil {
			r.Log.Warn("command postponed", "repo", r.name, "comment", o.comment.ID, "error", err)
			r.vain.postponed[o.comment.ID] = err
			r.order = nil
			return
		}
	}
}

// apply turns the order's commands for one pipeline into wishes and facts.
func (o *order) apply(r *round, p config.Pipeline, places map[string]*place, snapshot *promote.Snapshot) {
	if o.refusal != "" {
		return
	}
	for _, c := range o.commands {
		for _, stage := range meant(c.Stages, p) {
			switch c.Verb {
			case "promote", "rollback":
				o.asked = append(o.asked, stage)
				snapshot.Asks = append(snapshot.Asks, promote.Ask{
					Stage: stage.Name, Freight: c.Freight, Back: c.Verb == "rollback",
					By: o.comment.Author, Comment: o.comment.ID, At: o.comment.Created,
				})
			case "retest":
				snapshot.Retests = append(snapshot.Retests, promote.Retest{
					Stage: stage.Name, Gates: c.Gates, All: c.All, By: o.comment.Author, Comment: o.comment.ID, At: o.comment.Created,
				})
			case "hold", "unhold":
				o.hold(r, p, c, stage)
			case "override":
				o.override(r, p, c, stage)
			case "cancel":
				o.cancel(r, p, places[stage.Name], snapshot)
			case "verify":
				o.verify(r, p, c, places[stage.Name])
			}
		}
	}
}

// meant are the lanes of a pipeline that names stand for: a stage's name all of
// its lanes, a lane's name that one.
func meant(named []command.Stage, p config.Pipeline) []command.Stage {
	var out []command.Stage
	for _, s := range p.Stages {
		if stage := (command.Stage{Pipeline: p.Name, Name: s.Name}); names(named, stage) {
			out = append(out, stage)
		}
	}
	return out
}

// hold writes down who keeps a stage and why, or that nobody does any more. The
// times of several in one comment keep their order.
func (o *order) hold(r *round, p config.Pipeline, c command.Command, stage command.Stage) {
	if !c.Until.At.IsZero() && !c.Until.At.After(r.now) {
		o.lines = append(o.lines, fmt.Sprintf("`%s` is not held: the time under `--until` has passed.", stage.Name))
		return
	}
	at := o.comment.Created.Add(time.Duration(c.Line) * time.Millisecond)
	for _, h := range r.book.Pipelines[p.Name].Holds { // two comments may be of one second
		if h.Stage == stage.Name && !h.At.Before(at) {
			at = h.At.Add(time.Millisecond)
		}
	}
	hold := promote.Hold{
		Stage: stage.Name, Cause: promote.HeldByCommand, By: o.comment.Author, Reason: c.Reason, Until: c.Until.At, PullRequest: c.Until.PullRequest,
		Released: c.Verb == "unhold", Comment: o.comment.ID, At: at,
	}
	r.record(p.Name, promote.Facts{Holds: []promote.Hold{hold}}, holdLine(p.Name, hold))
	o.lines = append(o.lines, report.Hold(hold))
}

// cancel closes the open promotion and rejects its freight (C6).
func (o *order) cancel(r *round, p config.Pipeline, at *place, snapshot *promote.Snapshot) {
	open := snapshot.Stages[at.stage.Name].Open
	switch {
	case open == nil:
		o.lines = append(o.lines, fmt.Sprintf("`%s` has no open promotion.", at.stage.Name))
		return
	case open.Proposal.At.Truncate(time.Second).After(o.comment.Created):
		o.lines = append(o.lines, fmt.Sprintf("The open promotion of `%s` changed after the comment: nothing was cancelled.", at.stage.Name))
		return
	}
	w := r.work(p, at, nil, nil)
	rejected := at.reject(open.Proposal.Freight, o.comment.Author, forge.PullRequest{Number: open.PullRequest, ClosedAt: r.now})
	if open.PullRequest != 0 && rejectedPulls(at.facts, at.stage.Name)[open.PullRequest] {
		rejected = nil // a crash came between the ledger and the branch
	}
	news := promote.Facts{Rejections: rejected}
	r.record(p.Name, news, fmt.Sprintf("%s/%s: cancelled by %s", p.Name, at.stage.Name, o.comment.Author))
	// Without its branch GitHub closes the pull request by itself, so the whole
	// cancelling is one push, and no crash leaves half of it.
	w.update(at.stage.Target.PromotionBranch(), open.Commit, "")
	if open.PullRequest != 0 {
		w.then(w.closing(*open, "cancelled by @"+o.comment.Author))
	}
	state := snapshot.Stages[at.stage.Name]
	state.Open = nil
	snapshot.Stages[at.stage.Name] = state
	at.promotionHead = ""
	o.lines = append(o.lines, fmt.Sprintf("Cancelled the promotion of `%s`; its freight is rejected until `/promote %s` or newer freight.", at.stage.Name, at.stage.Name))
}
