package registry

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/towpath/towpath/internal/promote"
)

// Reason says why something that was seen was not taken (F8).
type Reason string

// The reasons of a [Passed].
const (
	NotATag           Reason = "not-a-tag"          // the name is no tag by the OCI grammar
	NotAllowed        Reason = "not-allowed"        // no `allow` matches
	Ignored           Reason = "ignored"            // an `ignore` matches
	InChannel         Reason = "channel"            // a pre-release, for stages that are taken over only (F7)
	OtherChannel      Reason = "other-channel"      // not of the channel and the pull request that a stage is taken over for
	NotFollowed       Reason = "not-followed"       // digest: another tag than the one that is followed
	NotSemver         Reason = "not-semver"         // no strict semantic version, `v` aside
	OutsideConstraint Reason = "outside-constraint" // a version that the constraint leaves out
	NotAnImage        Reason = "not-an-image"       // a signature, chart or other artifact
	NotAChart         Reason = "not-a-chart"        // what the OCI repository has there is no Helm chart
	WrongPlatform     Reason = "wrong-platform"     // nothing for the platform asked for
	Unreadable        Reason = "unreadable"         // tag, manifest or configuration can not be read
	NoBuildTime       Reason = "no-build-time"      // newest-build: the image does not say when it was built
	Older             Reason = "older"              // admitted, and something better was taken
	DuplicateDigest   Reason = "duplicate-digest"   // another tag of the digest that was taken (F3)
	Disappeared       Reason = "disappeared"        // selected last and not listed any more; kept while nothing better is there (F6)
)

// Passed is a tag that was seen and not taken.
type Passed struct {
	Item   string // the tag; quoted in ASCII and cut where it is no tag
	Reason Reason
	Detail string // one line for people; may be empty
}

// rule is a subscription made ready to judge tags by their names.
type rule struct {
	sub        promote.ImageSubscription
	constraint *semver.Constraints // semver only
	platform   *v1.Platform        // nil: any
	names      *regexp.Regexp      // what can be a tag at all
}

func newRule(sub promote.ImageSubscription) (rule, error) {
	r := rule{sub: sub, names: tagName}
	switch sub.Select {
	case promote.SelectSemver:
		constraint, err := semver.NewConstraint(cmp.Or(sub.Constraint, "*"))
		if err != nil {
			return rule{}, fmt.Errorf("constraint %s: %w", quoteName(sub.Constraint), err)
		}
		r.constraint = constraint
	case promote.SelectDigest:
		if !tagName.MatchString(sub.Constraint) {
			return rule{}, fmt.Errorf("a digest selection follows one tag, and %s is none", quoteName(sub.Constraint))
		}
	case promote.SelectLexical, promote.SelectNewestBuild:
	default:
		return rule{}, fmt.Errorf("unknown selection %s", quoteName(string(sub.Select)))
	}
	if sub.Platform != "" {
		platform, err := parsePlatform(sub.Platform)
		if err != nil {
			return rule{}, err
		}
		r.platform = platform
	}
	return r, nil
}

func parsePlatform(text string) (*v1.Platform, error) {
	platform, err := v1.ParsePlatform(text)
	if err != nil || platform.OS == "" || platform.Architecture == "" {
		return nil, errors.New("want a platform as os/arch or os/arch/variant")
	}
	*platform = plainVariant(*platform)
	return platform, nil
}

// plainVariant drops the one variant that builders write or leave out at will.
func plainVariant(p v1.Platform) v1.Platform {
	if p.Architecture == "arm64" && p.Variant == "v8" {
		p.Variant = ""
	}
	return p
}

// judge returns why the rule leaves the tag out; no reason: it is admitted.
func (r rule) judge(tag string) (Reason, string) {
	switch {
	case !r.names.MatchString(tag):
		return NotATag, ""
	case r.sub.Select == promote.SelectDigest && tag != r.sub.Constraint:
		return NotFollowed, ""
	case attachment.MatchString(tag):
		return NotAnImage, "it is attached to another image"
	}
	if r.sub.Only.Tag != nil {
		if number, ok := r.sub.Only.Has(tag); !ok || number != r.sub.Number {
			return OtherChannel, ""
		}
		return "", ""
	}
	for _, channel := range r.sub.Channels {
		if channel.Tag.MatchString(tag) {
			return InChannel, "of channel " + channel.Name
		}
	}
	for _, ignore := range r.sub.Ignore {
		if ignore.MatchString(tag) {
			return Ignored, ignore.String()
		}
	}
	if len(r.sub.Allow) > 0 {
		allowed := false
		for _, allow := range r.sub.Allow {
			allowed = allowed || allow.MatchString(tag)
		}
		if !allowed {
			return NotAllowed, ""
		}
	}
	if r.constraint != nil {
		v, err := version(tag)
		if err != nil {
			return NotSemver, ""
		}
		if !r.constraint.Check(v) {
			return OutsideConstraint, cmp.Or(r.sub.Constraint, "pre-releases are for constraints that name one")
		}
	}
	return "", ""
}

func (r rule) admits(tag string) bool {
	reason, _ := r.judge(tag)
	return reason == ""
}

// version reads a tag as a strict semantic version with an optional `v`.
func version(tag string) (*semver.Version, error) {
	return semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
}

// candidate is a tag that the rule admits.
type candidate struct {
	tag     string
	listed  bool // false: selected last, and gone from the list
	version *semver.Version
}

// choose returns the tags that the rule admits, best first, and the others with
// their reasons, by name. The tag that was selected last takes its place among
// the first even where it is not listed any more, as long as the rule admits it
// (F6); it may be empty. The order of the names decides for every selection but
// newest-build, for which it only breaks ties.
func choose(r rule, tags []string, previous string) ([]candidate, []Passed) {
	tags = slices.Clone(tags)
	slices.Sort(tags)
	tags = slices.Compact(tags)
	var candidates []candidate
	var passed []Passed
	for _, tag := range tags {
		if reason, detail := r.judge(tag); reason != "" {
			item := tag
			if reason == NotATag {
				item = quoteName(tag)
			}
			passed = append(passed, Passed{Item: item, Reason: reason, Detail: detail})
			continue
		}
		candidates = append(candidates, candidate{tag: tag, listed: true})
	}
	if _, listed := slices.BinarySearch(tags, previous); previous != "" && !listed && r.admits(previous) {
		candidates = append(candidates, candidate{tag: previous})
	}
	if r.sub.Select == promote.SelectSemver {
		for i := range candidates {
			candidates[i].version, _ = version(candidates[i].tag) // it is one: the rule admitted it
		}
	}
	slices.SortFunc(candidates, better)
	return candidates, passed
}

// better orders by version where there is one, then by name, the greatest first.
func better(a, b candidate) int {
	if a.version != nil && b.version != nil {
		if order := b.version.Compare(a.version); order != 0 {
			return order
		}
	}
	return strings.Compare(b.tag, a.tag)
}
