package promote

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// runs is a stage with one gate that we run, told by what happened to it.
type runs struct {
	gate  Gate
	facts Facts
	now   time.Time
	since time.Time // of the configuration
}

var nine = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func clockAt(hours float64) time.Time { return nine.Add(time.Duration(hours * float64(time.Hour))) }

func (r *runs) arrive(commit string, at float64) {
	r.facts.Arrivals = append(r.facts.Arrivals, Arrival{Stage: "test", Manner: ByMerge, Commit: commit, Tree: "tree of " + commit,
		Freight: map[string]string{"app": commit}, At: clockAt(at)})
}

// try is an attempt that became a run; with a state, one that ended an hour later.
func (r *runs) try(commit string, number, retry int, at float64, state string) {
	a := Attempt{Stage: "test", Gate: "e2e", Commit: commit, Number: number, Start: Start{Cause: StartArrival, Retry: retry}, At: clockAt(at),
		Workflow: Workflow{Timeout: r.gate.Dispatch.Timeout, Retries: r.gate.Dispatch.Retries}}
	if r.gate.Dispatch.Schedule.Line != "" {
		a.Cause, a.Tick = StartSchedule, clockAt(at)
	}
	r.facts.Attempts = append(r.facts.Attempts, a)
	became := AttemptRun{ID: int64(len(r.facts.Attempts)), URL: "u", At: a.At}
	switch state {
	case "refused":
		became.ID, became.Refused = 0, "no such workflow"
	case "lost":
		became.ID, became.Lost = 0, true
	case "", "running":
	default:
		r.facts.Results = append(r.facts.Results, Result{Stage: "test", Commit: commit, Source: FromDispatch, Name: "e2e", Attempt: number, State: state, At: clockAt(at + 1)})
	}
	if state != "" {
		r.facts.Runs = append(r.facts.Runs, a.Became(became))
	}
}

func (r *runs) tell(t *testing.T) (gate, due string) {
	t.Helper()
	stage := Stage{Name: "test", Gates: []Gate{r.gate}}
	s := Snapshot{Now: r.now, Facts: r.facts, Configured: r.since}
	last := r.facts.Arrivals[len(r.facts.Arrivals)-1]
	g := s.Gates(stage, last)[0]
	gate = string(g.State)
	if g.Note != "" {
		gate += ": " + g.Note
	}
	if g.Flaky {
		gate += " (flaky)"
	}
	if until := s.gatesChange(stage); !until.IsZero() {
		gate += fmt.Sprintf(", until +%s", Span(until.Sub(nine)))
	}
	var list []string
	for _, d := range s.Due(stage) {
		list = append(list, fmt.Sprintf("%s %s #%d retry %d", d.Cause, d.Commit, d.Number, d.Retry))
	}
	return gate, strings.Join(list, ", ")
}

// G3: what attempts at a gate come to, and which one is due.
func TestAttempts(t *testing.T) {
	plain := Dispatch{}
	hour := Dispatch{Timeout: 2 * time.Hour, Retries: 1}
	for _, test := range []struct {
		name      string
		dispatch  Dispatch
		story     func(r *runs)
		now       float64
		gate, due string
	}{
		{"arrived", plain, func(r *runs) { r.arrive("a", 0) }, 0, "pending", "arrival a #1 retry 0"},
		{"written down, no run yet", plain, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "") }, 0, "pending, until +1m", ""},
		{"lost", plain, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "lost") }, 1, "pending", "lost a #2 retry 0"},
		{"lost too often", plain, func(r *runs) {
			r.arrive("a", 0)
			for n := range 3 {
				r.try("a", n+1, 0, float64(n), "lost")
			}
		}, 4, "failed: GitHub knows no run of it, however often it is started", ""},
		{"refused", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "refused") }, 1, "failed: no such workflow", ""},
		{"running", plain, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "running") }, 1000, "pending", ""},
		{"running with a timeout", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "running") }, 1, "pending, until +2h", ""},
		{"timed out, a retry left", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "running") }, 2, "pending: retry 1 of 1 is started", "retry a #2 retry 1"},
		{"timed out", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 1, 0, "running") }, 2, "timed out: 2h", ""},
		{"passed", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "success") }, 2, "passed", ""},
		{"G6: passed, and has to stay so", plain, func(r *runs) { r.gate.Settle = time.Hour; r.arrive("a", 0); r.try("a", 1, 0, 0, "success") }, 1.5,
			"pending: passed, and has to stay so until 2026-01-05 11:00 UTC, until +2h", ""},
		{"G6: has stayed so", plain, func(r *runs) { r.gate.Settle = time.Hour; r.arrive("a", 0); r.try("a", 1, 0, 0, "success") }, 2, "passed", ""},
		{"failed", plain, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "failure") }, 2, "failed: failure", ""},
		{"failed, a retry left", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "failure") }, 2, "pending: retry 1 of 1 is started", "retry a #2 retry 1"},
		{"retry runs", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "failure"); r.try("a", 2, 1, 1, "running") }, 2, "pending, until +3h", ""},
		{"retry passed", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "failure"); r.try("a", 2, 1, 1, "success") }, 3, "passed (flaky)", ""},
		{"retry failed", hour, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "failure"); r.try("a", 2, 1, 1, "failure") }, 3, "failed: failure", ""},
		{"asked for again, and passed", plain, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "failure"); r.try("a", 2, 0, 1, "success") }, 3, "passed (flaky)", ""},
		{"A7: asked for again, and failed", plain, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "success"); r.try("a", 2, 0, 1, "failure") }, 3, "failed: failure", ""},
		{"too late is no pass", Dispatch{Timeout: 30 * time.Minute}, func(r *runs) { r.arrive("a", 0); r.try("a", 1, 0, 0, "success") }, 3, "timed out: 30m", ""},
		{"P6: an equal tree has its run", plain, func(r *runs) {
			r.arrive("a", 0)
			r.try("a", 1, 0, 0, "success")
			r.arrive("b", 2)
			r.facts.Arrivals[1].Tree = r.facts.Arrivals[0].Tree
		}, 3, "passed", ""},
		{"a retry on what the stage has left", hour, func(r *runs) {
			r.arrive("a", 0)
			r.try("a", 1, 0, 0, "failure")
			r.arrive("b", 2)
			r.try("b", 1, 0, 2, "running")
		}, 3, "pending, until +4h", "retry a #2 retry 1"},
		{"drift starts nothing", plain, func(r *runs) {
			r.arrive("a", 0)
			r.facts.Arrivals[0].Manner = ByDrift
		}, 3, "pending", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &runs{gate: Gate{Name: "e2e", Source: FromDispatch, Match: "e2e", Required: true, Dispatch: &test.dispatch}, now: clockAt(test.now)}
			test.story(r)
			if gate, due := r.tell(t); gate != test.gate || due != test.due {
				t.Errorf("gate %q, due %q\nwant %q, due %q", gate, due, test.gate, test.due)
			}
		})
	}
}

// A8: `retries` that come later start nothing that failed before.
func TestRetriesOfThen(t *testing.T) {
	r := &runs{gate: Gate{Name: "e2e", Source: FromDispatch, Match: "e2e", Required: true, Dispatch: &Dispatch{}}, now: clockAt(3)}
	r.arrive("a", 0)
	r.try("a", 1, 0, 0, "failure")
	r.gate.Dispatch = &Dispatch{Retries: 5}
	if gate, due := r.tell(t); gate != "failed: failure" || due != "" {
		t.Errorf("gate %q, due %q", gate, due)
	}
}

// G5: a gate with a schedule, at nine every day.
func TestSchedule(t *testing.T) {
	const day = 24.0
	for _, test := range []struct {
		name      string
		unchanged bool
		since     float64
		story     func(r *runs)
		now       float64
		gate, due string
	}{
		{"not per arrival", false, -50, func(r *runs) { r.arrive("a", 1) }, 2, "pending, until +24h", ""},
		{"at its tick", false, -50, func(r *runs) { r.arrive("a", 1) }, day, "pending, until +48h", "schedule a #1 retry 0"},
		{"once", false, -50, func(r *runs) { r.arrive("a", 1); r.try("a", 1, 0, day, "success") }, day + 2, "passed", ""},
		{"nothing new", false, -50, func(r *runs) { r.arrive("a", 1); r.try("a", 1, 0, day, "success") }, 2 * day, "passed", ""},
		{"nothing new, and unchanged: run", true, -50, func(r *runs) { r.arrive("a", 1); r.try("a", 1, 0, day, "success") }, 2 * day, "passed, until +72h", "schedule a #2 retry 0"},
		{"what comes after a tick with nothing new waits", false, -50, func(r *runs) {
			r.arrive("a", 1)
			r.try("a", 1, 0, day, "success")
			r.arrive("b", 2*day+1)
		}, 2*day + 2, "pending, until +72h", ""},
		{"the newest only", false, -50, func(r *runs) { r.arrive("a", 1); r.arrive("b", 2) }, day, "pending, until +48h", "schedule b #1 retry 0"},
		{"a missed tick, once, on the newest", false, -50, func(r *runs) { r.arrive("a", 1); r.arrive("b", 3*day+1) }, 3*day + 2, "pending, until +96h", "schedule b #1 retry 0"},
		{"ticks before the gate was there", false, day + 2, func(r *runs) { r.arrive("a", 1) }, day + 3, "pending, until +48h", ""},
		{"the configuration changed after a missed tick", false, 2*day + 1, func(r *runs) {
			r.arrive("a", 1)
			r.try("a", 1, 0, day, "success")
			r.arrive("b", day+1)
		}, 2*day + 2, "pending, until +72h", "schedule b #1 retry 0"},
		{"a run by hand before the tick is enough", false, -50, func(r *runs) {
			r.arrive("a", 1)
			r.try("a", 1, 0, 2, "success")
			r.facts.Attempts[0].Tick = time.Time{}
		}, day, "passed", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			ticks, err := ParseCron("0 9 * * *", "")
			if err != nil {
				t.Fatal(err)
			}
			r := &runs{now: clockAt(test.now), since: clockAt(test.since), gate: Gate{Name: "e2e", Source: FromDispatch, Match: "e2e", Required: true,
				Dispatch: &Dispatch{Schedule: Schedule{Cron: ticks, Unchanged: test.unchanged}}}}
			test.story(r)
			if gate, due := r.tell(t); gate != test.gate || due != test.due {
				t.Errorf("gate %q, due %q\nwant %q, due %q", gate, due, test.gate, test.due)
			}
		})
	}
}

// A correlation names one attempt of one pipeline, by what is safe anywhere.
func TestCorrelation(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range []Pipeline{{Repository: "acme/app", Name: "web"}, {Repository: "acme/other", Name: "web"}} {
		for _, a := range []Attempt{{Stage: "test", Gate: "e2e", Commit: "a", Number: 1}, {Stage: "test", Gate: "e2e", Commit: "a", Number: 2}, {Stage: "test", Gate: "e2e", Commit: "b", Number: 1}} {
			id := a.Correlation(p)
			if seen[id] || !strings.HasPrefix(id, fmt.Sprintf("web/test/e2e-%d-", a.Number)) || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789/-.") != "" {
				t.Errorf("correlation %q", id)
			}
			seen[id] = true
		}
	}
}
