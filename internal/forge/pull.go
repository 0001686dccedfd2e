package forge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
)

// PullRequest is a pull request as GitHub tells it. Times are zero, and texts
// empty, where the thing has not happened.
type PullRequest struct {
	Number      int
	State       string // open or closed
	Merged      bool
	CreatedAt   time.Time
	ClosedAt    time.Time
	MergedAt    time.Time
	MergeCommit string // of a merged one only
	HeadRepo    string // owner/name; empty when it is gone
	HeadRef     string
	HeadSHA     string
	BaseRef     string
	BaseSHA     string
	Title       string
	Body        string
	URL         string
	Author      string
	Labels      []string
	// Known by [Repo.PullRequest] only; lists leave them empty.
	MergeableState string // GitHub's word: clean, blocked, behind, dirty, unstable, unknown …
	MergedBy       string
}

// NewPullRequest is a pull request to open, from a branch of the same repository.
type NewPullRequest struct {
	Title string
	Body  string
	Head  string // branch
	Base  string // branch
}

// Review is a review of a pull request.
type Review struct {
	User        string
	State       string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING
	CommitID    string // the head that was reviewed
	SubmittedAt time.Time
}

// textLimit is how much GitHub takes in a body of any kind.
const textLimit = 65535

// PullRequests returns the pull requests, open and closed, from a branch of this
// repository, the one updated last first, at most most of them (0: all).
func (r *Repo) PullRequests(ctx context.Context, head string, most int) ([]PullRequest, error) {
	list, err := r.listPulls(ctx, most, url.Values{"state": {"all"}, "head": {r.owner + ":" + head}, "sort": {"updated"}, "direction": {"desc"}})
	return list, r.failed(err, "list pull requests from %s", head)
}

func (r *Repo) listPulls(ctx context.Context, most int, query url.Values) ([]PullRequest, error) {
	return pages(most, func(page github.ListOptions) ([]PullRequest, *github.Response, error) {
		query.Set("per_page", strconv.Itoa(page.PerPage))
		if page.Page > 0 {
			query.Set("page", strconv.Itoa(page.Page))
		}
		req, err := r.client.NewRequest(http.MethodGet, "repos/"+r.owner+"/"+r.name+"/pulls?"+query.Encode(), nil)
		if err != nil {
			return nil, nil, err
		}
		var text bytes.Buffer
		resp, err := r.client.Do(ctx, req, &text)
		if err != nil {
			return nil, resp, err
		}
		list, err := r.forge.pages.read(req.URL.String(), text.Bytes())
		return list, resp, err
	})
}

// pullPages remembers what pages of pull requests say. A pull request comes with
// two whole repositories, so that reading a page takes some milliseconds, and most
// pages are those of the last look.
type pullPages struct {
	mu    sync.Mutex
	known map[string]pullPage // by URL
	size  int                 // of all of them
}

// pullPage is a page as it was read last.
type pullPage struct {
	sum  [sha256.Size]byte // of its text
	size int               // of its text in bytes; what is kept of it is less
	list []PullRequest
}

// maxPullPages bounds the pages that are remembered, in bytes of text; all are
// forgotten then.
const maxPullPages = 32 << 20

// read reads a page. Nobody may change what the list holds.
func (p *pullPages) read(url string, text []byte) ([]PullRequest, error) {
	read := pullPage{sum: sha256.Sum256(text), size: len(text)}
	p.mu.Lock()
	known := p.known[url]
	p.mu.Unlock()
	if known.sum == read.sum {
		return known.list, nil
	}
	var page []*github.PullRequest
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, err
	}
	for _, pr := range page {
		read.list = append(read.list, pullRequest(pr))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size += read.size - p.known[url].size
	if p.known == nil || p.size > maxPullPages {
		p.known, p.size = map[string]pullPage{}, read.size
	}
	p.known[url] = read
	return read.list, nil
}

// OpenPullRequests returns the open pull requests into a branch, from forks as
// well, the one updated last first, at most most of them.
func (r *Repo) OpenPullRequests(ctx context.Context, base string, most int) ([]PullRequest, error) {
	list, err := r.listPulls(ctx, most, url.Values{"state": {"open"}, "base": {base}, "sort": {"updated"}, "direction": {"desc"}})
	return list, r.failed(err, "list open pull requests into %s", base)
}

// ChangedFiles returns the paths that a pull request changes, those of before a
// renaming included, of at most most files.
func (r *Repo) ChangedFiles(ctx context.Context, number, most int) ([]string, error) {
	list, err := pages(most, func(o github.ListOptions) ([]*github.CommitFile, *github.Response, error) {
		return r.client.PullRequests.ListFiles(ctx, r.owner, r.name, number, &o)
	})
	var out []string
	for _, file := range list {
		out = append(out, file.GetFilename())
		if before := file.GetPreviousFilename(); before != "" {
			out = append(out, before)
		}
	}
	return out, r.failed(err, "list the files of #%d", number)
}

// PullRequest returns one pull request with everything that is known of it.
func (r *Repo) PullRequest(ctx context.Context, number int) (PullRequest, error) {
	pr, _, err := r.client.PullRequests.Get(ctx, r.owner, r.name, number)
	if err != nil {
		return PullRequest{}, r.failed(err, "read pull request #%d", number)
	}
	return pullRequest(pr), nil
}

func pullRequest(pr *github.PullRequest) PullRequest {
	out := PullRequest{
		Number: pr.GetNumber(), State: pr.GetState(), Merged: pr.MergedAt != nil,
		CreatedAt: pr.GetCreatedAt().Time, ClosedAt: pr.GetClosedAt().Time, MergedAt: pr.GetMergedAt().Time,
		HeadRepo: pr.GetHead().GetRepo().GetFullName(), HeadRef: pr.GetHead().GetRef(), HeadSHA: pr.GetHead().GetSHA(),
		BaseRef: pr.GetBase().GetRef(), BaseSHA: pr.GetBase().GetSHA(),
		Title: pr.GetTitle(), Body: pr.GetBody(), URL: pr.GetHTMLURL(), Author: pr.GetUser().GetLogin(),
		MergeableState: pr.GetMergeableState(), MergedBy: pr.GetMergedBy().GetLogin(),
	}
	if out.Merged {
		out.MergeCommit = pr.GetMergeCommitSHA() // of an open one it is GitHub's trial merge
	}
	for _, label := range pr.Labels {
		out.Labels = append(out.Labels, label.GetName())
	}
	return out
}

// OpenPullRequest opens a pull request, and never a second one: the error is an
// [*ExistsError] when the two branches have one.
func (r *Repo) OpenPullRequest(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	act := func() (PullRequest, error) {
		pr, _, err := r.client.PullRequests.Create(ctx, r.owner, r.name, &github.NewPullRequest{
			Title: &n.Title, Body: github.String(cut(n.Body, textLimit)), Head: &n.Head, Base: &n.Base,
		})
		if err != nil {
			return PullRequest{}, err
		}
		return pullRequest(pr), nil
	}
	find := func() (PullRequest, bool, error) { return r.openPull(ctx, n.Head, n.Base) }
	pr, err := createOnce(ctx, r.forge.wait, act, find)
	if refusal := new(github.ErrorResponse); errors.As(err, &refusal) &&
		refusal.Response.StatusCode == http.StatusUnprocessableEntity && strings.Contains(words(refusal), "already exists") {
		existing, ok, findErr := find()
		switch {
		case findErr != nil:
			err = errors.Join(err, findErr)
		case ok:
			err = &ExistsError{Number: existing.Number}
		}
	}
	return pr, r.failed(err, "open pull request from %s into %s", n.Head, n.Base)
}

func (r *Repo) openPull(ctx context.Context, head, base string) (PullRequest, bool, error) {
	list, err := r.listPulls(ctx, 1, url.Values{"state": {"open"}, "head": {r.owner + ":" + head}, "base": {base}})
	if err != nil || len(list) == 0 {
		return PullRequest{}, false, err
	}
	return list[0], true, nil
}

// EditPullRequest replaces title and body.
func (r *Repo) EditPullRequest(ctx context.Context, number int, title, body string) error {
	_, _, err := r.client.PullRequests.Edit(ctx, r.owner, r.name, number,
		&github.PullRequest{Title: &title, Body: github.String(cut(body, textLimit))})
	return r.failed(err, "edit pull request #%d", number)
}

// Label puts a label on a pull request, which makes it where there is none, or
// takes it away.
func (r *Repo) Label(ctx context.Context, number int, label string, on bool) (err error) {
	if on {
		_, _, err = r.client.Issues.AddLabelsToIssue(ctx, r.owner, r.name, number, []string{label})
		return r.failed(err, "label #%d", number)
	}
	_, err = r.client.Issues.RemoveLabelForIssue(ctx, r.owner, r.name, number, url.PathEscape(label))
	if err = r.failed(err, "take a label from #%d", number); errors.Is(err, ErrNotFound) {
		return nil // somebody was faster
	}
	return err
}

// ClosePullRequest closes it unmerged. A closed one stays so.
func (r *Repo) ClosePullRequest(ctx context.Context, number int) error {
	_, _, err := r.client.PullRequests.Edit(ctx, r.owner, r.name, number, &github.PullRequest{State: github.String("closed")})
	return r.failed(err, "close pull request #%d", number)
}

// MergePullRequest merges by method (merge, squash or rebase) exactly the head
// that was judged, and returns the merge commit. The error is a [*MovedError]
// when the head is another by now, a [*NotMergeableError] when GitHub refuses.
func (r *Repo) MergePullRequest(ctx context.Context, number int, headSHA, method, title, message string) (string, error) {
	act := func() (string, error) {
		result, _, err := r.client.PullRequests.Merge(ctx, r.owner, r.name, number, message,
			&github.PullRequestOptions{SHA: headSHA, MergeMethod: method, CommitTitle: title})
		return result.GetSHA(), err
	}
	merged := func() (string, bool, error) {
		pr, _, err := r.client.PullRequests.Get(ctx, r.owner, r.name, number)
		if err != nil || !pr.GetMerged() || pr.GetHead().GetSHA() != headSHA {
			return "", false, err
		}
		return pr.GetMergeCommitSHA(), true, nil
	}
	commit, err := createOnce(ctx, r.forge.wait, act, merged)
	if refusal := new(github.ErrorResponse); errors.As(err, &refusal) {
		switch refusal.Response.StatusCode {
		case http.StatusConflict:
			err = &MovedError{Reason: words(refusal)}
		case http.StatusMethodNotAllowed:
			err = &NotMergeableError{Reason: words(refusal)}
		}
	}
	return commit, r.failed(err, "merge pull request #%d", number)
}

// Reviews returns all reviews of a pull request, oldest first.
func (r *Repo) Reviews(ctx context.Context, number int) ([]Review, error) {
	list, err := pages(0, func(o github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
		return r.client.PullRequests.ListReviews(ctx, r.owner, r.name, number, &o)
	})
	if err != nil {
		return nil, r.failed(err, "list reviews of #%d", number)
	}
	var out []Review
	for _, review := range list {
		out = append(out, Review{
			User: review.GetUser().GetLogin(), State: review.GetState(),
			CommitID: review.GetCommitID(), SubmittedAt: review.GetSubmittedAt().Time,
		})
	}
	return out, nil
}
