package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// remark is a comment, and the repository that it stands in.
type remark struct {
	forge.Comment
	in *home
}

// remarks are the comments of our own repository and of those that stages are
// written to, oldest first.
func (l *look) remarks() []remark {
	var out []remark
	for _, h := range append([]*home{l.home}, l.otherHomes(nil)...) {
		for _, c := range h.comments {
			out = append(out, remark{c, h})
		}
	}
	slices.SortStableFunc(out, func(a, b remark) int { return a.Created.Compare(b.Created) })
	return out
}

// meansUs tells whether a comment with commands is for our pipelines to answer,
// where pipelines of several repositories write to the one that it stands in. On
// a promotion's pull request it is that promotion's pipeline. Anywhere else in
// another repository we answer what names our stages and nothing but them: the
// rest is for the pipelines of that repository. Those in turn leave alone what
// only names stages that they do not have, as soon as they let others in.
func (r *round) meansUs(ctx context.Context, c remark, commands []command.Command, usage *command.UsageError) (bool, error) {
	switch {
	case c.in.promotes(c.Issue):
		return true, nil
	case c.in.abroad != nil:
		return usage == nil && !slices.ContainsFunc(commands, func(c command.Command) bool { return len(c.Stages) == 0 }), nil
	case !r.config.parsed.Accepts:
		return true, nil
	case usage != nil && usage.Strange:
		return false, nil
	case !c.IsPull:
		return true, nil
	}
	pull, err := r.repo.PullRequest(ctx, c.Issue)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read #%d: %w", c.Issue, err)
	}
	theirs := strings.HasPrefix(pull.HeadRef, "towpath/to/") && strings.EqualFold(pull.HeadRepo, r.name)
	return !theirs, nil
}

// promotes tells whether a pull request is a promotion of ours.
func (h *home) promotes(number int) bool {
	for _, pulls := range h.pulls {
		if slices.ContainsFunc(pulls, func(p forge.PullRequest) bool { return p.Number == number }) {
			return true
		}
	}
	return false
}

// commentOf finds the comment that the ledger names for a stage: in our own
// repository, or where the stage is written.
func (l *look) commentOf(ctx context.Context, said saying) (remark, error) {
	c, err := l.repo.Comment(ctx, said.comment)
	if err == nil || !errors.Is(err, forge.ErrNotFound) {
		return remark{c, l.home}, err
	}
	for _, h := range l.lodgings(said.stage) {
		if h.abroad == nil || h.repo == nil {
			continue
		}
		if c, err = h.repo.Comment(ctx, said.comment); err == nil || !errors.Is(err, forge.ErrNotFound) {
			return remark{c, h.home}, err
		}
	}
	return remark{}, err
}

// answered tells whether a comment has its reply. The reply comes after the fact
// that the comment was handled, so a ledger that has lost the fact brings no old
// command back.
func (r *round) answered(c remark, self string) bool {
	return slices.ContainsFunc(c.in.comments, func(other forge.Comment) bool { return other.Author == self && other.Key == replyKey(c.ID) })
}

// close writes down that the comment is handled, where the push of the round did
// not, and answers it.
func (r *round) close(ctx context.Context, h promote.Handled) error {
	if r.handled == nil {
		last := r.newRound()
		last.handled = &h
		if _, err := last.push(ctx); err != nil {
			return err
		}
	}
	in := r.order.comment.in
	return r.perform(ctx, []effect{{fmt.Sprintf("reply to comment %d", h.Comment), func(ctx context.Context) error {
		return r.reply(ctx, in, h)
	}}})
}

// reply answers a comment once, in one comment that is edited in place.
func (l *look) reply(ctx context.Context, in *home, h promote.Handled) error {
	l.mu.Lock()
	_, done := l.replied.get(h.Comment)
	l.mu.Unlock()
	if done {
		return nil
	}
	_, err := in.repo.Reply(ctx, h.Issue, replyKey(h.Comment), "@"+h.Author+": "+h.Outcome)
	if err != nil && !errors.Is(err, forge.ErrNotFound) { // the issue is gone: nobody to tell
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replied.keep(h.Comment, true)
	return nil
}

// missingReplies gives the answers that a crash swallowed. Who handled a comment may
// go by another name than we do.
func (l *look) missingReplies(ctx context.Context) error {
	for _, c := range l.remarks() {
		there := slices.ContainsFunc(c.in.comments, func(other forge.Comment) bool {
			return other.Key == replyKey(c.ID) && strings.HasSuffix(other.Author, "[bot]")
		})
		if h, ok := l.book.Handled[c.ID]; ok && !there {
			if err := l.reply(ctx, c.in, h); err != nil {
				return err
			}
		}
	}
	return nil
}

func replyKey(comment int64) string { return fmt.Sprintf("comment-%d", comment) }
