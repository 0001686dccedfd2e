package promote

import (
	"slices"
	"time"
)

// Retest is the wish to run gates of a stage again, on what it holds (G4).
type Retest struct {
	Stage   string   `json:"stage"`
	Gates   []string `json:"gates,omitempty"` // as written; none: those that failed or have no result
	All     bool     `json:"all,omitempty"`
	By      string   `json:"by"`
	Comment int64    `json:"comment"`

	At time.Time `json:"at"` // what came into the stage later was not meant (C5)
}

// Retested is what becomes of such a wish for one gate.
type Retested struct {
	Gate    string      `json:"gate,omitempty"`
	State   RetestState `json:"state"`
	Attempt int         `json:"attempt,omitempty"` // that is made, or goes on
	URL     string      `json:"url,omitempty"`
}

// RetestState is what becomes of it.
type RetestState string

// The states. The last four are answers about the whole stage.
const (
	RetestStarts   RetestState = "starts"
	RetestGoesOn   RetestState = "goes on"   // it still runs, and is left alone
	RetestByOthers RetestState = "by others" // only who runs it can run it again
	RetestUnknown  RetestState = "unknown"   // there is no such gate
	RetestNone     RetestState = "none"      // nothing failed or is missing
	RetestMoved    RetestState = "moved"     // the stage changed after the comment
	RetestDrifted  RetestState = "drifted"
	RetestEmpty    RetestState = "empty" // the stage holds nothing
)

// dueAndAsked are the attempts to be made, those that people want again among
// them, and what becomes of every wish.
func (s Snapshot) dueAndAsked(stage Stage) (due []Due, told []Retested) {
	due = s.Due(stage)
	for _, ask := range s.Retests {
		if ask.Stage == stage.Name {
			due, told = s.retest(stage, ask, due, told)
		}
	}
	return due, told
}

func (s Snapshot) retest(stage Stage, ask Retest, due []Due, told []Retested) ([]Due, []Retested) {
	arrivals := s.Facts.ArrivalsIn(stage.Name)
	switch {
	case len(arrivals) == 0:
		return due, append(told, Retested{State: RetestEmpty})
	case arrivals[len(arrivals)-1].Manner == ByDrift:
		return due, append(told, Retested{State: RetestDrifted})
	case arrivals[len(arrivals)-1].At.Truncate(time.Second).After(ask.At):
		return due, append(told, Retested{State: RetestMoved})
	}
	last, before := arrivals[len(arrivals)-1], len(told)
	for _, name := range ask.Gates {
		if !slices.ContainsFunc(stage.Gates, func(g Gate) bool { return g.Name == name }) {
			told = append(told, Retested{Gate: name, State: RetestUnknown})
		}
	}
	for _, g := range s.Gates(stage, last) {
		asked := ask.All || slices.Contains(ask.Gates, g.Gate.Name) || len(ask.Gates) == 0 && g.State != GatePassed
		if !asked {
			continue
		}
		answer := Retested{Gate: g.Gate.Name, State: RetestStarts, URL: g.URL}
		switch {
		case g.Gate.Dispatch == nil:
			answer.State = RetestByOthers
		case s.goesOn(stage, g.Gate, last):
			answer.State, answer.Attempt = RetestGoesOn, g.Attempt
		default:
			answer.Attempt = s.number(stage.Name, g.Gate.Name, last.Commit)
			due = slices.DeleteFunc(due, func(d Due) bool { return d.Gate == g.Gate.Name && d.Commit == last.Commit })
			due = append(due, Due{g.Gate.Name, last.Commit, answer.Attempt, Start{Cause: StartCommand, By: ask.By, Comment: ask.Comment}})
		}
		told = append(told, answer)
	}
	if len(told) == before {
		told = append(told, Retested{State: RetestNone})
	}
	return due, told
}

// goesOn tells whether the latest attempt at a gate on what arrived has not ended.
func (s Snapshot) goesOn(stage Stage, g Gate, a Arrival) bool {
	attempts := s.Facts.AttemptsAt(stage.Name, g.Name, s.equal(stage, a))
	if len(attempts) == 0 {
		return false
	}
	last := attempts[len(attempts)-1]
	run, _ := s.Facts.RunOf(last)
	return !run.Lost && s.ending(g, last, s.resultsIn(stage.Name)).State == GateWaits
}
