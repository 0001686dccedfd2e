package schedule

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// What is simulated is what runs: of work that takes its weight, everything starts
// and ends at the same times.
func TestSimulatedAsItRuns(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	weight := func() time.Duration { return time.Duration(1 + random.Int64N(int64(time.Hour))) } // no two ends at one time
	for range 500 {
		nodes, limits := randomGraph(random)
		for i := range nodes {
			if nodes[i].Weight = weight(); random.IntN(3) > 0 {
				continue
			}
			early := &Prepare{Weight: weight()}
			if i > 0 {
				early.After = []string{nodes[random.IntN(i)].Name}
			}
			early.Run = func(ctx context.Context) error { return pass(ctx, early.Weight) }
			nodes[i].Prepare = early
		}
		g := graph(t, limits, nodes...)
		var want []string
		for _, s := range g.Simulate() {
			if !s.Prepares {
				want = append(want, fmt.Sprint(s.Name, " ", s.From, " ", s.To))
			}
		}
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var got []string
			for _, r := range g.Run(t.Context(), nil) {
				got = append(got, fmt.Sprint(r.Name, " ", r.Started.Sub(begin), " ", r.Ended.Sub(begin)))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%q\nwas simulated as %q", got, want)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// Great graphs take time by their size and no more, and no stack: of a hundred
// thousand, a chain that fails at its begin, and a crowd behind one resource.
func TestGreatGraphs(t *testing.T) {
	const count = 100_000
	chain, crowd := make([]Node, count), make([]Node, count)
	for i := range count {
		name := fmt.Sprint(i)
		chain[i] = Node{Name: name, Run: fails}
		crowd[i] = Node{Name: name, Resources: []string{"db"}, Run: func(context.Context) error { return nil }}
		if i > 0 {
			chain[i].After = []string{chain[i-1].Name}
		}
	}
	for i, r := range graph(t, Limits{}, chain...).Run(t.Context(), nil) {
		if i > 0 && (r.Outcome != Skipped || r.Cause != "0") {
			t.Fatalf("%s %s for %s", r.Name, r.Outcome, r.Cause)
		}
	}
	for _, r := range graph(t, Limits{Slots: 4}, crowd...).Run(t.Context(), nil) {
		if r.Outcome != Succeeded {
			t.Fatalf("%s %s", r.Name, r.Outcome)
		}
	}
	chain[0].After = []string{chain[count-1].Name}
	if _, err := New(chain, Limits{}); err == nil {
		t.Error("everything waits for everything")
	}
}
