package promote

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// G9: what counts as a run, a failure and a flake of a gate.
func TestGateHistory(t *testing.T) {
	ours := Gate{Name: "e2e", Source: FromDispatch, Match: "e2e", Required: true, Dispatch: &Dispatch{Timeout: 90 * time.Minute}}
	theirs := Gate{Name: "lint", Source: FromCheck, Match: "lint", Within: 5 * time.Hour}
	lint := func(r *runs, commit string, at float64, state string) {
		r.facts.Results = append(r.facts.Results, Result{Stage: "test", Commit: commit, Source: FromCheck, Name: "lint", State: state, At: clockAt(at)})
	}
	for _, test := range []struct {
		name  string
		gate  Gate
		story func(r *runs)
		want  string
	}{
		{"nothing", ours, func(*runs) {}, "0 runs, 0 failed, 0 flaky, no rate"},
		{"what goes on is no run", ours, func(r *runs) { r.try("a", 1, 0, 9, "running") }, "0 runs, 0 failed, 0 flaky, no rate"},
		{"a pass after a failure is flaky", ours, func(r *runs) { r.try("a", 1, 0, 1, "failure"); r.try("a", 2, 0, 2, "success") }, "2 runs, 1 failed, 1 flaky, rate 0.50: success (flaky) failure"},
		{"on other freight it is not", ours, func(r *runs) { r.try("a", 1, 0, 1, "failure"); r.try("b", 1, 0, 2, "success") }, "2 runs, 1 failed, 0 flaky, rate 0.50: success failure"},
		{"neither is a failure after a pass", ours, func(r *runs) { r.try("a", 1, 0, 1, "success"); r.try("a", 2, 0, 2, "failure") }, "2 runs, 1 failed, 0 flaky, rate 0.50: failure success"},
		{"timed out, refused, lost", ours, func(r *runs) {
			r.try("a", 1, 0, 1, "running")
			r.try("b", 1, 0, 2, "refused")
			r.try("b", 2, 0, 3, "lost")
		}, "2 runs, 2 failed, 0 flaky, rate 0.00: timed out failed"},
		{"of others, each word once", theirs, func(r *runs) {
			lint(r, "a", 1, "failure")
			lint(r, "a", 1, "failure")
			lint(r, "a", 2, "success")
			lint(r, "elsewhere", 2, "failure")
		}, "3 runs, 2 failed, 1 flaky, rate 0.33: timed out success (flaky) failure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &runs{gate: test.gate, now: clockAt(10)}
			r.arrive("a", 0)
			r.arrive("b", 0.5)
			if r.gate.Dispatch == nil {
				r.gate.Dispatch = &Dispatch{}
			}
			test.story(r)
			h := Snapshot{Now: r.now, Facts: r.facts}.History(Stage{Name: "test", Gates: []Gate{test.gate}})
			g := h.Gates[0]
			got := fmt.Sprintf("%d runs, %d failed, %d flaky, no rate", g.Runs, g.Failures, g.Flakes)
			if g.Rate != nil {
				got = fmt.Sprintf("%d runs, %d failed, %d flaky, rate %.2f:", g.Runs, g.Failures, g.Flakes, *g.Rate)
			}
			for _, last := range g.Last {
				got += " " + last.State
				if last.Flaky {
					got += " (flaky)"
				}
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// G9: lead times are of the first arrival of each freight; their middle is told.
func TestLeadTimes(t *testing.T) {
	stage := Stage{Name: "test", Requests: []Request{{Warehouse: "app"}}, Gates: []Gate{{Name: "lint", Source: FromCheck, Match: "lint", Required: true}}}
	r := &runs{now: clockAt(100)}
	chosen := func(id string, at float64) {
		r.facts.Freight = append(r.facts.Freight, Freight{ID: id, Warehouse: "app", Selected: clockAt(at)})
	}
	verify := func(commit string, at float64) {
		r.facts.Results = append(r.facts.Results, Result{Stage: "test", Commit: commit, Source: FromCheck, Name: "lint", State: "success", At: clockAt(at)})
	}
	chosen("a", 0)
	r.arrive("a", 1)
	verify("a", 3)
	chosen("b", 4)
	r.arrive("b", 9)
	r.arrive("a", 10) // it was there before
	chosen("c", 20)
	r.arrive("c", 15) // selected again after it came
	verify("c", 16)
	r.arrive("unknown", 17)
	h := Snapshot{Now: r.now, Facts: r.facts}.History(stage)
	var got []string
	for _, l := range h.Lead {
		text := l.Freight + " arrived +" + Span(l.Arrived.Sub(nine))
		if !l.Selected.IsZero() {
			text += " selected +" + Span(l.Selected.Sub(nine))
		}
		if !l.Verified.IsZero() {
			text += " verified +" + Span(l.Verified.Sub(nine))
		}
		got = append(got, text)
	}
	want := "c arrived +15h verified +16h, b arrived +9h selected +4h, a arrived +1h selected +0s verified +3h"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if h.SecondsToArrive == nil || *h.SecondsToArrive != 3*3600 || h.SecondsToVerify == nil || *h.SecondsToVerify != 90*60 {
		t.Errorf("medians %v and %v", h.SecondsToArrive, h.SecondsToVerify)
	}
	if empty := (Snapshot{Now: r.now}).History(stage); empty.SecondsToArrive != nil || empty.SecondsToVerify != nil {
		t.Error("medians of nothing")
	}
}
