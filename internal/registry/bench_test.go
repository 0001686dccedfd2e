package registry

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/towpath/towpath/internal/promote"
)

// bench is a registry in this process that can be told to fail.
type bench struct {
	t     *testing.T
	host  string
	fault atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	b.host = serve(t, b.wrap(registry.New(registry.Logger(log.New(io.Discard, "", 0)))))
	return b
}

func (b *bench) wrap(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := b.fault.Load(); fault != nil && (*fault)(w, r) {
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// fail makes the registry answer with f wherever f returns true.
func (b *bench) fail(f func(http.ResponseWriter, *http.Request) bool) { b.fault.Store(&f) }

func (b *bench) heal() { b.fault.Store(nil) }

// status fails every request that f picks.
func (b *bench) status(code int, f func(*http.Request) bool) {
	b.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if f(r) {
			w.WriteHeader(code)
			return true
		}
		return false
	})
}

func every(*http.Request) bool { return true }

func ending(suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, suffix) }
}

func (b *bench) client() *Client {
	_, port, _ := strings.Cut(b.host, ":")
	return New(Config{RetryWait: time.Millisecond, ChartHosts: []string{b.host, "LocalHost:" + port}})
}

func (b *bench) repository() string { return b.host + "/acme/app" }

func (b *bench) sub(selection promote.Selection) promote.ImageSubscription {
	return promote.ImageSubscription{Repository: b.repository(), Select: selection}
}

// build is an image to push; its zero value is one for linux/amd64 without a
// build time.
type build struct {
	salt     string // two builds that differ in it have different digests
	created  string // RFC 3339
	platform string // os/arch[/variant]
	revision string
}

func (b *bench) image(of build) v1.Image {
	b.t.Helper()
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
	config.Config.Labels = map[string]string{"salt": of.salt}
	if of.revision != "" {
		config.Config.Labels[labelRevision] = of.revision
	}
	if of.created != "" {
		config.Created = v1.Time{Time: instant(b.t, of.created)}
	}
	if of.platform != "" {
		p, err := v1.ParsePlatform(of.platform)
		must(b.t, err)
		config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	}
	image, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), config)
	must(b.t, err)
	return image
}

// push puts an image under a tag and returns its digest.
func (b *bench) push(tag string, of build) string {
	b.t.Helper()
	image := b.image(of)
	must(b.t, remote.Write(b.ref(tag), image))
	digest, err := image.Digest()
	must(b.t, err)
	return digest.String()
}

// pushIndex puts an index of images under a tag and returns its digest.
func (b *bench) pushIndex(tag string, of ...build) string {
	b.t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, each := range of {
		platform, err := v1.ParsePlatform(each.platform)
		must(b.t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: b.image(each), Descriptor: v1.Descriptor{Platform: platform}})
	}
	must(b.t, remote.WriteIndex(b.ref(tag), index))
	digest, err := index.Digest()
	must(b.t, err)
	return digest.String()
}

func (b *bench) remove(tag string) {
	b.t.Helper()
	must(b.t, remote.Delete(b.ref(tag)))
}

func (b *bench) ref(tag string) name.Reference {
	b.t.Helper()
	repository, err := repositoryOf(b.repository(), nil)
	must(b.t, err)
	return repository.Tag(tag)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	must(t, err)
	return at
}

func patterns(texts ...string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, text := range texts {
		out = append(out, regexp.MustCompile(text))
	}
	return out
}

// reasonOf returns why the tag was passed over.
func reasonOf(found Found, tag string) Reason {
	for _, p := range found.Passed {
		if p.Item == tag {
			return p.Reason
		}
	}
	return ""
}
