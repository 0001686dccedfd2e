package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/towpath/towpath/internal/promote"
)

// origin is where a search looks: an image repository, or one of charts, whose
// versions are its tags. Errors are of type [*Error].
type origin interface {
	tags(ctx context.Context) ([]string, error)
	digest(ctx context.Context, tag string) (string, error)
	facts(ctx context.Context, digest string, platform *v1.Platform) (facts, error)
}

// search is one Discover under way.
type search struct {
	origin
	repository string // normalised
	rule       rule
	previous   promote.Image // the zero image: none
	outage     outage
}

func (s *search) run(ctx context.Context) (Found, error) {
	tags := []string{s.rule.sub.Constraint}
	if s.rule.sub.Select != promote.SelectDigest {
		var err error
		if tags, err = s.tags(ctx); err != nil {
			return Found{}, err
		}
	}
	candidates, excluded := choose(s.rule, tags, s.previous.Tag)
	pick := s.first
	if s.rule.sub.Select == promote.SelectNewestBuild {
		pick = s.newest
	}
	found, err := pick(ctx, candidates)
	if err != nil {
		return Found{}, err
	}
	if err := s.outage.verdict(); err != nil {
		return Found{}, err
	}
	found.Passed = append(found.Passed, excluded...)
	return found, nil
}

// first takes the first candidate that can be taken.
func (s *search) first(ctx context.Context, candidates []candidate) (Found, error) {
	var found Found
	for i, c := range candidates {
		seen, err := s.look(ctx, c)
		if err != nil {
			return Found{}, err
		}
		if seen.reason == "" {
			return s.take(seen.image, found.Passed, candidates[i+1:]), nil
		}
		found.Passed = append(found.Passed, seen.passed())
		if c.tag != s.previous.Tag {
			continue
		}
		held, err := s.holds(ctx)
		if err != nil {
			return Found{}, err
		}
		if held {
			return s.take(s.previous, found.Passed, candidates[i+1:]), s.probe(ctx, candidates[i+1:])
		}
	}
	return found, nil
}

// probe looks on, after a failure with nothing read before it, until the others
// tell whether it is the image or the registry.
func (s *search) probe(ctx context.Context, rest []candidate) error {
	for _, c := range rest {
		if s.outage.verdict() == nil {
			return nil
		}
		if _, err := s.look(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

const notListed = "selected last and not listed any more"

// take returns the image and passes over what comes after it. A digest that was
// selected before under another tag stays what it was.
func (s *search) take(image promote.Image, passed []Passed, rest []candidate) Found {
	tag := image.Tag
	image.ByTag = s.rule.sub.ByTag
	if image.Digest == s.previous.Digest && !image.ByTag && image.Tag != s.previous.Tag {
		image = s.previous
		passed = append(passed, Passed{Item: tag, Reason: DuplicateDigest, Detail: "selected before as " + s.previousName()})
	}
	for _, c := range rest {
		switch {
		case c.tag == image.Tag:
		case !c.listed:
			passed = append(passed, Passed{Item: c.tag, Reason: Disappeared, Detail: notListed})
		default:
			passed = append(passed, Passed{Item: c.tag, Reason: Older, Detail: tag + " was taken"})
		}
	}
	return Found{Image: image, OK: true, Passed: passed}
}

func (s *search) previousName() string { return cmp.Or(s.previous.Tag, s.previous.Digest) }

// newest takes the image with the latest build time.
func (s *search) newest(ctx context.Context, candidates []candidate) (Found, error) {
	if len(candidates) > maxBuilds {
		return Found{}, &Error{Kind: TooMany, Repository: s.repository, Detail: fmt.Sprintf(
			"%d tags are admitted and newest-build reads at most %d: narrow them with allow or ignore", len(candidates), maxBuilds)}
	}
	all := make([]sighting, len(candidates))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, c := range candidates {
		group.Go(func() (err error) {
			all[i], err = s.look(groupCtx, c)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Found{}, err
	}

	var found Found
	var builds []sighting
	for _, seen := range all {
		if seen.reason == "" && seen.image.Created.IsZero() {
			seen.reason = NoBuildTime
		}
		if seen.reason == "" {
			builds = append(builds, seen)
		} else {
			found.Passed = append(found.Passed, seen.passed())
		}
	}
	if s.previous.Tag != "" && s.rule.admits(s.previous.Tag) && !s.previous.Created.IsZero() {
		held, err := s.holds(ctx)
		if err != nil {
			return Found{}, err
		}
		if held {
			builds = append(builds, sighting{image: s.previous, held: true})
		}
	}
	if len(builds) == 0 {
		return found, nil
	}
	slices.SortFunc(builds, newer)
	return s.takeBuild(builds, found.Passed), nil
}

// takeBuild returns the first of the builds, which are in order, and passes over
// the others.
func (s *search) takeBuild(builds []sighting, passed []Passed) Found {
	found := s.take(builds[0].image, nil, nil)
	taken := builds[0].image.Tag + " was taken"
	for _, b := range builds[1:] {
		switch {
		case b.held, b.image.Tag == found.Image.Tag && b.image.Digest == found.Image.Digest:
			continue
		case b.image.Digest == found.Image.Digest:
			b.reason, b.detail = DuplicateDigest, taken
		case b.image.Tag == found.Image.Tag:
			b.reason, b.detail = Older, "the tag points at an older build now, and the newer one is kept"
		default:
			b.reason, b.detail = Older, taken
		}
		found.Passed = append(found.Passed, b.passed())
	}
	found.Passed = append(found.Passed, passed...)
	return found
}

// newer orders by build time, the latest first. At the same time what is there
// comes before what is only remembered, then the greatest tag.
func newer(a, b sighting) int {
	if order := b.image.Created.Compare(a.image.Created); order != 0 {
		return order
	}
	if a.held != b.held {
		if a.held {
			return 1
		}
		return -1
	}
	return strings.Compare(b.image.Tag, a.image.Tag)
}

// sighting is what looking at one candidate brought.
type sighting struct {
	image  promote.Image
	held   bool   // newest-build: remembered from the last time, not seen now
	reason Reason // why it can not be taken; none: it can
	detail string
}

func (s sighting) passed() Passed {
	return Passed{Item: s.image.Tag, Reason: s.reason, Detail: s.detail}
}

// look asks what the candidate points at and what that is. The error is one of
// the whole registry.
func (s *search) look(ctx context.Context, c candidate) (sighting, error) {
	seen := sighting{image: promote.Image{Tag: c.tag}}
	if !c.listed {
		seen.reason, seen.detail = Disappeared, notListed
		return seen, nil
	}
	said := facts{}
	digest, err := s.digest(ctx, c.tag)
	if err == nil {
		said, err = s.facts(ctx, digest, s.rule.platform)
	}
	if detail, err := s.outage.weigh(err); err != nil {
		return sighting{}, err
	} else if detail != "" {
		seen.reason, seen.detail = Unreadable, detail
		return seen, nil
	}
	seen.image = said.image(s.repository, c.tag, digest)
	seen.reason, seen.detail = said.reason, said.detail
	return seen, nil
}

// holds tells whether the image that was selected last may still be the answer
// although its tag is gone or broken. The rule admits the tag; whether it admits
// the platform is asked as far as the digest can still be read.
func (s *search) holds(ctx context.Context) (bool, error) {
	if s.rule.platform == nil {
		return true, nil
	}
	said, err := s.facts(ctx, s.previous.Digest, s.rule.platform)
	if known := (*Error)(nil); errors.As(err, &known) {
		if artifact, _ := known.broken(); artifact {
			return true, nil
		}
		return false, err
	}
	return said.reason == "", err
}

// outage tells one broken image from a registry that is down: after a few
// answers of 5xx without a single image read, or with none read in the end, it
// is the registry.
type outage struct {
	mu     sync.Mutex
	read   int
	failed int
	last   error
}

// patience is how many images may fail before the first one is read.
const patience = 3

// weigh takes note of how reading an image went. It returns why this image can
// not be read, or an error when there is no point in reading others.
func (o *outage) weigh(err error) (detail string, fatal error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.read++
		return "", nil
	}
	known := (*Error)(nil)
	if !errors.As(err, &known) {
		return "", err
	}
	artifact, suspicious := known.broken()
	if !artifact {
		return "", err
	}
	if !suspicious {
		return known.reading(), nil
	}
	o.failed++
	o.last = err
	if o.read == 0 && o.failed >= patience {
		return "", err
	}
	return known.reading(), nil
}

func (o *outage) verdict() error {
	if o.read == 0 && o.failed > 0 {
		return o.last
	}
	return nil
}
