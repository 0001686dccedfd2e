package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/promote"
)

func TestParseCredential(t *testing.T) {
	rows := []struct {
		value string
		want  Credential
	}{
		{"ghcr.io octo s3cret", Credential{Host: "ghcr.io", Username: "octo", Password: "s3cret"}},
		{"GHCR.io/acme/ octo s3cret\n", Credential{Host: "ghcr.io", Prefix: "acme", Username: "octo", Password: "s3cret"}},
		{"127.0.0.1:5000/a/b\tu\tp w d\r\n", Credential{Host: "127.0.0.1:5000", Prefix: "a/b", Username: "u", Password: "p w d"}},
		{"gcr.io _json_key {\n \"a\": 1\n}\n", Credential{Host: "gcr.io", Username: "_json_key", Password: "{\n \"a\": 1\n}"}},
		{"localhost:5000 u p", Credential{Host: "localhost:5000", Username: "u", Password: "p"}},
	}
	for _, row := range rows {
		if got, err := ParseCredential(row.value); err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q: %#v, %v", row.value, got, err)
		}
	}
	for _, value := range []string{
		"", "s3cret", "ghcr.io s3cret", "ghcr.io octo ", "https://ghcr.io octo s3cret", "octo:s3cret@ghcr.io octo s3cret",
		"acme octo s3cret", "ghcr.io/../x octo s3cret", "ghcr.io//x octo s3cret", "ghcr.io?s3cret octo s3cret",
	} {
		if got, err := ParseCredential(value); err == nil {
			t.Errorf("%q was read as %v", value, got)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error quotes the value: %v", err)
		}
	}
}

// Whatever is in the variable: a credential that is read names a host that can
// be asked, and the way back through its own words reads the same.
func FuzzParseCredential(f *testing.F) {
	f.Add("ghcr.io/acme octo s3cret")
	f.Add("127.0.0.1:5000 u p w\n")
	f.Add("[::1]:5000/a u p")
	f.Fuzz(func(t *testing.T, value string) {
		c, err := ParseCredential(value)
		if err != nil {
			return
		}
		if _, err := registryOf(c.Host, nil); err != nil {
			t.Fatalf("%q is no host: %v", c.Host, err)
		}
		if again, err := ParseCredential(c.String() + " " + c.Password); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%#v is read again as %#v, %v", c, again, err)
		}
	})
}

func TestCredentialHidesPassword(t *testing.T) {
	c := Credential{Host: "ghcr.io", Prefix: "acme", Username: "octo", Password: "s3cret"}
	asJSON, err := json.Marshal(c)
	must(t, err)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, []Credential{c}, &c), fmt.Sprintf("%+v", Config{Credentials: []Credential{c}}), string(asJSON)} {
		if strings.Contains(text, "s3cret") {
			t.Error(text)
		}
	}
}

func TestCredentialOfRepository(t *testing.T) {
	keys := keychain{
		{Host: "ghcr.io", Username: "host", Password: "p"},
		{Host: "ghcr.io", Prefix: "acme", Username: "owner", Password: "p"},
		{Host: "ghcr.io", Prefix: "acme/app", Username: "repository", Password: "p"},
		{Host: "ghcr.io", Prefix: "acme/app", Username: "too late", Password: "p"},
		{Host: "docker.io", Prefix: "library", Username: "hub", Password: "p"},
	}
	for repository, want := range map[string]string{
		"ghcr.io/other/app":      "host",
		"ghcr.io/acme/web":       "owner",
		"ghcr.io/acme/app":       "repository",
		"ghcr.io/acme/app/sub":   "repository",
		"ghcr.io/acme/app2":      "owner",
		"ghcr.io/acme2/app":      "host",
		"nginx":                  "hub",
		"acme/app":               "",
		"ghcr.io:444/acme/app":   "",
		"ghcr.io.evil.example/x": "",
		"quay.io/acme/app":       "",
	} {
		parsed, err := repositoryOf(promote.NormaliseImage(repository), nil)
		must(t, err)
		found, err := keys.Resolve(parsed)
		must(t, err)
		auth, err := authn.Authorization(t.Context(), found)
		must(t, err)
		if auth.Username != want {
			t.Errorf("%s: %q, want %q", repository, auth.Username, want)
		}
	}
}

const basicAuth = "Basic b2N0bzpzM2NyZXQ=" // octo:s3cret

// locked asks for a user name and password, and lets anybody with them in.
func locked(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != basicAuth {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			// A registry that repeats what it was sent must not get it into our texts.
			fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":%q}]}`, r.Header.Get("Authorization"))
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func lockedBench(t *testing.T) *bench {
	b := &bench{t: t}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	open := serve(t, inner)
	b.host = open
	b.push("1.0.0", build{})
	b.host = serve(t, locked(b.wrap(inner)))
	return b
}

func TestCredentialsAreUsed(t *testing.T) {
	b := lockedBench(t)
	sub := b.sub(promote.SelectSemver)
	credential := Credential{Host: b.host, Prefix: "acme", Username: "octo", Password: "s3cret", For: []string{"*"}}
	if found := discover(t, New(Config{Credentials: []Credential{credential}}).For("acme/app"), sub, promote.Image{}); found.Image.Tag != "1.0.0" {
		t.Errorf("found %+v", found)
	}
	credential.Password = "wr0ng"
	for _, cfg := range []Config{{}, {Credentials: []Credential{credential}}} {
		_, err := New(cfg).For("acme/app").Discover(t.Context(), sub, promote.Image{}, false)
		if kindIn(err) != Unauthorized {
			t.Errorf("error %v", err)
		} else if strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), "Basic") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

// The usual Docker configuration is read where switched on, and read again after
// access was refused.
func TestDockerConfiguration(t *testing.T) {
	b := lockedBench(t)
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", dir)
	sub := b.sub(promote.SelectSemver)
	c := New(Config{DockerConfigFor: []string{"acme/*"}}).For("acme/app")
	if _, err := c.Discover(t.Context(), sub, promote.Image{}, false); kindIn(err) != Unauthorized {
		t.Fatalf("before: %v", err)
	}
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, b.host, strings.TrimPrefix(basicAuth, "Basic "))
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
	if found := discover(t, c, sub, promote.Image{}); found.Image.Tag != "1.0.0" {
		t.Errorf("found %+v", found)
	}
	for name, c := range map[string]*Client{
		"of another owner": c.For("evil/x"), "bound to nobody": New(Config{}).For("acme/app"),
	} {
		if _, err := c.Discover(t.Context(), sub, promote.Image{}, false); kindIn(err) != Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Neither a redirect nor a token endpoint leads credentials elsewhere.
func TestCredentialsStayHome(t *testing.T) {
	var stolen atomic.Bool
	thief := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			stolen.Store(true)
		}
		_, _ = io.WriteString(w, `{"name":"acme/app","tags":["1.0.0"],"token":"x"}`)
	}))
	rows := map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path != "/v2/":
				http.Redirect(w, r, "http://"+thief+r.URL.Path, http.StatusTemporaryRedirect)
			default:
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(http.StatusUnauthorized)
			}
		},
		"next page": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Link", "<http://"+thief+`/v2/acme/app/tags/list?n=2>; rel="next"`)
			_, _ = io.WriteString(w, `{"tags":[]}`)
		},
		"token endpoint": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="x"`, thief))
			w.WriteHeader(http.StatusUnauthorized)
		},
	}
	for name, handler := range rows {
		t.Run(name, func(t *testing.T) {
			host := serve(t, handler)
			c := New(Config{Credentials: []Credential{{Host: host, Username: "octo", Password: "s3cret", For: []string{"*"}}}, RetryWait: time.Millisecond}).For("acme/app")
			sub := promote.ImageSubscription{Repository: host + "/acme/app", Select: promote.SelectSemver}
			found, _ := c.Discover(t.Context(), sub, promote.Image{}, false)
			if stolen.Load() || found.OK {
				t.Errorf("the credentials went to another host; found %+v", found)
			}
		})
	}
}

// A registry behind HTTPS can not lead a request to plain HTTP.
func TestPlainHTTP(t *testing.T) {
	c := New(Config{Insecure: []string{"Registry.internal:5000"}})
	for host, want := range map[string]bool{
		"127.0.0.1:5000": true, "localhost:5000": true, "10.0.0.1": true, "registry.internal:5000": true,
		"ghcr.io": false, "registry.internal": false, "": false,
	} {
		if got := c.speaksPlainHTTP(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://ghcr.io/v2/", nil)
	must(t, err)
	if _, err := (guard{inner: remote.DefaultTransport, plain: c.speaksPlainHTTP}).RoundTrip(request); !errors.Is(err, errPlainHTTP) {
		t.Errorf("error %v", err)
	}
}

// What a registry says reaches an error as its status and code only.
func TestErrorsDoNotQuote(t *testing.T) {
	b := newBench(t)
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"message": answer(400, `{"errors":[{"code":"NAME_INVALID","message":"s3cret","detail":"s3cret"}]}`, ending("/tags/list")),
		"code":    answer(400, `{"errors":[{"code":"s3cret"}]}`, ending("/tags/list")),
		"body":    answer(502, "s3cret\x1b[31m", ending("/tags/list")),
		"no JSON": answer(200, `{"tags":["s3cret"`, ending("/tags/list")),
		"redirect": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://octo:s3cret@127.0.0.1:1/?token=s3cret", http.StatusFound)
			return true
		},
		"redirect to a private address": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			http.Redirect(w, r, "http://169.254.169.254/?token=s3cret", http.StatusFound)
			return true
		},
		"token": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(w, `{"refresh_token":"s3cret"}`)
				return true
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token?key=s3cret"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return true
		},
	} {
		b.fail(fault)
		for _, sub := range []promote.ImageSubscription{b.sub(promote.SelectSemver), withConstraint(b.sub(promote.SelectDigest), "main")} {
			_, err := b.client().Discover(t.Context(), sub, promote.Image{}, false)
			if err == nil && sub.Select == promote.SelectSemver {
				t.Errorf("%s: no error", name)
			}
			if text := fmt.Sprintf("%v %+v", err, errors.Unwrap(err)); strings.ContainsAny(text, "\x1b\n") || strings.Contains(text, "s3cret") {
				t.Errorf("%s: %q", name, text)
			}
			if name == "token" && kindIn(err) != Malformed {
				t.Errorf("a login that is not understood: %v", err)
			}
		}
	}
}
