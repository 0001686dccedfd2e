package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/towpath/towpath/internal/promote"
)

// F1, F4: the highest version that the constraint admits, with its digest.
func TestDiscoverChart(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		c := s.server().client()
		if found := discoverChart(t, c, s.sub(""), promote.Chart{}); found.OK {
			t.Errorf("found %+v where nothing is", found)
		}
		digests := map[string]string{}
		for _, version := range []string{"1.9.0", "1.10.0", "2.0.0-rc.1", "v1.11.0", "1.10.1+b.2", "nightly", "3"} {
			digests[version] = s.put(version, version)
		}
		for constraint, want := range map[string]string{
			"": "v1.11.0", "<1.11": "1.10.1+b.2", "1.10.0": "1.10.0", ">=1.0.0-0": "2.0.0-rc.1", ">2": "",
		} {
			found := discoverChart(t, c, s.sub(constraint), promote.Chart{})
			got := promote.Chart{}
			if want != "" {
				got = promote.Chart{Repository: s.sub("").Repository, Name: "app", Version: want, Digest: digests[want]}
			}
			if found.OK != (want != "") || found.OK && found.Chart != got {
				t.Errorf("%s: found %+v, want %+v", constraint, found, got)
			}
		}
		found := discoverChart(t, c, s.sub("<1.11"), promote.Chart{})
		for version, reason := range map[string]Reason{
			"1.9.0": Older, "1.10.0": Older, "v1.11.0": OutsideConstraint, "2.0.0-rc.1": OutsideConstraint, "nightly": NotSemver, "3": NotSemver,
		} {
			if got := found.reason(version); got != reason {
				t.Errorf("%s passed as %q, want %q", version, got, reason)
			}
		}
	})
}

// F2, F3, F6: the version that was selected last stays while it is the best, its
// digest is the best one's, or it is gone; not when it is pushed again or left out.
func TestDiscoverChartAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		c := s.server().client()
		s.put("1.0.0", "old")
		s.put("1.1.0", "new")
		previous := discoverChart(t, c, s.sub(""), promote.Chart{}).Chart
		again := func(step, constraint, want string) FoundChart {
			t.Helper()
			found := discoverChart(t, c, s.sub(constraint), previous)
			if found.Chart.Version != want {
				t.Errorf("%s: found %+v, want %s", step, found, want)
			}
			return found
		}
		again("nothing new", "", "1.1.0")
		s.put("1.2.0", "new")
		if found := again("the same content as another version", "", "1.1.0"); found.Chart != previous || found.reason("1.2.0") != DuplicateDigest {
			t.Errorf("found %+v", found)
		}
		s.drop("1.2.0")
		s.drop("1.1.0")
		if found := again("gone", "", "1.1.0"); found.Chart != previous || found.reason("1.1.0") != Disappeared {
			t.Errorf("gone: found %+v", found)
		}
		again("gone, and left out", "~1.0", "1.0.0")
		if digest := s.put("1.1.0", "newer"); again("pushed again", "", "1.1.0").Chart.Digest != digest {
			t.Error("pushed again: the old digest")
		}
		other := s.sub("")
		other.Repository = strings.Replace(other.Repository, "127.0.0.1", "localhost", 1)
		s.drop("1.1.0")
		if found := discoverChart(t, c, other, previous); found.Chart.Version != "1.0.0" {
			t.Errorf("what another repository had is kept: %+v", found)
		}
	})
}

// F8: one version that can not be read stops nothing, and F6: nor does it move
// anything backwards.
func TestUnreadableChart(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		s.put("1.0.0", "old")
		digest := s.put("1.1.0", "new")
		previous := discoverChart(t, s.server().client(), s.sub(""), promote.Chart{}).Chart
		where := func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, digest) || s.archiveOf("1.1.0", digest)(r)
		}
		for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
			"gone": notFound("MANIFEST_UNKNOWN", where), "garbage": answer(200, "<html>", where), "500": answer(500, "", where),
		} {
			s.server().fail(fault)
			found := discoverChart(t, s.server().client(), s.sub(""), promote.Chart{})
			if found.Chart.Version != "1.0.0" || found.reason("1.1.0") != Unreadable {
				t.Errorf("%s: found %+v, want the next best", name, found)
			}
			found = discoverChart(t, s.server().client(), s.sub(""), previous)
			if found.Chart != previous || found.reason("1.1.0") != Unreadable {
				t.Errorf("%s: found %+v, want the previous one", name, found)
			}
		}
	})
}

// F6: an outage is an error of a kind that names the chart, never an answer.
func TestChartOutage(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		s.put("1.0.0", "old")
		previous := discoverChart(t, s.server().client(), s.sub(""), promote.Chart{}).Chart
		for name, row := range map[string]struct {
			kind  Kind
			fault func(http.ResponseWriter, *http.Request) bool
		}{
			"500":       {Unavailable, answer(500, "", every)},
			"401":       {Unauthorized, answer(401, "", every)},
			"429":       {RateLimited, answer(429, "", every)},
			"too large": {Malformed, answer(200, strings.Repeat("# x\n", maxIndex/4)+"entries:\n  app:\n", func(r *http.Request) bool { return r.URL.Path != "/v2/" })},
			"cut":       {Unavailable, func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }},
		} {
			s.server().fail(row.fault)
			found, err := s.server().client().DiscoverChart(t.Context(), s.sub(""), previous, true)
			if kindIn(err) != row.kind || !strings.Contains(err.Error(), "chart "+s.sub("").Repository) {
				t.Errorf("%s: found %+v, error %v, want kind %s", name, found, err, row.kind)
			}
			s.server().heal()
		}
		for _, sub := range []promote.ChartSubscription{
			{Repository: "oci://" + s.server().host + "/A", Name: "a"}, {Repository: "http://" + s.server().host, Name: "a"},
			{Repository: s.sub("").Repository, Name: "app", Constraint: "two"}, {Repository: "https://a:b@" + s.server().host, Name: "a"},
		} {
			if found, err := s.server().client().DiscoverChart(t.Context(), sub, previous, true); kindIn(err) != Invalid {
				t.Errorf("%+v: found %+v, error %v", sub, found, err)
			}
		}
	})
}

// What else an OCI repository can hold under a version.
func TestNotAChart(t *testing.T) {
	s := &ociShelf{newBench(t)}
	good := s.putLayers("1.0.0", chartConfig, chartArchiveOfOld, "old")
	s.push("1.1.0", build{})
	s.pushIndex("1.2.0", build{platform: "linux/amd64"})
	s.putLayers("1.3.0", chartConfig, chartArchive)
	s.putLayers("1.4.0", chartConfig, chartArchive, "a", "b")
	s.putLayers("1.5.0", types.OCIConfigJSON, chartArchive, "a")
	s.putLayers("not_a_version", chartConfig, chartArchive, "a")
	c := s.client()
	found := discoverChart(t, c, s.sub(""), promote.Chart{})
	if found.Chart.Digest != good {
		t.Errorf("found %+v", found)
	}
	for _, version := range []string{"1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"} {
		if found.reason(version) != NotAChart {
			t.Errorf("%s: %q", version, found.reason(version))
		}
	}
	if found.reason("not_a_version") != NotSemver {
		t.Errorf("found %+v", found)
	}
	// The same digest is looked at as an image without what is known of the chart.
	if found := discover(t, c, withConstraint(s.bench.sub(promote.SelectSemver), "<1.3"), promote.Image{}); found.Image.Tag != "1.2.0" {
		t.Errorf("as images: %+v", found)
	}
}

// F2: exactly the archive of the digest, downloaded once.
func TestChart(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		s.put("1.0.0+b", "content")
		chart := discoverChart(t, s.server().client(), s.sub(""), promote.Chart{}).Chart
		written := chart
		if written.Repository += "/"; strings.HasPrefix(written.Repository, "oci://") {
			written.Name = ""
		}
		c := s.server().client()
		for range 2 {
			if data, err := c.Chart(t.Context(), written); err != nil || string(data) != "content" {
				t.Errorf("%q, %v", data, err)
			}
			s.server().status(500, every)
		}
		if data, err := c.Chart(t.Context(), chart); err != nil || string(data) != "content" {
			t.Errorf("as found: %q, %v", data, err)
		}
	})
}

// An archive that can not be had: the error names the chart and a way out, and
// says whether it is worth trying again.
func TestChartErrors(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		digest := s.put("1.0.0", "content")
		chart := promote.Chart{Repository: s.sub("").Repository, Name: "app", Version: "1.0.0", Digest: digest}
		where := s.archiveOf("1.0.0", digest)
		check := func(name string, chart promote.Chart, kind Kind, temporary bool, wayOut string) {
			t.Helper()
			data, err := s.server().client().Chart(t.Context(), chart)
			known := (*Error)(nil)
			if !errors.As(err, &known) || known.Kind != kind || known.Temporary() != temporary {
				t.Errorf("%s: %q, error %v, want kind %s", name, data, err, kind)
				return
			}
			if text := err.Error(); !strings.Contains(text, chart.Repository) || !strings.Contains(text, " 1.0.0: ") || !strings.Contains(text, wayOut) {
				t.Errorf("%s: %s", name, text)
			}
		}
		for name, row := range map[string]struct {
			fault     func(http.ResponseWriter, *http.Request) bool
			kind      Kind
			temporary bool
			wayOut    string
		}{
			"down":         {answer(503, "", every), Unavailable, true, "tried again"},
			"busy":         {answer(429, "", every), RateLimited, true, "tried again"},
			"archive down": {answer(503, "", where), Unavailable, true, "tried again"},
			"archive gone": {notFound("BLOB_UNKNOWN", where), NotFound, false, "another version"},
			"tampered":     {answer(200, "c0ntent", where), Malformed, false, "another version"},
			"a bomb":       {answer(200, strings.Repeat("x", maxArchive+1), where), Malformed, false, "too large"},
			"locked":       {answer(403, "", every), Unauthorized, false, "TOWPATH_REGISTRY_"},
		} {
			s.server().fail(row.fault)
			check(name, chart, row.kind, row.temporary, row.wayOut)
			s.server().heal()
		}
		other := chart
		other.Digest = "sha256:" + strings.Repeat("0", 64)
		check("another digest", other, NotFound, false, "another version")
		other.Digest = ""
		check("no digest", other, Invalid, false, "anew")
		s.drop("1.0.0")
		if _, ok := s.(*ociShelf); !ok { // a registry keeps what has no tag
			check("not listed", chart, NotFound, false, "another version")
		}
	})
}

// The largest archive there may be is read.
func TestChartLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, s shelf) {
		s.put("1.0.0", strings.Repeat("x", maxArchive))
		chart := discoverChart(t, s.server().client(), s.sub(""), promote.Chart{}).Chart
		if data, err := s.server().client().Chart(t.Context(), chart); len(data) != maxArchive {
			t.Errorf("%d bytes, %v", len(data), err)
		}
	})
	s := &ociShelf{newBench(t)}
	s.put("1.0.0", strings.Repeat("x", maxArchive+1))
	if found := discoverChart(t, s.client(), s.sub(""), promote.Chart{}); found.OK || found.reason("1.0.0") != Unreadable {
		t.Errorf("found %+v", found)
	}
}

// A chart's archive is not mistaken for that of another repository.
func TestKept(t *testing.T) {
	k := newKept(100)
	key := func(repository string) keptKey {
		return keptKey{repository: repository, name: "app", digest: "sha256:1"}
	}
	for _, repository := range []string{"a", "b", "c"} {
		k.put(key(repository), repository, 40)
		k.get(key("a"))
	}
	for repository, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if value, ok := k.get(key(repository)); ok != want || ok && value != repository {
			t.Errorf("%s: %v, %t", repository, value, ok)
		}
	}
	k.put(key("a"), "again", 60)
	a, _ := k.get(key("a"))
	if _, ok := k.get(key("c")); a != "again" || !ok || k.room != 0 {
		t.Errorf("a: %v, c: %t, room for %d", a, ok, k.room)
	}
	k.put(key("d"), "too large", 101)
	if len(k.byKey) != 0 || k.byUse.Len() != 0 || k.room != 100 {
		t.Errorf("%d are left, room %d", len(k.byKey), k.room)
	}
	k.put(key("e"), "fits", 100)
	if _, ok := k.get(key("e")); !ok {
		t.Error("what fits is not kept")
	}
}
