package registry

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/promote"
)

// G7: a copy has the digest of what was verified, index and all; again it writes
// nothing, and a tag that moved along is moved.
func TestCopy(t *testing.T) {
	b := newBench(t)
	index := b.pushIndex("1.1.0", build{salt: "amd", platform: "linux/amd64"}, build{salt: "arm", platform: "linux/arm64"})
	older := b.push("1.0.0", build{salt: "old"})
	c := New(Config{Credentials: []Credential{{Host: b.host, Prefix: "acme/verified", Username: "octo", Password: "s3cret", For: []string{"acme/*"}}}}).For("acme/app")
	to := b.host + "/acme/verified"
	has := func(tag string) string {
		t.Helper()
		repository, err := repositoryOf(to, nil)
		must(t, err)
		found, err := remote.Get(repository.Tag(tag))
		if err != nil {
			return ""
		}
		if found.MediaType.IsIndex() {
			all, err := found.ImageIndex()
			must(t, err)
			manifest, err := all.IndexManifest()
			must(t, err)
			for _, entry := range manifest.Manifests {
				_, err := all.Image(entry.Digest)
				must(t, err)
			}
		}
		return found.Digest.String()
	}
	image := func(digest string) promote.Image { return promote.Image{Repository: b.repository(), Digest: digest} }

	must(t, c.Copy(t.Context(), image(older), to, []string{"a-1.0.0", "latest"}))
	must(t, c.Copy(t.Context(), image(index), to, []string{"a-1.1.0", "latest"}))
	if has("a-1.0.0") != older || has("a-1.1.0") != index || has("latest") != index {
		t.Errorf("%s, %s, %s", has("a-1.0.0"), has("a-1.1.0"), has("latest"))
	}
	var writes []string
	b.fail(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writes = append(writes, r.Method+" "+r.URL.Path)
		}
		return false
	})
	must(t, c.Copy(t.Context(), image(index), to, []string{"a-1.1.0", "latest"}))
	if len(writes) > 0 {
		t.Errorf("written again: %v", writes)
	}

	for name, row := range map[string]struct {
		from promote.Image
		to   string
		tags []string
		want Kind
	}{
		"no login for the place": {image(index), b.host + "/acme/else", []string{"x"}, Unauthorized},
		"no tag":                 {image(index), to, []string{"../x"}, Invalid},
		"gone at its source":     {image("sha256:" + strings.Repeat("0", 64)), to, []string{"x"}, NotFound},
	} {
		if err := c.Copy(t.Context(), row.from, row.to, row.tags); kindIn(err) != row.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if slices.ContainsFunc(writes, func(w string) bool { return strings.Contains(w, "/acme/else/") }) {
		t.Errorf("sent without a login: %v", writes)
	}
	if err := New(c.cfg).For("evil/x").Copy(t.Context(), image(index), to, []string{"x"}); kindIn(err) != Unauthorized {
		t.Errorf("with another repository's login: %v", err)
	}
}
