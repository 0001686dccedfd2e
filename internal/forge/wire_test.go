package forge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const testToken = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

// hands is a clock whose time passes only by waiting.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func newHands() *hands { return &hands{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) Move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *hands) Wait(ctx context.Context, d time.Duration) error {
	h.Move(d)
	return ctx.Err()
}

// tokenForge is a forge with a plain token at a server that answers as told, and
// the handle of acme/shop there.
func tokenForge(t *testing.T, answer http.HandlerFunc) (*Repo, *hands) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	h := newHands()
	f, err := newForge(Config{URL: server.URL, Token: testToken, Clock: h.Now}, h.Wait)
	if err != nil {
		t.Fatal(err)
	}
	return &Repo{forge: f, client: f.app, owner: "acme", name: "shop", info: Repository{FullName: "acme/shop"}}, h
}

func write(t *testing.T, w http.ResponseWriter, body string) {
	t.Helper()
	if _, err := w.Write([]byte(body)); err != nil {
		t.Error(err)
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked %s with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/api/v3/repos/acme/shop/issues/1":
			http.Redirect(w, req, "/api/v3/repositories/7/issues/1", http.StatusMovedPermanently)
		case "/api/v3/repositories/7/issues/1":
			write(t, w, `{"state": "open"}`)
		default:
			http.Redirect(w, req, elsewhere.URL+req.URL.Path, http.StatusTemporaryRedirect)
		}
	})
	if open, _, err := r.IssueState(t.Context(), 1); err != nil || !open {
		t.Errorf("redirect on the same host: open %v, error %v", open, err)
	}
	if _, _, err := r.IssueState(t.Context(), 2); !errors.Is(err, errForeignHost) {
		t.Errorf("redirect to another host, GET: %v", err)
	}
	if err := r.React(t.Context(), 3, "eyes"); !errors.Is(err, errForeignHost) {
		t.Errorf("redirect to another host, POST: %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	r, _ := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) {
		junk := []byte(strings.Repeat(" ", 1<<20))
		for range bodyLimit>>20 + 1 {
			if _, err := w.Write(junk); err != nil {
				return // the reader has hung up, as it should
			}
		}
	})
	tooLarge := new(http.MaxBytesError)
	if _, err := r.Comment(t.Context(), 1); !errors.As(err, &tooLarge) {
		t.Errorf("got %v, want an error about the size", err)
	}
}

func TestSecretsNeverComeOut(t *testing.T) {
	r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		write(t, w, `{"message": "bad header `+req.Header.Get("Authorization")+`"}`)
	})
	_, err := r.Comment(t.Context(), 1)
	if err == nil || strings.Contains(err.Error(), testToken) || !strings.Contains(err.Error(), "bad header") {
		t.Errorf("a server that repeats the token: %v", err)
	}

	r.forge.wire.(*wire).base = roundTrip(func(req *http.Request) (*http.Response, error) {
		return nil, errors.New("proxy does not like " + req.Header.Get("Authorization"))
	})
	_, err = r.Comment(t.Context(), 1)
	if err == nil || strings.Contains(err.Error(), testToken) || !strings.Contains(err.Error(), "proxy does not like") {
		t.Errorf("a transport that repeats the token: %v", err)
	}

	_, err = New(Config{AppID: 1, PrivateKey: []byte("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n")})
	if err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("a broken key: %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestRequestsNameTheProduct(t *testing.T) {
	var agent string
	r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		agent = req.Header.Get("User-Agent")
		write(t, w, `{}`)
	})
	if _, err := r.Comment(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(agent, "towpath/") || strings.ContainsAny(agent, " ()") {
		t.Errorf("user agent %q", agent)
	}
}

func TestAddresses(t *testing.T) {
	for _, row := range []struct{ url, api, wantWeb, wantAPI string }{
		{"", "", "https://github.com", "https://api.github.com/"},
		{"https://github.com/", "", "https://github.com", "https://api.github.com/"},
		{"", "https://api.github.com", "https://github.com", "https://api.github.com/"},
		{"https://git.acme.example", "", "https://git.acme.example", "https://git.acme.example/api/v3/"},
		{"", "https://git.acme.example/api/v3/", "https://git.acme.example", "https://git.acme.example/api/v3/"},
		{"http://127.0.0.1:1/", "http://127.0.0.1:2/x", "http://127.0.0.1:1", "http://127.0.0.1:2/x/"},
	} {
		web, api, err := addresses(row.url, row.api)
		if err != nil || web != row.wantWeb || api.String() != row.wantAPI {
			t.Errorf("addresses(%q, %q) = %q, %q, %v", row.url, row.api, web, api, err)
		}
	}
	for _, bad := range []string{"github.com", "ftp://x", "https://u:p@github.example", "https://x?y", "https://x#y", "%"} {
		if _, _, err := addresses(bad, ""); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("URL %q: %v", bad, err)
		}
		if _, _, err := addresses("", bad); err == nil {
			t.Errorf("API URL %q was taken", bad)
		}
	}
}

func TestCredentialsAreEitherOr(t *testing.T) {
	for name, cfg := range map[string]Config{
		"none": {}, "both": {AppID: 1, PrivateKey: []byte("x"), Token: "y"},
		"id alone": {AppID: 1}, "key alone": {PrivateKey: []byte("x")},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
