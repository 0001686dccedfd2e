package forge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/promote"
)

// G1: results come from check runs, statuses, deployments and workflow runs.
func TestObservations(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	commit := h.push("stage/test", "1")
	other := h.push("stage/test", "2")
	check := func(sha, name, conclusion, app string) {
		t.Helper()
		_, err := h.CheckRun(shop, sha, name, conclusion, app)
		must(t, err)
	}
	check(commit, "e2e", "failure", "ci")
	check(commit, "e2e", "success", "ci")
	check(commit, "e2e", "failure", "another-ci")
	check(commit, "running", "", "ci")
	check(other, "of another commit", "success", "ci")
	for i := range 101 {
		must(t, h.SetStatus(shop, commit, fmt.Sprintf("s%03d", i), "pending", "octo"))
	}
	must(t, h.SetStatus(shop, commit, "s000", "error", "octo"))
	for _, state := range []string{"in_progress", "success", "inactive"} {
		must(t, h.Deployment(shop, commit, "eu", state, "octo"))
	}
	must(t, h.Deployment(shop, commit, "us", "in_progress", "octo"))
	_, err := h.WorkflowRun(shop, githubtest.WorkflowRun{Workflow: ".github/workflows/e2e.yml", Name: "nightly", SHA: commit, Conclusion: "timed_out"})
	must(t, err)

	all, err := r.Observations(t.Context(), commit)
	must(t, err)
	var got []string
	for _, o := range all {
		if o.Source == promote.FromStatus && o.Name != "s000" && o.Name != "s100" {
			continue
		}
		if o.ID == 0 || !o.At.Equal(h.Now()) {
			t.Errorf("without id or time: %+v", o)
		}
		got = append(got, fmt.Sprintf("%s %q by %q: %q attempt %d", o.Source, o.Name, o.App, o.State, o.Attempt))
	}
	want := `check "e2e" by "ci": "success" attempt 0
check "e2e" by "another-ci": "failure" attempt 0
check "running" by "ci": "" attempt 0
deployment "eu" by "": "success" attempt 0
deployment "us" by "": "" attempt 0
status "s000" by "": "error" attempt 0
status "s100" by "": "" attempt 0
workflow "nightly" by "": "timed_out" attempt 1`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestOnlyTheSourcesThatMatterAreAsked(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	commit := h.push("stage/test", "1")
	must(t, h.SetStatus(shop, commit, "health", "success", "octo"))
	before := len(h.Requests())
	all, err := r.Observations(t.Context(), commit, promote.FromStatus)
	if err != nil || len(all) != 1 || all[0].Name != "health" || len(h.Requests())-before != 1 {
		t.Errorf("%+v by %d requests, %v", all, len(h.Requests())-before, err)
	}
}

func TestAMissingAnswerIsNoObservation(t *testing.T) {
	commit := strings.Repeat("a", 40)
	r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/deployments") {
			w.WriteHeader(http.StatusForbidden)
			write(t, w, `{"message": "Resource not accessible by integration"}`)
			return
		}
		write(t, w, `{}`)
	})
	if all, err := r.Observations(t.Context(), commit); err == nil || !strings.Contains(err.Error(), "deployment") {
		t.Errorf("%+v, %v", all, err)
	}
	for _, bad := range []string{"", "main", "../../user", strings.ToUpper(commit)} {
		if _, err := r.Observations(t.Context(), bad); err == nil {
			t.Errorf("%q was taken for a commit", bad)
		}
	}
}
