package githubtest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/towpath/towpath/internal/githubtest"
)

func TestEventsOfPeople(t *testing.T) {
	b := newBench(t)
	n := b.branchOff("feature", map[string]*string{"a": text("a\n")})
	sha := b.Pulls(repo)[0].HeadSHA
	comment, err := b.Comment(repo, n, "octo", "hello")
	must(t, err)
	other, err := b.Comment(repo, n, "octo", "hello")
	must(t, err)
	for name, tc := range map[string]struct {
		act  func() error
		want string
	}{
		"comment": {func() error { _, err := b.Comment(repo, n, "octo", "/status"); return err }, "issue_comment"},
		"edited":  {func() error { return b.EditComment(repo, comment, "octo", "/promote prod") }, "issue_comment"},
		"deleted": {func() error { return b.EditComment(repo, other, "octo", "") }, "issue_comment"},
		"review":  {func() error { return b.Review(repo, n, "ann", "APPROVED") }, "pull_request_review"},
		"status":  {func() error { return b.SetStatus(repo, sha, "perf", "success", "octo") }, "status"},
		"check":   {func() error { _, err := b.CheckRun(repo, sha, "ci", "success", "ci"); return err }, "check_run check_suite"},
		"started": {func() error { _, err := b.CheckRun(repo, sha, "e2e", "", "slow-ci"); return err }, ""},
		"deploy":  {func() error { return b.Deployment(repo, sha, "prod", "success", "octo") }, "deployment_status"},
		"issue":   {func() error { _, err := b.OpenIssue(repo, "x", "", "octo"); return err }, "issues"},
		"tag by git": {func() error {
			git := b.clone(b.botToken())
			steps(t, git, "tag v1", "push -q origin v1")
			return nil
		}, "push"},
		"package": {func() error {
			return b.PublishPackage(githubtest.Package{Owner: "acme", Name: "guestbook", Tag: "1", Digest: "sha256:0", Repo: repo, By: "octo"})
		}, "registry_package package"},
		"installation": {func() error {
			if err := b.CreateRepo("acme", "more", map[string]string{"a": "b"}); err != nil {
				return err
			}
			return b.InstallApp(githubtest.AppConfig{ID: appID}, "acme/more")
		}, "installation_repositories"},
	} {
		b.take()
		must(t, tc.act())
		if got := names(b.take()); got != tc.want {
			t.Errorf("%s: events %q, want %q", name, got, tc.want)
		}
	}
}

func TestAnAppHearsOnlyWhatItSubscribedToAndOnlyOfItsRepositories(t *testing.T) {
	b := newBench(t)
	other := newInbox(t)
	must(t, b.CreateRepo("acme", "elsewhere", map[string]string{"a": "b"}))
	must(t, b.InstallApp(githubtest.AppConfig{ID: 8, Slug: "other", WebhookURL: other.URL, Secret: secret, Events: []string{"issues"}}, "acme/elsewhere"))
	_, err := b.OpenIssue(repo, "x", "", "octo")
	must(t, err)
	_, err = b.OpenIssue("acme/elsewhere", "x", "", "octo")
	must(t, err)
	_, err = b.Push("acme/elsewhere", "main", "m", "octo", map[string]*string{"a": text("c")})
	must(t, err)
	b.take()
	other.mu.Lock()
	defer other.mu.Unlock()
	if got := names(other.got); got != "ping installation issues" {
		t.Errorf("events: %s", got)
	}
}

func TestDeliveryFaults(t *testing.T) {
	b := newBench(t)
	b.take()
	b.FailDelivery(githubtest.DeliveryFault{Event: "issues", Mode: githubtest.Never, Times: 1})
	b.FailDelivery(githubtest.DeliveryFault{Event: "issues", Mode: githubtest.Twice, Times: 1})
	b.FailDelivery(githubtest.DeliveryFault{Event: "issues", Mode: githubtest.Late, Times: 1})
	title := func(r received) string { return r.payload.(*github.IssuesEvent).GetIssue().GetTitle() }
	for _, name := range []string{"lost", "doubled", "late", "plain"} {
		_, err := b.OpenIssue(repo, name, "", "octo")
		must(t, err)
	}
	got := b.take()
	if len(got) != 3 || title(got[0]) != "doubled" || title(got[1]) != "doubled" || title(got[2]) != "plain" || got[0].delivery != got[1].delivery {
		t.Fatalf("delivered: %v", got)
	}
	b.Release()
	if got = b.take(); len(got) != 1 || title(got[0]) != "late" {
		t.Errorf("released: %v", got)
	}
	failed, _, err := b.app.Apps.ListHookDeliveries(context.Background(), &github.ListCursorOptions{PerPage: 100})
	must(t, err)
	for _, d := range failed {
		if d.GetStatusCode() == 0 {
			_, _, _ = b.app.Apps.RedeliverHookDelivery(context.Background(), d.GetID()) // always "accepted", which is an error to go-github
		}
	}
	if got = b.take(); len(got) != 1 || title(got[0]) != "lost" {
		t.Errorf("asked for again: %v", got)
	}
}

func TestFailedDeliveriesAreRecordedWithTheirStatus(t *testing.T) {
	b := newBench(t)
	b.take()
	b.inbox.mu.Lock()
	b.inbox.code = 503
	b.inbox.mu.Unlock()
	_, err := b.OpenIssue(repo, "x", "", "octo")
	must(t, err)
	b.take()
	all := b.Deliveries()
	if last := all[len(all)-1]; last.Event != "issues" || last.Action != "opened" || last.Status != 503 {
		t.Errorf("last delivery: %s %s %d", last.Event, last.Action, last.Status)
	}
}

func TestPlayground(t *testing.T) {
	b := newBench(t)
	post := func(act, body, origin string) (int, string) {
		req, err := http.NewRequest("POST", b.URL()+"/_towpath/"+act, strings.NewReader(body))
		must(t, err)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		out, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(out)
	}
	for _, step := range []struct{ act, body string }{
		{"push", `{"repo":"acme/guestbook","branch":"feature","message":"m","by":"octo","files":{"a":"x","README.md":null}}`},
		{"pull", `{"repo":"acme/guestbook","head":"feature","base":"main","title":"T","by":"octo"}`},
		{"comment", `{"repo":"acme/guestbook","number":1,"by":"ann","body":"/status"}`},
		{"permission", `{"repo":"acme/guestbook","login":"ann","role":"write"}`},
		{"protect", `{"repo":"acme/guestbook","branch":"main","approvals":1}`},
		{"review", `{"repo":"acme/guestbook","number":1,"by":"ann","state":"APPROVED"}`},
		{"check", `{"repo":"acme/guestbook","sha":"feature","name":"ci","conclusion":"success"}`},
		{"status", `{"repo":"acme/guestbook","sha":"feature","context":"perf","state":"success","by":"ci"}`},
		{"deployment", `{"repo":"acme/guestbook","sha":"feature","environment":"prod","state":"success","by":"ci"}`},
		{"run", `{"repo":"acme/guestbook","workflow":".github/workflows/e2e.yml","sha":"feature","conclusion":"success","by":"ci"}`},
		{"package", `{"owner":"acme","name":"guestbook","tag":"1","digest":"sha256:0","repo":"acme/guestbook","by":"octo"}`},
		{"team", `{"org":"acme","team":"sre","login":"ann"}`},
		{"close", `{"repo":"acme/guestbook","number":1,"by":"ann"}`},
		{"reopen", `{"repo":"acme/guestbook","number":1,"by":"ann"}`},
		{"merge", `{"repo":"acme/guestbook","number":1,"by":"ann"}`},
		{"branch", `{"repo":"acme/guestbook","branch":"feature","by":"ann"}`},
		{"issue", `{"repo":"acme/guestbook","title":"I","by":"ann"}`},
	} {
		if code, out := post(step.act, step.body, ""); code != 200 {
			t.Errorf("%s: %d %s", step.act, code, out)
		}
	}
	pr := b.Pulls(repo)[0]
	if !pr.Merged || pr.MergedBy != "ann" || len(b.Comments(repo, 1)) != 1 || b.Refs(repo)["refs/heads/feature"] != "" || len(b.Issues(repo)) != 1 {
		t.Errorf("after the acts: %+v", pr)
	}
	for _, wrong := range []struct {
		act, body, origin string
		want              int
	}{
		{"merge", `{"repo":"acme/guestbook","number":1,"by":"ann"}`, "", 405},
		{"merge", `{"repo":"acme/guestbook","pr":1}`, "", 400},
		{"merge", `{"repo":"acme/none","number":1}`, "", 422},
		{"issue", `{"repo":"acme/guestbook","title":"I","by":"ann"}`, "https://evil.example", 403},
	} {
		code, out := post(wrong.act, wrong.body, wrong.origin)
		var p struct{ Message string }
		if err := json.Unmarshal([]byte(out), &p); err != nil || code != wrong.want || p.Message == "" {
			t.Errorf("%s %s: %d %s", wrong.act, wrong.body, code, out)
		}
	}
}

func TestPagesShowHostileTextAsText(t *testing.T) {
	b := newBench(t)
	_, err := b.Push(repo, "feature", "<script>m</script>", "octo", map[string]*string{"a": text("<script>f</script>\n")})
	must(t, err)
	n, err := b.OpenPull(repo, "feature", "main", "<script>t</script>", "**body** <script>b</script>", "octo")
	must(t, err)
	_, err = b.Comment(repo, n, "octo", "<script>c</script>")
	must(t, err)
	must(t, b.SetStatus(repo, b.Pulls(repo)[0].HeadSHA, "<script>s</script>", "success", "octo"))
	for path, want := range map[string]string{
		"/": "acme/guestbook", "/acme/guestbook": "feature", "/acme/guestbook/pull/1": "**body**",
		"/acme/guestbook/commit/feature": "&lt;script&gt;f",
	} {
		resp, err := http.Get(b.URL() + path)
		must(t, err)
		page, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(string(page), want) || strings.Contains(string(page), "<script") {
			t.Errorf("%s: %d\n%s", path, resp.StatusCode, page)
		}
	}
	must(t, b.SetPrivate(repo, true))
	resp, err := http.Get(b.URL() + "/acme/guestbook/pull/1")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("page of a private repository: %d", resp.StatusCode)
	}
}

func TestImportRepo(t *testing.T) {
	b := newBench(t)
	git := b.clone(b.botToken())
	dir, err := git("rev-parse", "--show-toplevel")
	must(t, err)
	must(t, b.ImportRepo("acme", "copy", dir))
	head, err := git("rev-parse", "HEAD")
	must(t, err)
	if got := b.Refs("acme/copy"); len(got) != 1 || got["refs/heads/main"] != head {
		t.Errorf("refs: %v", got)
	}
	if err := b.CreateRepo("acme", "../copy", nil); err == nil {
		t.Error("a name outside the store was accepted")
	}
	if err := b.CreateRepo("Acme", "Copy", nil); err == nil {
		t.Error("names differ by case only")
	}
}
