package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	oldSecret = "the old one"
	newSecret = "the new one"
	someID    = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// kept is a store in memory; it is down while err is set.
type kept struct {
	deliveries []Delivery
	err        error
}

func (k *kept) Put(_ context.Context, d Delivery) error {
	if k.err != nil {
		return k.err
	}
	k.deliveries = append(k.deliveries, d)
	return nil
}

// serve mounts both handlers as the server does.
func serve(t *testing.T, store Store, log io.Writer) http.Handler {
	t.Helper()
	options := Options{Now: func() time.Time { return noon }, Logger: slog.New(slog.NewTextHandler(log, nil))}
	secrets := [][]byte{[]byte(newSecret), []byte(oldSecret)}
	github, err := GitHub(secrets, store, options)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := Registry(secrets, store, options)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/webhooks/github", github)
	mux.Handle("/webhooks/registry/{kind}", registry)
	return mux
}

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func githubRequest(event, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/github", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", someID)
	r.Header.Set("X-Hub-Signature-256", signature(newSecret, body))
	return r
}

func distributionRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/registry/distribution", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/vnd.docker.distribution.events.v1+json")
	r.Header.Set("Authorization", "Bearer "+newSecret)
	return r
}

func genericRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/registry/generic", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-Towpath-Signature-256", signature(newSecret, body))
	return r
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const pushed = `{"repository":{"full_name":"Acme/App"}}`

// W1: each cause has its own status.
func TestStatusTellsTheCause(t *testing.T) {
	with := func(r *http.Request, key, value string) *http.Request {
		if value == "" {
			r.Header.Del(key)
		} else {
			r.Header.Set(key, value)
		}
		return r
	}
	sha1Of := func(body string) string {
		mac := hmac.New(sha1.New, []byte(newSecret))
		mac.Write([]byte(body))
		return "sha1=" + hex.EncodeToString(mac.Sum(nil))
	}
	bodyOf := func(r *http.Request, body io.Reader, length int64) *http.Request {
		r.Body, r.ContentLength = io.NopCloser(body), length
		return r
	}
	form := "payload=" + url.QueryEscape(pushed)
	formRequest := func(body string) *http.Request {
		return with(githubRequest("push", body), "Content-Type", "application/x-www-form-urlencoded")
	}
	get := githubRequest("push", pushed)
	get.Method = http.MethodGet

	for name, c := range map[string]struct {
		request *http.Request
		want    int
		stored  bool
	}{
		"a push":                      {githubRequest("push", pushed), 202, true},
		"as a form":                   {formRequest(form), 202, true},
		"signed with the old secret":  {with(githubRequest("push", pushed), "X-Hub-Signature-256", signature(oldSecret, pushed)), 202, true},
		"ping":                        {githubRequest("ping", `{}`), 200, false},
		"unknown event":               {githubRequest("star", pushed), 200, false},
		"GET":                         {get, 405, false},
		"text":                        {with(githubRequest("push", pushed), "Content-Type", "text/plain"), 415, false},
		"no content type":             {with(githubRequest("push", pushed), "Content-Type", ""), 415, false},
		"no signature":                {with(githubRequest("push", pushed), "X-Hub-Signature-256", ""), 401, false},
		"SHA-1 only":                  {with(with(githubRequest("push", pushed), "X-Hub-Signature-256", ""), "X-Hub-Signature", sha1Of(pushed)), 401, false},
		"SHA-1 in the other header":   {with(githubRequest("push", pushed), "X-Hub-Signature-256", sha1Of(pushed)), 403, false},
		"unknown secret":              {with(githubRequest("push", pushed), "X-Hub-Signature-256", signature("guess", pushed)), 403, false},
		"empty secret":                {with(githubRequest("push", pushed), "X-Hub-Signature-256", signature("", pushed)), 403, false},
		"signature without algorithm": {with(githubRequest("push", pushed), "X-Hub-Signature-256", signature(newSecret, pushed)[7:]), 403, false},
		"half a signature":            {with(githubRequest("push", pushed), "X-Hub-Signature-256", signature(newSecret, pushed)[:39]), 403, false},
		"another body":                {bodyOf(githubRequest("push", pushed), strings.NewReader(pushed+" "), -1), 403, false},
		"announced as too large":      {bodyOf(githubRequest("push", pushed), strings.NewReader(pushed), maxBody+1), 413, false},
		"too large without saying so": {bodyOf(githubRequest("push", pushed), io.LimitReader(zeros{}, maxBody+1), -1), 413, false},
		"cut":                         {bodyOf(githubRequest("push", pushed), cut{}, -1), 400, false},
		"no delivery id":              {with(githubRequest("push", pushed), "X-GitHub-Delivery", ""), 400, false},
		"odd delivery id":             {with(githubRequest("push", pushed), "X-GitHub-Delivery", "1' OR '1'='1"), 400, false},
		"no event":                    {with(githubRequest("push", pushed), "X-GitHub-Event", ""), 400, false},
		"no JSON":                     {githubRequest("push", `{"repository":`), 400, false},
		"JSON of another shape":       {githubRequest("push", `{"repository":5}`), 400, false},
		"no repository":               {githubRequest("push", `{}`), 400, false},
		"odd repository":              {githubRequest("push", `{"repository":{"full_name":"../x"}}`), 400, false},
		"form without payload":        {formRequest("x=1"), 400, false},
		"JSON called a form":          {formRequest(pushed), 400, false},
		"distribution":                {distributionRequest(testdata(t, "distribution.json")), 202, true},
		"distribution, old secret":    {with(distributionRequest(testdata(t, "distribution.json")), "Authorization", "bearer "+oldSecret), 202, true},
		"distribution, pulls only":    {distributionRequest(`{"events":[{"action":"pull"}]}`), 200, false},
		"distribution, no token":      {with(distributionRequest(`{}`), "Authorization", ""), 401, false},
		"distribution, wrong token":   {with(distributionRequest(`{}`), "Authorization", "Bearer "+newSecret+"x"), 403, false},
		"distribution, basic":         {with(distributionRequest(`{}`), "Authorization", "Basic "+newSecret), 403, false},
		"distribution, wrong type":    {with(distributionRequest(`{}`), "Content-Type", "application/json"), 415, false},
		"distribution, no JSON":       {distributionRequest(`[`), 400, false},
		"distribution, no host":       {distributionRequest(`{"events":[{"action":"push","target":{"repository":"a/b"}}]}`), 400, false},
		"generic":                     {genericRequest(`{"image":"ghcr.io/acme/app:1.4.2","by":"ci"}`), 202, true},
		"generic, unsigned":           {with(genericRequest(`{"image":"nginx"}`), "X-Towpath-Signature-256", ""), 401, false},
		"generic, GitHub's header":    {with(with(genericRequest(`{"image":"nginx"}`), "X-Towpath-Signature-256", ""), "X-Hub-Signature-256", signature(newSecret, `{"image":"nginx"}`)), 401, false},
		"generic, wrong secret":       {with(genericRequest(`{"image":"nginx"}`), "X-Towpath-Signature-256", signature("guess", `{"image":"nginx"}`)), 403, false},
		"generic, nothing named":      {genericRequest(`{}`), 400, false},
		"generic, odd image":          {genericRequest(`{"image":"a b"}`), 400, false},
		"generic, odd repository":     {genericRequest(`{"repository":"acme"}`), 400, false},
		"generic, odd id":             {with(genericRequest(`{"image":"nginx"}`), "X-Towpath-Delivery", "a/b"), 400, false},
		"unknown kind":                {httptest.NewRequest(http.MethodPost, "/webhooks/registry/unheard", nil), 404, false},
		"generic, no content type":    {httptest.NewRequest(http.MethodPost, "/webhooks/registry/generic", nil), 415, false},
	} {
		t.Run(name, func(t *testing.T) {
			store, w := new(kept), httptest.NewRecorder()
			serve(t, store, io.Discard).ServeHTTP(w, c.request)
			if w.Code != c.want || (len(store.deliveries) == 1) != c.stored {
				t.Errorf("status %d, %d stored; want %d, stored %v: %s", w.Code, len(store.deliveries), c.want, c.stored, w.Body)
			}
			if w.Code == 405 && w.Header().Get("Allow") != "POST" {
				t.Error("405 without Allow")
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// W1: nothing is acknowledged that was not stored.
func TestStoreThatIsDownIsToldTheSender(t *testing.T) {
	var log strings.Builder
	h, w := serve(t, &kept{err: errors.New("disk full")}, &log), httptest.NewRecorder()
	h.ServeHTTP(w, githubRequest("push", pushed))
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "disk full") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "disk full") || !strings.Contains(log.String(), someID) {
		t.Errorf("the log does not say what failed: %s", &log)
	}
}

func TestSecretsStayOutOfLogAndAnswer(t *testing.T) {
	var log strings.Builder
	h := serve(t, new(kept), &log)
	for _, r := range []*http.Request{distributionRequest(`[`), distributionRequest(testdata(t, "distribution.json")), genericRequest(`{`)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, text := range []string{log.String(), w.Body.String()} {
			if strings.Contains(text, newSecret) {
				t.Errorf("secret in %q", text)
			}
		}
	}
}

// W1: no secret, no start.
func TestNoSecretNoHandler(t *testing.T) {
	for _, secrets := range [][][]byte{nil, {}, {nil}, {[]byte("good"), {}}} {
		if _, err := GitHub(secrets, new(kept), Options{}); err == nil {
			t.Errorf("GitHub(%q) is no error", secrets)
		}
		if _, err := Registry(secrets, new(kept), Options{}); err == nil {
			t.Errorf("Registry(%q) is no error", secrets)
		}
	}
}

// W2, on the published examples.
func TestExamplesNameWhatMayHaveChanged(t *testing.T) {
	for _, c := range []struct {
		event string
		want  []Topic
	}{
		{"check_run", []Topic{"repo:github/hello-world"}},
		{"installation", []Topic{"repo:codertocat/hello-world"}},
		{"installation_repositories", []Topic{"repo:codertocat/space"}},
		{"package", []Topic{"image:ghcr.io/codertocat/hello-world", "repo:codertocat/hello-world-npm"}},
		{"registry_package", []Topic{"image:ghcr.io/codertocat/hello-world", "repo:codertocat/hello-world-npm"}},
		{"push", []Topic{"repo:codertocat/hello-world"}},
		{"repository_dispatch", []Topic{"repo:octo-org/octo-repo"}},
		{"status", []Topic{"repo:codertocat/hello-world"}},
	} {
		t.Run(c.event, func(t *testing.T) {
			store := new(kept)
			body := testdata(t, "github/"+c.event+".json")
			serve(t, store, io.Discard).ServeHTTP(httptest.NewRecorder(), githubRequest(c.event, body))
			if len(store.deliveries) != 1 {
				t.Fatal("not stored")
			}
			d := store.deliveries[0]
			digest := sha256.Sum256([]byte(body))
			if !slices.Equal(d.Topics, c.want) || d.ID != "github:"+someID || d.Source != "github" || d.Event != c.event ||
				d.Digest != hex.EncodeToString(digest[:]) || !d.Received.Equal(noon) {
				t.Errorf("stored %+v, want topics %q", d, c.want)
			}
		})
	}
}

// W2: what the examples do not show.
func TestPayloadsNameWhatMayHaveChanged(t *testing.T) {
	for name, c := range map[string]struct {
		request *http.Request
		want    []Topic
		note    string
	}{
		"a package without its URL or repository": {
			githubRequest("package", `{"package":{"name":"charts/Redis","package_type":"CONTAINER","owner":{"login":"Acme"}}}`),
			[]Topic{"image:ghcr.io/acme/charts/redis"}, "",
		},
		"a package on a GitHub of one's own": {
			githubRequest("registry_package", `{"registry_package":{"name":"app","ecosystem":"container","owner":{"login":"acme"},"package_version":{"package_url":"containers.github.example/acme/app:1"}}}`),
			[]Topic{"image:containers.github.example/acme/app"}, "",
		},
		"a package whose name is no image's": {
			githubRequest("package", `{"package":{"name":"@acme/app","package_type":"docker","owner":{"login":"acme"}},"repository":{"full_name":"acme/app"}}`),
			[]Topic{"repo:acme/app"}, `the package is not an image repository: "ghcr.io/acme/"`,
		},
		"a package that is no image": {
			githubRequest("package", `{"package":{"name":"app","package_type":"npm","owner":{"login":"acme"}},"repository":{"full_name":"acme/app"}}`),
			[]Topic{"repo:acme/app"}, "",
		},
		"a dispatch that names an image": {
			githubRequest("repository_dispatch", `{"action":"x","client_payload":{"image":"quay.io/acme/app:1"},"repository":{"full_name":"acme/app"}}`),
			[]Topic{"image:quay.io/acme/app", "repo:acme/app"}, "",
		},
		"a dispatch with a payload of its own": {
			githubRequest("repository_dispatch", `{"client_payload":["image"],"repository":{"full_name":"acme/app"}}`),
			[]Topic{"repo:acme/app"}, "",
		},
		"a dispatch with another image": {
			githubRequest("repository_dispatch", `{"client_payload":{"image":{"tag":"1"}},"repository":{"full_name":"acme/app"}}`),
			[]Topic{"repo:acme/app"}, "client_payload.image is not a string",
		},
		"an App that was removed": {
			githubRequest("installation", `{"action":"deleted","repositories":[{"full_name":"acme/app"}]}`), nil, "",
		},
		"an event of the registry, under both its hosts": {
			distributionRequest(`{"events":[{"action":"push","target":{"repository":"acme/app","url":"https://registry.example.com/v2/acme/app/manifests/x"},"request":{"host":"registry"}}]}`),
			[]Topic{"image:registry.example.com/acme/app", "image:registry/acme/app"}, "",
		},
		"an event of the registry": {
			distributionRequest(testdata(t, "distribution.json")), []Topic{"image:127.0.0.1:5000/acme/app"}, "",
		},
		"a call with both": {
			genericRequest(`{"image":"nginx@sha256:abc","repository":"Acme/App"}`),
			[]Topic{"image:docker.io/library/nginx", "repo:acme/app"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := new(kept)
			serve(t, store, io.Discard).ServeHTTP(httptest.NewRecorder(), c.request)
			var got []Topic
			var note string
			for _, d := range store.deliveries {
				got, note = append(got, d.Topics...), d.Note
			}
			if !slices.Equal(got, c.want) || note != c.note {
				t.Errorf("topics %q, note %q; want %q, %q", got, note, c.want, c.note)
			}
		})
	}
}

// W3: where a push says that its ref is is handed on as it is said; that a branch
// is gone says nothing.
func TestPushesSayWhereTheirRefIs(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for name, c := range map[string]struct {
		event, after string
		want         Head
	}{
		"a push":       {"push", commit, Head{"acme/app", "refs/heads/main", commit}},
		"a deletion":   {"push", strings.Repeat("0", 40), Head{}},
		"no commit":    {"push", "main", Head{}},
		"not a push":   {"repository", commit, Head{}},
		"short commit": {"push", commit[:39], Head{}},
	} {
		t.Run(name, func(t *testing.T) {
			store := new(kept)
			body := `{"ref":"refs/heads/main","after":"` + c.after + `","repository":{"full_name":"Acme/App"}}`
			serve(t, store, io.Discard).ServeHTTP(httptest.NewRecorder(), githubRequest(c.event, body))
			if len(store.deliveries) != 1 || store.deliveries[0].Head != c.want {
				t.Errorf("got %+v, want %+v", store.deliveries, c.want)
			}
		})
	}
}

// W3: a delivery that is sent again has the same id, a new one has another.
func TestDeliveryIDs(t *testing.T) {
	named := func(id string) *http.Request {
		r := genericRequest(`{"image":"nginx"}`)
		r.Header.Set("X-Towpath-Delivery", id)
		return r
	}
	notification := testdata(t, "distribution.json")
	for name, c := range map[string]struct {
		a, b *http.Request
		same bool
	}{
		"GitHub, again":                {githubRequest("push", pushed), githubRequest("push", pushed), true},
		"registry, again":              {distributionRequest(notification), distributionRequest(notification), true},
		"registry, another event":      {distributionRequest(notification), distributionRequest(strings.Replace(notification, "asdf-1", "asdf-9", 1)), false},
		"a call with its id, again":    {named("run-1"), named("run-1"), true},
		"a call with another id":       {named("run-1"), named("run-2"), false},
		"a call like an earlier one":   {genericRequest(`{"image":"nginx"}`), genericRequest(`{"image":"nginx"}`), false},
		"one id, two kinds of senders": {githubRequest("push", pushed), named(someID), false},
	} {
		t.Run(name, func(t *testing.T) {
			store := new(kept)
			h := serve(t, store, io.Discard)
			h.ServeHTTP(httptest.NewRecorder(), c.a)
			h.ServeHTTP(httptest.NewRecorder(), c.b)
			if len(store.deliveries) != 2 || (store.deliveries[0].ID == store.deliveries[1].ID) != c.same {
				t.Errorf("ids %+v, want same %v", store.deliveries, c.same)
			}
		})
	}
}
