package forge

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
)

// Dispatch is a workflow to be started on the default branch.
type Dispatch struct {
	File        string // below .github/workflows
	Inputs      map[string]string
	Correlation string    // goes into the input `towpath`, where the workflow declares it
	Since       time.Time // when it was decided: no run of it is older
	Others      []int64   // runs that are known to be of something else
	Alone       bool      // no other run of the workflow is looked for
}

// shownForm is how any correlation looks in the name of a run.
var shownForm = regexp.MustCompile(`[a-z0-9-]+/[a-z0-9.-]+/[a-z0-9-]+-[0-9]+-[0-9a-f]{12}`)

// correlationInput is the one input that is ours.
const correlationInput = "towpath"

// clockSkew is how far our clock may be ahead of GitHub's.
const clockSkew = time.Minute

// maxListed is among how many of our latest runs one is looked for.
const maxListed = 300

// WorkflowRun is a run of a workflow as GitHub tells of it.
type WorkflowRun struct {
	ID      int64
	File    string // below .github/workflows
	Event   string
	State   string // the conclusion; empty while it runs
	URL     string
	Started time.Time // the last time, where somebody started it again
	Updated time.Time // once completed: when
	Jobs    []Job     // where they were asked for
}

// Job is a job of a workflow run.
type Job struct {
	Name      string
	State     string // the conclusion; empty while it runs
	URL       string
	Completed time.Time
}

// AmbiguousRunError says that several runs may be the one that was started, and
// nothing tells which.
type AmbiguousRunError struct{ Count int }

func (e *AmbiguousRunError) Error() string { return "nothing tells which of the runs it is" }

// Dispatch asks once for a workflow to be started. The run's id is 0 where the
// server does not tell it. After an error that leaves open whether GitHub acted it
// does not ask again: [Repo.FindRun] tells, once GitHub lists what it made.
func (r *Repo) Dispatch(ctx context.Context, d Dispatch) (WorkflowRun, error) {
	run, err := r.dispatch(ctx, d)
	return run, r.failed(err, "start workflow %s", d.File)
}

// dispatch asks for the run's id and adds our input, and leaves out what the
// server or the workflow does not know: GitHub names it and starts nothing.
func (r *Repo) dispatch(ctx context.Context, d Dispatch) (WorkflowRun, error) {
	details, ours := true, d.Correlation != ""
	for {
		run, err := r.postDispatch(ctx, d, details, ours)
		text := ""
		if refusal := new(github.ErrorResponse); errors.As(err, &refusal) && refusal.Response.StatusCode == http.StatusUnprocessableEntity {
			text = words(refusal)
		}
		switch {
		case details && strings.Contains(text, "return_run_details"):
			details = false
		case ours && strings.Contains(text, "Unexpected inputs") && strings.Contains(text, `"`+correlationInput+`"`):
			ours = false
		default:
			return run, err
		}
	}
}

func (r *Repo) postDispatch(ctx context.Context, d Dispatch, details, ours bool) (WorkflowRun, error) {
	inputs := maps.Clone(d.Inputs)
	if ours {
		if inputs == nil {
			inputs = map[string]string{}
		}
		inputs[correlationInput] = d.Correlation
	}
	body := map[string]any{"ref": r.info.DefaultBranch}
	if len(inputs) > 0 {
		body["inputs"] = inputs
	}
	if details {
		body["return_run_details"] = true
	}
	// go-github knows no return_run_details.
	req, err := r.client.NewRequest(http.MethodPost, path.Join("repos", r.owner, r.name, "actions/workflows", d.File, "dispatches"), body)
	if err != nil {
		return WorkflowRun{}, err
	}
	var made struct {
		ID  int64  `json:"workflow_run_id"`
		URL string `json:"html_url"`
	}
	if _, err = r.client.Do(ctx, req, &made); err != nil {
		return WorkflowRun{}, err
	}
	return WorkflowRun{ID: made.ID, URL: made.URL}, nil
}

// FindRun finds the run that a dispatch has made. It is the one that carries the
// correlation in its name; where the workflow does not show it, the only one of
// ours that came since and is not known to be of something else, provided that no
// other one is looked for.
func (r *Repo) FindRun(ctx context.Context, d Dispatch) (WorkflowRun, bool, error) {
	runs, err := r.ownRuns(ctx, d)
	if err != nil {
		return WorkflowRun{}, false, r.failed(err, "find the run of workflow %s", d.File)
	}
	for _, run := range runs {
		if d.Correlation != "" && strings.Contains(run.Title, d.Correlation) {
			return run.run(), true, nil
		}
	}
	runs = slices.DeleteFunc(runs, func(run runBody) bool { return shownForm.MatchString(run.Title) })
	switch {
	case len(runs) == 0:
		return WorkflowRun{}, false, nil
	case len(runs) == 1 && d.Alone:
		return runs[0].run(), true, nil
	}
	return WorkflowRun{}, false, &AmbiguousRunError{len(runs)}
}

// ownRuns lists the runs of the workflow that we may have started.
func (r *Repo) ownRuns(ctx context.Context, d Dispatch) ([]runBody, error) {
	self, err := r.forge.Self(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{"event": {"workflow_dispatch"}, "actor": {self}}
	runs, err := pages(maxListed, func(page github.ListOptions) ([]runBody, *github.Response, error) {
		query.Set("page", strconv.Itoa(max(1, page.Page)))
		query.Set("per_page", strconv.Itoa(page.PerPage))
		var list struct {
			Runs []runBody `json:"workflow_runs"`
		}
		resp, err := r.read(ctx, "actions/runs?"+query.Encode(), &list)
		return list.Runs, resp, err
	})
	return slices.DeleteFunc(runs, func(run runBody) bool {
		return run.file() != d.File || run.Created.Before(d.Since.Add(-clockSkew)) || slices.Contains(d.Others, run.ID)
	}), err
}

// runBody is the part of GitHub's answer that matters; go-github leaves out the
// path.
type runBody struct {
	ID         int64     `json:"id"`
	Title      string    `json:"display_title"`
	Path       string    `json:"path"` // may end in @ and a ref
	Event      string    `json:"event"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	URL        string    `json:"html_url"`
	Created    time.Time `json:"created_at"`
	Started    time.Time `json:"run_started_at"`
	Updated    time.Time `json:"updated_at"`
}

func (b runBody) file() string {
	file, _, _ := strings.Cut(b.Path, "@")
	return path.Base(file)
}

func (b runBody) run() WorkflowRun {
	out := WorkflowRun{ID: b.ID, File: b.file(), Event: b.Event, URL: b.URL, Started: b.Started, Updated: b.Updated}
	if b.Status == "completed" {
		out.State = b.Conclusion
	}
	return out
}

// read asks for what go-github does not know in full.
func (r *Repo) read(ctx context.Context, below string, into any) (*github.Response, error) {
	req, err := r.client.NewRequest(http.MethodGet, path.Join("repos", r.owner, r.name)+"/"+below, nil)
	if err != nil {
		return nil, err
	}
	return r.client.Do(ctx, req, into)
}

// WorkflowRun returns a run as it is now, with its jobs where they matter;
// [ErrNotFound] when it was deleted.
func (r *Repo) WorkflowRun(ctx context.Context, id int64, jobs bool) (WorkflowRun, error) {
	var body runBody
	if _, err := r.read(ctx, "actions/runs/"+strconv.FormatInt(id, 10), &body); err != nil {
		return WorkflowRun{}, r.failed(err, "read workflow run %d", id)
	}
	out := body.run()
	if !jobs {
		return out, nil
	}
	list, err := pages(0, func(page github.ListOptions) ([]*github.WorkflowJob, *github.Response, error) {
		jobs, resp, err := r.client.Actions.ListWorkflowJobs(ctx, r.owner, r.name, id, &github.ListWorkflowJobsOptions{Filter: "latest", ListOptions: page})
		if err != nil {
			return nil, resp, err
		}
		return jobs.Jobs, resp, nil
	})
	if err != nil {
		return WorkflowRun{}, r.failed(err, "list the jobs of workflow run %d", id)
	}
	for _, j := range list {
		job := Job{Name: j.GetName(), URL: j.GetHTMLURL()}
		if j.GetStatus() == "completed" {
			job.State, job.Completed = j.GetConclusion(), j.GetCompletedAt().Time
		}
		out.Jobs = append(out.Jobs, job)
	}
	return out, nil
}
