package promote

import (
	"regexp"
	"slices"
	"testing"
)

// F4: tags of a repository by version or by name, late old ones after newer ones;
// F6: the one taken last stays in its place when it is gone, as long as the rule
// admits it.
func TestChooseTags(t *testing.T) {
	for _, row := range []struct {
		name string
		rule TagRule
		tags []string
		last string
		want []string
		why  map[string]string
	}{
		{name: "versions, not letters", rule: TagRule{Semver: "*"}, tags: []string{"v1.9.0", "v1.10.0", "1.2.0"}, want: []string{"v1.10.0", "v1.9.0", "1.2.0"}},
		{name: "what is no version, or outside", rule: TagRule{Semver: ">=1 <2"}, tags: []string{"v2.0.0", "v1.0", "nightly", "v1.1.0", "v1.2.0-rc.1"},
			want: []string{"v1.1.0"}, why: map[string]string{"v2.0.0": PassedOutside, "v1.0": PassedNotSemver, "nightly": PassedNotSemver, "v1.2.0-rc.1": PassedOutside}},
		{name: "one version written twice", rule: TagRule{Semver: "*"}, tags: []string{"1.0.0", "v1.0.0"}, want: []string{"v1.0.0", "1.0.0"}},
		{name: "gone, and still the newest", rule: TagRule{Semver: "*"}, tags: []string{"v1.0.0"}, last: "v1.1.0", want: []string{"v1.1.0", "v1.0.0"}},
		{name: "gone, and not admitted any more", rule: TagRule{Semver: "<1.1"}, tags: []string{"v1.0.0"}, last: "v1.1.0", want: []string{"v1.0.0"}},
		{name: "taken last and listed is there once", rule: TagRule{Semver: "*"}, tags: []string{"v1.0.0"}, last: "v1.0.0", want: []string{"v1.0.0"}},
		{name: "numbers in names", rule: TagRule{Names: regexp.MustCompile(`^release-`)}, tags: []string{"release-9", "release-10", "release-010", "beta-11"},
			want: []string{"release-10", "release-010", "release-9"}, why: map[string]string{"beta-11": PassedNotAllowed}},
		{name: "dates, and longer names after their beginnings", rule: TagRule{Names: regexp.MustCompile(`.`)}, tags: []string{"2026-01-05", "2026-01-05b", "2025-12-31"},
			want: []string{"2026-01-05b", "2026-01-05", "2025-12-31"}},
		{name: "numbers beyond any integer", rule: TagRule{Names: regexp.MustCompile(`.`)}, tags: []string{"r99999999999999999999998", "r100000000000000000000000"},
			want: []string{"r100000000000000000000000", "r99999999999999999999998"}},
		{name: "none", rule: TagRule{Semver: "*"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, passed := row.rule.Choose(row.tags, row.last)
			if !slices.Equal(got, row.want) {
				t.Errorf("admitted %q, want %q", got, row.want)
			}
			if len(passed) != len(row.why) {
				t.Errorf("passed over %+v, want %v", passed, row.why)
			}
			for _, p := range passed {
				if row.why[p.Version] != p.Reason {
					t.Errorf("%s is %q, want %q", p.Version, p.Reason, row.why[p.Version])
				}
			}
		})
	}
}
