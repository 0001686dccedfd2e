package schedule

import (
	"container/heap"
	"time"
)

// Span is when something runs, from the begin of the whole.
type Span struct {
	Name     string
	Prepares bool
	From, To time.Duration
}

// Simulate returns when everything would run if it took as long as its weight and
// succeeded, in the order in which it starts. It is decided by the code of Run.
func (g *Graph) Simulate() []Span {
	s := newState(g)
	var out []Span
	var now time.Duration
	var going ends
	for {
		for _, task := range s.start() {
			t := &g.tasks[task]
			takes := g.nodes[t.node].Weight
			if t.prepares {
				takes = g.nodes[t.node].Prepare.Weight
			}
			out = append(out, Span{Name: g.name(task), Prepares: t.prepares, From: now, To: now + takes})
			heap.Push(&going, finish{task, now + takes})
		}
		if len(going) == 0 {
			return out
		}
		for now = going[0].at; len(going) > 0 && going[0].at == now; {
			s.end(heap.Pop(&going).(finish).task, Succeeded)
		}
	}
}

// finish is when a task will have ended.
type finish struct {
	task int
	at   time.Duration
}

type ends []finish

func (e ends) Len() int { return len(e) }
func (e ends) Less(i, j int) bool {
	if e[i].at != e[j].at {
		return e[i].at < e[j].at
	}
	return e[i].task < e[j].task
}
func (e ends) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)   { *e = append(*e, x.(finish)) }
func (e *ends) Pop() any {
	last := len(*e) - 1
	out := (*e)[last]
	*e = (*e)[:last]
	return out
}
