package forge

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
)

func TestCheckRunIsOneAndWrittenOnlyWhenItsTextChanges(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	commit := h.push("stage/test", "1")
	check := Check{Name: "towpath", Commit: commit, Conclusion: "neutral", Title: "waiting for uat-b", Summary: "| a | b |", Text: "long", URL: "https://towpath.example/p"}
	written := func() int {
		return h.answered("POST", "/check-runs", 0) + h.answered("PATCH", "", 0)
	}
	say := func(c Check, want int) {
		t.Helper()
		before := written()
		must(t, r.WriteCheck(t.Context(), c))
		if n := written() - before; n != want {
			t.Errorf("%d writes for %+v, want %d", n, c, want)
		}
		runs := h.CheckRuns(shop, commit)
		run := runs[0]
		status := map[bool]string{true: "in_progress", false: "completed"}[c.Conclusion == ""]
		if len(runs) != 1 || run.Name != c.Name || run.Title != c.Title || run.Summary != c.Summary || run.Text != c.Text ||
			run.DetailsURL != c.URL || run.Conclusion != c.Conclusion || run.Status != status {
			t.Errorf("the commit says %+v, want %+v", runs, c)
		}
	}
	say(check, 1)
	say(check, 0)
	check.Summary = "| a | c |"
	say(check, 1)
	check.Conclusion = "success"
	say(check, 1)
	check.Conclusion = ""
	say(check, 1)
	r = h.asApp() // a server that lost everything it remembered
	say(check, 0)
}

// GitHub adds the annotations of an update to those that are there, and takes fifty
// at once.
func TestAnnotationsAreThoseOfTheLatestTextOnly(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	commit := h.push("edit", "1")
	check := Check{Name: "towpath/config", Commit: commit, Conclusion: "failure", Title: "broken", Annotations: []Annotation{{"a.yaml", 3, "wrong"}}}
	say := func(c Check, runs, annotations int) {
		t.Helper()
		must(t, r.WriteCheck(t.Context(), c))
		said := h.CheckRuns(shop, commit)
		if len(said) != runs || len(said[len(said)-1].Annotations) != annotations {
			t.Errorf("the commit says %+v, want %d annotations on run %d", said, annotations, runs)
		}
	}
	say(check, 1, 1)
	say(check, 1, 1)
	check.Annotations = slices.Repeat([]Annotation{{"a.yaml", 4, "wrong as well"}}, maxAnnotations+1)
	say(check, 2, maxAnnotations)
	check.Conclusion, check.Annotations = "success", nil
	say(check, 3, 0)
	say(check, 3, 0)
}

func TestCheckRunsOfOthersAreLeftAlone(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	commit := h.push("stage/test", "1")
	_, err := h.CheckRun(shop, commit, "towpath", "failure", "impostor")
	must(t, err)
	must(t, r.WriteCheck(t.Context(), Check{Name: "towpath", Commit: commit, Conclusion: "success", Title: "t"}))
	said := map[string]string{}
	for _, run := range h.CheckRuns(shop, commit) {
		said[run.App] = run.Conclusion
	}
	if len(said) != 2 || said["impostor"] != "failure" || said["towpath"] != "success" {
		t.Errorf("check runs: %v", said)
	}
}

func TestOneCheckRunWhateverFails(t *testing.T) {
	for name, done := range map[string]bool{"refused": false, "done, answer lost": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			r := h.asApp()
			commit := h.push("stage/test", "1")
			h.breakDown("POST", "/check-runs$", done)
			must(t, r.WriteCheck(t.Context(), Check{Name: "towpath", Commit: commit, Title: "t"}))
			h.breakDown("PATCH", "/check-runs/", done)
			must(t, r.WriteCheck(t.Context(), Check{Name: "towpath", Commit: commit, Title: "u", Conclusion: "success"}))
			if runs := h.CheckRuns(shop, commit); len(runs) != 1 || runs[0].Title != "u" {
				t.Errorf("check runs: %+v", runs)
			}
		})
	}
}

// GitHub refuses what is longer, and a report that is refused says nothing.
func TestLongTextsAreCut(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	commit := h.push("stage/test", "1")
	long := strings.Repeat("é", 70000)
	must(t, r.WriteCheck(t.Context(), Check{Name: "towpath", Commit: commit, Conclusion: "neutral", Title: long, Summary: long, Text: long}))
	n, err := r.EnsureIssue(t.Context(), "k", "t", long)
	must(t, err)
	for range 2 {
		_, err = r.Reply(t.Context(), n, "k", long)
		must(t, err)
	}
	if comments := h.Comments(shop, n); len(comments) != 1 {
		t.Errorf("the mark of a long reply was lost: %d replies", len(comments))
	}
}

func TestPlainTokenReportsByStatus(t *testing.T) {
	h := newHub(t)
	r := h.asToken()
	commit := h.push("stage/test", "1")
	for _, row := range []struct {
		conclusion, title string
		wantState         string
		wantWrites        int
	}{
		{"", "rendering", "pending", 1},
		{"neutral", "waiting for uat-b", "success", 1},
		{"neutral", "waiting for uat-b", "success", 0},
		{"failure", strings.Repeat("ä", 200), "failure", 1},
		{"failure", strings.Repeat("ä", 200), "failure", 0},
	} {
		before := len(h.Statuses(shop, commit))
		must(t, r.WriteCheck(t.Context(), Check{Name: "towpath", Commit: commit, Conclusion: row.conclusion, Title: row.title, Summary: "not shown"}))
		all := h.Statuses(shop, commit)
		latest := slices.MaxFunc(all, func(a, b githubtest.Status) int { return int(a.ID - b.ID) })
		if len(all)-before != row.wantWrites || latest.Context != "towpath" || latest.State != row.wantState ||
			!strings.HasPrefix(row.title, strings.TrimSuffix(latest.Description, "…")) {
			t.Errorf("%q: %d writes, latest %+v", row.title, len(all)-before, latest)
		}
	}
	if len(h.CheckRuns(shop, commit)) != 0 {
		t.Error("a plain token wrote a check run")
	}
}

func TestStatusIsWrittenWhateverFails(t *testing.T) {
	h := newHub(t)
	r := h.asToken()
	commit := h.push("stage/test", "1")
	h.breakDown("POST", "/statuses/", false)
	must(t, r.WriteCheck(t.Context(), Check{Name: "towpath", Commit: commit, Title: "t"}))
	if len(h.Statuses(shop, commit)) != 1 {
		t.Error("the status is missing")
	}
}

// C3: one reply, edited in place, found again after a crash.
func TestReplyIsOnePerKey(t *testing.T) {
	h := newHub(t)
	n, err := h.OpenIssue(shop, "t", "b", "octo")
	must(t, err)
	reply := func(r *Repo, key, body string, wantWrites int) int64 {
		t.Helper()
		before := h.answered("POST", "/comments", 0) + h.answered("PATCH", "", 0)
		id, err := r.Reply(t.Context(), n, key, body)
		must(t, err)
		if got := h.answered("POST", "/comments", 0) + h.answered("PATCH", "", 0) - before; got != wantWrites {
			t.Errorf("reply %s %q: %d writes, want %d", key, body, got, wantWrites)
		}
		return id
	}
	r := h.asApp()
	first := reply(r, "comment/1", "looking", 1)
	other := reply(r, "comment/2", "looking", 1)
	if reply(r, "comment/1", "promoted\nto prod", 1) != first || reply(h.asApp(), "comment/1", "promoted\r\nto prod\n", 0) != first {
		t.Error("the reply was not edited in place")
	}
	comments := h.Comments(shop, n)
	if len(comments) != 2 || first == other || !strings.HasPrefix(comments[0].Body, "promoted\nto prod") {
		t.Errorf("comments: %+v", comments)
	}
}

func TestOneReplyWhateverFails(t *testing.T) {
	for name, done := range map[string]bool{"refused": false, "done, answer lost": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			r := h.asApp()
			n, err := h.OpenIssue(shop, "t", "b", "octo")
			must(t, err)
			h.breakDown("POST", "/comments$", done)
			id, err := r.Reply(t.Context(), n, "k", "body")
			must(t, err)
			if all := h.Comments(shop, n); len(all) != 1 || all[0].ID != id {
				t.Errorf("comments: %+v", all)
			}
		})
	}
}

func TestMarksOfOthersAreNotObeyed(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	n, err := h.OpenIssue(shop, "t", "b", "octo")
	must(t, err)
	_, err = h.Comment(shop, n, "octo", marked("k", "not the bot's"))
	must(t, err)
	quoting, err := r.Reply(t.Context(), n, "another", "you wrote "+marked("k", "")+"\nwhich is odd")
	must(t, err)
	id, err := r.Reply(t.Context(), n, "k", "the bot's")
	must(t, err)
	if all := h.Comments(shop, n); len(all) != 3 || id == quoting || all[0].Body != marked("k", "not the bot's") {
		t.Errorf("comments: %+v", all)
	}
	if strings.Count(mark("a --> b --!> <!-- c"), "-->") != 1 || mark("a b") == mark("a+b") {
		t.Error("a key can break out of the mark, or be another's")
	}
}

func TestIssueIsOnePerKey(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	_, err := h.OpenIssue(shop, "towpath: broken", marked("config", "by somebody"), "octo")
	must(t, err)
	h.breakDown("POST", "/issues$", true)
	first, err := r.EnsureIssue(t.Context(), "config", "towpath: broken", "line 3")
	must(t, err)
	again, err := r.EnsureIssue(t.Context(), "config", "towpath: broken", "line 4")
	must(t, err)
	issues := h.Issues(shop)
	if again != first || len(issues) != 2 || !slices.ContainsFunc(issues, func(i githubtest.Issue) bool {
		return i.Number == first && strings.HasPrefix(i.Body, "line 4") && i.Author == "towpath[bot]"
	}) {
		t.Errorf("#%d, then #%d; issues %+v", first, again, issues)
	}
	must(t, h.Close(shop, first, "octo"))
	if open, merged, err := r.IssueState(t.Context(), first); open || merged || err != nil {
		t.Errorf("closed issue: %v %v %v", open, merged, err)
	}
	if next, err := r.EnsureIssue(t.Context(), "config", "towpath: broken", "line 5"); err != nil || next == first {
		t.Errorf("after it was closed: #%d, %v", next, err)
	}
}

// C2: comments that no event told of are listed.
func TestCommentsSince(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	issue, err := h.OpenIssue(shop, "t", "b", "octo")
	must(t, err)
	h.push("x", "1")
	pull, err := h.OpenPull(shop, "x", "main", "t", "", "octo")
	must(t, err)
	old, err := h.Comment(shop, issue, "octo", "old")
	must(t, err)
	h.hands.Move(time.Minute)
	since := h.Now()
	var want []int64
	for range 101 { // more than a page
		id, err := h.Comment(shop, pull, "octo", "/status")
		must(t, err)
		want = append(want, id)
	}
	h.hands.Move(time.Minute)
	must(t, h.EditComment(shop, old, "octo", "old, edited")) // changed since, created before
	id, err := r.Reply(t.Context(), issue, "k", "answer")
	must(t, err)
	want = append(want, id)

	comments, err := r.Comments(t.Context(), since)
	must(t, err)
	var got []int64
	for _, c := range comments {
		got = append(got, c.ID)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d comments, want %d", len(got), len(want))
	}
	first, last := comments[0], comments[len(comments)-1]
	if first.Issue != pull || !first.IsPull || first.Author != "octo" || first.AuthorIsBot || first.Body != "/status" || !first.Created.Equal(since) || first.URL == "" {
		t.Errorf("on a pull request, by a person: %+v", first)
	}
	if last.Issue != issue || last.IsPull || last.Author != "towpath[bot]" || !last.AuthorIsBot {
		t.Errorf("on an issue, by us: %+v", last)
	}
	if c, err := r.Comment(t.Context(), old); err != nil || c.Body != "old, edited" || !c.Updated.After(c.Created) {
		t.Errorf("edited: %+v, %v", c, err)
	}
	for range 2 {
		must(t, r.React(t.Context(), old, "eyes"))
	}
	if all := h.Comments(shop, issue)[0].Reactions; len(all) != 1 || all[0].Content != "eyes" {
		t.Errorf("reactions: %+v", all)
	}
	must(t, h.EditComment(shop, old, "octo", ""))
	if _, err := r.Comment(t.Context(), old); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

// The issue of something that is mended closes; a second time there is none.
func TestSettleIssues(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	number, err := r.EnsureIssue(t.Context(), "config", "towpath: broken", "line 3")
	must(t, err)
	for range 2 {
		must(t, r.SettleIssues(t.Context(), "other", "config"))
	}
	if open, _, err := r.IssueState(t.Context(), number); err != nil || open {
		t.Errorf("open %v, %v", open, err)
	}
}
