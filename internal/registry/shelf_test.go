package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/towpath/towpath/internal/promote"
)

// shelf holds the versions of one chart: in an OCI repository, or in an index.
type shelf interface {
	sub(constraint string) promote.ChartSubscription
	put(version, content string) (digest string)
	drop(version string)
	// archiveOf picks the requests for a version's archive.
	archiveOf(version, digest string) func(*http.Request) bool
	server() *bench
}

// onBoth runs a test on an OCI repository and on an index.
func onBoth(t *testing.T, test func(t *testing.T, s shelf)) {
	t.Run("oci", func(t *testing.T) { test(t, &ociShelf{bench: newBench(t)}) })
	t.Run("index", func(t *testing.T) { test(t, newIndexShelf(t)) })
}

func discoverChart(t *testing.T, c *Client, sub promote.ChartSubscription, previous promote.Chart) FoundChart {
	t.Helper()
	found, err := c.DiscoverChart(t.Context(), sub, previous, previous.Digest != "")
	must(t, err)
	return found
}

func (f FoundChart) reason(version string) Reason { return reasonOf(Found{Passed: f.Passed}, version) }

type ociShelf struct{ *bench }

func (s *ociShelf) server() *bench { return s.bench }

func (s *ociShelf) sub(constraint string) promote.ChartSubscription {
	return promote.ChartSubscription{Repository: "oci://" + s.repository(), Name: "app", Constraint: constraint}
}

func (s *ociShelf) put(version, content string) string {
	s.t.Helper()
	return s.putLayers(version, chartConfig, chartArchive, content)
}

// putLayers pushes an artifact with a layer of the media type for each content.
func (s *ociShelf) putLayers(version string, config, layer types.MediaType, contents ...string) string {
	s.t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config)
	for _, content := range contents {
		var err error
		image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer([]byte(content), layer)})
		must(s.t, err)
	}
	must(s.t, remote.Write(s.ref(strings.ReplaceAll(version, "+", "_")), image))
	digest, err := image.Digest()
	must(s.t, err)
	return digest.String()
}

func (s *ociShelf) drop(version string) { s.remove(strings.ReplaceAll(version, "+", "_")) }

func (s *ociShelf) archiveOf(string, string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/blobs/") }
}

// indexShelf serves index.yaml and its archives below /stable.
type indexShelf struct {
	*bench
	order    []string
	listed   map[string]string // version → the rest of its entry
	archives map[string]string // path → content
	etag     bool              // answers say what they are, and that they have not changed
	whole    int               // answers with the whole index
}

func newIndexShelf(t *testing.T) *indexShelf {
	t.Helper()
	s := &indexShelf{bench: &bench{t: t}, listed: map[string]string{}, archives: map[string]string{}}
	s.host = serve(t, s.wrap(http.HandlerFunc(s.answer)))
	return s
}

func (s *indexShelf) server() *bench { return s.bench }

func (s *indexShelf) sub(constraint string) promote.ChartSubscription {
	return promote.ChartSubscription{Repository: "https://" + s.host + "/stable", Name: "app", Constraint: constraint}
}

func (s *indexShelf) put(version, content string) string {
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	s.list(version, fmt.Sprintf("urls: ['app-%s.tgz'], digest: %s", version, digest))
	s.archives["/stable/app-"+version+".tgz"] = content
	return "sha256:" + digest
}

// list adds an entry with these keys.
func (s *indexShelf) list(version, keys string) {
	if _, known := s.listed[version]; !known {
		s.order = append(s.order, version)
	}
	s.listed[version] = keys
}

func (s *indexShelf) drop(version string) { delete(s.listed, version) }

func (s *indexShelf) archiveOf(version, _ string) func(*http.Request) bool {
	return ending("/app-" + version + ".tgz")
}

func (s *indexShelf) text() string {
	var out strings.Builder
	out.WriteString("apiVersion: v1\nentries:\n  app:\n")
	for _, version := range s.order {
		if keys, ok := s.listed[version]; ok {
			fmt.Fprintf(&out, "  - {version: %s, %s}\n", version, keys)
		}
	}
	return out.String()
}

func (s *indexShelf) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/stable/index.yaml" {
		content, ok := s.archives[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, content)
		return
	}
	text := s.text()
	if sum := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(text))); s.etag {
		w.Header().Set("ETag", sum)
		if r.Header.Get("If-None-Match") == sum {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	s.whole++
	_, _ = io.WriteString(w, text)
}
