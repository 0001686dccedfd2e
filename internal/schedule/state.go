package schedule

import (
	"container/heap"
	"slices"
	"strings"
)

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
	waits    []int     // per task: how many it still waits for; where there are alternatives, 1 until that is enough
	started  []bool    // per task
	outcomes []Outcome // per task; empty: not ended
	causes   []int     // per skipped task: the task that did not succeed
	ready    []*queue  // one for each set of resources, so that whoever has to wait for one is in nobody's way
	queues   map[string]*queue
	running  int
	held     map[string]int
}

// queue is ready tasks that take the same resources, the next one first.
type queue struct {
	graph     *Graph
	resources []string
	tasks     []int
}

func (q *queue) Len() int           { return len(q.tasks) }
func (q *queue) Less(i, j int) bool { return q.graph.before(q.tasks[i], q.tasks[j]) }
func (q *queue) Swap(i, j int)      { q.tasks[i], q.tasks[j] = q.tasks[j], q.tasks[i] }
func (q *queue) Push(task any)      { q.tasks = append(q.tasks, task.(int)) }
func (q *queue) Pop() any {
	last := len(q.tasks) - 1
	task := q.tasks[last]
	q.tasks = q.tasks[:last]
	return task
}

func newState(g *Graph) *state {
	s := &state{
		graph: g, waits: make([]int, len(g.tasks)), started: make([]bool, len(g.tasks)), outcomes: make([]Outcome, len(g.tasks)),
		causes: make([]int, len(g.tasks)), queues: map[string]*queue{}, held: map[string]int{},
	}
	for i := range g.tasks {
		t := &g.tasks[i]
		if s.waits[i] = len(t.before); len(t.some) > 0 {
			s.waits[i] = 1
		}
		if s.waits[i] == 0 {
			s.admit(i)
		}
	}
	return s
}

// before tells which of two ready tasks starts first: the longest path first, then
// the order in which the nodes were given, preparations before work.
func (g *Graph) before(a, b int) bool {
	x, y := &g.tasks[a], &g.tasks[b]
	switch {
	case x.length != y.length:
		return x.length > y.length
	case x.node != y.node:
		return x.node < y.node
	}
	return a > b
}

// admit puts a task among the ready ones.
func (s *state) admit(task int) {
	resources := s.graph.tasks[task].resources
	key := strings.Join(resources, "\x00")
	q := s.queues[key]
	if q == nil {
		q = &queue{graph: s.graph, resources: resources}
		s.queues[key] = q
		s.ready = append(s.ready, q)
	}
	heap.Push(q, task)
}

// start takes what can start now. Resources are taken all at once or not at all,
// so that no order of names can make two wait for each other; who waits for one
// holds no slot.
func (s *state) start() []int {
	var out []int
	for s.graph.limits.Slots == 0 || s.running < s.graph.limits.Slots {
		q := s.next()
		if q == nil {
			break
		}
		task := heap.Pop(q).(int)
		s.running++
		s.started[task] = true
		for _, r := range q.resources {
			s.held[r]++
		}
		out = append(out, task)
	}
	return out
}

// next is the queue whose first task starts next; nil: none can.
func (s *state) next() *queue {
	var found *queue
	for _, q := range s.ready {
		for len(q.tasks) > 0 && s.outcomes[q.tasks[0]] != "" {
			heap.Pop(q) // nobody needs it any more
		}
		if len(q.tasks) > 0 && (found == nil || s.graph.before(q.tasks[0], found.tasks[0])) && s.room(q.resources) {
			found = q
		}
	}
	return found
}

func (s *state) room(resources []string) bool {
	return !slices.ContainsFunc(resources, func(r string) bool {
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
	if outcome != Succeeded {
		return s.skip(task)
	}
	for _, behind := range s.graph.tasks[task].behind {
		if met, _ := s.met(behind); !met {
			continue
		}
		if s.waits[behind]--; s.waits[behind] == 0 && s.outcomes[behind] == "" {
			s.admit(behind)
		}
	}
	return []int{task}
}

// met tells of a task with alternatives whether enough of what it waits for has
// succeeded, or that it never will. Of any other the count says the one, and every
// failure the other.
func (s *state) met(task int) (met, never bool) {
	t := &s.graph.tasks[task]
	if len(t.some) == 0 {
		return true, true
	}
	met, never = s.succeeded(t.all)
	for _, some := range t.some {
		have, may := 0, 0
		for _, all := range some.of {
			done, lost := s.succeeded(all)
			if done {
				have++
			}
			if !lost {
				may++
			}
		}
		met, never = met && have >= some.need, never || may < some.need
	}
	return met, never
}

func (s *state) succeeded(tasks []int) (all, never bool) {
	all = true
	for _, i := range tasks {
		all = all && s.outcomes[i] == Succeeded
		never = never || s.outcomes[i] != "" && s.outcomes[i] != Succeeded
	}
	return all, never
}

// skip ends what waits for a task, and the preparations that nobody needs then. It
// returns the task and those that waited.
func (s *state) skip(cause int) []int {
	out := []int{cause}
	for n := 0; n < len(out); n++ {
		for _, behind := range s.graph.tasks[out[n]].behind {
			if _, never := s.met(behind); !never || s.outcomes[behind] != "" || s.waits[behind] <= 0 {
				continue
			}
			s.outcomes[behind], s.causes[behind] = Skipped, cause
			for _, before := range s.graph.tasks[behind].before {
				if s.graph.tasks[before].prepares && !s.started[before] && s.outcomes[before] == "" {
					s.outcomes[before] = Skipped
				}
			}
			out = append(out, behind)
		}
	}
	return out
}

// cancel ends everything that has not started.
func (s *state) cancel() []int {
	var out []int
	s.ready, s.queues = nil, map[string]*queue{}
	for i := range s.graph.tasks {
		if s.outcomes[i] == "" && !s.started[i] {
			s.outcomes[i] = Cancelled
			out = append(out, i)
		}
	}
	return out
}
