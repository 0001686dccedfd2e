package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// confirm leaves out of the ledger what grants something and has nobody behind
// it: whoever may push to its branch could otherwise end anybody's hold, or go
// past the rule of a stage. A release, or the wish to go back, counts when GitHub
// confirms its comment: the author, the unedited text, and the right (L4). A
// comment is confirmed once per process.
func (l *look) confirm(ctx context.Context) error {
	for name, facts := range l.book.Pipelines {
		var kept []promote.Hold
		for _, h := range facts.Holds {
			if h.Released && h.Cause == promote.HeldByCommand {
				ok, err := l.confirmed(ctx, saying{"unhold", command.Stage{Pipeline: name, Name: h.Stage}, h.By, h.Comment})
				if err != nil {
					return fmt.Errorf("confirm that %s is released: %w", h.Stage, err)
				}
				if !ok {
					continue
				}
			}
			kept = append(kept, h)
		}
		facts.Holds = kept
		if err := l.confirmBack(ctx, name, facts.Proposals); err != nil {
			return err
		}
		l.book.Pipelines[name] = facts
	}
	return nil
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
		ok, err := l.confirmed(ctx, saying{"rollback", command.Stage{Pipeline: pipeline, Name: p.Stage}, p.By, p.Back.Comment})
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
	stage   command.Stage
	by      string
	comment int64
}

// confirmed tells whether GitHub says the same, and the right is there.
func (l *look) confirmed(ctx context.Context, said saying) (bool, error) {
	key := fmt.Sprint(l.name, said)
	l.mu.Lock()
	known := l.vouched[key]
	l.mu.Unlock()
	if known {
		return true, nil
	}
	ok, err := l.asksGitHub(ctx, said)
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

func (l *look) asksGitHub(ctx context.Context, said saying) (bool, error) {
	c, err := l.repo.Comment(ctx, said.comment)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case c.Author != said.by || !c.Updated.Equal(c.Created):
		return false, nil
	}
	commands, usage := command.Parse(c.Body, l.names())
	says := func(c command.Command) bool {
		return c.Verb == said.verb && slices.ContainsFunc(c.Stages, func(s command.Stage) bool {
			return s == said.stage || s.Pipeline == said.stage.Pipeline && s.Name == promote.StageOf(said.stage.Name)
		})
	}
	if usage != nil || !slices.ContainsFunc(commands, says) {
		return false, nil
	}
	denied, err := l.may(ctx, said.verb, said.stage, c.Author)
	return err == nil && denied == "", err
}
