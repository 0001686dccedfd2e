package promote

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	streakLength = 3  // failures in a row that make an alert (G8)
	shownRuns    = 10 // that it lists
	watching     = "watched"
)

// stale tells of a stage into which nothing was promoted for as long as its
// configuration allows. Where nothing ever was, the time counts from when that was
// first configured, which is a fact of its own (G8).
func (s Snapshot) stale(stage Stage) (there, news []Alert, due time.Time) {
	watch, watched := s.watch(stage.Name)
	switch {
	case stage.Stale == 0 && watched:
		return nil, []Alert{{Stage: stage.Name, Kind: AlertStale, Subject: watching, State: AlertOver, At: s.Now}}, time.Time{}
	case stage.Stale == 0:
		return nil, nil, time.Time{}
	case !watched:
		watch = Alert{Stage: stage.Name, Kind: AlertStale, Subject: watching, State: AlertWatched, At: s.Now}
		news = append(news, watch)
	}
	since, due := s.promotedSince(stage, watch)
	if s.Now.Before(due) {
		return nil, news, due
	}
	a := Alert{Stage: stage.Name, Kind: AlertStale, Reason: Reason{Kind: Stale, Stage: stage.Name, Note: Span(stage.Stale), Until: since}}
	if held, ok := s.Facts.Holding(stage.Name); ok {
		a.Freight = held.Freight
	}
	return []Alert{a}, news, time.Time{}
}

// promotedSince is when something was promoted last, and when that is too long ago.
func (s Snapshot) promotedSince(stage Stage, watch Alert) (since, due time.Time) {
	since = watch.At
	if held, ok := s.Facts.Holding(stage.Name); ok {
		since = held.At
	}
	return since, since.Add(stage.Stale)
}

// watch is the fact that staleness of a stage is counted.
func (s Snapshot) watch(stage string) (Alert, bool) {
	for _, a := range slices.Backward(s.Facts.Alerts) {
		if a.Stage == stage && a.Kind == AlertStale && a.Subject == watching {
			return a, a.State == AlertWatched
		}
	}
	return Alert{}, false
}

// staleness is the reason that a stage shows while it is stale.
func (s Snapshot) staleness(stage Stage) []Reason {
	there, _, _ := s.stale(stage)
	if len(there) == 0 {
		return nil
	}
	return []Reason{there[0].Reason}
}

// streaks are the required gates of a stage that failed several times in a row.
func (s Snapshot) streaks(stage Stage) []Alert {
	var out []Alert
	for _, g := range stage.Gates {
		runs := s.runs(stage, g)
		failed := slices.IndexFunc(runs, func(r Run) bool { return r.Passed })
		if failed < 0 {
			failed = len(runs)
		}
		if !g.Required || failed < streakLength {
			continue
		}
		out = append(out, Alert{
			Stage: stage.Name, Kind: AlertStreak, Subject: g.Name, Freight: runs[0].Freight, URL: runs[0].URL, Runs: runs[:min(len(runs), shownRuns)],
			Reason: Reason{Kind: FailedInARow, Stage: stage.Name, Gate: g.Name, Have: failed},
		})
	}
	return out
}

// runs are the final words of a gate on all that came to a stage, the last first.
// A gate that timed out is a failure without a result.
func (s Snapshot) runs(stage Stage, g Gate) []Run {
	if g.Dispatch != nil {
		return s.attempted(stage, g)
	}
	type run struct {
		commit, name, app string
		at                int64
	}
	type come struct {
		freight map[string]string
		gate    Gate // as the freight has it
	}
	byCommit := map[string]come{}
	var out []ran
	for _, a := range s.Facts.ArrivalsIn(stage.Name) {
		if a.Manner == ByDrift {
			continue
		}
		only := Stage{Name: stage.Name, Gates: s.Stages[stage.Name].GatesOf(stage, a)}
		g, _ := only.Gate(g.Name)
		if byCommit[a.Commit] = (come{a.Freight, g}); g.Within == 0 {
			continue
		}
		if judged := s.judgeGates(stage, []Gate{g}, a)[0]; judged.State == GateTooLate {
			out = append(out, ran{Run{Freight: a.Freight, State: string(GateTooLate), At: judged.At}, a.Commit})
		}
	}
	seen := map[run]bool{}
	for _, r := range slices.Concat(s.Stages[stage.Name].Results, s.Facts.Results) {
		on, here := byCommit[r.Commit]
		key := run{r.Commit, r.Name, r.App, r.At.Unix()}
		if !here || (r.Stage != stage.Name && r.Stage != "") || !on.gate.Wants(r) || !r.Final() || seen[key] || r.At.After(s.Now) {
			continue
		}
		seen[key] = true
		out = append(out, ran{Run{Freight: on.freight, State: r.State, Passed: g.verdict(r.State) == GatePassed, URL: r.URL, At: r.At}, r.Commit + " " + r.Name})
	}
	return flaky(out)
}

// attempted are the attempts at a gate that we run, likewise.
func (s Snapshot) attempted(stage Stage, g Gate) []Run {
	freight := map[string]map[string]string{}
	for _, a := range s.Facts.ArrivalsIn(stage.Name) {
		freight[a.Commit] = a.Freight
	}
	results := s.resultsIn(stage.Name)
	var out []ran
	for _, a := range s.Facts.AttemptsAt(stage.Name, g.Name, func(string) bool { return true }) {
		e := s.ending(g, a, results)
		if e.State == GateWaits {
			continue
		}
		r := ran{Run{Freight: freight[a.Commit], State: string(e.State), Passed: e.State == GatePassed, URL: e.URL, At: e.At}, a.Commit}
		if said, found := resultOf(a, results); found && e.State != GateTooLate {
			r.State = said.State
		}
		out = append(out, r)
	}
	return flaky(out)
}

// ran is a run on a commit, and where several results count, of one name.
type ran struct {
	Run
	of string
}

// flaky puts the last one first, and marks what passed after it had failed on the
// same commit.
func flaky(runs []ran) []Run {
	slices.SortStableFunc(runs, func(a, b ran) int { return a.At.Compare(b.At) })
	failed := map[string]bool{}
	out := make([]Run, len(runs))
	for i, r := range runs {
		r.Flaky = r.Passed && failed[r.of]
		failed[r.of] = failed[r.of] || !r.Passed
		out[len(runs)-1-i] = r.Run
	}
	return out
}

// reversed are the freights that a stage had verified when other stages took them,
// and has not any more: nothing merged is undone, and people are told (A7).
func (p Pipeline) reversed(s Snapshot, stage Stage) []Alert {
	found := map[string]*Alert{}
	for _, down := range p.Stages {
		held, ok := s.Facts.Holding(down.Name)
		if !ok || down.Kind == Control { // what it passed on is nowhere yet
			continue
		}
		for _, request := range down.Requests {
			id := held.Freight[request.Warehouse]
			if id == "" || !p.takes(request, stage.Name) || !s.at(held.At).StandingOf(stage, request.Warehouse, id).Verified {
				continue
			}
			now := s.StandingOf(stage, request.Warehouse, id)
			failed := slices.IndexFunc(now.Reasons, func(r Reason) bool { return r.Kind == GateFailed || r.Kind == GateTimedOut })
			if now.Verified || failed < 0 {
				continue
			}
			if found[id] == nil {
				found[id] = &Alert{
					Stage: stage.Name, Kind: AlertReversed, Subject: ShortID(id), Freight: map[string]string{request.Warehouse: id},
					URL: s.failedAt(stage, now.Arrival, now.Reasons[failed].Gate), Reason: now.Reasons[failed],
				}
			}
			found[id].Touches = append(found[id].Touches, down.Name)
		}
	}
	var out []Alert
	for _, id := range slices.Sorted(maps.Keys(found)) {
		a := *found[id]
		a.Reason = Reason{Kind: FailedAfter, Stage: stage.Name, Gate: a.Reason.Gate, Note: strings.Join(a.Touches, ", "), By: a.Reason.Note}
		out = append(out, a)
	}
	return out
}

// takes tells whether a request takes from a stage, control-flow stages between
// them or not.
func (p Pipeline) takes(request Request, stage string) bool {
	return request.TakesFrom(stage) || slices.ContainsFunc(p.Stages, func(between Stage) bool {
		behind, ok := between.Request(request.Warehouse)
		return ok && between.Kind == Control && request.TakesFrom(between.Name) && p.takes(behind, stage)
	})
}

// failedAt is where the result of a gate is to be seen.
func (s Snapshot) failedAt(stage Stage, a Arrival, gate string) string {
	for _, g := range s.Gates(stage, a) {
		if g.Gate.Name == gate {
			return g.URL
		}
	}
	return ""
}

// at is the snapshot as far as it was true at a time: without what came later.
func (s Snapshot) at(then time.Time) Snapshot {
	out := s
	out.Now = then
	later := func(r Result) bool { return r.At.After(then) }
	out.Facts.Results = slices.DeleteFunc(slices.Clone(s.Facts.Results), later)
	out.Facts.Attempts = slices.DeleteFunc(slices.Clone(s.Facts.Attempts), func(a Attempt) bool { return a.At.After(then) })
	out.Facts.Arrivals = slices.DeleteFunc(slices.Clone(s.Facts.Arrivals), func(a Arrival) bool { return a.At.After(then) })
	out.Stages = map[string]StageState{}
	for name, state := range s.Stages {
		state.Results = slices.DeleteFunc(slices.Clone(state.Results), later)
		out.Stages[name] = state
	}
	return out
}

// WasTold tells whether a receiver was told, or given up.
func (f Facts) WasTold(alert, receiver string) bool {
	return slices.ContainsFunc(f.Told, func(t Told) bool { return t.Alert == alert && t.Receiver == receiver })
}
