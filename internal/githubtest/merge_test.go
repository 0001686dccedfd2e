package githubtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/towpath/towpath/internal/githubtest"
)

// branchOff pushes one commit to a new branch and opens a pull request.
func (b *bench) branchOff(branch string, files map[string]*string) int {
	b.t.Helper()
	_, err := b.Push(repo, branch, "change on "+branch, "octo", files)
	must(b.t, err)
	n, err := b.OpenPull(repo, branch, "main", "Change "+branch, "why", "octo")
	must(b.t, err)
	return n
}

func TestMergeMethods(t *testing.T) {
	for method, want := range map[string]struct {
		parents int
		subject string
	}{
		"merge":  {2, "Merge pull request #1 from acme/feature"},
		"squash": {1, "Change feature (#1)"},
		"rebase": {1, "change on feature"},
	} {
		t.Run(method, func(t *testing.T) {
			b := newBench(t)
			n := b.branchOff("feature", map[string]*string{"a": text("a\n")})
			_, err := b.Push(repo, "main", "meanwhile", "octo", map[string]*string{"b": text("b\n")})
			must(t, err)
			b.take()
			id, err := b.Merge(repo, n, method, "octo")
			must(t, err)
			commit, _, err := b.bot.Repositories.GetCommit(context.Background(), "acme", "guestbook", "main", nil)
			must(t, err)
			subject, _, _ := strings.Cut(commit.GetCommit().GetMessage(), "\n")
			if commit.GetSHA() != id || len(commit.Parents) != want.parents || subject != want.subject {
				t.Errorf("commit %v", commit)
			}
			for _, path := range []string{"a", "b"} {
				if _, err := b.ReadFile(repo, "main", path); err != nil {
					t.Error(err)
				}
			}
			pr := b.Pulls(repo)[0]
			if !pr.Merged || pr.MergeSHA != id || pr.MergedBy != "octo" || pr.MergedAt.IsZero() {
				t.Errorf("pull request: %+v", pr)
			}
			if got := b.take(); names(got) != "pull_request push" || !got[0].payload.(*github.PullRequestEvent).GetPullRequest().GetMerged() {
				t.Errorf("events: %v", names(got))
			}
		})
	}
}

func TestMergeableState(t *testing.T) {
	file := map[string]*string{"README.md": text("theirs\n")}
	for _, tc := range []struct {
		name   string
		set    func(*testing.T, *bench, int)
		state  string
		status int // of an attempt to merge; 200 when it works
	}{
		{"clean", func(*testing.T, *bench, int) {}, "clean", 200},
		{"conflict", func(t *testing.T, b *bench, _ int) {
			_, err := b.Push(repo, "main", "ours", "octo", map[string]*string{"README.md": text("ours\n")})
			must(t, err)
		}, "dirty", 405},
		{"undecided", func(t *testing.T, b *bench, n int) { must(t, b.SetUndecided(repo, n, true)) }, "unknown", 405},
		{"without approvals", func(t *testing.T, b *bench, _ int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Approvals: 1}))
		}, "blocked", 405},
		{"approved by a reader only", func(t *testing.T, b *bench, n int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Approvals: 1}))
			must(t, b.Review(repo, n, "passer-by", "APPROVED"))
		}, "blocked", 405},
		{"approved", func(t *testing.T, b *bench, n int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Approvals: 1}))
			must(t, b.SetPermission(repo, "ann", "write"))
			must(t, b.Review(repo, n, "ann", "APPROVED"))
		}, "clean", 200},
		{"approval taken back", func(t *testing.T, b *bench, n int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Approvals: 1}))
			must(t, b.SetPermission(repo, "ann", "write"))
			must(t, b.Review(repo, n, "ann", "APPROVED"))
			must(t, b.Review(repo, n, "ann", "CHANGES_REQUESTED"))
		}, "blocked", 405},
		{"required check missing", func(t *testing.T, b *bench, _ int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Checks: []string{"ci"}}))
		}, "blocked", 405},
		{"required check passed", func(t *testing.T, b *bench, _ int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Checks: []string{"ci"}}))
			_, err := b.CheckRun(repo, b.Pulls(repo)[0].HeadSHA, "ci", "success", "ci")
			must(t, err)
		}, "clean", 200},
		{"behind", func(t *testing.T, b *bench, _ int) {
			must(t, b.SetProtection(repo, "main", githubtest.Protection{Strict: true}))
			_, err := b.Push(repo, "main", "meanwhile", "octo", map[string]*string{"b": text("b\n")})
			must(t, err)
		}, "behind", 405},
		{"failing status", func(t *testing.T, b *bench, _ int) {
			must(t, b.SetStatus(repo, b.Pulls(repo)[0].HeadSHA, "lint", "failure", "octo"))
		}, "unstable", 200},
		{"closed", func(t *testing.T, b *bench, n int) { must(t, b.Close(repo, n, "octo")) }, "unknown", 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			n := b.branchOff("feature", file)
			tc.set(t, b, n)
			ctx := context.Background()
			pr, _, err := b.bot.PullRequests.Get(ctx, "acme", "guestbook", n)
			must(t, err)
			if pr.GetMergeableState() != tc.state {
				t.Errorf("mergeable_state %q, want %q", pr.GetMergeableState(), tc.state)
			}
			_, resp, err := b.bot.PullRequests.Merge(ctx, "acme", "guestbook", n, "", nil)
			if resp == nil || resp.StatusCode != tc.status {
				t.Errorf("merge: %v", err)
			}
		})
	}
}

func TestMergeIsPinnedToTheHeadThatWasJudged(t *testing.T) {
	b := newBench(t)
	n := b.branchOff("feature", map[string]*string{"a": text("a\n")})
	judged := b.Pulls(repo)[0].HeadSHA
	_, err := b.Push(repo, "feature", "sneaked in", "octo", map[string]*string{"a": text("b\n")})
	must(t, err)
	_, resp, err := b.bot.PullRequests.Merge(context.Background(), "acme", "guestbook", n, "", &github.PullRequestOptions{SHA: judged})
	if err == nil || resp.StatusCode != 409 {
		t.Errorf("merge: %v", err)
	}
}

func TestPullRequestsThatGitHubRefuses(t *testing.T) {
	b := newBench(t)
	b.branchOff("feature", map[string]*string{"a": text("a\n")})
	must(t, b.SetBranch(repo, "same", b.Refs(repo)["refs/heads/main"], "octo"))
	git := b.clone(b.botToken())
	steps(t, git, "checkout -q --orphan alone", "commit -q -m alone", "push -q origin alone")
	for name, want := range map[string]string{
		"feature": "A pull request already exists for acme:feature.",
		"same":    "No commits between main and same",
		"alone":   "The alone branch has no history in common with main",
		"missing": "head",
		"eve:x":   "head",
	} {
		_, resp, err := b.bot.PullRequests.Create(context.Background(), "acme", "guestbook",
			&github.NewPullRequest{Title: github.String("t"), Head: github.String(name), Base: github.String("main")})
		if err == nil || resp.StatusCode != 422 || !strings.Contains(err.Error(), want) {
			t.Errorf("head %s: %v", name, err)
		}
	}
}

func TestReopen(t *testing.T) {
	b := newBench(t)
	n := b.branchOff("feature", map[string]*string{"a": text("a\n")})
	must(t, b.Close(repo, n, "octo"))
	_, err := b.Push(repo, "feature", "more", "octo", map[string]*string{"a": text("b\n")})
	must(t, err)
	b.take()
	must(t, b.Reopen(repo, n, "octo"))
	pr := b.Pulls(repo)[0]
	if pr.State != "open" || pr.HeadSHA != b.Refs(repo)["refs/heads/feature"] || !pr.ClosedAt.IsZero() {
		t.Errorf("pull request: %+v", pr)
	}
	if got := b.take(); names(got) != "pull_request" || got[0].payload.(*github.PullRequestEvent).GetAction() != "reopened" {
		t.Errorf("events: %v", got)
	}
	must(t, b.SetBranch(repo, "feature", "", "octo"))
	if err := b.Reopen(repo, n, "octo"); err == nil {
		t.Error("reopened without a head")
	}
}
