package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/report"
)

// Outlook is what a look would find and do now.
type Outlook struct {
	Repository string // owner/name
	Views      []report.View
	Mistakes   []string // of the configuration; its pipelines stand still
}

// Plan observes, decides and prepares as a look does, by the same code, and stops
// before anything is written (P1). Comments that wait for an answer are left to
// the next look. The outlook is as far as it got when there is an error, too.
func (e *Engine) Plan(ctx context.Context, repository string) (*Outlook, error) {
	l, err := e.observe(ctx, repository)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, fmt.Errorf("GitHub shows us no repository %s: is the name right, and may the App or the token read it? (%w)", repository, err)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", repository, err)
	}
	defer l.hold()()
	r := l.newRound()
	r.decide(ctx)
	return &Outlook{Repository: l.repo.Info().FullName, Views: l.views, Mistakes: l.config.mistakes.Lines()}, l.vain.failed
}
