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
// it: whoever may push to its branch could otherwise end anybody's hold. A
// release counts when GitHub confirms its comment: the author, the unedited
// text, and the right (L4). A comment is confirmed once per process.
func (l *look) confirm(ctx context.Context) error {
	for name, facts := range l.book.Pipelines {
		var kept []promote.Hold
		for _, h := range facts.Holds {
			if h.Released && h.Cause == promote.HeldByCommand {
				ok, err := l.confirmed(ctx, command.Stage{Pipeline: name, Name: h.Stage}, h)
				if err != nil {
					return fmt.Errorf("confirm that %s is released: %w", h.Stage, err)
				}
				if !ok {
					l.Log.Warn("a release in the ledger is not confirmed by its comment", "repo", l.name, "stage", h.Stage, "comment", h.Comment)
					continue
				}
			}
			kept = append(kept, h)
		}
		facts.Holds = kept
		l.book.Pipelines[name] = facts
	}
	return nil
}

func (l *look) confirmed(ctx context.Context, stage command.Stage, h promote.Hold) (bool, error) {
	key := fmt.Sprintf("%s %d %s", l.name, h.Comment, stage)
	l.mu.Lock()
	known := l.releases[key]
	l.mu.Unlock()
	if known {
		return true, nil
	}
	c, err := l.repo.Comment(ctx, h.Comment)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case c.Author != h.By || !c.Updated.Equal(c.Created):
		return false, nil
	}
	commands, usage := command.Parse(c.Body, l.names())
	says := func(c command.Command) bool { return c.Verb == "unhold" && slices.Contains(c.Stages, stage) }
	if usage != nil || !slices.ContainsFunc(commands, says) {
		return false, nil
	}
	denied, err := l.may(ctx, "unhold", stage, c.Author)
	if err != nil || denied != "" {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.releases[key] = true
	return true, nil
}
