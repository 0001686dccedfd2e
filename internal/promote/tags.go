package promote

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// TagRule says which tags of a repository a subscription follows: those that are
// versions within a constraint, or those whose names match. The zero value
// follows none.
type TagRule struct {
	Semver string         // a constraint of Masterminds/semver; strict versions, `v` aside
	Names  *regexp.Regexp // nil: by Semver
}

// Follows tells whether there is a rule at all.
func (r TagRule) Follows() bool { return r.Semver != "" || r.Names != nil }

// The reasons why a tag of a repository was not taken; the words are those of
// images' tags where both have them.
const (
	PassedNotSemver   = "not-semver"
	PassedOutside     = "outside-constraint"
	PassedNotAllowed  = "not-allowed"
	PassedUnreadable  = "unreadable"
	PassedOlder       = "older"
	PassedDisappeared = "disappeared"
)

// Choose returns the tags that the rule admits, the newest first: by version, or
// by name, where numbers in names count as numbers. The one that was taken last
// has its place among them although it is not listed any more (F6); it may be
// empty. The others come back with the rule that left them out.
func (r TagRule) Choose(tags []string, last string) (admitted []string, passed []Passed) {
	constraint, _ := semver.NewConstraint(r.Semver) // checked with the configuration
	versions := map[string]*semver.Version{}
	judge := func(tag string) (reason, detail string) {
		if r.Names != nil {
			if r.Names.MatchString(tag) {
				return "", ""
			}
			return PassedNotAllowed, r.Names.String()
		}
		version, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
		switch {
		case err != nil || constraint == nil:
			return PassedNotSemver, ""
		case !constraint.Check(version):
			return PassedOutside, r.Semver
		}
		versions[tag] = version
		return "", ""
	}
	if last != "" && !slices.Contains(tags, last) {
		if reason, _ := judge(last); reason == "" {
			admitted = append(admitted, last)
		}
	}
	for _, tag := range tags {
		if reason, detail := judge(tag); reason != "" {
			passed = append(passed, Passed{Version: tag, Reason: reason, Detail: detail})
		} else {
			admitted = append(admitted, tag)
		}
	}
	slices.SortFunc(admitted, func(a, b string) int {
		if r.Names == nil {
			if order := versions[b].Compare(versions[a]); order != 0 {
				return order
			}
		}
		return compareNames(b, a)
	})
	slices.SortFunc(passed, func(a, b Passed) int { return compareNames(b.Version, a.Version) })
	return admitted, passed
}

// OlderTag tells whether tag a comes before b: by version where both are
// versions, else by name.
func OlderTag(a, b string) bool {
	x, errA := semver.StrictNewVersion(strings.TrimPrefix(a, "v"))
	y, errB := semver.StrictNewVersion(strings.TrimPrefix(b, "v"))
	if errA == nil && errB == nil {
		return x.LessThan(y)
	}
	return compareNames(a, b) < 0
}

// compareNames orders names as people number things: release-9 before release-10.
func compareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := leadingDigits(x), leadingDigits(y)
		if m > 0 && n > 0 {
			p, q := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
			if len(p) != len(q) {
				return len(p) - len(q)
			}
			if order := strings.Compare(p, q); order != 0 {
				return order
			}
			x, y = x[m:], y[n:]
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	if order := len(x) - len(y); order != 0 {
		return order
	}
	return strings.Compare(a, b)
}

func leadingDigits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}
