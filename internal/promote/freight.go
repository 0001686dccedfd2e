package promote

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Image is a container image, pinned by digest.
type Image struct {
	Repository string    `json:"repository"`         // normalised, see [NormaliseImage]
	Tag        string    `json:"tag,omitempty"`      // the tag it was selected by; kept for ever
	Digest     string    `json:"digest"`             // what the tag pointed at, index or manifest: "sha256:…"
	Revision   string    `json:"revision,omitempty"` // the OCI label org.opencontainers.image.revision
	Created    time.Time `json:"created,omitzero"`   // build time, where the image says
	ByTag      bool      `json:"byTag,omitempty"`    // identity: tag; the tag is part of what the freight is
}

// Commit is a git commit of a repository; "." is the pipeline's own.
type Commit struct {
	Repository string `json:"repository"`
	ID         string `json:"id"`            // 40 hex
	Tag        string `json:"tag,omitempty"` // the tag it was selected by; kept for ever, and no part of what the freight is
	// Content identifies what the subscription included there, by the paths that
	// it begins with. It is no part of what the freight is; empty: not known.
	Content string `json:"content,omitempty"`
}

// Chart is a Helm chart of an OCI or index repository.
type Chart struct {
	Repository string `json:"repository"`     // normalised, see [NormaliseChart]
	Name       string `json:"name,omitempty"` // may be left out for OCI, see [Chart.KnownAs]
	Version    string `json:"version"`
	// Digest is "sha256:…" of the manifest in an OCI repository, of the archive in
	// an index repository: versions are mutable, digests are not.
	Digest string `json:"digest,omitempty"`
}

// KnownAs is the name that directives, expressions and people call the chart by:
// the one in its index, or the last part of its OCI repository.
func (c Chart) KnownAs() string {
	if c.Name != "" {
		return c.Name
	}
	repository := strings.TrimRight(c.Repository, "/")
	return repository[strings.LastIndexByte(repository, '/')+1:]
}

// Freight is an immutable set of artifacts of one warehouse (F1).
type Freight struct {
	ID        string    `json:"id"`    // 40 hex, see [Identify]
	Alias     string    `json:"alias"` // adjective-animal, unique per repository
	Warehouse string    `json:"warehouse"`
	Images    []Image   `json:"images,omitempty"`
	Commits   []Commit  `json:"commits,omitempty"`
	Charts    []Chart   `json:"charts,omitempty"`
	Selected  time.Time `json:"selected"`          // when it became the newest of its warehouse
	Manual    bool      `json:"manual,omitempty"`  // assembled by a person
	By        string    `json:"by,omitempty"`      // that person
	Channel   string    `json:"channel,omitempty"` // a pre-release, for a stage that is taken over for it only: "pr-123"
}

// Identify returns the id of the freight: a hash of the warehouse's name and of
// its artifacts in sorted, normalised form. The same set gives the same id on
// every machine, whatever the order it was found in (F1).
func (f Freight) Identify() string {
	var lines []string
	for _, i := range f.Images {
		line := "image " + NormaliseImage(i.Repository) + "@" + i.Digest
		if i.ByTag {
			line += " " + i.Tag
		}
		lines = append(lines, line)
	}
	for _, c := range f.Commits {
		lines = append(lines, "commit "+NormaliseRepository(c.Repository)+"@"+c.ID)
	}
	for _, c := range f.Charts {
		lines = append(lines, fmt.Sprintf("chart %s %s %s@%s", NormaliseChart(c.Repository), c.KnownAs(), c.Version, c.Digest))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte("warehouse " + f.Warehouse + "\n" + strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:20])
}

// SetID identifies what the slots of a stage hold: 40 hex digits, the same for the
// same freight in the same slots. It stands where a stage without files would have
// a commit.
func SetID(slots map[string]string) string {
	var lines []string
	for warehouse, id := range slots {
		lines = append(lines, warehouse+"="+id+"\n")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:20])
}

// Short is the id as people see it: ten hex digits.
func (f Freight) Short() string { return ShortID(f.ID) }

// ShortID cuts an id or a digest to the ten hex digits that people see.
func ShortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(len(id), 10)]
}

// Image returns the freight's image of a repository.
func (f Freight) Image(repository string) (Image, bool) {
	repository = NormaliseImage(repository)
	for _, i := range f.Images {
		if i.Repository == repository {
			return i, true
		}
	}
	return Image{}, false
}

// Commit returns the freight's commit of a repository.
func (f Freight) Commit(repository string) (Commit, bool) {
	repository = NormaliseRepository(repository)
	for _, c := range f.Commits {
		if c.Repository == repository {
			return c, true
		}
	}
	return Commit{}, false
}

// Chart returns the freight's chart of a name, see [Chart.KnownAs].
func (f Freight) Chart(name string) (Chart, bool) {
	for _, c := range f.Charts {
		if c.KnownAs() == name {
			return c, true
		}
	}
	return Chart{}, false
}

// NormaliseImage returns an image repository as registries know it: Docker Hub's
// short names in full, the host in lower case.
func NormaliseImage(repository string) string {
	host, path, found := strings.Cut(repository, "/")
	switch {
	case !found:
		return "docker.io/library/" + repository
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return "docker.io/" + repository
	case host == "index.docker.io" || host == "registry-1.docker.io":
		host = "docker.io"
	}
	if host = strings.ToLower(host); host == "docker.io" && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	return host + "/" + path
}

// NormaliseChart returns the repository of a chart as freight names it: after
// oci:// as [NormaliseImage] does, an index with its host in lower case, neither
// with a slash at the end.
func NormaliseChart(repository string) string {
	scheme, rest, _ := strings.Cut(strings.TrimRight(repository, "/"), "://")
	if scheme == "oci" {
		return "oci://" + NormaliseImage(rest)
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + strings.ToLower(host) + rest[len(host):]
}

// NormaliseRepository returns owner/name in lower case, since GitHub does not
// tell them apart; "." stays ".".
func NormaliseRepository(repository string) string {
	return strings.ToLower(strings.TrimSuffix(repository, ".git"))
}
