package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

func kindIn(err error) Kind {
	known := (*Error)(nil)
	if !errors.As(err, &known) {
		return ""
	}
	return known.Kind
}

func notFound(code string, where func(*http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return answer(http.StatusNotFound, `{"errors":[{"code":"`+code+`","message":"gone"}]}`, where)
}

func answer(status int, body string, where func(*http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !where(r) {
			return false
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// An outage is an error of a kind, never an answer, for every selection and
// whatever was selected before.
func TestOutage(t *testing.T) {
	manifests := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/manifests/") }
	rows := []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request) bool
		kind  Kind
	}{
		{"500 everywhere", answer(500, "", every), Unavailable},
		{"503 to the login", answer(503, "", ending("/v2/")), Unavailable},
		{"500 for every manifest", answer(500, "", manifests), Unavailable},
		{"401", answer(401, "", every), Unauthorized},
		{"403 for the manifests", answer(403, `{"errors":[{"code":"DENIED","message":"no"}]}`, manifests), Unauthorized},
		{"429", answer(429, `{"errors":[{"code":"TOOMANYREQUESTS","message":"no"}]}`, every), RateLimited},
		{"no registry", answer(404, "<html>", every), Malformed},
		{"cut in the middle", func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"tags":["1.`)
			panic(http.ErrAbortHandler)
		}, Unavailable},
	}
	for _, row := range rows {
		for _, selection := range []promote.Selection{promote.SelectSemver, promote.SelectLexical, promote.SelectNewestBuild, promote.SelectDigest} {
			t.Run(row.name+"/"+string(selection), func(t *testing.T) {
				b := newBench(t)
				sub := b.sub(selection)
				if selection == promote.SelectDigest {
					sub.Constraint = "1.0.0"
				}
				b.push("1.0.0", build{created: "2026-01-01T00:00:00Z"})
				previous := discover(t, b.client(), sub, promote.Image{}).Image
				b.fail(row.fault)
				c := b.client()
				for _, had := range []bool{true, false} {
					if found, err := c.Discover(t.Context(), sub, previous, had); kindIn(err) != row.kind {
						t.Errorf("found %+v, error %v, want kind %s", found, err, row.kind)
					}
				}
				b.heal()
				if found := discover(t, c, sub, previous); found.Image != previous {
					t.Errorf("after it: found %+v", found)
				}
			})
		}
	}
}

// Temporary errors are tried again.
func TestRetry(t *testing.T) {
	b := newBench(t)
	b.push("1.0.0", build{})
	for _, status := range []int{429, 500, 503} {
		var failures atomic.Int32
		b.status(status, func(*http.Request) bool { return failures.Add(1)%2 == 1 })
		if found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{}); found.Image.Tag != "1.0.0" {
			t.Errorf("%d: found %+v", status, found)
		}
	}
}

// F8: one image that can not be read stops nothing, and F6: nor does it move
// anything backwards.
func TestUnreadable(t *testing.T) {
	rows := []struct {
		name  string
		fault func(digest string) func(http.ResponseWriter, *http.Request) bool
	}{
		{"manifest gone", func(digest string) func(http.ResponseWriter, *http.Request) bool {
			return notFound("MANIFEST_UNKNOWN", func(r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "/manifests/1.1.0") || strings.HasSuffix(r.URL.Path, digest)
			})
		}},
		{"manifest of garbage", func(digest string) func(http.ResponseWriter, *http.Request) bool {
			return answer(200, "<html>garbage</html>", ending(digest))
		}},
		{"500 for this manifest only", func(digest string) func(http.ResponseWriter, *http.Request) bool {
			return answer(500, "", ending(digest))
		}},
		{"quarantined", func(digest string) func(http.ResponseWriter, *http.Request) bool {
			return answer(403, `{"errors":[{"code":"DENIED","message":"no"}]}`, ending(digest))
		}},
		{"too large", func(digest string) func(http.ResponseWriter, *http.Request) bool {
			return answer(200, strings.Repeat(" ", answerLimit+1), ending(digest))
		}},
	}
	for _, row := range rows {
		for _, selection := range []promote.Selection{promote.SelectSemver, promote.SelectLexical, promote.SelectNewestBuild} {
			t.Run(row.name+"/"+string(selection), func(t *testing.T) {
				b := newBench(t)
				b.push("1.0.0", build{salt: "old", created: "2026-01-01T00:00:00Z"})
				digest := b.push("1.1.0", build{salt: "new", created: "2026-01-02T00:00:00Z"})
				previous := discover(t, b.client(), b.sub(selection), promote.Image{}).Image
				b.fail(row.fault(digest))
				found := discover(t, b.client(), b.sub(selection), promote.Image{})
				if found.Image.Tag != "1.0.0" || reasonOf(found, "1.1.0") != Unreadable {
					t.Errorf("found %+v, want the next best", found)
				}
				found = discover(t, b.client(), b.sub(selection), previous)
				if found.Image != previous || reasonOf(found, "1.1.0") != Unreadable {
					t.Errorf("found %+v, want the previous one", found)
				}
			})
		}
	}
}

// A configuration of garbage, whose digest is right, is the image's own fault.
func TestUnreadableConfiguration(t *testing.T) {
	b := newBench(t)
	b.push("1.0.0", build{salt: "old"})
	b.push("1.1.0", build{salt: "new"})
	image := b.image(build{salt: "new"})
	config, err := image.ConfigName()
	must(t, err)
	for _, fault := range []func(http.ResponseWriter, *http.Request) bool{
		answer(200, "{", ending(config.String())),
		notFound("BLOB_UNKNOWN", ending(config.String())),
	} {
		b.fail(fault)
		found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{})
		if found.Image.Tag != "1.0.0" || reasonOf(found, "1.1.0") != Unreadable {
			t.Errorf("found %+v", found)
		}
	}
}

// A registry that lies about a digest is found out when the image is read.
func TestDigestIsVerified(t *testing.T) {
	b := newBench(t)
	b.push("1.0.0", build{salt: "good"})
	b.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
		w.Header().Set("Content-Length", "2")
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, "{}")
		}
		return true
	})
	found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{})
	if found.OK || reasonOf(found, "1.0.0") != Unreadable {
		t.Errorf("found %+v", found)
	}
}

// Some registries answer HEAD without the digest, or not at all.
func TestHeadIsNotNeeded(t *testing.T) {
	b := newBench(t)
	digest := b.push("1.0.0", build{})
	for _, status := range []int{http.StatusOK, http.StatusMethodNotAllowed} {
		b.status(status, func(r *http.Request) bool { return r.Method == http.MethodHead })
		if found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{}); found.Image.Digest != digest {
			t.Errorf("%d: found %+v", status, found)
		}
	}
}

// page answers tag listings with pages that link to each other.
func page(of func(n int) (tags []string, more bool)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		var n int
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &n)
		tags, more := of(n)
		if more {
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, r.URL.Path, n+1))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "acme/app", "tags": tags})
		return true
	}
}

func TestTagsComeInPages(t *testing.T) {
	b := newBench(t)
	b.push("1.2.0", build{})
	tags := []string{"1.0.0", "1.1.0", "1.2.0", "0.9.0"}
	b.fail(page(func(n int) ([]string, bool) { return tags[n : n+1], n+1 < len(tags) }))
	found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{})
	if found.Image.Tag != "1.2.0" || len(found.Passed) != 3 {
		t.Errorf("found %+v", found)
	}

	// F6: half a list is none.
	half := page(func(n int) ([]string, bool) { return tags[n : n+1], true })
	b.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("page") == "2" {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return half(w, r)
	})
	if _, err := b.client().Discover(t.Context(), b.sub(promote.SelectSemver), promote.Image{}, false); kindIn(err) != Unavailable {
		t.Errorf("half a list: %v", err)
	}
}

func TestTagsAreBounded(t *testing.T) {
	rows := []struct {
		name      string
		selection promote.Selection
		fault     func(http.ResponseWriter, *http.Request) bool
		kind      Kind
	}{
		{"too many tags", promote.SelectSemver, page(func(n int) ([]string, bool) { return numbered(n*6000, 6000), n < 9 }), TooMany},
		{"empty pages for ever", promote.SelectSemver, page(func(int) ([]string, bool) { return nil, true }), TooMany},
		{"one endless page", promote.SelectSemver, answer(200, `{"tags":["`+strings.Repeat("a", answerLimit), ending("/tags/list")), Malformed},
		{"more builds than are read", promote.SelectNewestBuild, page(func(int) ([]string, bool) { return numbered(0, maxBuilds+1), false }), TooMany},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			b.fail(row.fault)
			found, err := b.client().Discover(t.Context(), b.sub(row.selection), promote.Image{}, false)
			if kindIn(err) != row.kind {
				t.Errorf("found %+v, error %v, want kind %s", found.Image, err, row.kind)
			}
		})
	}
}

func numbered(from, n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprintf("1.0.%d", from+i)
	}
	return tags
}

func TestEndlessRedirect(t *testing.T) {
	b := newBench(t)
	b.fail(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, r.URL.Path+"/x", http.StatusFound)
		return true
	})
	if _, err := b.client().Discover(t.Context(), b.sub(promote.SelectSemver), promote.Image{}, false); kindIn(err) != Unavailable {
		t.Errorf("from the login on: %v", err)
	}
	b.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		http.Redirect(w, r, r.URL.Path+"?again", http.StatusFound)
		return true
	})
	_, err := b.client().Discover(t.Context(), b.sub(promote.SelectSemver), promote.Image{}, false)
	if kindIn(err) != Unavailable || !strings.Contains(err.Error(), errRedirects.Error()) {
		t.Errorf("of a listing: %v", err)
	}
}

func TestTimeout(t *testing.T) {
	b := newBench(t)
	b.fail(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	c := New(Config{Timeout: 50 * time.Millisecond, RetryWait: time.Millisecond})
	_, err := c.Discover(t.Context(), b.sub(promote.SelectSemver), promote.Image{}, false)
	if kindIn(err) != Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Discover(cancelled, b.sub(promote.SelectSemver), promote.Image{}, false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// With a warm client a look costs a listing and a HEAD; what a digest says is
// read once.
func TestRequests(t *testing.T) {
	b := newBench(t)
	b.push("1.0.0", build{salt: "old", created: "2026-01-01T00:00:00Z"})
	b.push("1.1.0", build{salt: "new", created: "2026-01-02T00:00:00Z"})
	c := b.client()
	var seen atomic.Int32
	for selection, want := range map[promote.Selection]int32{promote.SelectSemver: 2, promote.SelectLexical: 2, promote.SelectNewestBuild: 3, promote.SelectDigest: 1} {
		sub := b.sub(selection)
		if selection == promote.SelectDigest {
			sub.Constraint = "1.1.0"
		}
		b.heal()
		previous := discover(t, c, sub, promote.Image{}).Image
		seen.Store(0)
		b.fail(func(_ http.ResponseWriter, r *http.Request) bool {
			seen.Add(1)
			if agent := r.UserAgent(); !strings.HasPrefix(agent, "towpath") {
				t.Errorf("user agent %q", agent)
			}
			return false
		})
		discover(t, c, sub, previous)
		if got := seen.Load(); got != want {
			t.Errorf("%s: %d requests, want %d", selection, got, want)
		}
	}
}
