package registry

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/promote"
)

func discover(t *testing.T, c *Client, sub promote.ImageSubscription, previous promote.Image) Found {
	t.Helper()
	found, err := c.Discover(t.Context(), sub, previous, previous.Digest != "")
	must(t, err)
	return found
}

// F1, F4: each selection takes its best, with what the image says of itself.
func TestDiscoverTakesTheBest(t *testing.T) {
	b := newBench(t)
	digests := map[string]string{
		"1.0.0":  b.push("1.0.0", build{salt: "1.0.0", created: "2026-03-01T00:00:00Z"}),
		"1.2.0":  b.push("1.2.0", build{salt: "1.2.0", created: "2026-01-01T00:00:00Z", revision: "c0ffee1"}),
		"1.10.0": b.push("1.10.0", build{salt: "1.10.0", created: "2026-02-01T02:00:00+02:00", revision: "c0ffee2"}),
		"main":   b.push("main", build{salt: "main", created: "2026-04-01T00:00:00Z"}),
	}
	rows := []struct {
		name string
		sub  promote.ImageSubscription
		want string
	}{
		{"semver", b.sub(promote.SelectSemver), "1.10.0"},
		{"lexical", b.sub(promote.SelectLexical), "main"},
		{"newest build, by the time in its configuration", b.sub(promote.SelectNewestBuild), "main"},
		{"newest build among those that are allowed", withAllow(b.sub(promote.SelectNewestBuild), `^1\.`), "1.0.0"},
		{"digest of one tag", withConstraint(b.sub(promote.SelectDigest), "1.2.0"), "1.2.0"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			found := discover(t, b.client(), row.sub, promote.Image{})
			if !found.OK || found.Image.Tag != row.want || found.Image.Digest != digests[row.want] {
				t.Errorf("found %+v, want %s@%s", found, row.want, digests[row.want])
			}
		})
	}

	found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{})
	want := promote.Image{
		Repository: b.repository(), Tag: "1.10.0", Digest: digests["1.10.0"],
		Revision: "c0ffee2", Created: instant(t, "2026-02-01T00:00:00Z"),
	}
	if found.Image != want {
		t.Errorf("found %+v, want %+v", found.Image, want)
	}
	for tag, reason := range map[string]Reason{"1.2.0": Older, "1.0.0": Older, "main": NotSemver} {
		if got := reasonOf(found, tag); got != reason {
			t.Errorf("%s passed as %q, want %q", tag, got, reason)
		}
	}
}

func withAllow(sub promote.ImageSubscription, allow ...string) promote.ImageSubscription {
	sub.Allow = patterns(allow...)
	return sub
}

func withConstraint(sub promote.ImageSubscription, constraint string) promote.ImageSubscription {
	sub.Constraint = constraint
	return sub
}

func withPlatform(sub promote.ImageSubscription, platform string) promote.ImageSubscription {
	sub.Platform = platform
	return sub
}

// F3: nothing there is an answer, not a failure.
func TestDiscoverFindsNothing(t *testing.T) {
	b := newBench(t)
	if found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{}); found.OK {
		t.Errorf("found %+v in a repository that is not there", found)
	}
	b.push("latest", build{})
	found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{})
	if found.OK || reasonOf(found, "latest") != NotSemver {
		t.Errorf("found %+v", found)
	}
	if found := discover(t, b.client(), withConstraint(b.sub(promote.SelectDigest), "main"), promote.Image{}); found.OK {
		t.Errorf("found %+v under a tag that is not there", found)
	}
}

// F1, F4: the platform must be there; the digest stays that of what the tag
// points at.
func TestDiscoverPlatform(t *testing.T) {
	b := newBench(t)
	arm := build{salt: "arm", platform: "linux/arm64", created: "2026-01-01T00:00:00Z", revision: "arm"}
	amd := build{salt: "amd", platform: "linux/amd64", created: "2026-01-02T00:00:00Z", revision: "amd"}
	both := b.pushIndex("1.0.0", amd, arm)
	b.pushIndex("1.1.0", amd)
	b.push("1.2.0", build{salt: "x", platform: "windows/amd64"})

	for platform, want := range map[string]string{
		"":               "1.2.0",
		"linux/amd64":    "1.1.0",
		"linux/arm64":    "1.0.0",
		"linux/arm64/v8": "1.0.0",
		"linux/s390x":    "",
	} {
		found := discover(t, b.client(), withPlatform(b.sub(promote.SelectSemver), platform), promote.Image{})
		if found.Image.Tag != want {
			t.Errorf("%s: found %q, want %q", platform, found.Image.Tag, want)
		}
		if want == "1.0.0" && (found.Image.Digest != both || found.Image.Revision != "arm" || reasonOf(found, "1.1.0") != WrongPlatform || reasonOf(found, "1.2.0") != WrongPlatform) {
			t.Errorf("%s: found %+v", platform, found)
		}
	}
	previous := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{}).Image
	if found := discover(t, b.client(), withPlatform(b.sub(promote.SelectSemver), "linux/amd64"), previous); found.Image.Tag != "1.1.0" {
		t.Errorf("F6: a platform asked for later still gives %q", found.Image.Tag)
	}
	b.remove("1.2.0")
	if found := discover(t, b.client(), withPlatform(b.sub(promote.SelectSemver), "linux/amd64"), previous); found.Image.Tag != "1.1.0" {
		t.Errorf("F6: an image that is gone is kept for a platform that it never had: %q", found.Image.Tag)
	}
}

// What a selection leaves out though its name is right: charts and other
// artifacts, and the attestations that an index lists among its images.
func TestDiscoverWantsImages(t *testing.T) {
	b := newBench(t)
	chart := mutate.ConfigMediaType(b.image(build{salt: "chart"}), "application/vnd.cncf.helm.config.v1+json")
	must(t, remote.Write(b.ref("2.0.0"), chart))
	b.pushIndex("1.0.0", build{salt: "attestation", platform: "unknown/unknown", revision: "no"}, build{salt: "image", platform: "linux/amd64", revision: "yes"})
	b.pushIndex("1.1.0", build{salt: "attestation", platform: "unknown/unknown"})

	found := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{})
	if found.Image.Tag != "1.0.0" || found.Image.Revision != "yes" || reasonOf(found, "2.0.0") != NotAnImage || reasonOf(found, "1.1.0") != NotAnImage {
		t.Errorf("found %+v", found)
	}
	if _, err := b.client().Resolve(t.Context(), b.repository(), "2.0.0", ""); kindIn(err) != Invalid {
		t.Errorf("F5: a chart as an image: %v", err)
	}
}

// What was selected from another repository says nothing about this one.
func TestDiscoverPreviousOfAnotherRepository(t *testing.T) {
	b := newBench(t)
	b.push("1.0.0", build{})
	previous := promote.Image{Repository: b.host + "/acme/other", Tag: "2.0.0", Digest: "sha256:00"}
	if found := discover(t, b.client(), b.sub(promote.SelectSemver), previous); found.Image.Tag != "1.0.0" {
		t.Errorf("found %+v", found)
	}
}

// F2: a tag that is pushed again is a new image; the same digest under a later
// tag is not (F3), unless the tag is part of the identity.
func TestDiscoverSameTagSameDigest(t *testing.T) {
	b := newBench(t)
	c := b.client()
	for _, sub := range []promote.ImageSubscription{b.sub(promote.SelectSemver), b.sub(promote.SelectLexical), b.sub(promote.SelectNewestBuild)} {
		t.Run(string(sub.Select), func(t *testing.T) {
			b.push("1.0.0", build{salt: "first", created: "2026-01-01T00:00:00Z"})
			previous := discover(t, c, sub, promote.Image{}).Image

			again := b.push("1.0.0", build{salt: "second", created: "2026-01-02T00:00:00Z"})
			found := discover(t, c, sub, previous)
			if found.Image.Digest != again {
				t.Errorf("pushed again: found %+v", found)
			}
			previous = found.Image

			b.push("1.1.0", build{salt: "second", created: "2026-01-02T00:00:00Z"})
			found = discover(t, c, sub, previous)
			if found.Image != previous || reasonOf(found, "1.1.0") != DuplicateDigest || reasonOf(found, "1.0.0") != "" {
				t.Errorf("a later tag on the same digest: found %+v", found)
			}

			byTag := sub
			byTag.ByTag = true
			found = discover(t, c, byTag, previous)
			if found.Image.Tag != "1.1.0" || !found.Image.ByTag || found.Image.Digest != again {
				t.Errorf("identity: tag: found %+v", found)
			}
			b.remove("1.1.0")
		})
	}
}

// F6: what disappears moves nothing backwards while the rule admits it.
func TestDiscoverKeepsWhatDisappeared(t *testing.T) {
	rows := []struct {
		name string
		sub  promote.ImageSubscription
		tag  string // selected, then gone
	}{
		{"semver", promote.ImageSubscription{Select: promote.SelectSemver}, "1.1.0"},
		{"lexical", promote.ImageSubscription{Select: promote.SelectLexical}, "1.1.0"},
		{"newest-build", promote.ImageSubscription{Select: promote.SelectNewestBuild}, "1.1.0"},
		{"digest", promote.ImageSubscription{Select: promote.SelectDigest, Constraint: "1.1.0"}, "1.1.0"},
		{"with a platform that can not be asked any more", promote.ImageSubscription{Select: promote.SelectSemver, Platform: "linux/amd64"}, "1.1.0"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			row.sub.Repository = b.repository()
			b.push("1.0.0", build{salt: "old", created: "2026-01-01T00:00:00Z"})
			digest := b.push(row.tag, build{salt: "new", created: "2026-01-02T00:00:00Z"})
			previous := discover(t, b.client(), row.sub, promote.Image{}).Image
			if previous.Digest != digest {
				t.Fatalf("selected %+v first", previous)
			}
			b.remove(row.tag)
			b.remove(digest)
			// A new client remembers nothing, as after a restart.
			found := discover(t, b.client(), row.sub, previous)
			if found.Image != previous || reasonOf(found, row.tag) != Disappeared && reasonOf(found, row.tag) != Unreadable {
				t.Errorf("found %+v, want the previous one with a reason", found)
			}

			if row.sub.Select == promote.SelectDigest {
				return
			}
			narrowed := row.sub
			narrowed.Ignore = patterns(`^1\.1`)
			if found := discover(t, b.client(), narrowed, previous); found.Image.Tag != "1.0.0" {
				t.Errorf("a rule narrowed on purpose: found %+v", found)
			}
			b.push("1.2.0", build{salt: "newest", created: "2026-01-03T00:00:00Z"})
			if found := discover(t, b.client(), row.sub, previous); found.Image.Tag != "1.2.0" || reasonOf(found, row.tag) != Disappeared {
				t.Errorf("something better: found %+v", found)
			}
		})
	}
}

// F6: a repository that is gone altogether moves nothing either.
func TestDiscoverKeepsWithoutRepository(t *testing.T) {
	b := newBench(t)
	b.push("1.0.0", build{})
	previous := discover(t, b.client(), b.sub(promote.SelectSemver), promote.Image{}).Image
	b.fail(notFound("NAME_UNKNOWN", ending("/tags/list")))
	if found := discover(t, b.client(), b.sub(promote.SelectSemver), previous); found.Image != previous {
		t.Errorf("found %+v", found)
	}
}

// F4: an old build that arrives late is older, also under the tag that was
// selected last.
func TestDiscoverLateOldBuild(t *testing.T) {
	b := newBench(t)
	sub := b.sub(promote.SelectNewestBuild)
	b.push("main", build{salt: "new", created: "2026-01-02T00:00:00Z"})
	previous := discover(t, b.client(), sub, promote.Image{}).Image

	b.push("zz-late", build{salt: "old", created: "2026-01-01T00:00:00Z"})
	found := discover(t, b.client(), sub, previous)
	if found.Image != previous || reasonOf(found, "zz-late") != Older {
		t.Errorf("found %+v", found)
	}
	b.push("main", build{salt: "older", created: "2025-01-01T00:00:00Z"})
	found = discover(t, b.client(), sub, previous)
	if found.Image != previous || reasonOf(found, "main") != Older {
		t.Errorf("found %+v", found)
	}
	// A build that can be repeated to the byte has the same time as the one before.
	same := b.push("main", build{salt: "same time", created: "2026-01-02T00:00:00Z"})
	if found = discover(t, b.client(), sub, previous); found.Image.Digest != same {
		t.Errorf("pushed again with the same build time: found %+v", found)
	}
}

func TestDiscoverNewestBuildTies(t *testing.T) {
	b := newBench(t)
	for _, tag := range []string{"a", "c", "b"} {
		b.push(tag, build{salt: tag, created: "2026-01-01T00:00:00Z"})
	}
	b.push("none", build{salt: "none"})
	b.push("also-c", build{salt: "c", created: "2026-01-01T00:00:00Z"})
	found := discover(t, b.client(), b.sub(promote.SelectNewestBuild), promote.Image{})
	if found.Image.Tag != "c" || reasonOf(found, "none") != NoBuildTime || reasonOf(found, "also-c") != DuplicateDigest || reasonOf(found, "b") != Older {
		t.Errorf("found %+v", found)
	}
}

// What an image says is taken from the annotations where the configuration does
// not, and only where it is a plain word and a time that can be written down.
func TestFactsFromAnnotations(t *testing.T) {
	b := newBench(t)
	annotated := func(tag, revision, created string) {
		t.Helper()
		annotations := map[string]string{labelRevision: revision, labelCreated: created}
		must(t, remote.Put(b.ref(tag), mutate.Annotations(b.image(build{salt: tag}), annotations).(remote.Taggable)))
	}
	for _, salt := range []string{"good", "bad"} {
		must(t, remote.Write(b.ref("config-"+salt), b.image(build{salt: salt})))
	}
	annotated("good", "c0ffee", "2026-01-01T00:00:00Z")
	annotated("bad", "$(rm -rf)\n", "9999-12-31T23:59:59-01:00")

	good, err := b.client().Resolve(t.Context(), b.repository(), "good", "")
	must(t, err)
	if good.Revision != "c0ffee" || !good.Created.Equal(instant(t, "2026-01-01T00:00:00Z")) {
		t.Errorf("resolved %+v", good)
	}
	index := mutate.Annotations(mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: b.image(build{salt: "good"})}),
		map[string]string{labelRevision: "1nd3x", labelCreated: "2026-02-01T00:00:00Z"})
	must(t, remote.Put(b.ref("index"), index.(remote.Taggable)))
	of, err := b.client().Resolve(t.Context(), b.repository(), "index", "")
	must(t, err)
	if of.Revision != "1nd3x" || !of.Created.Equal(instant(t, "2026-02-01T00:00:00Z")) {
		t.Errorf("resolved %+v", of)
	}
	bad, err := b.client().Resolve(t.Context(), b.repository(), "bad", "")
	must(t, err)
	if bad.Revision != "" || !bad.Created.IsZero() {
		t.Errorf("resolved %+v", bad)
	}
}

// F5: freight made by hand names what the registry knows, or is refused.
func TestResolve(t *testing.T) {
	b := newBench(t)
	digest := b.push("1.4.2", build{revision: "c0ffee"})
	c := b.client()
	for _, asked := range []string{"1.4.2", digest} {
		image, err := c.Resolve(t.Context(), b.repository(), asked, "")
		must(t, err)
		if image.Digest != digest || image.Revision != "c0ffee" || (image.Tag == "1.4.2") != (asked == "1.4.2") {
			t.Errorf("%s: resolved %+v", asked, image)
		}
	}
	for asked, kind := range map[string]Kind{
		"1.4.3": NotFound,
		"sha256:0000000000000000000000000000000000000000000000000000000000000000": NotFound,
		"sha256:00": Invalid,
		"../x":      Invalid,
		"":          Invalid,
	} {
		if _, err := c.Resolve(t.Context(), b.repository(), asked, ""); kindIn(err) != kind {
			t.Errorf("%q: %v, want %s", asked, err, kind)
		}
	}
	if _, err := c.Resolve(t.Context(), b.host+"/../x", "1", ""); kindIn(err) != Invalid {
		t.Errorf("a repository that leaves its path: %v", err)
	}
}
