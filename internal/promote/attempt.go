package promote

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Dispatch is how a gate starts a workflow by itself (G3). What depends on
// freight, its file, inputs and job, is known when it is started.
type Dispatch struct {
	Repository string        // whose workflow it is, owner/name; empty: the pipeline's
	Timeout    time.Duration // without a conclusion for longer, a run has failed; 0: never
	Retries    int           // how often a run that failed is started again
	Schedule   Schedule      // when it runs, instead of once per arrival (G5); without a line: none
}

// Attempt is one try at a gate that we run. It is written down before anything is
// started, so that neither a crash nor another bot starts it twice.
type Attempt struct {
	Stage  string `json:"stage"`
	Gate   string `json:"gate"`
	Commit string `json:"commit"` // the arrival's
	Number int    `json:"number"` // from 1, on this commit
	Start

	Workflow Workflow  `json:"workflow"`
	At       time.Time `json:"at"`
}

// Workflow is what an attempt starts.
type Workflow struct {
	Repository string        `json:"repository"`        // owner/name
	File       string        `json:"file"`              // below .github/workflows
	Job        string        `json:"job,omitempty"`     // whose conclusion counts; empty: the run's
	Timeout    time.Duration `json:"timeout,omitempty"` // as it was when it was started: a rule that
	Retries    int           `json:"retries,omitempty"` // changes starts nothing again (A8)
}

// Start is why an attempt was made.
type Start struct {
	Cause   StartCause `json:"cause"`
	Retry   int        `json:"retry,omitempty"` // how many of its row failed before
	Tick    time.Time  `json:"tick,omitzero"`   // of the schedule
	By      string     `json:"by,omitempty"`
	Comment int64      `json:"comment,omitempty"`
}

// StartCause is what made an attempt due.
type StartCause string

// The causes of attempts.
const (
	StartArrival  StartCause = "arrival"
	StartRetry    StartCause = "retry"
	StartSchedule StartCause = "schedule"
	StartCommand  StartCause = "command" // /retest
	StartLost     StartCause = "lost"    // the attempt before it left no run
)

// AttemptRun is what became of an attempt.
type AttemptRun struct {
	Stage   string    `json:"stage"`
	Gate    string    `json:"gate"`
	Commit  string    `json:"commit"`
	Number  int       `json:"number"`
	ID      int64     `json:"id,omitempty"` // of the workflow run; 0: there is none
	URL     string    `json:"url,omitempty"`
	Refused string    `json:"refused,omitempty"` // why it can not be started, with the way out
	Lost    bool      `json:"lost,omitempty"`    // GitHub knows no such run: a crash came first
	At      time.Time `json:"at"`
}

const (
	// FindWithin is how long GitHub is given to tell of a run that was started.
	FindWithin = time.Minute
	// maxLost bounds how many attempts in a row may be lost.
	maxLost = 3
)

// Correlation is what an attempt is found by at GitHub: the input `towpath` of
// its workflow. It is the same on every machine.
func (a Attempt) Correlation(pipeline Pipeline) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{pipeline.ID(), a.Stage, a.Gate, a.Commit, fmt.Sprint(a.Number)}, "\x00")))
	return fmt.Sprintf("%s/%s/%s-%d-%s", pipeline.Name, a.Stage, a.Gate, a.Number, hex.EncodeToString(sum[:6]))
}

// Became is what became of the attempt.
func (a Attempt) Became(r AttemptRun) AttemptRun {
	r.Stage, r.Gate, r.Commit, r.Number = a.Stage, a.Gate, a.Commit, a.Number
	return r
}

// AttemptsAt returns the attempts at a gate on some commits, oldest first.
func (f Facts) AttemptsAt(stage, gate string, on func(commit string) bool) []Attempt {
	var out []Attempt
	for _, a := range f.Attempts {
		if a.Stage == stage && a.Gate == gate && on(a.Commit) {
			out = append(out, a)
		}
	}
	return out
}

// RunOf returns what became of an attempt, the last that is known.
func (f Facts) RunOf(a Attempt) (AttemptRun, bool) {
	for _, r := range slices.Backward(f.Runs) {
		if r.Stage == a.Stage && r.Gate == a.Gate && r.Commit == a.Commit && r.Number == a.Number {
			return r, true
		}
	}
	return AttemptRun{}, false
}

// judgeAttempts is what a gate that we run makes of its attempts on an arrival's
// commits: the latest one counts (G4).
func (s Snapshot) judgeAttempts(g Gate, arrived time.Time, attempts []Attempt, results []Result) GateResult {
	out := s.judgeLatest(g, attempts, results)
	if out.State == GatePassed {
		return g.settled(out, s.Now)
	}
	if out.State != GateWaits || g.Within == 0 || g.Dispatch.Schedule.Line != "" {
		return out
	}
	end := arrived.Add(g.Within)
	if s.Now.Before(end) {
		out.Until = earliest(out.Until, end)
		return out
	}
	out.State, out.At, out.Until, out.Note = GateTooLate, end, time.Time{}, Span(g.Within)
	return out
}

func (s Snapshot) judgeLatest(g Gate, attempts []Attempt, results []Result) GateResult {
	if len(attempts) == 0 {
		return GateResult{Gate: g, State: GateWaits}
	}
	last := attempts[len(attempts)-1]
	out := s.ending(g, last, results)
	run, _ := s.Facts.RunOf(last)
	switch {
	case run.Lost && lostInARow(s.Facts, attempts) >= maxLost:
		out.State, out.At, out.Note = GateBroken, run.At, "GitHub knows no run of it, however often it is started"
	case out.State.failed() && run.Refused == "" && last.Retry < last.Workflow.Retries:
		out.State, out.Note, out.Until = GateWaits, fmt.Sprintf("retry %d of %d is started", last.Retry+1, last.Workflow.Retries), time.Time{}
	case out.State == GatePassed:
		out.Flaky = slices.ContainsFunc(attempts, func(a Attempt) bool { return a != last && s.ending(g, a, results).State == GateTooLate }) ||
			slices.ContainsFunc(results, func(r Result) bool {
				return g.Wants(r) && r.Final() && g.verdict(r.State) == GateBroken && r.At.Before(out.At)
			})
	}
	return out
}

func (s GateState) failed() bool { return s == GateBroken || s == GateTooLate }

// ending is how one attempt went; that its run was lost is pending here.
func (s Snapshot) ending(g Gate, a Attempt, results []Result) GateResult {
	out := GateResult{Gate: g, State: GateWaits, Attempt: a.Number}
	run, _ := s.Facts.RunOf(a)
	if out.URL = run.URL; run.Refused != "" {
		out.State, out.At, out.Note = GateBroken, run.At, run.Refused
		return out
	}
	if run.Lost {
		return out
	}
	r, found := resultOf(a, results)
	out.ended(a, r, found, s.Now)
	return out
}

// ended fills in how an attempt went.
func (g *GateResult) ended(a Attempt, r Result, found bool, now time.Time) {
	begun := a.At
	if r.Started.After(begun) { // somebody started the same run once more
		begun = r.Started
	}
	var deadline time.Time
	if a.Workflow.Timeout > 0 {
		deadline = begun.Add(a.Workflow.Timeout)
	}
	if found && r.URL != "" {
		g.URL = r.URL
	}
	final := found && r.Final()
	switch {
	case !deadline.IsZero() && (final && r.At.After(deadline) || !final && !now.Before(deadline)):
		g.State, g.At, g.Note = GateTooLate, deadline, Span(a.Workflow.Timeout)
	case final:
		g.State, g.At = g.Gate.verdict(r.State), r.At
		if g.State == GateBroken {
			g.Note = r.State
		}
	default:
		g.Until = deadline
	}
}

// later is a time that has not come yet; zero when it has.
func later(at, now time.Time) time.Time {
	if at.After(now) {
		return at
	}
	return time.Time{}
}

// resultOf is the latest word on an attempt.
func resultOf(a Attempt, results []Result) (Result, bool) {
	var out Result
	found := false
	for _, r := range results {
		if r.Source == FromDispatch && r.Name == a.Gate && r.Commit == a.Commit && r.Attempt == a.Number && (!found || !r.At.Before(out.At)) {
			out, found = r, true
		}
	}
	return out, found
}

// lostInARow counts the latest attempts that left no run.
func lostInARow(f Facts, attempts []Attempt) int {
	n := 0
	for _, a := range slices.Backward(attempts) {
		if run, ok := f.RunOf(a); !ok || !run.Lost {
			break
		}
		n++
	}
	return n
}
