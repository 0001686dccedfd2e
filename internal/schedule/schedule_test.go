package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// work is nodes that take their weight of time, which the tests only simulate.
func work(nodes ...Node) []Node {
	for i, n := range nodes {
		if n.Run == nil {
			nodes[i].Run = func(ctx context.Context) error { return pass(ctx, n.Weight) }
		}
	}
	return nodes
}

func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func fails(context.Context) error { return errors.New("it broke") }

func graph(t *testing.T, limits Limits, nodes ...Node) *Graph {
	t.Helper()
	g, err := New(work(nodes...), limits)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// run returns the results as lines: name, outcome, start and end in seconds.
func lines(results []Result, begin time.Time) []string {
	out := make([]string, len(results))
	for i, r := range results {
		out[i] = fmt.Sprintf("%s %s", r.Name, r.Outcome)
		if !r.Started.IsZero() {
			out[i] += fmt.Sprintf(" %.0f-%.0f", r.Started.Sub(begin).Seconds(), r.Ended.Sub(begin).Seconds())
		}
		if r.Cause != "" {
			out[i] += " for " + r.Cause
		}
	}
	return out
}

// X1, X2, X4, X5: what runs when, and what becomes of the rest.
func TestRun(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		limits Limits
		nodes  []Node
		want   string
	}{
		"no waves": {Limits{}, []Node{
			{Name: "a", Weight: 1 * s}, {Name: "b", Weight: 9 * s}, {Name: "c", After: []string{"a"}, Weight: 2 * s}, {Name: "d", After: []string{"b", "c"}, Weight: s},
		}, "a succeeded 0-1, b succeeded 0-9, c succeeded 1-3, d succeeded 9-10"},
		"the longest path first": {Limits{Slots: 1}, []Node{
			{Name: "short", Weight: 5 * s}, {Name: "long", Weight: s}, {Name: "behind", After: []string{"long"}, Weight: 6 * s},
		}, "short succeeded 7-12, long succeeded 0-1, behind succeeded 1-7"},
		"ties by order": {Limits{Slots: 1}, []Node{{Name: "b", Weight: s}, {Name: "a", Weight: s}}, "b succeeded 0-1, a succeeded 1-2"},
		"who waits for a resource holds no slot": {Limits{Slots: 2}, []Node{
			{Name: "a", Weight: 4 * s, Resources: []string{"db"}}, {Name: "b", Weight: 3 * s, Resources: []string{"db"}}, {Name: "c", Weight: s}, {Name: "d", Weight: s},
		}, "a succeeded 0-4, b succeeded 4-7, c succeeded 0-1, d succeeded 1-2"},
		"a resource for two": {Limits{Resources: map[string]int{"db": 2}}, []Node{
			{Name: "a", Weight: 3 * s, Resources: []string{"db"}}, {Name: "b", Weight: 2 * s, Resources: []string{"db"}}, {Name: "c", Weight: s, Resources: []string{"db"}},
		}, "a succeeded 0-3, b succeeded 0-2, c succeeded 2-3"},
		"a failure stops what waits for it": {Limits{}, []Node{
			{Name: "a", Run: fails}, {Name: "b", After: []string{"a"}}, {Name: "c", After: []string{"b"}}, {Name: "d", Weight: 2 * s}, {Name: "e", After: []string{"d"}},
		}, "a failed 0-0, b skipped for a, c skipped for a, d succeeded 0-2, e succeeded 2-2"},
		"prepared early": {Limits{}, []Node{
			{Name: "a", Weight: 5 * s},
			{Name: "b", After: []string{"a"}, Weight: s, Prepare: &Prepare{Run: func(ctx context.Context) error { return pass(ctx, 4*s) }}},
		}, "a succeeded 0-5, b succeeded 5-6"},
		"a preparation waits for its own, and holds no slot meanwhile": {Limits{Slots: 1}, []Node{
			{Name: "a", Weight: 3 * s},
			{Name: "b", Weight: s, Prepare: &Prepare{After: []string{"a"}, Run: func(ctx context.Context) error { return pass(ctx, 2*s) }}},
			{Name: "c", Weight: s},
		}, "a succeeded 0-3, b succeeded 5-6, c succeeded 6-7"},
		"a preparation that fails": {Limits{}, []Node{
			{Name: "a", Weight: s, Prepare: &Prepare{Run: fails}}, {Name: "b", After: []string{"a"}},
		}, "a failed, b skipped for a"},
		"nobody prepares for what is skipped": {Limits{Slots: 1}, []Node{
			{Name: "a", Weight: 9 * s, Run: fails},
			{Name: "b", After: []string{"a"}, Prepare: &Prepare{Run: func(context.Context) error { panic("prepared") }}},
		}, "a failed 0-0, b skipped for a"},
		"one of two is enough": {Limits{}, []Node{
			{Name: "a", Weight: 1 * s}, {Name: "b", Weight: 5 * s}, {Name: "c", Weight: s, Some: []Some{{Of: [][]string{{"a"}, {"b"}}, Need: 1}}},
		}, "a succeeded 0-1, b succeeded 0-5, c succeeded 1-2"},
		"one of two, and one fails": {Limits{}, []Node{
			{Name: "a", Run: fails}, {Name: "b", Weight: 5 * s}, {Name: "c", Weight: s, Some: []Some{{Of: [][]string{{"a"}, {"b"}}, Need: 1}}},
			{Name: "d", After: []string{"a"}, Some: []Some{{Of: [][]string{{"a"}, {"b"}}, Need: 1}}},
		}, "a failed 0-0, b succeeded 0-5, c succeeded 5-6, d skipped for a"},
		"too many of the alternatives fail": {Limits{}, []Node{
			{Name: "a", Run: fails}, {Name: "b", Run: func(ctx context.Context) error { _ = pass(ctx, s); return errors.New("it broke") }}, {Name: "c", Weight: 2 * s},
			{Name: "d", Some: []Some{{Of: [][]string{{"a"}, {"b"}, {"c"}}, Need: 2}}},
		}, "a failed 0-0, b failed 0-1, c succeeded 0-2, d skipped for b"},
		"an alternative of several": {Limits{}, []Node{
			{Name: "a", Weight: 1 * s}, {Name: "a.2", Weight: 3 * s}, {Name: "b", Weight: 9 * s},
			{Name: "c", Weight: s, Some: []Some{{Of: [][]string{{"a", "a.2"}, {"b"}}, Need: 1}}},
		}, "a succeeded 0-1, a.2 succeeded 0-3, b succeeded 0-9, c succeeded 3-4"},
		"what begins early is not stopped by a later failure": {Limits{}, []Node{
			{Name: "a", Weight: 1 * s}, {Name: "b", Run: func(ctx context.Context) error { _ = pass(ctx, 2*s); return errors.New("it broke") }},
			{Name: "c", Weight: 4 * s, Some: []Some{{Of: [][]string{{"a"}, {"b"}}, Need: 1}}},
		}, "a succeeded 0-1, b failed 0-2, c succeeded 1-5"},
		"nothing": {Limits{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				got := strings.Join(lines(graph(t, test.limits, test.nodes...).Run(t.Context(), nil), begin), ", ")
				if got != test.want {
					t.Errorf("%s\nwant %s", got, test.want)
				}
			})
		})
	}
}

// X3, X4: cancelling ends what runs and what waits, at once, and the words differ.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begin := time.Now()
		g := graph(t, Limits{Resources: map[string]int{"db": 1}},
			Node{Name: "broken", Run: fails}, Node{Name: "after broken", After: []string{"broken"}},
			Node{Name: "quick", Weight: time.Second}, Node{Name: "runs", Weight: time.Hour, Resources: []string{"db"}},
			Node{Name: "waits", Weight: time.Second, Resources: []string{"db"}}, Node{Name: "behind", After: []string{"runs"}})
		got := strings.Join(lines(g.Run(ctx, nil), begin), ", ")
		want := "broken failed 0-0, after broken skipped for broken, quick succeeded 0-1, runs cancelled 0-2, waits cancelled, behind cancelled"
		if got != want || time.Since(begin) != 2*time.Second {
			t.Errorf("%s after %s\nwant %s", got, time.Since(begin), want)
		}
	})
}

type diary struct{ lines []string }

func (d *diary) Started(name string, prepares bool) {
	d.lines = append(d.lines, fmt.Sprintf("%s starts (%t)", name, prepares))
}
func (d *diary) Ended(r Result) { d.lines = append(d.lines, fmt.Sprintf("%s %s", r.Name, r.Outcome)) }

func TestWatcher(t *testing.T) {
	var d diary
	g := graph(t, Limits{Slots: 1}, Node{Name: "a", Prepare: &Prepare{Run: func(context.Context) error { return nil }}}, Node{Name: "b", After: []string{"a"}, Run: fails}, Node{Name: "c", After: []string{"b"}})
	g.Run(t.Context(), &d)
	want := []string{"a starts (true)", "a starts (false)", "a succeeded", "b starts (false)", "b failed", "c skipped"}
	if !slices.Equal(d.lines, want) {
		t.Errorf("%q, want %q", d.lines, want)
	}
}

// X1, X6: what is wrong is said with names.
func TestMistakes(t *testing.T) {
	for want, nodes := range map[string][]Node{
		"these wait for each other: a → c → b → a":            {{Name: "a", After: []string{"c"}}, {Name: "b", After: []string{"a"}}, {Name: "c", After: []string{"b"}}},
		"these wait for each other: a → a":                    {{Name: "a", After: []string{"a"}}},
		"these wait for each other: a → b → a":                {{Name: "a", Prepare: &Prepare{After: []string{"b"}}}, {Name: "b", After: []string{"a"}}},
		`"a" is there twice, as number 1 and number 3`:        {{Name: "a"}, {Name: "b"}, {Name: "a"}},
		`a waits for "x", which is not there; there are a, b`: {{Name: "a", After: []string{"x"}}, {Name: "b"}},
		`b waits for "z", which is not there; there are a, b`: {{Name: "a"}, {Name: "b", Some: []Some{{Of: [][]string{{"z"}}, Need: 1}}}},
		"b waits for 2 of 1: that is never so":                {{Name: "a"}, {Name: "b", Some: []Some{{Of: [][]string{{"a"}}, Need: 2}}}},
		`b waits for "y", which is not there; there are a, b`: {{Name: "a"}, {Name: "b", Prepare: &Prepare{After: []string{"y"}}}},
	} {
		if _, err := New(nodes, Limits{}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, limits := range []Limits{{Slots: -1}, {Resources: map[string]int{"db": 0}}} {
		if _, err := New(nil, limits); err == nil {
			t.Errorf("%v: no error", limits)
		}
	}
}

// X6: what is selected keeps its order, also through what is left out; a
// preparation does not wait for what nobody does.
func TestSelect(t *testing.T) {
	nodes := []Node{
		{Name: "a"}, {Name: "b", After: []string{"a"}}, {Name: "c", After: []string{"b"}, Prepare: &Prepare{After: []string{"b"}}}, {Name: "d"},
	}
	for _, test := range []struct {
		names    []string
		upstream bool
		want     string
	}{
		{nil, false, "a b<a c<b d"},
		{[]string{"b"}, false, "b"},
		{[]string{"c", "a"}, false, "a c<a"},
		{[]string{"c"}, false, "c"},
		{[]string{"c"}, true, "a b<a c<b"},
		{[]string{"d", "d"}, false, "d"},
	} {
		got, err := Select(nodes, test.names, test.upstream)
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, n := range got {
			if n.Prepare != nil && !slices.Equal(n.Prepare.After, n.After) {
				t.Errorf("%v: %s is prepared after %v", test.names, n.Name, n.Prepare.After)
			}
			if len(n.After) > 0 {
				n.Name += "<" + strings.Join(n.After, ",")
			}
			text = append(text, n.Name)
		}
		if strings.Join(text, " ") != test.want {
			t.Errorf("%v: %v, want %s", test.names, text, test.want)
		}
	}
	either := append(nodes, Node{Name: "f", Some: []Some{{Of: [][]string{{"c"}, {"d"}}, Need: 2}}})
	for names, want := range map[string]string{"f": "[]", "f c": "[{[[c]] 1}]", "f a d": "[{[[a] [d]] 2}]", "f b": "[{[[b]] 1}]"} {
		got, err := Select(either, strings.Fields(names), false)
		if err != nil || fmt.Sprint(got[len(got)-1].Some) != want {
			t.Errorf("%s: %v, %v, want %s", names, got[len(got)-1].Some, err, want)
		}
	}
	if got, _ := Select(either, []string{"f"}, true); len(got) != 5 {
		t.Errorf("with upstream: %d", len(got))
	}
	if _, err := Select(nodes, []string{"e"}, false); err == nil || err.Error() != `nothing is called "e"; there are a, b, c, d` {
		t.Error(err)
	}
}

// simulated returns the order in which nodes start, and when all has ended.
func simulated(t *testing.T, g *Graph) (starts []string, makespan time.Duration) {
	t.Helper()
	spans := g.Simulate()
	for _, s := range spans {
		starts = append(starts, fmt.Sprint(s.Name, " ", s.From))
		makespan = max(makespan, s.To)
	}
	if len(spans) != len(g.tasks) {
		t.Fatalf("%d of %d ran", len(spans), len(g.tasks))
	}
	return starts, makespan
}

// X8: 47 components at the lower bound under every cap, in simulated time and the
// same order every time, and by the runner itself.
func TestPipeline47(t *testing.T) {
	data, err := os.ReadFile("../../testdata/cases/pipeline47.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Nodes []struct {
			Name      string
			Seconds   int
			DependsOn []string
			Resources []string
		}
		LowerBoundSeconds map[string]int
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var nodes, free []Node
	for _, n := range file.Nodes {
		node := Node{Name: n.Name, After: n.DependsOn, Weight: time.Duration(n.Seconds) * time.Second}
		free = append(free, node)
		node.Resources = n.Resources
		nodes = append(nodes, node)
	}
	for cap, slots := range map[string]int{"1": 1, "2": 2, "3": 3, "4": 4, "6": 6, "unlimited": 0} {
		want := time.Duration(file.LowerBoundSeconds[cap]) * time.Second
		first, makespan := simulated(t, graph(t, Limits{Slots: slots}, free...))
		if again, _ := simulated(t, graph(t, Limits{Slots: slots}, free...)); !slices.Equal(first, again) {
			t.Errorf("cap %s: two orders", cap)
		}
		if makespan != want {
			t.Errorf("cap %s: %s, want %s", cap, makespan, want)
		}
		simulated(t, graph(t, Limits{Slots: slots}, nodes...)) // ends
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			graph(t, Limits{Slots: slots}, free...).Run(t.Context(), nil)
			if took := time.Since(begin); took != want {
				t.Errorf("cap %s: the runner takes %s, want %s", cap, took, want)
			}
		})
	}
	path, length := graph(t, Limits{}, free...).Longest()
	if length != time.Duration(file.LowerBoundSeconds["unlimited"])*time.Second || len(path) == 0 {
		t.Errorf("longest path %v takes %s", path, length)
	}
}

// X3: random graphs with random resources never stall, never hold more than they
// may, and never start what waits.
func TestRandomGraphs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 10_000 {
		nodes, limits := randomGraph(random)
		var mu sync.Mutex
		done, held, running := map[string]bool{}, map[string]int{}, 0
		for i, n := range nodes {
			nodes[i].Run = func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				running++
				for _, before := range n.After {
					if !done[before] {
						t.Errorf("%s began before %s ended", n.Name, before)
					}
				}
				for _, r := range n.Resources {
					if held[r]++; held[r] > max(1, limits.Resources[r]) {
						t.Errorf("%d hold %s", held[r], r)
					}
				}
				if limits.Slots > 0 && running > limits.Slots {
					t.Errorf("%d at once", running)
				}
				mu.Unlock()
				mu.Lock() // others may run between
				for _, r := range n.Resources {
					held[r]--
				}
				running--
				done[n.Name] = true
				return nil
			}
		}
		for _, r := range graph(t, limits, nodes...).Run(t.Context(), nil) {
			if r.Outcome != Succeeded {
				t.Fatalf("%s %s", r.Name, r.Outcome)
			}
		}
		if t.Failed() {
			return
		}
	}
}

func randomGraph(random *rand.Rand) ([]Node, Limits) {
	limits := Limits{Slots: random.IntN(4), Resources: map[string]int{"b": 2}}
	nodes := make([]Node, 1+random.IntN(12))
	for i := range nodes {
		nodes[i] = Node{Name: fmt.Sprint("n", i), Weight: time.Duration(random.IntN(9))}
		for before := range i {
			if random.IntN(4) == 0 {
				nodes[i].After = append(nodes[i].After, fmt.Sprint("n", before))
			}
		}
		for _, r := range random.Perm(3) { // in any order, which must not matter
			if random.IntN(3) == 0 {
				nodes[i].Resources = append(nodes[i].Resources, string(rune('a'+r)))
			}
		}
	}
	return nodes, limits
}

// The order in which nodes are given decides ties only: shuffled, everything
// still ends, and the longest path is the same.
func TestShuffled(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	nodes, limits := randomGraph(random)
	_, want := graph(t, limits, nodes...).Longest()
	for range 20 {
		random.Shuffle(len(nodes), reflect.Swapper(nodes))
		if _, got := graph(t, limits, nodes...).Longest(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
