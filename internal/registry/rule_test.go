package registry

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/towpath/towpath/internal/promote"
)

// F4, F8: which tags a rule admits, in which order, and why not the others.
func TestChoose(t *testing.T) {
	sig := "sha256-" + strings.Repeat("ab", 32)
	rows := []struct {
		name     string
		sub      promote.ImageSubscription
		tags     string
		previous string
		want     string // admitted, best first; a tag that is gone in brackets
		passed   string
	}{
		{
			name: "semver is strict and takes an optional v",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver},
			tags: "1.2.3 v1.10.0 1.9.0 1.2 v2 latest vv3.0.0 01.0.0",
			want: "v1.10.0 1.9.0 1.2.3", passed: "01.0.0=not-semver 1.2=not-semver latest=not-semver v2=not-semver vv3.0.0=not-semver",
		},
		{
			name: "semver leaves pre-releases out unless the constraint names one",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver},
			tags: "1.0.0 1.1.0-rc.1",
			want: "1.0.0", passed: "1.1.0-rc.1=outside-constraint",
		},
		{
			name: "semver orders pre-releases by precedence",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver, Constraint: ">=1.0.0-0"},
			tags: "1.1.0-rc.2 1.1.0-rc.10 1.1.0-beta 1.0.0",
			want: "1.1.0-rc.10 1.1.0-rc.2 1.1.0-beta 1.0.0",
		},
		{
			name: "semver constraint",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver, Constraint: ">=1.0.0 <2"},
			tags: "0.9.0 1.0.0 1.5.0 2.0.0",
			want: "1.5.0 1.0.0", passed: "0.9.0=outside-constraint 2.0.0=outside-constraint",
		},
		{
			name: "the same version twice is ordered by name",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver},
			tags: "1.0.0 v1.0.0",
			want: "v1.0.0 1.0.0",
		},
		{
			name: "allow and ignore come first, and ignore wins",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver, Allow: patterns(`^v`, `^1\.`), Ignore: patterns(`9$`)},
			tags: "v1.0.0 1.1.0 v1.0.9 2.0.0",
			want: "1.1.0 v1.0.0", passed: "2.0.0=not-allowed v1.0.9=ignored",
		},
		{
			name: "F7: a channel's tags are left out, whatever number they claim and whatever allows them",
			sub: promote.ImageSubscription{Select: promote.SelectLexical, Allow: patterns(`.`), Channels: []promote.Channel{
				{Name: "pr", Tag: regexp.MustCompile(`^pr-(\d+)`)}, {Name: "nightly", Tag: regexp.MustCompile(`^nightly`)}}},
			tags: "a pr-7-x pr-0 pr-99999999999999999999 pr-x nightly-1",
			want: "pr-x a", passed: "nightly-1=channel pr-0=channel pr-7-x=channel pr-99999999999999999999=channel",
		},
		{
			name: "F7: a takeover takes those of its number only",
			sub:  promote.ImageSubscription{Select: promote.SelectLexical, Number: 7, Only: promote.Channel{Name: "pr", Tag: regexp.MustCompile(`^pr-(.*)-`)}},
			tags: "a pr-7-x pr-07-y pr-77-x pr--7-x pr-7-x-8-",
			want: "pr-7-x pr-07-y", passed: "a=other-channel pr--7-x=other-channel pr-7-x-8-=other-channel pr-77-x=other-channel",
		},
		{
			name: "lexical takes the greatest name",
			sub:  promote.ImageSubscription{Select: promote.SelectLexical, Allow: patterns(`^20`)},
			tags: "2026-01-02 2026-01-10 2025-12-31 latest",
			want: "2026-01-10 2026-01-02 2025-12-31", passed: "latest=not-allowed",
		},
		{
			name: "signatures and fallback referrers are no images",
			sub:  promote.ImageSubscription{Select: promote.SelectLexical},
			tags: "a " + sig + ".sig " + sig,
			want: "a", passed: sig + "=not-an-image " + sig + ".sig=not-an-image",
		},
		{
			name: "names that are no tags are quoted",
			sub:  promote.ImageSubscription{Select: promote.SelectLexical},
			tags: "a ../../b \x1b[31mred -c",
			want: "a", passed: `"\x1b[31mred"=not-a-tag "-c"=not-a-tag "../../b"=not-a-tag`,
		},
		{
			name: "digest follows one tag",
			sub:  promote.ImageSubscription{Select: promote.SelectDigest, Constraint: "main"},
			tags: "main stable",
			want: "main", passed: "stable=not-followed",
		},
		{
			name: "F6: the tag selected last keeps its place when it is gone",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver},
			tags: "1.0.0 1.2.0", previous: "1.1.0",
			want: "1.2.0 (1.1.0) 1.0.0",
		},
		{
			name: "F6: but not against the rule",
			sub:  promote.ImageSubscription{Select: promote.SelectSemver, Constraint: "<1.1"},
			tags: "1.0.0 1.2.0", previous: "1.1.0",
			want: "1.0.0", passed: "1.2.0=outside-constraint",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r, err := newRule(row.sub)
			must(t, err)
			candidates, passed := choose(r, strings.Split(row.tags, " "), row.previous)
			if got := candidateNames(candidates); got != row.want {
				t.Errorf("admitted %q, want %q", got, row.want)
			}
			var reasons []string
			for _, p := range passed {
				reasons = append(reasons, p.Item+"="+string(p.Reason))
			}
			if got := strings.Join(reasons, " "); got != row.passed {
				t.Errorf("passed %q, want %q", got, row.passed)
			}
		})
	}
}

func candidateNames(candidates []candidate) string {
	var names []string
	for _, c := range candidates {
		if c.listed {
			names = append(names, c.tag)
		} else {
			names = append(names, "("+c.tag+")")
		}
	}
	return strings.Join(names, " ")
}

func TestNewRuleRefuses(t *testing.T) {
	for _, sub := range []promote.ImageSubscription{
		{},
		{Select: "newest"},
		{Select: promote.SelectSemver, Constraint: "one"},
		{Select: promote.SelectDigest},
		{Select: promote.SelectDigest, Constraint: "a/b"},
		{Select: promote.SelectLexical, Platform: "linux"},
		{Select: promote.SelectLexical, Platform: "a/b/c/d"},
	} {
		if _, err := newRule(sub); err == nil {
			t.Errorf("%+v was taken", sub)
		}
	}
}

// Whatever a registry lists: every name is either admitted or passed over, once;
// nothing inadmissible is admitted; no admitted tag beats the first; the order
// of the list does not matter.
func FuzzChoose(f *testing.F) {
	f.Add("1.0.0 v1.2.0 latest", "semver", ">=1", "", "", "1.0.0")
	f.Add("1.0.0-rc.1 1.0.0 1.0.0-rc.1", "semver", ">=0-0", "", "rc", "")
	f.Add("a b c ..", "lexical", "", "^[ab]", "", "z")
	f.Add("x y", "newest-build", "", "", "y", "y")
	f.Add("main \x00", "digest", "main", "", "", "main")
	f.Fuzz(func(t *testing.T, list, selection, constraint, allow, ignore, previous string) {
		sub := promote.ImageSubscription{Select: promote.Selection(selection), Constraint: constraint}
		for text, to := range map[string]*[]*regexp.Regexp{allow: &sub.Allow, ignore: &sub.Ignore} {
			if re, err := regexp.Compile(text); err == nil && text != "" {
				*to = append(*to, re)
			}
		}
		r, err := newRule(sub)
		if err != nil {
			return
		}
		tags := strings.Split(list, " ")
		candidates, passed := choose(r, tags, previous)

		distinct := map[string]bool{}
		for _, tag := range tags {
			distinct[tag] = true
		}
		listed := 0
		for _, c := range candidates {
			if c.listed {
				listed++
			}
			if c.listed != distinct[c.tag] || !c.listed && c.tag != previous {
				t.Fatalf("%q is admitted out of nowhere", c.tag)
			}
			if !tagName.MatchString(c.tag) || !slowlyAdmits(sub, c.tag) {
				t.Fatalf("%q is admitted against the rule", c.tag)
			}
			if slowlyBetter(sub, c.tag, candidates[0].tag) {
				t.Fatalf("%q is better than %q", c.tag, candidates[0].tag)
			}
		}
		if listed+len(passed) != len(distinct) {
			t.Fatalf("%d admitted and %d passed of %d", listed, len(passed), len(distinct))
		}
		rand.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
		again, passedAgain := choose(r, tags, previous)
		if candidateNames(again) != candidateNames(candidates) || fmt.Sprint(passedAgain) != fmt.Sprint(passed) {
			t.Fatal("the order of the list matters")
		}
	})
}

func slowlyAdmits(sub promote.ImageSubscription, tag string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(tag) }
	if slices.ContainsFunc(sub.Ignore, matches) || len(sub.Allow) > 0 && !slices.ContainsFunc(sub.Allow, matches) {
		return false
	}
	switch sub.Select {
	case promote.SelectDigest:
		return tag == sub.Constraint
	case promote.SelectSemver:
		v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
		if err != nil {
			return false
		}
		if sub.Constraint == "" {
			return v.Prerelease() == ""
		}
		c, err := semver.NewConstraint(sub.Constraint)
		return err == nil && c.Check(v)
	}
	return true
}

func slowlyBetter(sub promote.ImageSubscription, a, b string) bool {
	if sub.Select == promote.SelectSemver {
		va, vb := semver.MustParse(strings.TrimPrefix(a, "v")), semver.MustParse(strings.TrimPrefix(b, "v"))
		if !va.Equal(vb) {
			return va.GreaterThan(vb)
		}
	}
	return a > b
}
