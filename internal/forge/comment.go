package forge

import (
	"context"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
)

// Comment is a comment in the conversation of an issue or a pull request.
type Comment struct {
	ID          int64
	Issue       int // number of the issue or pull request
	IsPull      bool
	Body        string
	Author      string
	AuthorIsBot bool
	Key         string // of the mark of a reply, as in [Repo.Reply]; says nothing of who wrote it
	Created     time.Time
	Updated     time.Time // later than Created: edited
	URL         string
}

// Comments returns the repository's comments that were created at or after
// since, oldest first.
func (r *Repo) Comments(ctx context.Context, since time.Time) ([]Comment, error) {
	since = since.UTC()
	list, err := r.listComments(ctx, 0, github.IssueListCommentsOptions{
		Since: &since, Sort: github.String("created"), Direction: github.String("asc"),
	})
	if err != nil {
		return nil, r.failed(err, "list comments")
	}
	var out []Comment
	for _, c := range list {
		if !c.GetCreatedAt().Before(since) { // GitHub's since means the last edit
			out = append(out, comment(c))
		}
	}
	return out, nil
}

// listComments lists the comments of one issue, or of all with number 0.
func (r *Repo) listComments(ctx context.Context, number int, o github.IssueListCommentsOptions) ([]*github.IssueComment, error) {
	return pages(0, func(page github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
		o.ListOptions = page
		return r.client.Issues.ListComments(ctx, r.owner, r.name, number, &o)
	})
}

// Comment returns one comment as it is now; [ErrNotFound] when it was deleted.
func (r *Repo) Comment(ctx context.Context, id int64) (Comment, error) {
	c, _, err := r.client.Issues.GetComment(ctx, r.owner, r.name, id)
	if err != nil {
		return Comment{}, r.failed(err, "read comment %d", id)
	}
	return comment(c), nil
}

func comment(c *github.IssueComment) Comment {
	number, _ := strconv.Atoi(path.Base(c.GetIssueURL())) // 0 names no issue
	return Comment{
		ID: c.GetID(), Issue: number, IsPull: strings.Contains(c.GetHTMLURL(), "/pull/"),
		Body: c.GetBody(), Author: c.GetUser().GetLogin(), AuthorIsBot: c.GetUser().GetType() == "Bot",
		Key:     keyOf(c.GetBody()),
		Created: c.GetCreatedAt().Time, Updated: c.GetUpdatedAt().Time, URL: c.GetHTMLURL(),
	}
}

// Reply says body once per key on an issue or pull request, and returns the
// comment's id. Said again with another body it edits the comment in place; after
// a crash it finds it again, by a hidden mark at the end. A comment of somebody
// else is never taken for ours, whatever it says.
func (r *Repo) Reply(ctx context.Context, issue int, key, body string) (int64, error) {
	text := marked(key, body)
	find := func() (*github.IssueComment, bool, error) { return r.findReply(ctx, issue, key) }
	create := func() (*github.IssueComment, error) {
		c, _, err := r.client.Issues.CreateComment(ctx, r.owner, r.name, issue, &github.IssueComment{Body: &text})
		return c, err
	}
	reply, ok, err := find()
	if err == nil && !ok {
		if reply, err = createOnce(ctx, r.forge.wait, create, find); err == nil {
			reply, err = r.firstReply(ctx, reply, find)
		}
	}
	if err == nil && !sameText(reply.GetBody(), text) {
		_, _, err = r.client.Issues.EditComment(ctx, r.owner, r.name, reply.GetID(), &github.IssueComment{Body: &text})
	}
	return reply.GetID(), r.failed(err, "reply %s on #%d", key, issue)
}

// firstReply takes a reply back where another of our processes gave the same one
// in the meantime: GitHub does not know that they are the same.
func (r *Repo) firstReply(ctx context.Context, made *github.IssueComment, find func() (*github.IssueComment, bool, error)) (*github.IssueComment, error) {
	first, ok, err := find()
	if err != nil || !ok || first.GetID() == made.GetID() {
		return made, err
	}
	_, err = r.client.Issues.DeleteComment(ctx, r.owner, r.name, made.GetID())
	return first, err
}

func (r *Repo) findReply(ctx context.Context, issue int, key string) (*github.IssueComment, bool, error) {
	self, err := r.forge.Self(ctx)
	if err != nil {
		return nil, false, err
	}
	comments, err := r.listComments(ctx, issue, github.IssueListCommentsOptions{})
	for _, c := range comments {
		if c.GetUser().GetLogin() == self && isMarked(c.GetBody(), key) {
			return c, true, nil
		}
	}
	return nil, false, err
}

// React puts an emoji (+1, -1, eyes, rocket, confused …) on a comment; a second
// time changes nothing.
func (r *Repo) React(ctx context.Context, commentID int64, content string) error {
	_, _, err := r.client.Reactions.CreateIssueCommentReaction(ctx, r.owner, r.name, commentID, content)
	return r.failed(err, "react to comment %d", commentID)
}

// marked ends a body with a mark that people do not see. What a body quotes can
// not pass for the mark, since only the last line counts.
func marked(key, body string) string {
	return cut(strings.TrimSpace(body), textLimit-len(mark(key))-2) + "\n\n" + mark(key)
}

func isMarked(body, key string) bool {
	return strings.HasSuffix(strings.TrimSpace(body), "\n"+mark(key))
}

// keyOf is the key of the mark with which a body ends as a reply of ours does; empty
// when it does not.
func keyOf(body string) string {
	body = strings.TrimSpace(body)
	key, ok := strings.CutPrefix(body[strings.LastIndexByte(body, '\n')+1:], "<!-- towpath: ")
	if !ok {
		return ""
	}
	key, _ = url.QueryUnescape(strings.TrimSuffix(key, " -->"))
	return key
}

// The escape leaves no character that could end the HTML comment.
func mark(key string) string { return "<!-- towpath: " + url.QueryEscape(key) + " -->" }

// sameText compares bodies; browsers and GitHub may have changed the line ends.
func sameText(a, b string) bool { return plain(a) == plain(b) }

func plain(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
