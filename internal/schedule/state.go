package schedule

import "slices"

// Outcome is how a node ended.
type Outcome string

// The outcomes. Skipped is what waited for something that did not succeed;
// cancelled is what was stopped, or not begun any more, by whoever runs the graph.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	Skipped   Outcome = "skipped"
	Cancelled Outcome = "cancelled"
)

// state is how far a graph has come. It decides what starts next, and nothing
// else: without clock and goroutines, so that the same ends give the same starts.
type state struct {
	graph    *Graph
	waits    []int     // per task: how many it still waits for
	started  []bool    // per task
	outcomes []Outcome // per task; empty: not ended
	causes   []int     // per skipped task: the task that did not succeed
	ready    []int     // in the order in which they start
	running  int
	held     map[string]int
}

func newState(g *Graph) *state {
	s := &state{graph: g, waits: make([]int, len(g.tasks)), started: make([]bool, len(g.tasks)), outcomes: make([]Outcome, len(g.tasks)), causes: make([]int, len(g.tasks)), held: map[string]int{}}
	for i, t := range g.tasks {
		if s.waits[i] = len(t.before); s.waits[i] == 0 {
			s.admit(i)
		}
	}
	return s
}

// admit puts a task among the ready ones: the longest path first, then the order
// in which the nodes were given, preparations before work.
func (s *state) admit(task int) {
	before := func(a, b int) int {
		x, y := s.graph.tasks[a], s.graph.tasks[b]
		switch {
		case x.length != y.length:
			return compare(y.length, x.length)
		case x.node != y.node:
			return compare(x.node, y.node)
		}
		return compare(b, a)
	}
	at, _ := slices.BinarySearchFunc(s.ready, task, before)
	s.ready = slices.Insert(s.ready, at, task)
}

func compare[T ~int | ~int64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// start takes what can start now. Resources are taken all at once or not at all,
// so that no order of names can make two wait for each other; who waits for one
// holds no slot.
func (s *state) start() []int {
	var out []int
	s.ready = slices.DeleteFunc(s.ready, func(task int) bool {
		if !s.room(task) {
			return false
		}
		s.running++
		s.started[task] = true
		for _, r := range s.graph.tasks[task].resources {
			s.held[r]++
		}
		out = append(out, task)
		return true
	})
	return out
}

func (s *state) room(task int) bool {
	if s.graph.limits.Slots > 0 && s.running >= s.graph.limits.Slots {
		return false
	}
	return !slices.ContainsFunc(s.graph.tasks[task].resources, func(r string) bool {
		most, ok := s.graph.limits.Resources[r]
		if !ok {
			most = 1
		}
		return s.held[r] >= most
	})
}

// end notes how a running task ended, and skips what waits for one that did not
// succeed. It returns the tasks that ended by this.
func (s *state) end(task int, outcome Outcome) []int {
	s.running--
	for _, r := range s.graph.tasks[task].resources {
		s.held[r]--
	}
	s.outcomes[task] = outcome
	ended := []int{task}
	if outcome != Succeeded {
		return append(ended, s.skip(task, task)...)
	}
	for _, behind := range s.graph.tasks[task].behind {
		if s.waits[behind]--; s.waits[behind] == 0 && s.outcomes[behind] == "" {
			s.admit(behind)
		}
	}
	return ended
}

// skip ends what waits for a task, and the preparations that nobody needs then.
func (s *state) skip(of, cause int) []int {
	var out []int
	for _, behind := range s.graph.tasks[of].behind {
		if s.outcomes[behind] != "" {
			continue
		}
		s.outcomes[behind], s.causes[behind] = Skipped, cause
		for _, before := range s.graph.tasks[behind].before {
			if s.graph.tasks[before].prepares && !s.started[before] {
				s.outcomes[before] = Skipped
				s.ready = slices.DeleteFunc(s.ready, func(ready int) bool { return ready == before })
			}
		}
		out = append(append(out, behind), s.skip(behind, cause)...)
	}
	return out
}

// cancel ends everything that has not started.
func (s *state) cancel() []int {
	var out []int
	s.ready = nil
	for i := range s.graph.tasks {
		if s.outcomes[i] == "" && !s.started[i] {
			s.outcomes[i] = Cancelled
			out = append(out, i)
		}
	}
	return out
}
