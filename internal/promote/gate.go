package promote

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// GateState is what one gate says of one arrival.
type GateState string

// The states of a gate. Pending covers what is missing, what still runs, and
// what has not stayed for long enough.
const (
	GatePassed   GateState = "passed"
	GateWaits    GateState = "pending"
	GateBroken   GateState = "failed"
	GateTooLate  GateState = "timed out"
	resultPasses           = "success"
	resultFails            = "failure"
)

// GateResult is a gate judged by the latest results (A7, G1).
type GateResult struct {
	Gate  Gate
	State GateState
	At    time.Time // when the gate came into this state; zero: it is pending
	Note  string    // the conclusion that failed; of a pending gate what it waits for, as the end of a sentence
	URL   string
	Until time.Time // when a pending gate will have passed or timed out by itself; zero: never

	Attempt int  // the latest, of a gate that we run; 0: none yet
	Flaky   bool // it failed on the same commit before
}

// Judge says what a gate makes of the results on an arrival's commit. Only the
// latest result of each name counts, so a pass that turns into a failure is a
// failure. It judges recorded results anew whenever the rule changes (A8).
func (g Gate) Judge(results []Result, arrived, now time.Time) GateResult {
	out := g.cells(results)
	if g.At != nil && g.At.Lost != "" {
		out = GateResult{Gate: g, State: GateWaits, Note: g.At.Lost}
	}
	switch {
	case out.State == GatePassed:
		return g.settled(out, now)
	case out.State == GateWaits && g.Within > 0:
		out.Until = arrived.Add(g.Within)
		if !now.Before(out.Until) {
			return GateResult{Gate: g, State: GateTooLate, At: out.Until, Note: Span(g.Within)}
		}
	}
	return out
}

// cells judges a gate without the time: every cell of a matrix must pass, and the
// first that failed gives the word (G6).
func (g Gate) cells(results []Result) GateResult {
	if len(g.Matrix) == 0 {
		return g.cell(g.Match, results)
	}
	out := GateResult{Gate: g, State: GatePassed}
	var missing []string
	for _, name := range g.Matrix {
		cell := g.cell(g.Match+suffix(name), results)
		name = fmt.Sprintf("%s (%s)", g.Match, name)
		switch {
		case cell.State == GateBroken:
			cell.Note = name + ": " + cell.Note
			return cell
		case cell.State == GateWaits:
			missing = append(missing, name)
		case cell.At.After(out.At):
			out.At, out.URL = cell.At, cell.URL
		}
	}
	if len(missing) > 0 {
		return GateResult{Gate: g, State: GateWaits, Note: "waits for " + strings.Join(missing, ", ")}
	}
	return out
}

// suffix is the pattern of a cell behind that of its gate.
func suffix(cell string) string { return literal.Replace(" (" + cell + ")") }

// literal writes a name so that a pattern means just it.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// cell judges the results whose names match.
func (g Gate) cell(pattern string, results []Result) GateResult {
	byName := map[string][]Result{}
	for _, r := range results {
		if g.wants(pattern, r) {
			byName[r.Name] = append(byName[r.Name], r)
		}
	}
	out := GateResult{Gate: g, State: GatePassed}
	passed := 0
	for _, name := range slices.Sorted(maps.Keys(byName)) { // the first by name that failed gives the word
		history := byName[name]
		slices.SortStableFunc(history, func(a, b Result) int { return a.At.Compare(b.At) })
		latest := history[len(history)-1]
		switch g.verdict(latest.State) {
		case GateBroken:
			return GateResult{Gate: g, State: GateBroken, At: latest.At, URL: latest.URL, Note: latest.says()}
		case GatePassed:
			passed++
			if since := g.passing(history); since.After(out.At) {
				out.At, out.URL = since, latest.URL
			}
		}
	}
	need := max(1, g.Expect, len(byName))
	if passed >= need {
		return out
	}
	out = GateResult{Gate: g, State: GateWaits}
	if need > 1 {
		out.Note = fmt.Sprintf("passed in %d of %d results", passed, need)
	}
	return out
}

// passing is when a result that passes now began to: with a settling time it is
// not begun again by every repetition, else the latest one counts.
func (g Gate) passing(history []Result) time.Time {
	since := history[len(history)-1].At
	if g.Settle == 0 {
		return since
	}
	for _, r := range slices.Backward(history) {
		if g.verdict(r.State) != GatePassed {
			break
		}
		since = r.At
	}
	return since
}

// settled is a gate that passed once its result has stayed for long enough (G6).
func (g Gate) settled(out GateResult, now time.Time) GateResult {
	if g.Settle == 0 {
		return out
	}
	out.At = out.At.Add(g.Settle)
	if now.Before(out.At) {
		out.State, out.At, out.Until, out.Note = GateWaits, time.Time{}, out.At, "passed, and has to stay so until "+clock(out.At)
	}
	return out
}

func (g Gate) verdict(state string) GateState {
	switch {
	case state == "" || state == "pending" || state == "queued" || state == "in_progress":
		return GateWaits
	case state == resultPasses || slices.Contains(g.Pass, state):
		return GatePassed
	}
	return GateBroken
}

// State is the state of a result that somebody gives by word.
func State(passed bool) string {
	if passed {
		return resultPasses
	}
	return resultFails
}

// says is a result in words: who said it where somebody did, else the conclusion.
func (r Result) says() string {
	text := r.State
	if r.By != "" {
		text = "said by " + r.By
	}
	if r.Note != "" {
		text += ": " + r.Note
	}
	return text
}

// Final tells whether a result will not change by itself.
func (r Result) Final() bool { return (Gate{}).verdict(r.State) != GateWaits }

// Same tells whether two results say the same: recorded once is enough.
func (r Result) Same(other Result) bool {
	r.At, other.At = r.At.UTC().Truncate(time.Second), other.At.UTC().Truncate(time.Second)
	r.Started, other.Started = r.Started.UTC().Truncate(time.Second), other.Started.UTC().Truncate(time.Second)
	r.URL, other.URL = "", ""
	return r == other
}

// Wants tells whether one of the stage's gates looks for such a result.
func (s Stage) Wants(r Result) bool {
	return slices.ContainsFunc(s.Gates, func(g Gate) bool { return g.Wants(r) })
}

// Wants tells whether the gate looks for such a result.
func (g Gate) Wants(r Result) bool {
	if len(g.Matrix) == 0 {
		return g.wants(g.Match, r)
	}
	return slices.ContainsFunc(g.Matrix, func(cell string) bool {
		return g.wants(g.Match+suffix(cell), r)
	})
}

func (g Gate) wants(pattern string, r Result) bool {
	if r.Source != g.Source || r.Place != g.At.String() || (g.App != "" && r.App != g.App) {
		return false
	}
	ok, err := path.Match(pattern, r.Name)
	return ok && err == nil
}

// Gate returns the stage's gate of that name.
func (s Stage) Gate(name string) (Gate, bool) {
	for _, g := range s.Gates {
		if g.Name == name {
			return g, true
		}
	}
	return Gate{}, false
}

func (g GateResult) reason(stage string) Reason {
	r := Reason{Stage: stage, Gate: g.Gate.Name, Note: g.Note, Until: g.Until}
	switch g.State {
	case GateBroken:
		r.Kind = GateFailed
	case GateTooLate:
		r.Kind = GateTimedOut
	default:
		r.Kind = GatePending
		switch g.Gate.Source {
		case FromManual:
			r.Note = cmp.Or(r.Note, fmt.Sprintf("waits for `/verify %s %s`", stage, g.Gate.Name))
		case FromRun:
			r.Note = cmp.Or(r.Note, "is run by `action run`")
		}
	}
	return r
}
