package promote

import "time"

// Window is a time in which promotions are let in, or are not: from one moment to
// another, or again and again by a cron line.
type Window struct {
	Deny     bool
	From, To time.Time // exclusive of To; zero for a cron line
	Begins   Cron
	For      time.Duration // by the clock: what lasts from Friday 16:00 for 62h ends on Monday at 06:00 in every week
}

// Windows are the windows of a stage. Nothing is promoted in a denying one, nor,
// where there are letting ones, outside of them all.
type Windows []Window

// maxSteps bounds how many ends and beginnings are looked at for the next moment at
// which windows open: about as many minutes as a fortnight has. Who asks when they
// close is told after a few that it may be so, since looking again costs little.
const (
	maxSteps      = 20000
	maxStepsClose = 100
)

// Open tells whether promotions are let in at a time.
func (w Windows) Open(at time.Time) bool { return w.Opens(at).Equal(at) }

// Opens is the first moment from a time on at which promotions are let in; zero:
// never again.
func (w Windows) Opens(at time.Time) time.Time {
	for range maxSteps {
		next := w.step(at)
		if next.IsZero() || next.Equal(at) {
			return next
		}
		at = next
	}
	return time.Time{}
}

// step is the time itself where it is open then, and else a later one before which
// it is closed; zero: it stays closed.
func (w Windows) step(at time.Time) time.Time {
	var begins time.Time
	lets, let := false, false
	for _, window := range w {
		end, inside := window.around(at)
		switch {
		case window.Deny && inside:
			return end
		case !window.Deny:
			lets, let = true, let || inside
			begins = earliest(begins, window.next(at))
		}
	}
	if !lets || let {
		return at
	}
	return begins
}

// Closes is a moment after an open one, not later than when they close; zero: they
// do not.
func (w Windows) Closes(at time.Time) time.Time {
	for range maxStepsClose {
		next := w.edge(at)
		if next.IsZero() || !w.Open(next) {
			return next
		}
		at = next
	}
	return at
}

// edge is the next moment at which a denying window begins or a letting one ends.
func (w Windows) edge(at time.Time) time.Time {
	var out time.Time
	for _, window := range w {
		if window.Deny {
			out = earliest(out, window.next(at))
		} else if end, inside := window.around(at); inside {
			out = earliest(out, end)
		}
	}
	return out
}

// around is when the window ends that a time lies in.
func (w Window) around(at time.Time) (end time.Time, inside bool) {
	if w.repeats() {
		begin := w.Begins.Last(at)
		end = w.end(begin)
		return end, !begin.IsZero() && at.Before(end)
	}
	return w.To, !at.Before(w.From) && at.Before(w.To)
}

// next is when the window begins after a time; zero: not any more.
func (w Window) next(at time.Time) time.Time {
	switch {
	case w.repeats():
		return w.Begins.Next(at)
	case w.From.After(at) && w.To.After(w.From):
		return w.From
	}
	return time.Time{}
}

func (w Window) repeats() bool { return w.Begins.Line != "" }

// end is when a window ends that began at a tick.
func (w Window) end(begin time.Time) time.Time {
	if begin.IsZero() || w.For <= 0 {
		return begin
	}
	if end := firstAt(wallOf(begin.In(w.Begins.in)).Add(w.For), w.Begins.in); end.After(begin) {
		return end.UTC()
	}
	return begin.Add(w.For)
}

// windowClosed is the reason for which nothing is promoted now, if there is one.
func (d *decision) windowClosed() []Reason {
	opens := d.policy.Windows.Opens(d.snapshot.Now)
	if opens.Equal(d.snapshot.Now) {
		return nil
	}
	return []Reason{{Kind: WindowClosed, Stage: d.stage.Name, Until: opens}}
}

// withinWindow keeps freight out that no override lets past a closed window, where
// other freight may come.
func (d *decision) withinWindow(freight Freight, answer Availability) Availability {
	closed := d.windowClosed()
	if len(closed) == 0 || d.pastWindow(freight.ID) {
		return answer
	}
	return Availability{Reasons: append(closed, answer.Reasons...), Until: earliest(answer.Until, closed[0].Until)}
}

// untilClosed makes a verdict last no longer than the window in which it was made,
// where it says anything that a closed one would not.
func (d *decision) untilClosed(v Verdict) Verdict {
	if now := d.snapshot.Now; v.Action != Current && len(d.policy.Windows) > 0 && d.policy.Windows.Open(now) {
		v.Until = earliest(v.Until, d.policy.Windows.Closes(now))
	}
	return v
}
