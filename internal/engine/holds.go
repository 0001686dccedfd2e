package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// pullNamed finds the pull request that is written owner/repo#n. That it can not be
// read for us is [errUnshared], the same as where there is none.
func (l *look) pullNamed(ctx context.Context, written string) (forge.PullRequest, error) {
	repository, number, _ := strings.Cut(written, "#")
	n, err := strconv.Atoi(number)
	if err != nil {
		return forge.PullRequest{}, fmt.Errorf("pull request %q is not of the form owner/repo#n", written)
	}
	repo, err := l.readable(ctx, promote.NormaliseRepository(repository))
	if err != nil {
		return forge.PullRequest{}, err
	}
	pull, err := repo.PullRequest(ctx, n)
	if errors.Is(err, forge.ErrNotFound) {
		return pull, fmt.Errorf("there is no pull request %s: %w", written, errUnshared)
	}
	return pull, err
}

// readable is a repository that this one may read: itself, a public one, or one
// that is shared with it (H3).
func (l *look) readable(ctx context.Context, name string) (*forge.Repo, error) {
	if name == l.name {
		return l.repo, nil
	}
	if _, err := l.source(ctx, name); err != nil {
		return nil, err
	}
	repo, err := l.Forge.Repository(ctx, name)
	if errors.Is(err, forge.ErrNotFound) {
		repo, err = l.repo.Public(ctx, name)
	}
	return repo, err
}

// untilPulls tells whether the pull requests that holds of an order are to last
// until are there and open; "" or the refusal.
func (r *round) untilPulls(ctx context.Context, o *order) (string, error) {
	for _, c := range o.commands {
		if c.Until.PullRequest == "" {
			continue
		}
		switch pull, err := r.pullNamed(ctx, c.Until.PullRequest); {
		case errors.Is(err, errUnshared):
			return fmt.Sprintf("Nothing is held: there is no pull request `%s` that Towpath can read for this repository. "+
				"Its repository must be this one, public, or name this one under `share` in its policy.", c.Until.PullRequest), nil
		case err != nil:
			return "", err
		case pull.State != "open":
			return fmt.Sprintf("Nothing is held: `%s` is merged or closed already.", c.Until.PullRequest), nil
		}
	}
	return "", nil
}

// endHolds releases what was held until a pull request that is merged or closed
// now. Where that can not be found out the hold stays, and is asked about again;
// nothing else waits for the answer.
func (l *look) endHolds(ctx context.Context, at *place) {
	for _, h := range at.facts.HeldUntilPulls(at.stage.Name) {
		pull, err := l.pullNamed(ctx, h.PullRequest)
		if err != nil {
			l.Log.Warn("a hold stays, since its pull request can not be read", "repo", l.name, "stage", at.stage.Name, "pr", h.PullRequest, "error", err)
			l.lookAgain(discoverAgain)
			continue
		}
		if pull.State == "open" {
			continue
		}
		ended := pull.ClosedAt
		if !ended.After(h.At) {
			ended = h.At.Add(time.Millisecond)
		}
		at.learn(promote.Facts{Holds: []promote.Hold{{
			Stage: h.Stage, Cause: promote.HeldByCommand, By: promote.Automatic, PullRequest: h.PullRequest, Released: true, At: ended,
			Reason: h.PullRequest + " was merged or closed",
		}}})
	}
}

// lookAgain makes the next look come no later than after a while.
func (l *look) lookAgain(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = soon(l.again, l.now.Add(after))
}

// confirmedEnd asks whether the pull request is closed by which the ledger says
// that a hold ended (L4). Without an answer the hold stays.
func (l *look) confirmedEnd(ctx context.Context, h promote.Hold) bool {
	key := fmt.Sprint(l.name, " closed ", h.PullRequest)
	l.mu.Lock()
	known := l.vouched[key]
	l.mu.Unlock()
	if known {
		return true
	}
	pull, err := l.pullNamed(ctx, h.PullRequest)
	if err != nil || pull.State == "open" {
		l.Log.Warn("the end of a hold is not confirmed by its pull request", "repo", l.name, "stage", h.Stage, "pr", h.PullRequest, "error", err)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vouched[key] = true
	return true
}
