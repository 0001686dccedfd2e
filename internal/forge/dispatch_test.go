package forge

import (
	"errors"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/githubtest"
)

const workflow = ".github/workflows/e2e.yml"

// dispatching is a repository with a workflow, and how it is started.
func dispatching(t *testing.T, text string) (*hub, *Repo, Dispatch) {
	t.Helper()
	h := newHub(t)
	_, err := h.Push(shop, "main", "add a workflow", "octo", map[string]*string{workflow: &text})
	must(t, err)
	return h, h.asApp(), Dispatch{File: "e2e.yml", Correlation: "web/test/e2e-1-0123456789ab", Since: h.Now(), Alone: true}
}

const shown = "run-name: ${{ inputs.towpath }}\non: {workflow_dispatch: {inputs: {towpath: {}}}}\njobs: {smoke: {}, report: {}}\n"

// G3: the server tells the run, or it is found by our input in its name; the input
// is added only where it is declared.
func TestDispatch(t *testing.T) {
	for name, test := range map[string]struct {
		workflow string
		older    bool
		inputs   int
	}{
		"new server":                       {shown, false, 1},
		"old server":                       {shown, true, 1},
		"new server, our input undeclared": {"on: workflow_dispatch\njobs: {smoke: {}}\n", false, 0},
		"old server, our input undeclared": {"on: workflow_dispatch\njobs: {smoke: {}}\n", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, r, d := dispatching(t, test.workflow)
			if test.older {
				h.TellNoRuns()
			}
			started, err := r.Dispatch(t.Context(), d)
			must(t, err)
			runs := h.WorkflowRuns(shop)
			if len(runs) != 1 || len(runs[0].Inputs) != test.inputs || runs[0].Branch != "main" {
				t.Fatalf("runs %+v", runs)
			}
			if want := runs[0].ID; started.ID != want && !(test.older && started.ID == 0) {
				t.Errorf("run %d, want %d", started.ID, want)
			}
			found, ok, err := r.FindRun(t.Context(), d)
			must(t, err)
			if !ok || found.ID != runs[0].ID {
				t.Errorf("found %v %+v", ok, found)
			}
		})
	}
}

// A run that may be several ones' is nobody's, and those of others never count.
func TestFindRun(t *testing.T) {
	h, r, d := dispatching(t, shown)
	find := func(d Dispatch) string {
		t.Helper()
		run, ok, err := r.FindRun(t.Context(), d)
		var ambiguous *AmbiguousRunError
		switch {
		case errors.As(err, &ambiguous):
			return "ambiguous"
		case err != nil:
			t.Fatal(err)
		case !ok:
			return "none"
		}
		if run.ID == 0 || run.File != "e2e.yml" || run.Event != "workflow_dispatch" {
			t.Errorf("run %+v", run)
		}
		return "found"
	}
	sha := h.Refs(shop)["refs/heads/main"]
	forged := githubtest.WorkflowRun{Workflow: workflow, Title: d.Correlation, SHA: sha, Event: "workflow_dispatch", Actor: "octo"}
	_, err := h.WorkflowRun(shop, forged)
	must(t, err)
	forged.Event, forged.Actor = "push", "towpath[bot]"
	_, err = h.WorkflowRun(shop, forged)
	must(t, err)
	if got := find(d); got != "none" {
		t.Errorf("other people's runs: %s", got)
	}
	other := d
	other.Correlation = "web/test/perf-1-000000000000"
	_, err = r.Dispatch(t.Context(), other)
	must(t, err)
	if got := find(d); got != "none" {
		t.Errorf("a run that shows what it is: %s", got)
	}
	other.Correlation = "" // nothing shows
	first, err := r.Dispatch(t.Context(), other)
	must(t, err)
	if got := find(d); got != "found" {
		t.Errorf("the only one that it may be: %s", got)
	}
	d.Alone = false
	if got := find(d); got != "ambiguous" {
		t.Errorf("while another one is looked for: %s", got)
	}
	d.Others, d.Alone = []int64{first.ID}, true
	if got := find(d); got != "none" {
		t.Errorf("a run that is of something else: %s", got)
	}
	d.Others = nil
	_, err = r.Dispatch(t.Context(), other)
	must(t, err)
	if got := find(d); got != "ambiguous" {
		t.Errorf("two runs: %s", got)
	}
	_, err = r.Dispatch(t.Context(), d)
	must(t, err)
	if got := find(d); got != "found" {
		t.Errorf("two others, and ours by its name: %s", got)
	}
}

// What GitHub does not answer is not asked again: there may be a run.
func TestDispatchUnanswered(t *testing.T) {
	for name, done := range map[string]bool{"refused": false, "done, answer lost": true} {
		t.Run(name, func(t *testing.T) {
			h, r, d := dispatching(t, shown)
			h.breakDown("POST", "/dispatches$", done)
			if _, err := r.Dispatch(t.Context(), d); err == nil {
				t.Error("no error")
			}
			if n := h.answered("POST", "/dispatches", 0); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if _, found, err := r.FindRun(t.Context(), d); err != nil || found != done {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
}

// A run is read with its jobs where one of them counts.
func TestWorkflowRun(t *testing.T) {
	h, r, d := dispatching(t, shown)
	started, err := r.Dispatch(t.Context(), d)
	must(t, err)
	run, err := r.WorkflowRun(t.Context(), started.ID, true)
	must(t, err)
	if run.State != "" || len(run.Jobs) != 2 || run.Jobs[0].State != "" {
		t.Errorf("while it runs: %+v", run)
	}
	must(t, h.FinishRun(shop, started.ID, "failure", map[string]string{"smoke": "success"}))
	run, err = r.WorkflowRun(t.Context(), started.ID, true)
	must(t, err)
	var got []string
	for _, j := range run.Jobs {
		got = append(got, j.Name+" "+j.State)
		if !j.Completed.Equal(h.Now()) || j.URL == "" {
			t.Errorf("job %+v", j)
		}
	}
	if text := strings.Join(got, ", "); run.State != "failure" || text != "report failure, smoke success" {
		t.Errorf("ended %q with %s", run.State, text)
	}
	if _, err := r.WorkflowRun(t.Context(), 99, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("a run that is not there: %v", err)
	}
}
