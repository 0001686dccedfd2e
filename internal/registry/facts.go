package registry

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/promote"
)

// facts are what an image says of itself. They never change for a digest.
type facts struct {
	reason   Reason // NotAnImage or WrongPlatform: the digest can not be taken
	detail   string
	revision string    // of the source
	created  time.Time // UTC; zero: it does not say
}

func (f facts) image(repository, tag, digest string) promote.Image {
	return promote.Image{Repository: repository, Tag: tag, Digest: digest, Revision: f.revision, Created: f.created}
}

// factsKey holds the repository and the reader's rights too: who may read one may
// not read every other.
type factsKey struct{ rights, repository, digest, platform string }

const (
	labelRevision = "org.opencontainers.image.revision"
	labelCreated  = "org.opencontainers.image.created"
)

// facts returns what the image of that digest says, from memory or by reading
// its manifest and configuration, and for an index those of the platform, or of
// the first one where any will do.
func (s *session) facts(ctx context.Context, digest string, platform *v1.Platform) (facts, error) {
	key := factsKey{rights: s.rights, repository: s.repository.Name(), digest: digest}
	if platform != nil {
		key.platform = platform.String()
	}
	return s.remember(key, func() (facts, error) { return s.read(ctx, s.repository.Digest(digest), platform) })
}

// remember returns what is known of a digest, or reads it.
func (s *session) remember(key factsKey, read func() (facts, error)) (facts, error) {
	if known, ok := s.known.Get(key); ok {
		return known.(facts), nil
	}
	found, err := read()
	if err != nil {
		e := classify(s.normalised, err)
		// The registry has just told the digest. What it refuses may be this one alone,
		// as scanners' quarantines do.
		e.artifact = e.Kind == Malformed || e.Kind == Unauthorized && e.artifact
		return facts{}, e
	}
	s.known.Add(key, found)
	return found, nil
}

func (s *session) read(ctx context.Context, ref name.Digest, platform *v1.Platform) (facts, error) {
	described, err := s.puller.Get(ctx, ref)
	if err != nil {
		return facts{}, err
	}
	switch {
	case described.MediaType.IsImage():
		return s.readImage(described, platform)
	case described.MediaType.IsIndex():
		return s.readIndex(ctx, described, platform)
	}
	return facts{reason: NotAnImage, detail: "neither an image nor an index"}, nil
}

func (s *session) readIndex(ctx context.Context, described *remote.Descriptor, platform *v1.Platform) (facts, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(described.Manifest))
	if err != nil {
		return facts{}, s.malformed("the index can not be parsed")
	}
	for _, entry := range index.Manifests {
		if !entry.MediaType.IsImage() || !suits(entry.Platform, platform) {
			continue
		}
		image, err := s.puller.Get(ctx, s.repository.Digest(entry.Digest.String()))
		if err != nil {
			return facts{}, err
		}
		// The index said which platform it is, so the configuration is not asked.
		found, err := s.readImage(image, nil)
		if err != nil {
			return facts{}, err
		}
		found.revision = firstRevision(found.revision, index.Annotations[labelRevision])
		if found.created.IsZero() {
			found.created = parseTime(index.Annotations[labelCreated])
		}
		return found, nil
	}
	if platform == nil {
		return facts{reason: NotAnImage, detail: "the index holds no image"}, nil
	}
	return facts{reason: WrongPlatform, detail: fmt.Sprintf("the index holds no %s", platform)}, nil
}

// suits tells whether an entry of an index is an image for the platform.
// Builders list attestations as images for unknown/unknown.
func suits(have, want *v1.Platform) bool {
	if have == nil {
		return want == nil
	}
	if want == nil {
		return have.OS != "unknown"
	}
	return plainVariant(*have).Satisfies(*want)
}

func (s *session) readImage(described *remote.Descriptor, platform *v1.Platform) (facts, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(described.Manifest))
	if err != nil {
		return facts{}, s.malformed("the manifest can not be parsed")
	}
	if !manifest.Config.MediaType.IsConfig() {
		return facts{reason: NotAnImage, detail: "the manifest has no image configuration"}, nil
	}
	image, err := described.Image()
	if err != nil {
		return facts{}, err
	}
	raw, err := image.RawConfigFile()
	if err != nil {
		return facts{}, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return facts{}, s.malformed("the configuration can not be parsed")
	}
	if platform != nil {
		have := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
		if !plainVariant(have).Satisfies(*platform) {
			return facts{reason: WrongPlatform, detail: fmt.Sprintf("the image is not for %s", platform)}, nil
		}
	}
	found := facts{
		revision: firstRevision(config.Config.Labels[labelRevision], manifest.Annotations[labelRevision]),
		created:  keepTime(config.Created.Time),
	}
	if found.created.IsZero() {
		found.created = parseTime(manifest.Annotations[labelCreated])
	}
	return found, nil
}

func (s *session) malformed(detail string) error {
	return &Error{Kind: Malformed, Repository: s.normalised, Detail: detail, artifact: true}
}

// firstRevision takes a revision only where it is a plain word: it ends in
// links and in the inputs of workflows.
func firstRevision(revisions ...string) string {
	for _, r := range revisions {
		if tagName.MatchString(r) {
			return r
		}
	}
	return ""
}

func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return keepTime(t)
}

// keepTime returns the time in UTC, and none where it could not be written as
// JSON, which ends with the year 9999.
func keepTime(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
