package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// A body that said anything relative to now would be edited at every look.
func TestTextsDoNotDependOnTheTimeOfTheLook(t *testing.T) {
	w := soaking()
	w.pipeline.Stages[2].Gates[1].Within = 100 * time.Minute // of lint, which has no result in uat-a
	w.pipeline.Stages[1].Gates[1].Within = 100 * time.Minute
	w.propose("prod", second, "octo", 181, 12)
	v := w.view()
	texts := func() string {
		_, body := PullRequest(v, "prod", nil)
		return body + Proposed(v, "prod").Summary + Waiting([]View{v}).Summary + Plain(v) // a full explanation tells what time alone has changed
	}
	v.Snapshot.Now = minute(181) // nothing happens after it
	before := texts()
	for _, now := range []int{181, 182, 250, 100000} {
		v.Snapshot.Now = minute(now)
		if texts() != before {
			t.Errorf("other texts at minute %d", now)
		}
	}
}

// The body is written before the pull request has a number, and must not be
// edited because it got one, or because GitHub thinks about merging it.
func TestBodyDoesNotDependOnItsPullRequest(t *testing.T) {
	w := proposed()
	open := w.snapshot.Stages["prod"].Open
	title, body := PullRequest(w.view(), "prod", nil)
	for _, other := range []promote.Open{
		{Proposal: open.Proposal, Commit: open.Commit},
		{Proposal: open.Proposal, Commit: open.Commit, PullRequest: 12, Mergeable: "clean", Approved: true},
		{Proposal: open.Proposal, Commit: open.Commit, PullRequest: 12, Mergeable: "dirty"},
	} {
		*open = other
		if gotTitle, got := PullRequest(w.view(), "prod", nil); got != body || gotTitle != title {
			t.Errorf("other text with %+v:\n%s", other, got)
		}
	}
}

func TestNothingOpenHasNoText(t *testing.T) {
	if title, body := PullRequest(ready().view(), "prod", nil); title+body != "" {
		t.Errorf("text %q %q", title, body)
	}
	if c := Proposed(ready().view(), "prod"); c.Conclusion != "success" || c.Title == "" {
		t.Errorf("check %+v", c)
	}
}

// GitHub takes 65,535 characters. The changes are cut, never what comes after them.
func TestLongChangesAreCut(t *testing.T) {
	var changes []directives.ResourceChange
	for i := range 1000 {
		c := deployment(strings.Repeat("`|@octo ü</details>", 12))
		c.Name = fmt.Sprintf("web-%d", i)
		changes = append(changes, c)
	}
	_, body := PullRequest(withdrawn().view(), "prod", changes)
	wellFormed(t, body)
	if len(body) < 55000 {
		t.Errorf("only %d bytes are used", len(body))
	}
	for _, want := range []string{"1000 changed", "more, see the changed files", "Do not merge", "```mermaid\n", "| `/help` | shows all commands |\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if p := read(body); p.tables != 4 || len(p.fences) != 1 {
		t.Errorf("%d tables, %d fences", p.tables, len(p.fences))
	}
}

func TestEverythingElseIsBoundedToo(t *testing.T) {
	w := proposed()
	long := strings.Repeat("x", 1000)
	var changes []directives.ResourceChange
	for i := range 120 {
		name := fmt.Sprintf("%d-%s", i, long)
		w.snapshot.Facts.Freight[1].Images = append(w.snapshot.Facts.Freight[1].Images, promote.Image{Repository: name, Tag: long, Digest: long})
		w.snapshot.Stages["prod"].Open.Proposal.Unverified = append(w.snapshot.Stages["prod"].Open.Proposal.Unverified, name)
		w.pipeline.Stages[1].Gates = append(w.pipeline.Stages[1].Gates, promote.Gate{Name: name, Required: true})
		changes = append(changes, deployment(long))
	}
	v := w.view()
	v.Verdicts[3].Reasons = append(v.Verdicts[3].Reasons, promote.Reason{Kind: promote.RenderFailed, Note: long})
	title, body := PullRequest(v, "prod", changes)
	wellFormed(t, body)
	if len([]rune(title)) > 256 {
		t.Errorf("GitHub takes 256 characters for a title, this has %d", len([]rune(title)))
	}
	if !strings.Contains(body, "`/help`") {
		t.Error("the commands are cut")
	}
	var mistakes []string
	for range 110 {
		mistakes = append(mistakes, long)
	}
	for _, text := range []string{
		Broken(mistakes).Summary, Status([]View{v, v, v}, nil, mistakes), Proposed(v, "prod").Summary, Waiting([]View{v, v, v}).Summary,
	} {
		wellFormed(t, text)
	}
	var edits []directives.Edit
	for range 2000 {
		edits = append(edits, directives.Edit{File: long, Key: long, Old: long, New: long})
	}
	if n := len(CommitMessage(v, v.open("prod").Proposal, []promote.Freight{second}, edits)); n > maxText {
		t.Errorf("a commit message of %d bytes", n)
	}
}

// What a pull request does not say is overlooked (F6, P13, P19, A9).
func TestBackwards(t *testing.T) {
	w := proposed()
	w.snapshot.Facts.Freight = []promote.Freight{second, first} // asked for by hand: the older one
	w.snapshot.Facts.Freight[0].Images = nil
	w.snapshot.Facts.Freight[0].Selected = minute(-10)
	_, body := PullRequest(w.view(), "prod", nil)
	for _, want := range []string{
		"> - slot `app` goes back: `calm-heron` was selected after `brave-otter`\n",
		"| image `ghcr.io/acme/guestbook` | `1.4.1` `sha256:1111111111` | – | not in it any more |\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

func TestOlder(t *testing.T) {
	built := func(tag string, at int) promote.Image { return promote.Image{Tag: tag, Created: minute(at)} }
	for _, row := range []struct {
		a, b promote.Image
		want bool
	}{
		{built("1.9.0", 5), built("1.10.0", 1), true},
		{built("1.10.0", 1), built("1.9.0", 5), false},
		{built("1.9.0", 1), built("1.9.0", 5), false},
		{built("nightly-7", 1), built("nightly-6", 5), true},
		{built("nightly-7", 5), built("nightly-6", 1), false},
		{promote.Image{Tag: "main"}, built("main", 1), false},
	} {
		if got := older(row.a, row.b); got != row.want {
			t.Errorf("older(%s at %s, %s at %s) = %t", row.a.Tag, row.a.Created, row.b.Tag, row.b.Created, got)
		}
	}
}

// Links go to commits of the own repository only: where others are to be seen is
// not known, and a guess would lead readers astray.
func TestCompareLinks(t *testing.T) {
	v := View{URL: url}
	for _, row := range []struct{ repository, before, after, want string }{
		{".", id("1"), id("2"), "[compare](" + url + "/compare/" + id("1") + "..." + id("2") + ")"},
		{".", "", id("2"), "[commit](" + url + "/commit/" + id("2") + ")"},
		{".", id("2"), id("2"), ""},
		{"acme/shared", id("1"), id("2"), ""},
		{".", ")[x](http://e", id("2"), "compare"},
	} {
		if got := v.compare(row.repository, row.before, row.after); got != row.want {
			t.Errorf("compare(%q, %q, %q) = %q", row.repository, row.before, row.after, got)
		}
	}
}
