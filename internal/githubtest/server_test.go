package githubtest_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/githubtest/openapi"
)

const (
	appID  = 7
	secret = "s3cret"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// bench is a judged server with the repository acme/guestbook, the App towpath
// installed on it, and a destination for webhooks.
type bench struct {
	*githubtest.Server
	t     *testing.T
	judge *openapi.Judge
	app   *github.Client // signs as the App
	bot   *github.Client // with an installation token
	inbox *inbox
}

const repo = "acme/guestbook"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, judge: openapi.New(t), inbox: newInbox(t)}
	server, err := githubtest.Start(githubtest.Config{Dir: t.TempDir(), Wrap: b.judge.API, Playground: true})
	must(t, err)
	b.Server = server
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Drain(ctx); err != nil {
			t.Error(err)
		}
		for _, d := range server.Deliveries() {
			b.judge.Webhook(d.Event, d.Body)
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	must(t, b.CreateOrg("acme"))
	must(t, b.CreateRepo("acme", "guestbook", map[string]string{
		"README.md": "hello\n", "base/app.yaml": "image: guestbook\n",
		".github/workflows/e2e.yml": "name: e2e\nrun-name: e2e ${{ inputs.towpath }}\non: {workflow_dispatch: {inputs: {towpath: {}, image: {required: true}}}}\njobs: {smoke: {}}\n",
	}))
	must(t, b.SetPermission(repo, "octo", "write"))
	must(t, b.InstallApp(githubtest.AppConfig{ID: appID, PublicKey: &appKey().PublicKey, WebhookURL: b.inbox.URL, Secret: secret}, repo))
	b.connect()
	return b
}

func (b *bench) connect() {
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})
	base := strings.TrimSuffix(b.APIURL(), "/")
	signer, err := ghinstallation.NewAppsTransport(http.DefaultTransport, appID, pemKey)
	must(b.t, err)
	signer.BaseURL = base
	b.app = b.client(&http.Client{Transport: signer})
	inst, _, err := b.app.Apps.FindRepositoryInstallation(context.Background(), "acme", "guestbook")
	must(b.t, err)
	tokens := ghinstallation.NewFromAppsTransport(signer, inst.GetID())
	tokens.BaseURL = base
	b.bot = b.client(&http.Client{Transport: tokens})
}

func (b *bench) client(hc *http.Client) *github.Client {
	c, err := github.NewClient(hc).WithEnterpriseURLs(b.APIURL(), b.APIURL())
	must(b.t, err)
	return c
}

// person is a client with a plain token.
func (b *bench) person(login string) *github.Client {
	b.AddToken("token-of-"+login, login)
	return b.client(nil).WithAuthToken("token-of-" + login)
}

// botToken asks for a fresh installation token.
func (b *bench) botToken() string {
	inst, _, err := b.app.Apps.FindRepositoryInstallation(context.Background(), "acme", "guestbook")
	must(b.t, err)
	tok, _, err := b.app.Apps.CreateInstallationToken(context.Background(), inst.GetID(), nil)
	must(b.t, err)
	return tok.GetToken()
}

// inbox receives webhooks and keeps them.
type inbox struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	code int
}

type received struct {
	event, delivery string
	payload         any
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{code: http.StatusAccepted}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := github.ValidatePayload(r, []byte(secret))
		if err != nil {
			t.Errorf("webhook %s: %v", r.Header.Get("X-GitHub-Event"), err)
		}
		if !strings.HasPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=") {
			t.Error("webhook without SHA-256 signature")
		}
		event := r.Header.Get("X-GitHub-Event")
		payload, _ := github.ParseWebHook(event, body) // go-github knows no registry_package of today
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, received{event, r.Header.Get("X-GitHub-Delivery"), payload})
		w.WriteHeader(in.code)
	}))
	t.Cleanup(in.Server.Close)
	return in
}

// take waits for all webhooks that are due and returns those since the last
// time.
func (b *bench) take() []received {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(b.t, b.Drain(ctx))
	b.inbox.mu.Lock()
	defer b.inbox.mu.Unlock()
	got := b.inbox.got
	b.inbox.got = nil
	return got
}

func names(list []received) string {
	var out []string
	for _, r := range list {
		out = append(out, r.event)
	}
	return strings.Join(out, " ")
}

// gitEnvironment is git without what this machine has set up for it, a proxy included.
func gitEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
}

// clone makes a clone with the real git and returns a function that runs git
// in it.
func (b *bench) clone(token string) func(args ...string) (string, error) {
	b.t.Helper()
	dir := filepath.Join(b.t.TempDir(), "clone")
	url := strings.Replace(b.CloneURL(repo), "http://", "http://x-access-token:"+token+"@", 1)
	run := func(where string, args ...string) (string, error) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=bot", "-c", "user.email=bot@example.com"}, args...)...)
		cmd.Dir = where
		cmd.Env = gitEnvironment()
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if out, err := run("", "clone", "--quiet", url, dir); err != nil {
		b.t.Fatalf("clone: %v: %s", err, out)
	}
	return func(args ...string) (string, error) { return run(dir, args...) }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(s string) *string { return &s }
