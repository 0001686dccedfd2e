package forge

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/githubtest/openapi"
)

const shop = "acme/shop"

var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// hub is a GitHub with the repository acme/shop, whose every exchange is judged
// by GitHub's published description. Its clock and the forges' are one.
type hub struct {
	*githubtest.Server
	hands *hands
	t     *testing.T
	key   *rsa.PrivateKey
}

func newHub(t *testing.T) *hub {
	t.Helper()
	key, err := appKey()
	must(t, err)
	h := &hub{hands: newHands(), t: t, key: key}
	h.Server, err = githubtest.Start(githubtest.Config{Dir: t.TempDir(), Clock: h.hands.Now, Wrap: openapi.New(t).API})
	must(t, err)
	t.Cleanup(func() { must(t, h.Stop()) })
	must(t, h.CreateOrg("acme"))
	must(t, h.CreateRepo("acme", "shop", map[string]string{"README.md": "hello\n"}))
	must(t, h.InstallApp(githubtest.AppConfig{ID: 7, PublicKey: &key.PublicKey}, shop))
	must(t, h.SetPermission(shop, "octo", "write"))
	h.AddToken(testToken, "octo")
	return h
}

func (h *hub) asApp() *Repo {
	h.t.Helper()
	return h.open(Config{URL: h.URL(), AppID: 7, PrivateKey: pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(h.key),
	})})
}

func (h *hub) asToken() *Repo {
	h.t.Helper()
	return h.open(Config{URL: h.URL(), Token: testToken})
}

func (h *hub) open(cfg Config) *Repo {
	h.t.Helper()
	cfg.Clock = h.hands.Now
	f, err := newForge(cfg, h.hands.Wait)
	must(h.t, err)
	r, err := f.Repository(h.t.Context(), shop)
	must(h.t, err)
	return r
}

// push makes a commit on a branch and returns it.
func (h *hub) push(branch, content string) string {
	h.t.Helper()
	id, err := h.Push(shop, branch, "change", "octo", map[string]*string{"file": &content})
	must(h.t, err)
	return id
}

// answered counts the requests of a method whose path ends so.
func (h *hub) answered(method, pathEnd string, status int) int {
	n := 0
	for _, r := range h.Requests() {
		if r.Method == method && strings.HasSuffix(r.Path, pathEnd) && (status == 0 || r.Status == status) {
			n++
		}
	}
	return n
}

// breakDown lets the next request fail: refused with 502, or done and the answer lost.
func (h *hub) breakDown(method, path string, done bool) {
	fault := githubtest.Fault{Method: method, Path: regexp.MustCompile(path), Times: 1, Status: 502}
	if done {
		fault.Status, fault.CutAfterBytes = 0, 20
	}
	h.Fail(fault)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
