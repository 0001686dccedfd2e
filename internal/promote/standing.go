package promote

import (
	"slices"
	"time"
)

// Standing is what one stage says of one freight: verified there or not, and for
// how long it was or has been there.
type Standing struct {
	Verified   bool
	VerifiedAt time.Time
	Since      time.Time     // when the current stay began; zero: not there now
	Longest    time.Duration // the longest completed stay that did not end before verification
	Arrival    Arrival       // the one whose results gave the word
	Reasons    []Reason      // why it is not verified
	Until      time.Time     // when that will change by itself
}

// Soaked is the longest single stay, completed or still going on (A4).
func (s Standing) Soaked(now time.Time) time.Duration {
	if s.Since.IsZero() {
		return s.Longest
	}
	return max(s.Longest, now.Sub(s.Since))
}

// StandingOf derives a stage's standing of a freight from arrivals and results.
func (s Snapshot) StandingOf(stage Stage, warehouse, freight string) Standing {
	arrivals := s.Facts.ArrivalsIn(stage.Name)
	if stage.Kind == Control {
		return passedOn(stage, warehouse, freight, arrivals)
	}
	standing := s.verification(stage, map[string]string{warehouse: freight}, arrivals)
	if t, ok := s.Facts.TakeoverOf(stage.Name, s.Now); ok { // whatever is there is not for others (A7)
		standing = Standing{Reasons: []Reason{t.reason()}, Until: t.Until}
	}
	var entered time.Time // of the stay that the walk is in; zero: in none
	for _, a := range arrivals {
		here := a.Freight[warehouse] == freight
		switch {
		case here && entered.IsZero():
			entered = a.Entered()
		case !here && !entered.IsZero():
			if a.At.After(standing.VerifiedAt) {
				standing.Longest = max(standing.Longest, a.At.Sub(entered))
			}
			entered = time.Time{}
		}
	}
	standing.Since = entered
	return standing
}

// StandingAcross is what all the lanes of a stage say of one freight: it is
// verified when it is in each of them, since the last of those, and it soaks from
// when it was in all.
func (s Snapshot) StandingAcross(lanes []Stage, warehouse, freight string) Standing {
	return s.across(lanes, func(lane Stage) Standing { return s.StandingOf(lane, warehouse, freight) })
}

func (s Snapshot) across(lanes []Stage, standing func(Stage) Standing) Standing {
	out := standing(lanes[0])
	for _, lane := range lanes[1:] {
		other := standing(lane)
		out.Reasons = append(out.Reasons, other.Reasons...)
		out.Until = earliest(out.Until, other.Until)
		out.Longest = min(out.Soaked(s.Now), other.Soaked(s.Now))
		if out.Since.IsZero() || other.Since.IsZero() {
			out.Since = time.Time{}
		} else if other.Since.After(out.Since) {
			out.Since = other.Since
		}
		if other.VerifiedAt.After(out.VerifiedAt) {
			out.VerifiedAt = other.VerifiedAt
		}
		out.Verified = out.Verified && other.Verified
	}
	if !out.Verified {
		out.VerifiedAt = time.Time{}
	}
	return out
}

// verification looks at the arrivals that held all of the freight at once, the
// latest first; the first that has a final word decides. What is still pending after a later arrival takes
// nothing back from an earlier one; what failed does (A7).
func (s Snapshot) verification(stage Stage, freight map[string]string, arrivals []Arrival) Standing {
	out := Standing{Reasons: []Reason{{Kind: NotThere, Stage: stage.Name}}}
	if n := len(arrivals); n > 0 && arrivals[n-1].Manner == ByDrift {
		out.Reasons = []Reason{{Kind: Drifted, Stage: stage.Name, Note: ShortID(arrivals[n-1].Commit)}}
		return out
	}
	undecided := false
	for _, a := range slices.Backward(arrivals) {
		if !a.brings(freight) {
			continue
		}
		verdict := s.judge(stage, a)
		if verdict.Verified || !verdict.pending() {
			return verdict
		}
		if !undecided {
			out, undecided = verdict, true
		}
	}
	return out
}

func (s Standing) pending() bool {
	return !slices.ContainsFunc(s.Reasons, func(r Reason) bool { return r.Kind != GatePending })
}

// judge applies the stage's required gates to one arrival.
func (s Snapshot) judge(stage Stage, a Arrival) Standing {
	out := Standing{Verified: true, VerifiedAt: a.At, Arrival: a}
	if stage.OnArrival {
		return out
	}
	for _, g := range s.Gates(stage, a) {
		if !g.Gate.Required {
			continue
		}
		if g.State == GatePassed {
			if g.At.After(out.VerifiedAt) {
				out.VerifiedAt = g.At
			}
			continue
		}
		out.Verified = false
		out.Reasons = append(out.Reasons, g.reason(stage.Name))
		out.Until = earliest(out.Until, g.Until)
	}
	if !out.Verified {
		out.VerifiedAt = time.Time{}
	}
	return out
}

// Gates judges every gate of a stage for one arrival. Results count when they
// are on the arrival's commit or on one of the stage with an equal tree (G1), so
// that an arrival at an unchanged head inherits them (P6).
func (s Snapshot) Gates(stage Stage, a Arrival) []GateResult {
	return s.judgeGates(stage, s.Stages[stage.Name].GatesOf(stage, a), a)
}

func (s Snapshot) judgeGates(stage Stage, gates []Gate, a Arrival) []GateResult {
	counts := s.equal(stage, a)
	var results []Result
	for _, r := range s.resultsIn(stage.Name) {
		if counts(r.Commit) {
			results = append(results, r)
		}
	}
	out := make([]GateResult, len(gates))
	for i, g := range gates {
		if g.Dispatch != nil {
			out[i] = s.judgeAttempts(g, a.At, s.Facts.AttemptsAt(stage.Name, g.Name, counts), results)
			continue
		}
		out[i] = g.Judge(results, a.At, s.Now)
	}
	return out
}

// recordedBesides are the recorded results of which GitHub does not tell itself
// now, and what came before those of which it does: the ledger is not believed
// against it, nor from the future (L4).
func recordedBesides(recorded, live []Result, now time.Time) []Result {
	type key struct {
		commit, name, app, place string
		source                   Source
		attempt                  int
	}
	told := map[key]time.Time{}
	for _, r := range live {
		told[key{r.Commit, r.Name, r.App, r.Place, r.Source, r.Attempt}] = r.At
	}
	var out []Result
	for _, r := range recorded {
		at, ok := told[key{r.Commit, r.Name, r.App, r.Place, r.Source, r.Attempt}]
		if (!ok || r.At.Before(at)) && !r.At.Truncate(time.Second).After(now) { // the order within a second is ours
			out = append(out, r)
		}
	}
	return out
}

// ArrivalsIn returns a stage's arrivals, oldest first.
func (f Facts) ArrivalsIn(stage string) []Arrival {
	var out []Arrival
	for _, a := range f.Arrivals {
		if a.Stage == stage {
			out = append(out, a)
		}
	}
	return out
}

// Holding returns the last arrival of a stage that brought freight: what its
// slots hold, drift or not.
func (f Facts) Holding(stage string) (Arrival, bool) {
	for _, a := range slices.Backward(f.Arrivals) {
		if a.Stage == stage && a.Manner != ByDrift {
			return a, true
		}
	}
	return Arrival{}, false
}

// FreightByID finds freight by its id.
func (f Facts) FreightByID(id string) (Freight, bool) {
	for _, freight := range f.Freight {
		if freight.ID == id {
			return freight, true
		}
	}
	return Freight{}, false
}

// earliest returns the earlier of two times; the zero time is no time.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
