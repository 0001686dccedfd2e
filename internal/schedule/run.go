package schedule

import (
	"context"
	"time"
)

// Result is what became of one node.
type Result struct {
	Name    string
	Outcome Outcome
	Err     error     // of a failed or cancelled one
	Cause   string    // of a skipped one: the node that did not succeed
	Started time.Time // of its work, without the preparation; zero: it did not start
	Ended   time.Time
}

// Watcher is told what happens, one thing at a time and in order.
type Watcher interface {
	Started(name string, prepares bool)
	Ended(Result)
}

// run is a graph on its way.
type run struct {
	graph   *Graph
	state   *state
	watcher Watcher
	results []Result
	done    chan ended
}

type ended struct {
	task int
	at   time.Time
	err  error
}

// Run does all the work of the graph and returns a result for every node, in
// their order. A failure stops what waits for it and nothing else. When the
// context ends, work that runs is given that context to stop by and is waited
// for, and nothing more is begun. A watcher may be nil.
func (g *Graph) Run(ctx context.Context, watcher Watcher) []Result {
	r := &run{graph: g, state: newState(g), watcher: watcher, results: make([]Result, len(g.nodes)), done: make(chan ended)}
	for i, n := range g.nodes {
		r.results[i].Name = n.Name
	}
	stop := ctx.Done()
	for {
		if ctx.Err() == nil {
			for _, task := range r.state.start() {
				r.begin(ctx, task)
			}
		}
		if r.state.running == 0 {
			break
		}
		select {
		case e := <-r.done:
			r.end(ctx, e)
		case <-stop:
			stop = nil
			r.conclude(r.state.cancel(), nil)
		}
	}
	r.conclude(r.state.cancel(), nil)
	return r.results
}

func (r *run) begin(ctx context.Context, task int) {
	t := r.graph.tasks[task]
	if !t.prepares {
		r.results[t.node].Started = time.Now()
	}
	if r.watcher != nil {
		r.watcher.Started(r.graph.name(task), t.prepares)
	}
	go func() {
		err := t.run(ctx)
		r.done <- ended{task, time.Now(), err}
	}()
}

func (r *run) end(ctx context.Context, e ended) {
	outcome := Succeeded
	switch {
	case e.err != nil && ctx.Err() != nil:
		outcome = Cancelled
	case e.err != nil:
		outcome = Failed
	}
	r.results[r.graph.tasks[e.task].node].Ended = e.at
	r.conclude(r.state.end(e.task, outcome), e.err)
}

// conclude writes down how tasks ended, the first of them with its error. A node
// has ended when its work has, or when its preparation did not succeed.
func (r *run) conclude(tasks []int, err error) {
	for n, task := range tasks {
		t := r.graph.tasks[task]
		result := &r.results[t.node]
		outcome := r.state.outcomes[task]
		if result.Outcome != "" || t.prepares && outcome == Succeeded {
			continue
		}
		result.Outcome = outcome
		if outcome == Skipped {
			result.Cause = r.graph.name(r.state.causes[task])
		} else if n == 0 {
			result.Err = err
		}
		if r.watcher != nil {
			r.watcher.Ended(*result)
		}
	}
}
