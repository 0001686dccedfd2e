package forge

import (
	"context"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"
)

// ClosedBy returns who closed an issue or pull request, and whether that is a
// bot. Both are empty while it is open, and where GitHub does not say.
func (r *Repo) ClosedBy(ctx context.Context, number int) (login string, isBot bool, err error) {
	issue, err := r.issue(ctx, number)
	return issue.GetClosedBy().GetLogin(), issue.GetClosedBy().GetType() == "Bot", err
}

// IssueState returns whether an issue or pull request is open, and whether it is
// a merged pull request.
func (r *Repo) IssueState(ctx context.Context, number int) (open, merged bool, err error) {
	issue, err := r.issue(ctx, number)
	return issue.GetState() == "open", !issue.GetPullRequestLinks().GetMergedAt().IsZero(), err
}

func (r *Repo) issue(ctx context.Context, number int) (*github.Issue, error) {
	issue, _, err := r.client.Issues.Get(ctx, r.owner, r.name, number)
	return issue, r.failed(err, "read issue #%d", number)
}

// EnsureIssue keeps one open issue per key with this title and body, and returns
// its number: opened when there is none, edited in place when it differs. One
// that was closed is left alone, and a new one opened.
func (r *Repo) EnsureIssue(ctx context.Context, key, title, body string) (int, error) {
	text := marked(key, body)
	find := func() (*github.Issue, bool, error) { return r.findIssue(ctx, key) }
	create := func() (*github.Issue, error) {
		issue, _, err := r.client.Issues.Create(ctx, r.owner, r.name, &github.IssueRequest{Title: &title, Body: &text})
		return issue, err
	}
	issue, ok, err := find()
	if err == nil && !ok {
		issue, err = createOnce(ctx, r.forge.wait, create, find)
	}
	if err == nil && (issue.GetTitle() != title || !sameText(issue.GetBody(), text)) {
		_, _, err = r.client.Issues.Edit(ctx, r.owner, r.name, issue.GetNumber(), &github.IssueRequest{Title: &title, Body: &text})
	}
	return issue.GetNumber(), r.failed(err, "keep issue %s", key)
}

// SettleIssues closes the open issues of the keys.
func (r *Repo) SettleIssues(ctx context.Context, keys ...string) error {
	issues, err := r.ownIssues(ctx)
	closed := "closed"
	for _, issue := range issues {
		over := slices.ContainsFunc(keys, func(key string) bool { return isMarked(issue.GetBody(), key) })
		if over && err == nil {
			_, _, err = r.client.Issues.Edit(ctx, r.owner, r.name, issue.GetNumber(), &github.IssueRequest{State: &closed})
		}
	}
	return r.failed(err, "close issues %s", strings.Join(keys, ", "))
}

func (r *Repo) findIssue(ctx context.Context, key string) (*github.Issue, bool, error) {
	issues, err := r.ownIssues(ctx)
	for _, issue := range issues {
		if isMarked(issue.GetBody(), key) {
			return issue, true, nil
		}
	}
	return nil, false, err
}

// ownIssues are the open issues that we wrote.
func (r *Repo) ownIssues(ctx context.Context) ([]*github.Issue, error) {
	self, err := r.forge.Self(ctx)
	if err != nil {
		return nil, err
	}
	issues, err := pages(0, func(page github.ListOptions) ([]*github.Issue, *github.Response, error) {
		return r.client.Issues.ListByRepo(ctx, r.owner, r.name,
			&github.IssueListByRepoOptions{State: "open", Creator: self, ListOptions: page})
	})
	return slices.DeleteFunc(issues, func(issue *github.Issue) bool {
		return issue.IsPullRequest() || issue.GetUser().GetLogin() != self
	}), err
}
