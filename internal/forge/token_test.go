package forge

import (
	"errors"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
)

func credentials(t *testing.T, r *Repo) string {
	t.Helper()
	user, password, err := r.GitCredentials(t.Context())
	if err != nil || user != "x-access-token" || password == "" {
		t.Fatalf("git credentials: %q, %v", user, err)
	}
	return password
}

func TestInstallationTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	first := credentials(t, r)
	h.hands.Move(50 * time.Minute)
	if credentials(t, r) != first {
		t.Error("a token that is good for ten minutes was thrown away")
	}
	h.hands.Move(6 * time.Minute)
	second := credentials(t, r)
	if second == first {
		t.Error("a token was handed out four minutes before its end")
	}
	h.hands.Move(2 * time.Hour)
	if _, err := r.PullRequests(t.Context(), "x", 1); err != nil || credentials(t, r) == second {
		t.Errorf("after its end: %v", err)
	}
}

func TestManyAskersShareOneToken(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	h.hands.Move(2 * time.Hour)
	before := h.answered("POST", "/access_tokens", 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _, _ = r.GitCredentials(t.Context()) })
	}
	all.Wait()
	if n := h.answered("POST", "/access_tokens", 0) - before; n != 1 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestARefusedTokenIsReplaced(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	first := credentials(t, r)
	h.Fail(githubtest.Fault{Path: regexp.MustCompile("/pulls"), Status: http.StatusUnauthorized, Times: 1})
	if _, err := r.PullRequest(t.Context(), 1); err == nil {
		t.Fatal("a 401 is not reported")
	}
	if credentials(t, r) == first {
		t.Error("the token that GitHub refused is handed out again")
	}
}

func TestMintingSurvivesABreakdown(t *testing.T) {
	h := newHub(t)
	h.breakDown("POST", "/access_tokens$", false)
	credentials(t, h.asApp())
}

func TestPlainTokenIsItsOwnCredential(t *testing.T) {
	h := newHub(t)
	r := h.asToken()
	if credentials(t, r) != testToken || r.forge.IsApp() || r.Info().Installation != 0 {
		t.Errorf("plain token: %+v", r.Info())
	}
	if self, err := r.forge.Self(t.Context()); self != "octo" || err != nil {
		t.Errorf("self: %q, %v", self, err)
	}
}

// GitHub tells the token of a workflow's job no user.
func TestTokenOfAWorkflow(t *testing.T) {
	h := newHub(t)
	token, err := h.WorkflowToken(shop)
	must(t, err)
	f := h.open(Config{URL: h.URL(), Token: token}).forge
	if self, err := f.Self(t.Context()); self != "github-actions[bot]" || err != nil || f.IsApp() {
		t.Errorf("self: %q, %v", self, err)
	}
}

func TestRepositories(t *testing.T) {
	h := newHub(t)
	must(t, h.CreateRepo("other", "lib", map[string]string{"a": "b"}))
	must(t, h.CreateRepo("other", "not-installed", map[string]string{"a": "b"}))
	must(t, h.SetPrivate("other/lib", true))
	must(t, h.InstallApp(githubtest.AppConfig{ID: 7}, "other/lib"))
	f := h.asApp().forge
	if self, err := f.Self(t.Context()); self != "towpath[bot]" || err != nil || !f.IsApp() {
		t.Errorf("self: %q, %v", self, err)
	}
	all, err := f.Repositories(t.Context())
	must(t, err)
	if len(all) != 2 || all[0].FullName != shop || all[1].FullName != "other/lib" || !all[1].Private || all[0].Private ||
		all[0].Installation == 0 || all[0].Installation == all[1].Installation || all[0].CloneURL != h.CloneURL(shop) ||
		all[0].DefaultBranch != "main" || all[0].ID == 0 {
		t.Errorf("repositories: %+v", all)
	}
	r, err := f.Repository(t.Context(), "Other/LIB")
	if err != nil || r.Info() != all[1] {
		t.Errorf("by another spelling: %+v, %v", r, err)
	}
	for _, name := range []string{"other/not-installed", "no/such"} {
		if _, err := f.Repository(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := len(h.Requests())
	for _, name := range []string{"", "acme", "acme/shop/x", "acme/..", "../x", "acme/shop?x", "acme/shop#", "-a/b", "acme/sh op"} {
		if _, err := f.Repository(t.Context(), name); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	if len(h.Requests()) != before {
		t.Error("GitHub was asked for something that is not a name")
	}

	f = h.asToken().forge
	f.cfg.Repositories = []string{shop}
	if all, err := f.Repositories(t.Context()); err != nil || len(all) != 1 || all[0].FullName != shop {
		t.Errorf("listed for the token: %+v, %v", all, err)
	}
}

func TestTokenWithoutAListLooksAfterWhatItMayPushTo(t *testing.T) {
	r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/api/v3/user/repos" {
			t.Errorf("asked for %s", req.URL)
		}
		write(t, w, `[{"id": 2, "full_name": "acme/web", "permissions": {"push": true}}, {"id": 3, "full_name": "acme/read", "permissions": {"pull": true}}]`)
	})
	all, err := r.forge.Repositories(t.Context())
	if err != nil || len(all) != 1 || all[0].FullName != "acme/web" {
		t.Errorf("%+v, %v", all, err)
	}
}
