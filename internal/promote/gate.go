package promote

import (
	"path"
	"slices"
	"time"
)

// GateState is what one gate says of one arrival.
type GateState string

// The states of a gate. Pending covers what is missing and what still runs.
const (
	GatePassed   GateState = "passed"
	GateWaits    GateState = "pending"
	GateBroken   GateState = "failed"
	GateTooLate  GateState = "timed out"
	resultPasses           = "success"
)

// GateResult is a gate judged by the latest results (A7, G1).
type GateResult struct {
	Gate  Gate
	State GateState
	At    time.Time // of the result that decided
	Note  string    // the conclusion that failed, or how many are missing
	URL   string
	Until time.Time // when a pending gate will have timed out; zero: never

	Attempt int  // the latest, of a gate that we run; 0: none yet
	Flaky   bool // it failed on the same commit before
}

// Judge says what a gate makes of the results on an arrival's commit. Only the
// latest result of each name counts, so a pass that turns into a failure is a
// failure. It judges recorded results anew whenever the rule changes (A8).
func (g Gate) Judge(results []Result, arrived, now time.Time) GateResult {
	latest := map[string]Result{}
	for _, r := range results {
		if !g.wants(r) {
			continue
		}
		if old, seen := latest[r.Name]; !seen || !r.At.Before(old.At) {
			latest[r.Name] = r
		}
	}
	out := GateResult{Gate: g, State: GatePassed}
	passed := 0
	for _, r := range latest {
		switch g.verdict(r.State) {
		case GateBroken:
			// The first by name decides the text, so that it is always the same one.
			if out.State != GateBroken || r.Name < out.Note {
				out.State, out.At, out.URL, out.Note = GateBroken, r.At, r.URL, r.Name
			}
		case GatePassed:
			passed++
			if out.State == GatePassed && r.At.After(out.At) {
				out.At, out.URL = r.At, r.URL
			}
		}
	}
	if out.State == GateBroken {
		out.Note = latest[out.Note].State
		return out
	}
	if passed >= max(1, g.Expect) && passed == len(latest) {
		return out
	}
	out = GateResult{Gate: g, State: GateWaits}
	if g.Within > 0 {
		out.Until = arrived.Add(g.Within)
		if !now.Before(out.Until) {
			out.State, out.At, out.Until, out.Note = GateTooLate, out.Until, time.Time{}, Span(g.Within)
		}
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
	return slices.ContainsFunc(s.Gates, func(g Gate) bool { return g.wants(r) })
}

func (g Gate) wants(r Result) bool {
	if r.Source != g.Source || (g.App != "" && r.App != g.App) {
		return false
	}
	ok, err := path.Match(g.Match, r.Name)
	return ok && err == nil
}
