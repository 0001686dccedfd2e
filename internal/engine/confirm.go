package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// confirm leaves out of the ledger what grants something and has nobody behind
// it: whoever may push to its branch could otherwise end anybody's hold, go past
// the rule of a stage, or say that a gate passed. A release, an override, a
// takeover, a word on a gate, or the wish to go back, counts when GitHub confirms
// its comment: the author, the unedited text, and the right (L4). A comment is
// confirmed once per process.
func (l *look) confirm(ctx context.Context) error {
	for name, facts := range l.book.Pipelines {
		var err error
		facts.Holds, err = confirmedOnes(ctx, facts.Holds, func(ctx context.Context, h promote.Hold) (bool, error) { return l.confirmedRelease(ctx, name, h) })
		if err != nil {
			return err
		}
		facts.Overrides, err = confirmedOnes(ctx, facts.Overrides, func(ctx context.Context, o promote.Override) (bool, error) {
			return l.confirmedOverride(ctx, name, facts, o)
		})
		if err != nil {
			return err
		}
		facts.Takeovers, err = confirmedOnes(ctx, facts.Takeovers, func(ctx context.Context, t promote.Takeover) (bool, error) { return l.confirmedTakeover(ctx, name, t) })
		if err != nil {
			return err
		}
		if facts.Results, err = l.confirmedResults(ctx, name, facts); err != nil {
			return err
		}
		if err := l.confirmBack(ctx, name, facts.Proposals); err != nil {
			return err
		}
		l.book.Pipelines[name] = facts
	}
	return nil
}

// confirmedOnes are the facts of a list that are confirmed.
func confirmedOnes[T any](ctx context.Context, facts []T, confirmed func(context.Context, T) (bool, error)) ([]T, error) {
	counts := make([]bool, len(facts))
	var t tasks
	for i, fact := range facts {
		t.add("", onGitHub, func(ctx context.Context) (err error) {
			counts[i], err = confirmed(ctx, fact)
			return err
		})
	}
	if err := t.all(ctx); err != nil {
		return nil, err
	}
	var kept []T
	for i, fact := range facts {
		if counts[i] {
			kept = append(kept, fact)
		}
	}
	return kept, nil
}

// confirmedRelease tells whether a hold grants nothing, or was released by somebody
// who may.
func (l *look) confirmedRelease(ctx context.Context, pipeline string, h promote.Hold) (bool, error) {
	if !h.Released || h.Cause != promote.HeldByCommand {
		return true, nil
	}
	if h.PullRequest != "" {
		return l.confirmedEnd(ctx, h), nil
	}
	ok, err := l.confirmed(ctx, saying{verb: "unhold", stage: command.Stage{Pipeline: pipeline, Name: h.Stage}, by: h.By, comment: h.Comment}, anything)
	if err != nil {
		return false, fmt.Errorf("confirm that %s is released: %w", h.Stage, err)
	}
	return ok, nil
}

// confirmBack takes the rollback's exemption from proposals that nobody asked for
// so. Only the last one of a stage can be open.
func (l *look) confirmBack(ctx context.Context, pipeline string, proposals []promote.Proposal) error {
	seen := map[string]bool{}
	for i, p := range slices.Backward(proposals) {
		if seen[p.Stage] || p.Back == nil {
			seen[p.Stage] = true
			continue
		}
		seen[p.Stage] = true
		said := saying{verb: "rollback", stage: command.Stage{Pipeline: pipeline, Name: p.Stage}, by: p.By, comment: p.Back.Comment}
		ok, err := l.confirmed(ctx, said, anything)
		if err != nil {
			return fmt.Errorf("confirm the rollback of %s: %w", p.Stage, err)
		}
		if !ok {
			proposals[i].Back = nil
		}
	}
	return nil
}

// saying is a command that the ledger says somebody gave.
type saying struct {
	verb    string
	stage   command.Stage // a stage or a lane
	by      string
	comment int64
	what    string // tells the facts of one comment apart
}

// test tells whether a command, written at a time, says what a fact does.
type test func(c command.Command, at time.Time) bool

// anything is the test of a command of which verb and stage say all.
func anything(command.Command, time.Time) bool { return true }

// confirmed tells whether GitHub says the same, the command says what the fact
// does, and the right is there.
func (l *look) confirmed(ctx context.Context, said saying, says test) (bool, error) {
	key := fmt.Sprint(l.name, said)
	l.mu.Lock()
	known := l.vouched[key]
	l.mu.Unlock()
	if known {
		return true, nil
	}
	ok, err := l.asksGitHub(ctx, said, says)
	if err != nil {
		return false, err
	}
	if !ok {
		l.Log.Warn("the ledger is not confirmed by the comment", "repo", l.name, "stage", said.stage.Name, "comment", said.comment, "verb", said.verb)
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vouched[key] = true
	return true, nil
}

func (l *look) asksGitHub(ctx context.Context, said saying, says test) (bool, error) {
	c, err := l.commentOf(ctx, said)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case c.Author != said.by || !c.Updated.Equal(c.Created):
		return false, nil
	}
	commands, usage := command.Parse(c.Body, l.names(c.in))
	at := c.Created
	i := slices.IndexFunc(commands, func(c command.Command) bool {
		return c.Verb == said.verb && says(c, at) && names(c.Stages, said.stage)
	})
	if usage != nil || i < 0 {
		return false, nil
	}
	denied, err := l.mayDo(ctx, commands[i], said.stage, c.Author)
	return err == nil && denied == "", err
}

// names tells whether a stage is named, by itself or with all of its lanes.
func names(stages []command.Stage, stage command.Stage) bool {
	return slices.ContainsFunc(stages, func(s command.Stage) bool {
		return s.Pipeline == stage.Pipeline && promote.Means(s.Name, stage.Name)
	})
}
