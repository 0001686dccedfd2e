package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// started is what a look knows of the attempts that it started itself, before the
// ledger does.
type started map[string]promote.AttemptRun

func keyOf(pipeline string, a promote.Attempt) string {
	return strings.Join([]string{pipeline, a.Stage, a.Gate, a.Commit, fmt.Sprint(a.Number)}, "\x00")
}

// startDue writes down the attempts that are due at the stage's gates. They are
// started after the push that has them in the ledger: of two bots one gets there,
// and a crash leaves something to look for.
func (w *stageWork) startDue() {
	for _, due := range w.verdict.Due {
		gate, ok := w.at.stage.Gate(due.Gate)
		if ok {
			w.attempt(gate, due)
		}
	}
}

func (w *stageWork) attempt(gate promote.Gate, due promote.Due) {
	a := promote.Attempt{
		Stage: w.at.stage.Name, Gate: gate.Name, Commit: due.Commit, Number: due.Number, Start: due.Start,
		At: w.at.afterAttempts(w.now),
	}
	call, err := w.pipeline.Call(w.at.stage, gate, w.freightAt(due.Commit))
	news := promote.Facts{}
	if err != nil {
		news.Runs = []promote.AttemptRun{a.Became(promote.AttemptRun{Refused: "its workflow can not be called: " + err.Error(), At: a.At})}
	}
	a.Workflow = call.Workflow
	news.Attempts = []promote.Attempt{a}
	w.record(w.pipeline.Name, news, attemptLines(w.pipeline.Name, news)...)
	if err == nil {
		w.after = append(w.after, effect{fmt.Sprintf("start %s for gate %s of %s", a.Workflow.File, a.Gate, a.Stage), func(ctx context.Context) error {
			return w.start(ctx, w.pipeline, a, call)
		}})
	}
}

// afterAttempts returns the time of a new attempt: those at one gate stay in order.
func (at *place) afterAttempts(now time.Time) time.Time {
	for _, a := range at.facts.Attempts {
		if a.Stage == at.stage.Name && !now.After(a.At) {
			now = a.At.Add(time.Millisecond)
		}
	}
	return now
}

// freightAt is what an arrival brought, one per slot.
func (w *stageWork) freightAt(commit string) []promote.Freight {
	var out []promote.Freight
	for _, a := range w.view.Snapshot.Facts.ArrivalsIn(w.at.stage.Name) {
		if a.Commit != commit || a.Manner == promote.ByDrift {
			continue
		}
		out = nil
		for _, r := range w.at.stage.Requests {
			if f, ok := w.view.Snapshot.Facts.FreightByID(a.Freight[r.Warehouse]); ok {
				out = append(out, f)
			}
		}
	}
	return out
}

// start starts an attempt's workflow. What GitHub refuses is the gate's failure;
// what it leaves open is found out by the next look, which looks for the run.
func (l *look) start(ctx context.Context, p config.Pipeline, a promote.Attempt, call config.Call) error {
	if l.Now().Sub(a.At) > promote.FindWithin/2 {
		return nil // another look may take it for lost by the time GitHub has it
	}
	var run forge.WorkflowRun
	repo, err := l.workshop(ctx, p, a, true)
	if err == nil {
		run, err = repo.Dispatch(ctx, l.dispatchOf(p, a, call.Inputs))
	}
	became := promote.AttemptRun{ID: run.ID, URL: run.URL, At: a.At}
	if err != nil {
		l.Log.Warn("a gate's workflow is not known to be started", "repo", l.name, "stage", a.Stage, "gate", a.Gate, "error", err)
		var limited *forge.LimitedError
		if errors.As(err, &limited) {
			return err
		}
		became.Refused = refusedStart(a.Workflow, err) // else a later look finds out whether there is a run
	}
	if run.ID == 0 && became.Refused == "" {
		return nil // of an older server it is found by its name
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hub.started[keyOf(p.Name, a)] = a.Became(became)
	return nil
}

func (l *look) dispatchOf(p config.Pipeline, a promote.Attempt, inputs map[string]string) forge.Dispatch {
	d := forge.Dispatch{File: a.Workflow.File, Inputs: inputs, Correlation: a.Correlation(p.Pipeline), Since: a.At}
	unknown := 0
	for _, facts := range l.book.Pipelines {
		for _, r := range facts.Runs {
			if r.ID != 0 {
				d.Others = append(d.Others, r.ID)
			}
		}
		for _, other := range facts.Attempts {
			_, known := facts.RunOf(other)
			if !known && other.Workflow.Repository == a.Workflow.Repository && other.Workflow.File == a.Workflow.File {
				unknown++
			}
		}
	}
	d.Alone = unknown < 2
	return d
}

// workshop is the repository whose workflow an attempt starts. Another one than the
// pipeline's must accept the stage, as if it were written there (H3); what was
// started may be asked for in any case.
func (l *look) workshop(ctx context.Context, p config.Pipeline, a promote.Attempt, starts bool) (*forge.Repo, error) {
	name := promote.NormaliseRepository(a.Workflow.Repository)
	if name == l.name {
		return l.repo, nil
	}
	l.hub.workshops.mu.Lock()
	defer l.hub.workshops.mu.Unlock()
	h := l.hub.workshops.by[name]
	if h == nil {
		var err error
		if h, err = l.openHome(ctx, name); err != nil {
			return nil, err
		}
		l.hub.workshops.by[name] = h
	}
	owners := h.abroad.owners
	accepts := owners != nil && len(owners.Mistakes) == 0 && owners.Accepts(p.Pipeline, a.Stage)
	if h.repo == nil || starts && !accepts {
		return nil, &unaccepted{name, p, a.Stage}
	}
	return h.repo, nil
}

// workshops are the other repositories whose workflows gates start, by name.
type workshops struct {
	mu sync.Mutex
	by map[string]*home
}

// unaccepted is a repository that does not let the pipeline start anything, or
// that there is not: who may edit a pipeline must not learn which.
type unaccepted struct {
	repository string
	pipeline   config.Pipeline
	stage      string
}

func (u *unaccepted) Error() string {
	return fmt.Sprintf("nothing is started in %s: Towpath's App must be installed there, and %s on its default branch must say `accept: [{from: %s, stages: [\"%s/%s\"]}]`, without a mistake",
		u.repository, config.PolicyFile, u.pipeline.Repository, u.pipeline.Name, promote.StageOf(u.stage))
}

// refusedStart says why GitHub does not start a workflow and what to do; empty
// where it is not its last word.
func refusedStart(w promote.Workflow, err error) string {
	var refused *forge.APIError
	var ambiguous *forge.AmbiguousRunError
	var closed *unaccepted
	where := fmt.Sprintf("%s of %s", w.File, w.Repository)
	switch {
	case errors.As(err, &ambiguous):
		return fmt.Sprintf("nothing tells which of several runs of %s is ours: let it declare the input `towpath` and show it in its `run-name`", where)
	case errors.As(err, &closed):
		return closed.Error()
	case !errors.As(err, &refused):
		return ""
	}
	switch refused.Status {
	case http.StatusNotFound:
		return fmt.Sprintf("there is no workflow %s on the default branch, or Towpath may not see it", where)
	case http.StatusForbidden:
		return fmt.Sprintf("Towpath may not start %s: its App needs the permission `actions: write` (%s)", where, refused.Message)
	case http.StatusUnprocessableEntity:
		return fmt.Sprintf("GitHub refuses to start %s: %s", where, refused.Message)
	case http.StatusGone, http.StatusUnavailableForLegalReasons:
		return fmt.Sprintf("GitHub starts nothing in %s any more: %s", w.Repository, refused.Message)
	}
	return ""
}

// dispatched finds out how the attempts at the stage's own gates went: the latest
// one on each of the commits.
func (l *look) dispatched(ctx context.Context, p config.Pipeline, at *place, commits []string) ([]promote.Result, error) {
	var out []promote.Result
	for _, gate := range at.stage.Gates {
		if gate.Dispatch == nil {
			continue
		}
		for _, commit := range commits {
			attempts := at.facts.AttemptsAt(at.stage.Name, gate.Name, func(c string) bool { return c == commit })
			if len(attempts) == 0 {
				continue
			}
			result, ok, err := l.attempted(ctx, p, at, attempts[len(attempts)-1])
			if err != nil {
				return nil, fmt.Errorf("gate %s: %w", gate.Name, err)
			}
			if ok {
				out = append(out, result)
			}
		}
	}
	return out, nil
}

// attempted asks GitHub for an attempt's run.
func (l *look) attempted(ctx context.Context, p config.Pipeline, at *place, a promote.Attempt) (promote.Result, bool, error) {
	run, known := at.facts.RunOf(a)
	if !known {
		var err error
		if run, known, err = l.runOf(ctx, p, a); err != nil {
			return promote.Result{}, false, err
		}
		if known {
			at.learn(promote.Facts{Runs: []promote.AttemptRun{run}})
		}
	}
	if run.ID == 0 {
		return promote.Result{}, false, nil
	}
	found, err := l.workflowRun(ctx, p, a, run.ID)
	result := promote.Result{Stage: a.Stage, Commit: a.Commit, Source: promote.FromDispatch, Name: a.Gate, Attempt: a.Number, URL: run.URL}
	switch {
	case errors.Is(err, forge.ErrNotFound):
		result.State, result.At = "deleted", l.now
		return result, !at.knows(a), nil // GitHub forgets runs; what was recorded counts
	case err != nil:
		return result, false, err
	}
	result.Started = found.Started
	result.State, result.URL, result.At = conclusion(a.Workflow.Job, found)
	return result, true, nil
}

// knows tells whether a final result of an attempt is in the ledger.
func (at *place) knows(a promote.Attempt) bool {
	for _, r := range at.facts.Results {
		if r.Stage == a.Stage && r.Name == a.Gate && r.Commit == a.Commit && r.Attempt == a.Number {
			return true
		}
	}
	return false
}

// runOf is the run of an attempt that the ledger does not know of: this look
// started it, or a look before it that was cut short.
func (l *look) runOf(ctx context.Context, p config.Pipeline, a promote.Attempt) (promote.AttemptRun, bool, error) {
	l.mu.Lock()
	run, ok := l.hub.started[keyOf(p.Name, a)]
	l.mu.Unlock()
	if ok {
		return run, true, nil
	}
	repo, err := l.workshop(ctx, p, a, false)
	var found forge.WorkflowRun
	if err == nil {
		found, ok, err = repo.FindRun(ctx, l.dispatchOf(p, a, nil))
	}
	switch refusal := ""; {
	case err != nil:
		if refusal = refusedStart(a.Workflow, err); refusal == "" {
			return promote.AttemptRun{}, false, err
		}
		return a.Became(promote.AttemptRun{Refused: refusal, At: l.now}), true, nil
	case ok:
		return a.Became(promote.AttemptRun{ID: found.ID, URL: found.URL, At: a.At}), true, nil
	case l.now.Before(a.At.Add(promote.FindWithin)):
		return promote.AttemptRun{}, false, nil
	}
	return a.Became(promote.AttemptRun{Lost: true, At: l.now}), true, nil
}

// workflowRun asks for a run once per look. One that an attempt could not have
// made is none.
func (l *look) workflowRun(ctx context.Context, p config.Pipeline, a promote.Attempt, id int64) (forge.WorkflowRun, error) {
	key := fmt.Sprint(a.Workflow.Repository, " ", id)
	l.mu.Lock()
	known, ok := l.hub.runs[key]
	l.mu.Unlock()
	if ok {
		return known, nil
	}
	repo, err := l.workshop(ctx, p, a, false)
	var closed *unaccepted
	if errors.As(err, &closed) {
		return known, fmt.Errorf("run %d: %w", id, forge.ErrNotFound)
	}
	if err != nil {
		return known, err
	}
	run, err := repo.WorkflowRun(ctx, id, a.Workflow.Job != "")
	if err != nil {
		return run, err
	}
	if run.Event != "workflow_dispatch" || run.File != a.Workflow.File {
		return run, fmt.Errorf("run %d is not of %s: %w", id, a.Workflow.File, forge.ErrNotFound)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hub.runs[key] = run
	return run, nil
}

// noSuchJob is the state of a run that ended without the job that was to count.
const noSuchJob = "no such job"

// conclusion is that of a run, or of its job: of every leg where it has a matrix.
// A job counts as soon as it has ended.
func conclusion(job string, run forge.WorkflowRun) (state, url string, at time.Time) {
	if job == "" {
		return run.State, run.URL, run.Updated
	}
	state, url, at = "", run.URL, run.Updated
	passed, running := 0, 0
	for _, j := range run.Jobs {
		if j.Name != job && !strings.HasPrefix(j.Name, job+" (") {
			continue
		}
		switch j.State {
		case "":
			running++
		case "success":
			passed++
			state, url, at = j.State, j.URL, j.Completed
		default:
			return j.State, j.URL, j.Completed
		}
	}
	switch {
	case passed > 0 && running == 0:
		return state, url, at
	case passed+running == 0 && run.State != "":
		return noSuchJob, run.URL, run.Updated
	}
	return "", url, run.Updated
}
