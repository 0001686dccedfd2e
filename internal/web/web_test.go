package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

var epoch = time.Date(2026, 11, 21, 14, 5, 0, 0, time.UTC)

// view is a pipeline of two stages, named as wanted, in which everything that
// the page shows is there.
func view(name, address string) report.View {
	freight := promote.Freight{ID: "f1", Alias: name + "-otter", Warehouse: "app", Selected: epoch, Images: []promote.Image{{Repository: "ghcr.io/acme/" + name, Tag: name}}}
	slots := map[string]string{"app": "f1"}
	return report.View{
		Pipeline: promote.Pipeline{
			Repository: "acme/guestbook", Name: name, Warehouses: []promote.Warehouse{{Name: "app"}},
			Stages: []promote.Stage{{Name: "test", Gates: []promote.Gate{{Name: name}}}, {Name: "prod-" + name}},
		},
		Snapshot: promote.Snapshot{
			Facts: promote.Facts{Freight: []promote.Freight{freight}, Arrivals: []promote.Arrival{{Stage: "test", Manner: promote.ByMerge, Freight: slots, Commit: "c", At: epoch}}},
			Stages: map[string]promote.StageState{"test": {Open: &promote.Open{
				Proposal: promote.Proposal{Stage: "test"}, PullRequest: 12, URL: address,
			}}},
		},
		Verdicts: []promote.Verdict{
			{Stage: "test", Action: promote.Opened, Freight: slots},
			{Stage: "prod-" + name, Action: promote.Wait, Freight: slots, Until: epoch.Add(time.Hour), Reasons: []promote.Reason{
				{Kind: promote.WaitingFor, Stage: "test", Have: 0, Need: 1}, {Kind: promote.HeldBy, By: name, Note: name},
			}},
		},
		URL: address,
	}
}

// get asks for the page as a browser does.
func get(t *testing.T, views ...report.View) (page string, header http.Header) {
	t.Helper()
	server := httptest.NewServer(Page(func() []report.View { return views }))
	defer server.Close()
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", answer.Status, text)
	}
	return string(text), answer.Header
}

func TestPageShowsStagesStatesReasonsAndFreight(t *testing.T) {
	page, _ := get(t, view("guestbook", "https://github.com/acme/guestbook"))
	for _, want := range []string{
		`<a href="https://github.com/acme/guestbook">acme/guestbook#guestbook</a>`,
		`<th scope="row">test</th>`, `<td class="open">open <a href="https://github.com/acme/guestbook">#12</a></td>`,
		`guestbook:guestbook (guestbook-otter)<small>since 2026-11-21 14:05 UTC</small>`,
		`<th scope="row">prod-guestbook</th>`, `<td class="wait">wait</td>`, `<td>nothing yet</td>`,
		`<li>waiting for test (0 of 1 verified)</li>`, `<li>held by guestbook: guestbook</li>`, `<td>2026-11-21 15:05 UTC</td>`,
		`<td>2026-11-21 14:05 UTC</td><td>test</td>`, `<th scope="row">test</th><td>guestbook</td><td>0</td><td>0</td><td>0</td><td></td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

// Names come from tags, comments and files that anybody may have written.
func TestHostileNamesAreEscaped(t *testing.T) {
	const evil = `"><script>alert(1)</script><a href='javascript:alert(1)' onclick=x>`
	page, header := get(t, view(evil, "javascript:alert(1)"))
	for _, never := range []string{"<script", "href='javascript", `href="javascript`, "<a href='"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %s:\n%s", never, page)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("the name is not shown at all")
	}
	policy := header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
		t.Errorf("policy %q lets scripts run", policy)
	}
	if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("header %v", header)
	}
}

// Freight that a stage still holds is listed however old it is; of the rest, the
// last few.
func TestPageListsTheLastFreight(t *testing.T) {
	v := view("guestbook", "https://github.com/acme/guestbook")
	for i := range 20 {
		v.Snapshot.Facts.Freight = append(v.Snapshot.Facts.Freight, promote.Freight{ID: fmt.Sprint(i), Alias: fmt.Sprintf("fox-%02d", i), Warehouse: "app"})
	}
	page, _ := get(t, v)
	if n := strings.Count(page, "fox-"); n != 5 {
		t.Errorf("%d of the new freight are listed", n)
	}
	if !strings.Contains(page, "fox-19") || !strings.Contains(page, "<td>guestbook:guestbook (guestbook-otter)<details>") || !strings.Contains(page, "</details></td><td>2026-11-21 14:05 UTC</td><td>test</td>") {
		t.Errorf("the newest or the held freight is missing:\n%s", page)
	}
}

func TestPageWithoutPipelines(t *testing.T) {
	if page, _ := get(t); !strings.Contains(page, "No pipeline was looked at yet") {
		t.Error(page)
	}
}
