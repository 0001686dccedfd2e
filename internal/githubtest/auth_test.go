package githubtest_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"
)

// statusOf makes a call by hand and returns the answer's status.
func (b *bench) statusOf(method, path, token, body string) int {
	b.t.Helper()
	req, err := http.NewRequest(method, b.APIURL()+path, strings.NewReader(body))
	must(b.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(b.t, err)
	resp.Body.Close()
	return resp.StatusCode
}

func TestInstallationTokenExpiresByTheClock(t *testing.T) {
	b := newBench(t)
	token := b.botToken()
	later := func(d time.Duration) { b.SetClock(func() time.Time { return time.Now().Add(d) }) }
	later(59 * time.Minute)
	if got := b.statusOf("GET", "repos/acme/guestbook", token, ""); got != 200 {
		t.Errorf("after 59 minutes: %d", got)
	}
	later(61 * time.Minute)
	if got := b.statusOf("GET", "repos/acme/guestbook", token, ""); got != 401 {
		t.Errorf("after 61 minutes: %d", got)
	}
}

func TestAppSignsWithItsOwnKeyOnly(t *testing.T) {
	b := newBench(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, tc := range map[string]struct {
		id  int64
		key *rsa.PrivateKey
		ok  bool
	}{"right": {appID, appKey(), true}, "another key": {appID, other, false}, "another App": {appID + 1, appKey(), false}} {
		signer, err := ghinstallation.NewAppsTransport(http.DefaultTransport, tc.id,
			pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(tc.key)}))
		must(t, err)
		_, resp, err := b.client(&http.Client{Transport: signer}).Apps.Get(context.Background(), "")
		if tc.ok != (err == nil) || !tc.ok && resp.StatusCode != 401 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokenIsScopedToItsRepositories(t *testing.T) {
	b := newBench(t)
	must(t, b.CreateRepo("acme", "other", map[string]string{"a": "b"}))
	must(t, b.SetPrivate("acme/other", true))
	token := b.botToken()
	for _, tc := range []struct {
		path string
		want int
	}{{"repos/acme/guestbook", 200}, {"repos/acme/other", 404}, {"repos/acme/none", 404}, {"user", 403}, {"app", 401}} {
		if got := b.statusOf("GET", tc.path, token, ""); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.path, got, tc.want)
		}
	}
	must(t, b.SetPrivate("acme/other", false))
	if got := b.statusOf("POST", "repos/acme/other/issues", token, `{"title":"x"}`); got != 403 {
		t.Errorf("issue in a public repository without installation: %d", got)
	}
	inst, _, err := b.app.Apps.FindRepositoryInstallation(context.Background(), "acme", "guestbook")
	must(t, err)
	_, resp, err := b.app.Apps.CreateInstallationToken(context.Background(), inst.GetID(), &github.InstallationTokenOptions{Repositories: []string{"other"}})
	if err == nil || resp.StatusCode != 422 {
		t.Errorf("token for a repository without installation: %v", err)
	}
}

func TestWhatAPlainTokenMayDo(t *testing.T) {
	b := newBench(t)
	n, err := b.OpenIssue(repo, "x", "", "octo")
	must(t, err)
	b.AddToken("w", "octo")
	b.AddToken("r", "eve")
	sha := b.Refs(repo)["refs/heads/main"]
	comments := fmt.Sprintf("repos/acme/guestbook/issues/%d/comments", n)
	for _, tc := range []struct {
		token, method, path, body string
		want                      int
	}{
		{"w", "POST", "repos/acme/guestbook/check-runs", `{"name":"x","head_sha":"` + sha + `"}`, 403},
		{"w", "POST", "repos/acme/guestbook/statuses/" + sha, `{"state":"success"}`, 201},
		{"r", "POST", "repos/acme/guestbook/statuses/" + sha, `{"state":"success"}`, 403},
		{"r", "POST", comments, `{"body":"hi"}`, 201},
		{"", "POST", comments, `{"body":"hi"}`, 401},
		{"", "GET", "repos/acme/guestbook", "", 200},
		{"nonsense", "GET", "repos/acme/guestbook", "", 401},
		{"r", "GET", "repos/acme/guestbook/collaborators/octo/permission", "", 403},
		{"w", "POST", "repos/acme/guestbook/statuses/" + strings.Repeat("0", 40), `{"state":"success"}`, 422},
		{"w", "POST", comments, `{"body":" "}`, 422},
		{"w", "POST", comments, `{"body":`, 400},
		{"w", "GET", "repos/acme/guestbook/issues/99", "", 404},
		{"w", "GET", "repos/acme/guestbook/pulls/x", "", 404},
	} {
		if got := b.statusOf(tc.method, tc.path, tc.token, tc.body); got != tc.want {
			t.Errorf("%s %s with %q: %d, want %d", tc.method, tc.path, tc.token, got, tc.want)
		}
	}
}

func TestPermissionsOfPeople(t *testing.T) {
	b := newBench(t)
	for _, role := range []string{"admin", "maintain", "write", "triage", "read", "none"} {
		must(t, b.SetPermission(repo, "p-"+role, role))
	}
	must(t, b.CreateUser("stranger"))
	for login, want := range map[string][2]string{
		"p-admin": {"admin", "admin"}, "p-maintain": {"write", "maintain"}, "p-write": {"write", "write"}, "p-triage": {"read", "triage"},
		"p-read": {"read", "read"}, "p-none": {"none", "none"}, "stranger": {"read", "read"}, "acme": {"admin", "admin"},
	} {
		got, _, err := b.bot.Repositories.GetPermissionLevel(context.Background(), "acme", "guestbook", login)
		must(t, err)
		if got.GetPermission() != want[0] || got.GetUser().GetRoleName() != want[1] {
			t.Errorf("%s: %s, %s", login, got.GetPermission(), got.GetUser().GetRoleName())
		}
	}
	must(t, b.SetPrivate(repo, true))
	got, _, err := b.bot.Repositories.GetPermissionLevel(context.Background(), "acme", "guestbook", "stranger")
	must(t, err)
	if got.GetPermission() != "none" {
		t.Errorf("stranger in a private repository: %s", got.GetPermission())
	}
}

func TestUnchangedAnswersAreFree(t *testing.T) {
	b := newBench(t)
	b.AddToken("w", "octo")
	get := func(tag string) *http.Response {
		req, err := http.NewRequest("GET", b.APIURL()+"repos/acme/guestbook/pulls", nil)
		must(t, err)
		req.Header.Set("Authorization", "token w")
		req.Header.Set("If-None-Match", tag)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		resp.Body.Close()
		return resp
	}
	first := get("")
	second := get(first.Header.Get("ETag"))
	if first.StatusCode != 200 || second.StatusCode != 304 || second.Header.Get("X-RateLimit-Used") != "1" {
		t.Errorf("%d, then %d, used %s", first.StatusCode, second.StatusCode, second.Header.Get("X-RateLimit-Used"))
	}
	b.branchOff("feature", map[string]*string{"a": text("a")})
	if third := get(first.Header.Get("ETag")); third.StatusCode != 200 || third.Header.Get("X-RateLimit-Used") != "2" {
		t.Errorf("after a change: %d, used %s", third.StatusCode, third.Header.Get("X-RateLimit-Used"))
	}
}

func TestHourlyLimit(t *testing.T) {
	b := newBench(t)
	b.AddToken("w", "octo")
	b.SetHourlyLimit(2)
	client := b.client(nil).WithAuthToken("w")
	get := func() error {
		_, _, err := client.Repositories.Get(context.Background(), "acme", "guestbook")
		return err
	}
	must(t, get())
	must(t, get())
	if _, limited := get().(*github.RateLimitError); !limited {
		t.Error("no limit after two requests")
	}
	b.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
	if got := b.statusOf("GET", "repos/acme/guestbook", "w", ""); got != 200 {
		t.Errorf("an hour later: %d", got)
	}
}

func TestPages(t *testing.T) {
	b := newBench(t)
	for i := range 7 {
		_, err := b.OpenIssue(repo, fmt.Sprint(i), "", "octo")
		must(t, err)
	}
	var titles []string
	opts := &github.IssueListByRepoOptions{Direction: "asc", ListOptions: github.ListOptions{PerPage: 3}}
	for {
		page, resp, err := b.bot.Issues.ListByRepo(context.Background(), "acme", "guestbook", opts)
		must(t, err)
		for _, issue := range page {
			titles = append(titles, issue.GetTitle())
		}
		if resp.LastPage != 3 && resp.NextPage != 0 {
			t.Errorf("last page %d", resp.LastPage)
		}
		if resp.NextPage == 0 {
			break
		}
		opts.Page = resp.NextPage
	}
	if strings.Join(titles, "") != "0123456" {
		t.Errorf("titles %v", titles)
	}
}

func TestCommentsSince(t *testing.T) {
	b := newBench(t)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	n, err := b.OpenIssue(repo, "x", "", "octo")
	must(t, err)
	for i := range 3 {
		b.SetClock(func() time.Time { return at.Add(time.Duration(i) * time.Minute) })
		_, err := b.Comment(repo, n, "octo", fmt.Sprint(i))
		must(t, err)
	}
	since := at.Add(time.Minute)
	b.AddToken("w", "octo")
	list, _, err := b.client(nil).WithAuthToken("w").Issues.ListComments(context.Background(), "acme", "guestbook", 0, &github.IssueListCommentsOptions{Since: &since})
	must(t, err)
	if len(list) != 2 || list[0].GetBody() != "1" {
		t.Errorf("comments: %v", list)
	}
}
