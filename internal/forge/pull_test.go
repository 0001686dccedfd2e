package forge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

var promotion = NewPullRequest{Title: "Promote 1.3.0 to test", Body: "why", Head: "towpath/to/stage/test", Base: "main"}

func TestPullRequestFromOpenToMerged(t *testing.T) {
	h := newHub(t)
	ctx, r := t.Context(), h.asApp()
	head := h.push(promotion.Head, "1")
	opened, err := r.OpenPullRequest(ctx, promotion)
	must(t, err)
	if opened.Number == 0 || opened.State != "open" || opened.Title != promotion.Title || opened.Body != "why" || opened.HeadSHA != head ||
		opened.HeadRef != promotion.Head || opened.BaseRef != "main" || opened.Author != "towpath[bot]" || opened.HeadRepo != shop || opened.URL == "" {
		t.Errorf("opened: %+v", opened)
	}
	exists := new(ExistsError)
	if _, err := r.OpenPullRequest(ctx, promotion); !errors.As(err, &exists) || exists.Number != opened.Number {
		t.Errorf("a second one: %v", err)
	}
	must(t, r.EditPullRequest(ctx, opened.Number, "Promote 1.4.0 to test", "newer"))

	moved := new(MovedError)
	if _, err := r.MergePullRequest(ctx, opened.Number, strings.Repeat("0", 40), "merge", "", ""); !errors.As(err, &moved) {
		t.Errorf("merge of another head: %v", err)
	}
	h.hands.Move(time.Minute)
	mergedAt := h.Now()
	commit, err := r.MergePullRequest(ctx, opened.Number, head, "squash", "Promote", "message")
	must(t, err)
	if commit == "" || h.Refs(shop)["refs/heads/main"] != commit {
		t.Errorf("merge commit %s, main is at %s", commit, h.Refs(shop)["refs/heads/main"])
	}
	got, err := r.PullRequest(ctx, opened.Number)
	must(t, err)
	if !got.Merged || got.State != "closed" || got.MergeCommit != commit || !got.MergedAt.Equal(mergedAt) || got.MergedBy != "towpath[bot]" ||
		got.Title != "Promote 1.4.0 to test" || got.Body != "newer" {
		t.Errorf("merged: %+v", got)
	}
	refused := new(NotMergeableError)
	if _, err := r.MergePullRequest(ctx, opened.Number, head, "merge", "", ""); !errors.As(err, &refused) {
		t.Errorf("merge of a merged one: %v", err)
	}
	list, err := r.PullRequests(ctx, promotion.Head, 5)
	must(t, err)
	if len(list) != 1 || !list[0].Merged || list[0].MergeCommit != commit {
		t.Errorf("listed: %+v", list)
	}
	if open, merged, err := r.IssueState(ctx, opened.Number); open || !merged || err != nil {
		t.Errorf("as an issue: open %v, merged %v, %v", open, merged, err)
	}
}

func TestPullRequestsOfABranchComeNewestFirst(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	for _, content := range []string{"1", "2", "3"} {
		h.push(promotion.Head, content)
		pr, err := r.OpenPullRequest(t.Context(), promotion)
		must(t, err)
		h.hands.Move(time.Minute)
		must(t, r.ClosePullRequest(t.Context(), pr.Number))
	}
	h.push("another", "x")
	_, err := h.OpenPull(shop, "another", "main", "not ours", "", "octo")
	must(t, err)
	var numbers []int
	list, err := r.PullRequests(t.Context(), promotion.Head, 2)
	must(t, err)
	for _, pr := range list {
		numbers = append(numbers, pr.Number)
		if pr.Merged || pr.MergeCommit != "" || pr.ClosedAt.IsZero() {
			t.Errorf("closed unmerged: %+v", pr)
		}
	}
	if len(numbers) != 2 || numbers[0] != 3 || numbers[1] != 2 {
		t.Errorf("numbers %v, want 3 and 2", numbers)
	}
}

func TestWhoClosedIt(t *testing.T) {
	for _, row := range []struct {
		issue, login string
		isBot        bool
	}{
		{`{"state": "open", "closed_by": null}`, "", false},
		{`{"state": "closed", "closed_by": {"login": "octo", "type": "User"}}`, "octo", false},
		{`{"state": "closed", "closed_by": {"login": "towpath[bot]", "type": "Bot"}}`, "towpath[bot]", true},
	} {
		r, _ := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, row.issue) })
		if login, isBot, err := r.ClosedBy(t.Context(), 1); login != row.login || isBot != row.isBot || err != nil {
			t.Errorf("%s: %q, a bot: %v, %v", row.issue, login, isBot, err)
		}
	}
}

// P12: however GitHub fails, there is one pull request and it is known.
func TestOnePullRequestWhateverFails(t *testing.T) {
	for name, done := range map[string]bool{"refused": false, "done, answer lost": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			r := h.asApp()
			h.push(promotion.Head, "1")
			h.breakDown("POST", "/pulls$", done)
			pr, err := r.OpenPullRequest(t.Context(), promotion)
			must(t, err)
			if all := h.Pulls(shop); len(all) != 1 || all[0].Number != pr.Number {
				t.Errorf("returned #%d, there are %+v", pr.Number, all)
			}
		})
	}
}

func TestOneMergeWhateverFails(t *testing.T) {
	for name, done := range map[string]bool{"refused": false, "done, answer lost": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			r := h.asApp()
			head := h.push(promotion.Head, "1")
			pr, err := r.OpenPullRequest(t.Context(), promotion)
			must(t, err)
			h.breakDown("PUT", "/merge$", done)
			commit, err := r.MergePullRequest(t.Context(), pr.Number, head, "merge", "", "")
			must(t, err)
			if at := h.Refs(shop)["refs/heads/main"]; at != commit {
				t.Errorf("merge commit %s, main is at %s", commit, at)
			}
		})
	}
}

func TestMergeableStateAndReviews(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	head := h.push(promotion.Head, "1")
	pr, err := r.OpenPullRequest(t.Context(), promotion)
	must(t, err)
	must(t, h.Review(shop, pr.Number, "octo", "APPROVED"))
	reviews, err := r.Reviews(t.Context(), pr.Number)
	must(t, err)
	if want := (Review{User: "octo", State: "APPROVED", CommitID: head, SubmittedAt: h.Now()}); len(reviews) != 1 || reviews[0] != want {
		t.Errorf("reviews %+v, want %+v", reviews, want)
	}
	got, err := r.PullRequest(t.Context(), pr.Number)
	must(t, err)
	if got.MergeableState != "clean" {
		t.Errorf("mergeable state %q", got.MergeableState)
	}
	h.push("main", "conflicting")
	got, err = r.PullRequest(t.Context(), pr.Number)
	must(t, err)
	refused := new(NotMergeableError)
	if _, err := r.MergePullRequest(t.Context(), pr.Number, head, "merge", "", ""); got.MergeableState != "dirty" || !errors.As(err, &refused) {
		t.Errorf("with a conflict: %q, %v", got.MergeableState, err)
	}
}

func TestRefusalsKeepGitHubsWords(t *testing.T) {
	h := newHub(t)
	_, err := h.asApp().OpenPullRequest(t.Context(), NewPullRequest{Title: "x", Head: "no-such-branch", Base: "main"})
	refusal := new(APIError)
	if !errors.As(err, &refusal) || refusal.Status != 422 || !strings.Contains(err.Error(), "acme/shop") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if _, err := h.asApp().PullRequest(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("a pull request that is not there: %v", err)
	}
}

// P5: what waits straight for the warehouse is shown at the last commit that
// touched the configuration, not at every commit.
func TestLastCommit(t *testing.T) {
	h := newHub(t)
	content := "x\n"
	touched, err := h.Push(shop, "main", "configure", "octo", map[string]*string{".towpath/pipeline.yaml": &content})
	must(t, err)
	_, err = h.Push(shop, "main", "something else", "octo", map[string]*string{"other": &content})
	must(t, err)
	r := h.asApp()
	got, _, err := r.LastCommit(context.Background(), "main", ".towpath")
	must(t, err)
	if got != touched {
		t.Errorf("got %s, want %s", got, touched)
	}
	if got, _, err := r.LastCommit(context.Background(), "main", "nowhere"); err != nil || got != "" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A page is read once for as long as it says the same, and what is remembered is
// bounded by what it takes.
func TestPagesOfPullRequestsAreRemembered(t *testing.T) {
	p := &pullPages{}
	read := func(url, title string) []PullRequest {
		t.Helper()
		list, err := p.read(url, []byte(`[{"number": 1, "title": "`+title+`"}]`))
		if err != nil || len(list) != 1 || list[0].Title != title {
			t.Fatalf("%s: %v, %v", title, list, err)
		}
		return list
	}
	first := read("a", "one")
	if again := read("a", "one"); &again[0] != &first[0] {
		t.Error("the same page was read twice")
	}
	read("a", "two")
	if len(p.known) != 1 {
		t.Errorf("%d pages are remembered of one", len(p.known))
	}
	long := strings.Repeat("x", maxPullPages/10)
	for i := range 100 {
		read(strconv.Itoa(i), long)
		held := 0
		for _, page := range p.known {
			held += page.size
		}
		if held > maxPullPages || held != p.size {
			t.Fatalf("%d bytes are held, %d counted, %d allowed", held, p.size, maxPullPages)
		}
	}
	if _, err := p.read("a", []byte("nonsense")); err == nil {
		t.Error("nonsense is a page")
	}
}
