// Package schedule runs work that depends on other work, as early as it can: what
// is ready starts at once, and of more than there is room for, that which most
// waits behind. It knows names, dependencies, resources and durations, and
// nothing of what the work is.
package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Node is one piece of work.
type Node struct {
	Name      string
	After     []string      // nodes that must have succeeded before it starts
	Some      []Some        // besides
	Resources []string      // held while it runs, see [Limits]
	Weight    time.Duration // how long it is expected to take
	Run       func(context.Context) error
	Prepare   *Prepare
}

// Some is work of which not everything must have succeeded: so many of the
// alternatives, each of which has when all of its nodes have.
type Some struct {
	Of   [][]string
	Need int
}

// Prepare is the part of a node's work that may be done early: it waits for
// nodes of its own, and the node waits for it. It holds no resources.
type Prepare struct {
	After  []string
	Weight time.Duration
	Run    func(context.Context) error
}

// Limits bound what runs at once.
type Limits struct {
	Slots     int            // pieces of work; 0: as many as there are
	Resources map[string]int // how many may hold it; one where it is not listed
}

// Graph is work in which everything that is waited for exists and nothing waits
// for itself.
type Graph struct {
	nodes  []Node
	tasks  []task
	limits Limits
}

// task is a node's work or its preparation.
type task struct {
	node      int
	prepares  bool
	before    []int // tasks that it waits for
	all       []int // of them those that must have succeeded, where others are alternatives
	some      []some
	behind    []int // tasks that wait for this one
	resources []string
	run       func(context.Context) error
	length    time.Duration // of the longest path that begins here
}

// some is [Some], as tasks.
type some struct {
	of   [][]int
	need int
}

// New makes a graph. Names that are there twice or nowhere, circles, and limits
// that let nothing run are errors that name them.
func New(nodes []Node, limits Limits) (*Graph, error) {
	if limits.Slots < 0 {
		return nil, fmt.Errorf("at most %d at once: nothing would ever run", limits.Slots)
	}
	for name, most := range limits.Resources {
		if most < 1 {
			return nil, fmt.Errorf("resource %s: at most %d at once: nothing would ever run", name, most)
		}
	}
	g := &Graph{nodes: nodes, limits: limits}
	at := map[string]int{}
	for i, n := range nodes {
		if first, twice := at[n.Name]; twice {
			return nil, fmt.Errorf("%q is there twice, as number %d and number %d", n.Name, first+1, i+1)
		}
		at[n.Name] = i
	}
	if err := g.connect(at); err != nil {
		return nil, err
	}
	order, err := g.order()
	if err != nil {
		return nil, err
	}
	g.measure(order)
	return g, nil
}

// connect makes the tasks: those of the nodes in their order, then the
// preparations.
func (g *Graph) connect(at map[string]int) error {
	for i, n := range g.nodes {
		g.tasks = append(g.tasks, task{node: i, resources: unique(n.Resources), run: n.Run})
	}
	for i, n := range g.nodes {
		if err := g.after(i, n.Name, n.After, at); err != nil {
			return err
		}
		if err := g.prepare(i, at); err != nil {
			return err
		}
		g.tasks[i].all = slices.Clone(g.tasks[i].before)
		for _, some := range n.Some {
			if err := g.afterSome(i, n.Name, some, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare adds the preparation of a node, if it has one.
func (g *Graph) prepare(i int, at map[string]int) error {
	n := g.nodes[i]
	if n.Prepare == nil {
		return nil
	}
	g.tasks = append(g.tasks, task{node: i, prepares: true, run: n.Prepare.Run})
	early := len(g.tasks) - 1
	g.wait(i, early)
	return g.after(early, n.Name, n.Prepare.After, at)
}

func (g *Graph) after(task int, name string, before []string, at map[string]int) error {
	for _, other := range unique(before) {
		i, err := g.find(name, other, at)
		if err != nil {
			return err
		}
		g.wait(task, i)
	}
	return nil
}

func (g *Graph) afterSome(task int, name string, before Some, at map[string]int) error {
	if before.Need < 1 || before.Need > len(before.Of) {
		return fmt.Errorf("%s waits for %d of %d: that is never so", name, before.Need, len(before.Of))
	}
	t := &g.tasks[task]
	built := some{need: before.Need}
	for _, names := range before.Of {
		var all []int
		for _, other := range unique(names) {
			i, err := g.find(name, other, at)
			if err != nil {
				return err
			}
			all = append(all, i)
			if !slices.Contains(t.before, i) {
				t.before = append(t.before, i)
				g.tasks[i].behind = append(g.tasks[i].behind, task)
			}
		}
		built.of = append(built.of, all)
	}
	t.some = append(t.some, built)
	return nil
}

func (g *Graph) find(who, name string, at map[string]int) (int, error) {
	i, ok := at[name]
	if !ok {
		return 0, fmt.Errorf("%s waits for %q, which is not there; there are %s", who, name, strings.Join(g.names(), ", "))
	}
	return i, nil
}

func (g *Graph) wait(task, before int) {
	g.tasks[task].before = append(g.tasks[task].before, before)
	g.tasks[before].behind = append(g.tasks[before].behind, task)
}

func (g *Graph) names() []string {
	out := make([]string, len(g.nodes))
	for i, n := range g.nodes {
		out[i] = n.Name
	}
	return out
}

func (g *Graph) name(task int) string { return g.nodes[g.tasks[task].node].Name }

// order returns the tasks, each after those that it waits for.
func (g *Graph) order() ([]int, error) {
	waits, out := make([]int, len(g.tasks)), make([]int, 0, len(g.tasks))
	for i, t := range g.tasks {
		if waits[i] = len(t.before); waits[i] == 0 {
			out = append(out, i)
		}
	}
	for n := 0; n < len(out); n++ {
		for _, behind := range g.tasks[out[n]].behind {
			if waits[behind]--; waits[behind] == 0 {
				out = append(out, behind)
			}
		}
	}
	if len(out) < len(g.tasks) {
		return nil, g.circle(waits)
	}
	return out, nil
}

// circle finds tasks that wait for each other, among those that can never start,
// and says who waits for whom.
func (g *Graph) circle(waits []int) error {
	stuck := func(task int) bool { return waits[task] > 0 }
	at := slices.IndexFunc(waits, func(n int) bool { return n > 0 })
	var path []int
	seen := map[int]int{} // task → its place in the path
	for {
		if _, again := seen[at]; again {
			break
		}
		seen[at] = len(path)
		path = append(path, at)
		before := g.tasks[at].before
		at = before[slices.IndexFunc(before, stuck)]
	}
	var names []string
	for _, i := range append(path[seen[at]:], at) {
		if name := g.name(i); len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	if len(names) == 1 {
		names = append(names, names[0])
	}
	return fmt.Errorf("these wait for each other: %s", strings.Join(names, " → "))
}

// measure finds the longest path behind every task, itself included.
func (g *Graph) measure(order []int) {
	for _, i := range slices.Backward(order) {
		t := &g.tasks[i]
		for _, behind := range t.behind {
			t.length = max(t.length, g.tasks[behind].length)
		}
		if n := g.nodes[t.node]; t.prepares {
			t.length += n.Prepare.Weight
		} else {
			t.length += n.Weight
		}
	}
}

// Length is how long the longest path takes that begins with a node: what waits
// behind it, and itself.
func (g *Graph) Length(name string) time.Duration {
	for i, n := range g.nodes {
		if n.Name == name {
			return g.tasks[i].length
		}
	}
	return 0
}

// Longest is the path that takes longest by the weights, and how long it takes:
// nothing makes the whole faster than that.
func (g *Graph) Longest() ([]string, time.Duration) {
	best := func(among []int) int {
		found := -1
		for _, i := range among {
			if found < 0 || g.tasks[i].length > g.tasks[found].length {
				found = i
			}
		}
		return found
	}
	all := make([]int, len(g.tasks))
	for i := range all {
		all[i] = i
	}
	at := best(all)
	if at < 0 {
		return nil, 0
	}
	total := g.tasks[at].length
	var out []string
	for ; at >= 0; at = best(g.tasks[at].behind) {
		if name := g.name(at); len(out) == 0 || out[len(out)-1] != name {
			out = append(out, name)
		}
	}
	return out, total
}

func unique(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
