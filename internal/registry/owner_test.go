package registry

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/towpath/towpath/internal/promote"
)

// lockedShelves hold version 1.0.0 of a chart for whoever has octo's login.
func lockedShelves(t *testing.T) (map[string]shelf, Config) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	oci := &ociShelf{&bench{t: t, host: serve(t, inner)}}
	oci.put("1.0.0", "content")
	oci.host = serve(t, locked(inner))

	index := newIndexShelf(t)
	index.etag = true
	index.put("1.0.0", "content")
	server := httptest.NewTLSServer(locked(http.HandlerFunc(index.answer)))
	t.Cleanup(server.Close)
	index.host = strings.TrimPrefix(server.URL, "https://")
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())

	cfg := Config{RetryWait: time.Millisecond, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	for _, host := range []string{oci.host, index.host} {
		cfg.Credentials = append(cfg.Credentials,
			Credential{Host: host, Username: "octo", Password: "s3cret", For: []string{"acme/*", "friend/app"}},
			Credential{Host: host, Prefix: "acme", Username: "nobody's", Password: "s3cret"})
	}
	return map[string]shelf{"oci": oci, "index": index}, cfg
}

// H3: a credential is for the pipelines of the repositories that it is bound to,
// and what was read with it is told to nobody else.
func TestCredentialOfOwner(t *testing.T) {
	shelves, cfg := lockedShelves(t)
	c := New(cfg)
	for name, s := range shelves {
		t.Run(name, func(t *testing.T) {
			var chart promote.Chart
			for _, repository := range []string{"acme/app", "Acme/other", "friend/app"} {
				chart = discoverChart(t, c.For(repository), s.sub(""), promote.Chart{}).Chart
				if data, err := c.For(repository).Chart(t.Context(), chart); err != nil || string(data) != "content" {
					t.Errorf("%s: %q, %v", repository, data, err)
				}
			}
			for _, repository := range []string{"evil/x", "friend/other", "friend/app/x", "acme", "acme-evil/app", "evil/acme", ""} {
				if found, err := c.For(repository).DiscoverChart(t.Context(), s.sub(""), chart, true); kindIn(err) != Unauthorized {
					t.Errorf("%q: found %+v, %v", repository, found, err)
				}
				if data, err := c.For(repository).Chart(t.Context(), chart); kindIn(err) != Unauthorized || !strings.Contains(err.Error(), "_FOR") {
					t.Errorf("%q: %q, %v", repository, data, err)
				}
			}
			if data, err := c.Chart(t.Context(), chart); kindIn(err) != Unauthorized {
				t.Errorf("for no repository: %q, %v", data, err)
			}
		})
	}
}

// H3: nor is what an image says of itself.
func TestFactsOfOwner(t *testing.T) {
	b := lockedBench(t)
	c := New(Config{Credentials: []Credential{{Host: b.host, Username: "octo", Password: "s3cret", For: []string{"acme/*"}}}})
	image := discover(t, c.For("acme/app"), b.sub(promote.SelectSemver), promote.Image{}).Image
	if found, err := c.For("evil/x").Discover(t.Context(), b.sub(promote.SelectSemver), image, true); kindIn(err) != Unauthorized {
		t.Errorf("found %+v, %v", found, err)
	}
	if known, err := c.For("evil/x").Resolve(t.Context(), b.repository(), image.Digest, ""); kindIn(err) != Unauthorized {
		t.Errorf("known %+v, %v", known, err)
	}
}

func TestParseRepositories(t *testing.T) {
	for value, want := range map[string][]string{
		"acme/*": {"acme/*"}, "Acme/App, other/x-*\nb/c.d\n": {"acme/app", "other/x-*", "b/c.d"}, "*": {"*"}, " ,": {},
	} {
		if got, err := ParseRepositories(value); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	for _, value := range []string{"acme", "acme/", "/app", "acme/app/x", "acme/[a", "a b/c", "ghcr.io/acme/*", "**"} {
		if got, err := ParseRepositories(value); err == nil {
			t.Errorf("%q was read as %q", value, got)
		}
	}
}
