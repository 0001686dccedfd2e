package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/towpath/towpath/internal/schedule"
)

const (
	runnerNodes   = 10_000
	componentFile = "testdata/cases/pipeline47.json" // from the repository's root
)

// raceRunner measures what the graph runner costs per node, and has it order a
// real deployment in simulated time, next to what people do in its place.
func raceRunner(rounds int) ([]row, string, error) {
	var out []row
	for _, shape := range shapes() {
		took, err := shape.perNode(rounds)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", shape.what, err)
		}
		out = append(out, row{
			what: fmt.Sprintf("runner, %d nodes, %s", runnerNodes, shape.what), figure: float64(took.Nanoseconds()) / 1000, unit: " µs a node", want: 10,
			from: fmt.Sprintf("making the graph and running it, %s in all", (took * runnerNodes).Round(time.Millisecond)),
		})
	}
	components, err := readComponents(componentFile)
	if err != nil {
		return nil, "", err
	}
	found, table, err := components.race()
	return append(out, found...), table, err
}

// shape is a graph of work that takes no time.
type shape struct {
	what   string
	limits schedule.Limits
	before func(node int) []string
	takes  func(node int) []string
}

func shapes() []shape {
	none := func(int) []string { return nil }
	random := rand.New(rand.NewPCG(47, 1))
	few := func(node int) []string {
		var out []string
		for range min(3, node) {
			out = append(out, strconv.Itoa(random.IntN(node)))
		}
		return out
	}
	one := func(node int) []string { return []string{[]string{"a", "b", "c"}[node%3]} }
	return []shape{
		{"a chain", schedule.Limits{}, func(node int) []string {
			if node == 0 {
				return nil
			}
			return []string{strconv.Itoa(node - 1)}
		}, none},
		{"side by side", schedule.Limits{}, none, none},
		{"side by side, 4 at once", schedule.Limits{Slots: 4}, none, none},
		{"side by side, one of 3 resources each", schedule.Limits{}, none, one},
		{"random, 3 dependencies each, 4 at once", schedule.Limits{Slots: 4}, few, none},
	}
}

// perNode is the median of how long it takes, by the number of nodes.
func (s shape) perNode(rounds int) (time.Duration, error) {
	nodes := make([]schedule.Node, runnerNodes)
	for i := range nodes {
		nodes[i] = schedule.Node{Name: strconv.Itoa(i), After: s.before(i), Resources: s.takes(i), Run: func(context.Context) error { return nil }}
	}
	var took []float64
	for range rounds {
		start := time.Now()
		g, err := schedule.New(nodes, s.limits)
		if err != nil {
			return 0, err
		}
		for _, r := range g.Run(context.Background(), nil) {
			if r.Outcome != schedule.Succeeded {
				return 0, fmt.Errorf("%s %s", r.Name, r.Outcome)
			}
		}
		took = append(took, float64(time.Since(start)))
	}
	return time.Duration(median(took)) / runnerNodes, nil
}

// component is one piece of a deployment, as it was measured.
type component struct {
	Name      string
	Seconds   int
	DependsOn []string
	Resources []string // each held by one at a time
}

type components []component

func readComponents(file string) (components, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var read struct{ Nodes components }
	err = json.Unmarshal(data, &read)
	return read.Nodes, err
}

// race lets every strategy order the components under several caps, without their
// resources and with them.
func (c components) race() ([]row, string, error) {
	var rows []row
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d components of a real deployment, simulated seconds:\n", len(c))
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "at once\tresources\twaves\tfirst come, first served\tours\tnothing is faster than\t")
	for _, given := range []struct {
		with string
		all  components
	}{{"none", c.free()}, {"one each", c}} {
		for _, slots := range []int{1, 2, 3, 4, 6, 0} {
			ours, err := given.all.ours(slots)
			if err != nil {
				return nil, "", err
			}
			bound := given.all.bound(slots)
			cap := strconv.Itoa(slots)
			if slots == 0 {
				cap = "all"
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t\n", cap, given.with, given.all.waves(slots), given.all.firstCome(slots), ours, bound)
			if given.with == "none" {
				rows = append(rows, row{
					what: fmt.Sprintf("runner, %d components, %s at once", len(c), cap), figure: float64(ours), unit: " s", want: float64(bound),
					from: "simulated; the bound is what nothing can be faster than",
				})
			}
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	return rows, b.String(), nil
}

// free are the components without resources.
func (c components) free() components {
	out := make(components, len(c))
	for i, one := range c {
		one.Resources = nil
		out[i] = one
	}
	return out
}

// ours is how long the runner takes, by its own simulation.
func (c components) ours(slots int) (int, error) {
	g, err := c.graph(slots)
	if err != nil {
		return 0, err
	}
	var end time.Duration
	for _, span := range g.Simulate() {
		end = max(end, span.To)
	}
	return int(end.Seconds()), nil
}

func (c components) graph(slots int) (*schedule.Graph, error) {
	nodes := make([]schedule.Node, len(c))
	for i, one := range c {
		nodes[i] = schedule.Node{Name: one.Name, After: one.DependsOn, Resources: one.Resources, Weight: time.Duration(one.Seconds) * time.Second}
	}
	return schedule.New(nodes, schedule.Limits{Slots: slots})
}

// bound is what no order can be faster than: the longest path, everything on all
// of the slots, and what holds a resource one after the other, between the
// shortest way to any of it and the shortest way from any of it.
func (c components) bound(slots int) int {
	to, from := map[string]int{}, map[string]int{} // the longest paths before and behind
	sorted := c.sorted()
	total, out := 0, 0
	for _, one := range sorted {
		for _, d := range one.DependsOn {
			to[one.Name] = max(to[one.Name], to[d]+c.named(d).Seconds)
		}
		total += one.Seconds
		out = max(out, to[one.Name]+one.Seconds)
	}
	for _, one := range slices.Backward(sorted) {
		for _, d := range one.DependsOn {
			from[d] = max(from[d], from[one.Name]+one.Seconds)
		}
	}
	if slots > 0 {
		out = max(out, (total+slots-1)/slots)
	}
	held := map[string]components{}
	for _, one := range c {
		for _, r := range one.Resources {
			held[r] = append(held[r], one)
		}
	}
	for _, holders := range held {
		sum, before, behind := 0, out, out
		for _, one := range holders {
			sum += one.Seconds
			before, behind = min(before, to[one.Name]), min(behind, from[one.Name])
		}
		out = max(out, before+sum+behind)
	}
	return out
}

func (c components) named(name string) component {
	return c[slices.IndexFunc(c, func(one component) bool { return one.Name == name })]
}

// waves runs level after level: what waits for nothing, then what waits for
// nothing but that, and so on.
func (c components) waves(slots int) int {
	level, waves := map[string]int{}, []components{}
	for _, one := range c.sorted() {
		at := 0
		for _, d := range one.DependsOn {
			at = max(at, level[d]+1)
		}
		level[one.Name] = at
		for len(waves) <= at {
			waves = append(waves, nil)
		}
	}
	for _, one := range c {
		at := level[one.Name]
		one.DependsOn = nil
		waves[at] = append(waves[at], one)
	}
	sum := 0
	for _, wave := range waves {
		sum += wave.firstCome(slots)
	}
	return sum
}

// sorted has every component after those that it depends on.
func (c components) sorted() components {
	done := map[string]bool{}
	var out components
	for len(out) < len(c) {
		for _, one := range c {
			ready := !done[one.Name]
			for _, d := range one.DependsOn {
				ready = ready && done[d]
			}
			if ready {
				done[one.Name] = true
				out = append(out, one)
			}
		}
	}
	return out
}

// firstCome starts what became ready first, in the order of the file where that
// is at once, as soon as there is room for it.
func (c components) firstCome(slots int) int {
	now, ends, done, held, queued := 0, map[string]int{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	var queue components
	for len(done) < len(c) {
		for _, one := range c {
			ready := !queued[one.Name]
			for _, d := range one.DependsOn {
				ready = ready && done[d]
			}
			if ready {
				queued[one.Name] = true
				queue = append(queue, one)
			}
		}
		var waits components
		for _, one := range queue {
			room := slots == 0 || len(ends) < slots
			for _, r := range one.Resources {
				room = room && !held[r]
			}
			if !room {
				waits = append(waits, one)
				continue
			}
			ends[one.Name] = now + one.Seconds
			for _, r := range one.Resources {
				held[r] = true
			}
		}
		queue = waits
		now = c.finish(ends, done, held)
	}
	return now
}

// finish ends what runs no longer than anything else, and returns when that is.
func (c components) finish(ends map[string]int, done, held map[string]bool) int {
	next := -1
	for _, end := range ends {
		if next < 0 || end < next {
			next = end
		}
	}
	for _, one := range c {
		if end, runs := ends[one.Name]; runs && end == next {
			delete(ends, one.Name)
			done[one.Name] = true
			for _, r := range one.Resources {
				delete(held, r)
			}
		}
	}
	return next
}
