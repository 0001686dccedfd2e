package promote

import (
	"slices"
	"time"
)

// Due is an attempt that is to be made now, at a gate of a stage.
type Due struct {
	Gate   string `json:"gate"`
	Commit string `json:"commit"` // of the arrival
	Number int    `json:"number"`
	Start
}

// Due lists the attempts that a stage's own gates are to make now: one on what
// the stage holds when none was made (G3), one when the schedule says so (G5), and
// one more where the last failed and may be retried, or left no run.
func (s Snapshot) Due(stage Stage) []Due {
	arrivals := s.Facts.ArrivalsIn(stage.Name)
	if len(arrivals) == 0 {
		return nil
	}
	last := arrivals[len(arrivals)-1]
	var out []Due
	for _, g := range stage.Gates {
		if g.Dispatch == nil {
			continue
		}
		on := s.equal(stage, last)
		attempts := s.Facts.AttemptsAt(stage.Name, g.Name, on)
		scheduled := g.Dispatch.Schedule.Line != ""
		tick, due := s.tick(stage, g)
		switch {
		case last.Manner == ByDrift:
		case scheduled && due:
			out = append(out, Due{g.Name, last.Commit, s.number(stage.Name, g.Name, last.Commit), Start{Cause: StartSchedule, Tick: tick}})
			continue
		case !scheduled && !stage.ran(last, attempts):
			out = append(out, Due{g.Name, last.Commit, s.number(stage.Name, g.Name, last.Commit), Start{Cause: StartArrival}})
			continue
		}
		out = append(out, s.again(stage, g)...)
	}
	return out
}

// ran tells whether one of the attempts was made for an arrival. What comes again
// to a stage without files at the times of its schedule is there to be run again.
func (s Stage) ran(a Arrival, attempts []Attempt) bool {
	again := s.Kind == Fileless && s.Schedule != nil && s.Schedule.Unchanged
	return slices.ContainsFunc(attempts, func(x Attempt) bool { return !again || !x.At.Before(a.At) })
}

// againFor is how long attempts are followed up on what the stage has left.
const againFor = 3 * 24 * time.Hour

// again lists the attempts that follow from ones that failed or were lost, also on
// commits that the stage has left.
func (s Snapshot) again(stage Stage, g Gate) []Due {
	on := map[string][]Attempt{}
	var commits []string
	for _, a := range s.Facts.AttemptsAt(stage.Name, g.Name, func(string) bool { return true }) {
		if on[a.Commit] == nil {
			commits = append(commits, a.Commit)
		}
		on[a.Commit] = append(on[a.Commit], a)
	}
	results := s.resultsIn(stage.Name)
	var out []Due
	for i, commit := range commits {
		row := on[commit]
		a := row[len(row)-1]
		if i < len(commits)-1 && s.Now.Sub(a.At) > againFor {
			continue
		}
		run, _ := s.Facts.RunOf(a)
		start := Start{Cause: StartLost, Retry: a.Retry, Tick: a.Tick, By: a.By, Comment: a.Comment}
		switch {
		case run.Refused != "":
			continue
		case run.Lost:
			if lostInARow(s.Facts, row) >= maxLost {
				continue
			}
		default:
			if !s.ending(g, a, results).State.failed() || a.Retry >= a.Workflow.Retries {
				continue
			}
			start.Cause, start.Retry = StartRetry, a.Retry+1
		}
		out = append(out, Due{g.Name, commit, a.Number + 1, start})
	}
	return out
}

// number is that of the next attempt on a commit.
func (s Snapshot) number(stage, gate, commit string) int {
	n := 1
	for _, a := range s.Facts.AttemptsAt(stage, gate, func(c string) bool { return c == commit }) {
		n = max(n, a.Number+1)
	}
	return n
}

// tick tells whether a gate's schedule makes it due, and by which tick. What a
// stage held at its last tick should have been run then; where nothing says that
// it was, the tick was missed, and the run is on what the stage holds now. What
// came after the tick waits for the next one.
func (s Snapshot) tick(stage Stage, g Gate) (time.Time, bool) {
	tick := g.Dispatch.Schedule.Last(s.Now)
	if tick.IsZero() {
		return tick, false
	}
	all := s.Facts.AttemptsAt(stage.Name, g.Name, func(string) bool { return true })
	scheduled := slices.ContainsFunc(all, func(a Attempt) bool { return !a.Tick.IsZero() })
	if !scheduled && tick.Before(s.Configured) {
		return tick, false // it was before there was such a gate
	}
	if slices.ContainsFunc(all, func(a Attempt) bool { return !a.Tick.Before(tick) }) {
		return tick, false
	}
	var then, now Arrival
	for _, a := range s.Facts.ArrivalsIn(stage.Name) {
		if !a.At.After(tick) {
			then = a
		}
		now = a
	}
	switch {
	case then.Commit == "" || then.Manner == ByDrift || now.Manner == ByDrift:
		return tick, false
	case g.Dispatch.Schedule.Unchanged:
		return tick, true
	}
	ran := func(a Arrival, until time.Time) bool {
		on := s.equal(stage, a)
		return slices.ContainsFunc(all, func(x Attempt) bool { return on(x.Commit) && !x.At.After(until) })
	}
	return tick, !ran(then, tick) && !ran(now, s.Now)
}

// equal tells which commits hold what an arrival brought: its own, those of
// arrivals with an equal tree, and a head with one (G1).
func (s Snapshot) equal(stage Stage, a Arrival) func(commit string) bool {
	commits := map[string]bool{a.Commit: true}
	for _, other := range s.Facts.ArrivalsIn(stage.Name) {
		if other.Tree == a.Tree && other.Manner != ByDrift {
			commits[other.Commit] = true
		}
	}
	if head := s.Stages[stage.Name].Head; head.Tree == a.Tree {
		commits[head.Commit] = true
	}
	return func(commit string) bool { return commits[commit] }
}

// resultsIn are the results of a stage: those that GitHub tells now, and the
// recorded ones of which it does not.
func (s Snapshot) resultsIn(stage string) []Result {
	live := s.Stages[stage].Results
	var out []Result
	for _, r := range slices.Concat(live, recordedBesides(s.Facts.Results, live, s.Now)) {
		if r.Stage == stage || r.Stage == "" {
			out = append(out, r)
		}
	}
	return out
}

// gatesChange is when the gates on what a stage holds will say something else, or
// are to be run, by time alone.
func (s Snapshot) gatesChange(stage Stage) time.Time {
	arrivals := s.Facts.ArrivalsIn(stage.Name)
	if len(arrivals) == 0 || stage.OnArrival || arrivals[len(arrivals)-1].Manner == ByDrift {
		return time.Time{}
	}
	last := arrivals[len(arrivals)-1]
	var out time.Time
	for _, g := range s.Gates(stage, last) {
		out = earliest(out, later(g.Until, s.Now))
		if g.Gate.Dispatch != nil && (g.Gate.Dispatch.Schedule.Unchanged || g.Attempt == 0) {
			out = earliest(out, g.Gate.Dispatch.Schedule.Next(s.Now))
		}
	}
	for _, a := range s.Facts.Attempts { // one that no run is known of is looked for
		if find := later(a.At.Add(FindWithin), s.Now); a.Stage == stage.Name && !find.IsZero() {
			if _, known := s.Facts.RunOf(a); !known {
				out = earliest(out, find)
			}
		}
	}
	return out
}
