package githubtest_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/towpath/towpath/internal/githubtest"
)

// steps runs git commands, each of which must succeed.
func steps(t *testing.T, git func(...string) (string, error), commands ...string) {
	t.Helper()
	for _, line := range commands {
		if out, err := git(strings.Fields(line)...); err != nil {
			t.Fatalf("git %s: %v: %s", line, err, out)
		}
	}
}

func TestPushByGitMovesThePullRequest(t *testing.T) {
	b := newBench(t)
	git := b.clone(b.botToken())
	steps(t, git, "checkout -q -b towpath/to/stage", "commit -q --allow-empty -m one", "push -q origin HEAD")
	n, err := b.OpenPull(repo, "towpath/to/stage", "main", "Promote", "", "octo")
	must(t, err)
	b.take()
	before := b.Pulls(repo)[0].HeadSHA
	steps(t, git, "commit -q --allow-empty -m two", "push -q origin HEAD")
	got := b.take()
	if names(got) != "push pull_request" {
		t.Fatalf("events: %s", names(got))
	}
	push, pull := got[0].payload.(*github.PushEvent), got[1].payload.(*github.PullRequestEvent)
	head := b.Pulls(repo)[0].HeadSHA
	if push.GetBefore() != before || push.GetAfter() != head || len(push.Commits) != 1 || push.GetSender().GetLogin() != "towpath[bot]" {
		t.Errorf("push event: %v", push)
	}
	if pull.GetAction() != "synchronize" || pull.GetNumber() != n || pull.GetBefore() != before || pull.GetAfter() != head {
		t.Errorf("pull request event: %v", pull)
	}
	if out, err := git("ls-remote", "origin", "refs/pull/1/head"); err != nil || !strings.HasPrefix(out, head) {
		t.Errorf("refs/pull/1/head: %q, %v", out, err)
	}
}

func TestPullRequestEndsByWhatIsPushed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		push   []string
		merged bool
	}{
		{"base pushed onto the head", []string{"push -q origin feature:main"}, true},
		{"base and head in one push", []string{"commit -q --allow-empty -m more", "push -q --atomic origin feature:main feature"}, true},
		{"head forced back into the base", []string{"push -q --force origin main:feature"}, false},
		{"head deleted", []string{"push -q origin :feature"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			git := b.clone(b.botToken())
			steps(t, git, "checkout -q -b feature", "commit -q --allow-empty -m one", "push -q origin feature")
			_, err := b.OpenPull(repo, "feature", "main", "Promote", "", "octo")
			must(t, err)
			steps(t, git, tc.push...)
			pr := b.Pulls(repo)[0]
			if pr.State != "closed" || pr.Merged != tc.merged {
				t.Errorf("state %s, merged %v", pr.State, pr.Merged)
			}
			got := b.take()
			last, ok := got[len(got)-1].payload.(*github.PullRequestEvent)
			if !ok || last.GetAction() != "closed" || last.GetPullRequest().GetMerged() != tc.merged {
				t.Errorf("last event: %v", got[len(got)-1])
			}
		})
	}
}

func TestWhoMayUseGit(t *testing.T) {
	b := newBench(t)
	must(t, b.CreateRepo("acme", "secret", map[string]string{"a": "b"}))
	must(t, b.SetPrivate("acme/secret", true))
	b.AddToken("reader", "eve")
	b.AddToken("writer", "octo")
	bot := b.botToken()
	for _, tc := range []struct {
		token, repo, service string
		want                 int
	}{
		{"", "acme/guestbook", "git-upload-pack", 200},
		{"", "acme/guestbook", "git-receive-pack", 401},
		{"wrong", "acme/guestbook", "git-upload-pack", 401},
		{"reader", "acme/guestbook", "git-receive-pack", 403},
		{"writer", "acme/guestbook", "git-receive-pack", 200},
		{bot, "acme/guestbook", "git-receive-pack", 200},
		{"", "acme/secret", "git-upload-pack", 401},
		{"reader", "acme/secret", "git-upload-pack", 404},
		{bot, "acme/secret", "git-upload-pack", 404},
		{bot, "acme/none", "git-upload-pack", 404},
		{"", "..%2f..", "git-upload-pack", 404},
	} {
		req, err := http.NewRequest("GET", b.URL()+"/"+tc.repo+".git/info/refs?service="+tc.service, nil)
		must(t, err)
		if tc.token != "" {
			req.SetBasicAuth("x-access-token", tc.token)
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s %s with %q: %d, want %d", tc.service, tc.repo, tc.token[:min(6, len(tc.token))], resp.StatusCode, tc.want)
		}
	}
}

func TestGitRefusesWhatGitHubRefuses(t *testing.T) {
	b := newBench(t)
	git := b.clone(b.botToken())
	must(t, b.SetProtection(repo, "release", githubtest.Protection{Approvals: 1, Bypass: []string{"admin"}}))
	steps(t, git, "commit -q --allow-empty -m one")
	for ref, want := range map[string]string{
		"HEAD:refs/heads/release": "GH006", "HEAD:refs/pull/1/head": "hidden ref", ":refs/heads/main": "refusing to delete the current branch",
	} {
		if out, err := git("push", "origin", ref); err == nil || !strings.Contains(out, want) {
			t.Errorf("push %s: %v: %s", ref, err, out)
		}
	}
	if refs := b.Refs(repo); len(refs) != 1 {
		t.Errorf("refs: %v", refs)
	}
}

func TestPartialCloneAsOnGitHub(t *testing.T) {
	b := newBench(t)
	for filter, allowed := range map[string]bool{"blob:none": true, "tree:0": true, "tree:1": false, "blob:limit=10": false} {
		cmd := exec.Command("git", "clone", "--quiet", "--bare", "--depth=1", "--filter="+filter, b.CloneURL(repo), t.TempDir())
		cmd.Env = gitEnvironment()
		if out, err := cmd.CombinedOutput(); (err == nil) != allowed {
			t.Errorf("filter %s: %v: %s", filter, err, out)
		}
	}
}

func TestPushInChunksAndLargePush(t *testing.T) {
	b := newBench(t)
	git := b.clone(b.botToken())
	dir, err := git("rev-parse", "--show-toplevel")
	must(t, err)
	noise := make([]byte, 3<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	must(t, os.WriteFile(dir+"/noise", noise, 0o644))
	steps(t, git, "add noise", "commit -q -m noise", "-c http.postBuffer=65536 push -q origin HEAD:refs/heads/noise")
	if got, err := b.ReadFile(repo, "noise", "noise"); err != nil || got != string(noise) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAnswerOfAPushIsCutButThePushIsApplied(t *testing.T) {
	b := newBench(t)
	git := b.clone(b.botToken())
	steps(t, git, "commit -q --allow-empty -m one")
	b.Fail(githubtest.Fault{Method: "POST", Path: regexp.MustCompile("git-receive-pack"), CutAfterBytes: 10, Times: 1})
	if out, err := git("push", "origin", "HEAD:refs/heads/cut"); err == nil {
		t.Errorf("push did not notice: %s", out)
	}
	head, err := git("rev-parse", "HEAD")
	must(t, err)
	if got := b.Refs(repo)["refs/heads/cut"]; got != head {
		t.Errorf("branch is at %q", got)
	}
}

func TestFaultsOfTheAPI(t *testing.T) {
	b := newBench(t)
	b.Fail(githubtest.Fault{Path: regexp.MustCompile("/issues$"), Status: 403, RetryAfter: 3 * time.Second, Times: 1})
	ctx := context.Background()
	create := func() error {
		_, _, err := b.bot.Issues.Create(ctx, "acme", "guestbook", &github.IssueRequest{Title: github.String("x")})
		return err
	}
	limit, isLimit := create().(*github.AbuseRateLimitError)
	if !isLimit || *limit.RetryAfter != 3*time.Second {
		t.Errorf("first try: %v", limit)
	}
	if len(b.Issues(repo)) != 0 {
		t.Error("a refused request had its effect")
	}
	// go-github waits by itself until the limit is over; a new client does not know of it.
	b.connect()
	must(t, create())
	b.Fail(githubtest.Fault{Status: 502})
	if _, resp, err := b.bot.Repositories.Get(ctx, "acme", "guestbook"); err == nil || resp.StatusCode != 502 {
		t.Errorf("fault for good: %v", err)
	}
	b.Heal()
	_, _, err := b.bot.Repositories.Get(ctx, "acme", "guestbook")
	must(t, err)
}
