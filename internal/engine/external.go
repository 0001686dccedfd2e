package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
)

// Call is what an outside system says of a gate, verified, or what a command of
// `run` came to; kept by somebody until it is done.
type Call struct {
	ID                            string
	System, Pipeline, Stage, Gate string
	Commit, Freight               string // one of them
	State                         string
	At                            time.Time
	URL, Note                     string
	Ran                           bool // `action run` says it of a command that it ran
}

// Outside keeps the calls of outside systems.
type Outside interface {
	// Calls returns what was said about a repository's gates, in the order in which
	// it came. A call comes again with every look until it is done.
	Calls(ctx context.Context, repository string) ([]Call, error)
	Done(ctx context.Context, ids []string) error
}

// Expects says why nobody waits for a call, as far as the last look at the
// repository knew.
func (e *Engine) Expects(repository string, c Call) error {
	e.mu.Lock()
	known := e.configs[strings.ToLower(repository)]
	e.mu.Unlock()
	if known == nil || len(known.mistakes) > 0 {
		return nil
	}
	for _, p := range known.parsed.Pipelines {
		if p.Name == c.Pipeline {
			return expected(p, c)
		}
	}
	return fmt.Errorf("%s has no pipeline %s", repository, c.Pipeline)
}

// expected says why no gate of a pipeline waits for a call.
func expected(p config.Pipeline, c Call) error {
	lanes := p.Lanes(c.Stage)
	if len(lanes) == 0 {
		return fmt.Errorf("pipeline %s has no stage %s", p.Name, c.Stage)
	}
	if c.Ran {
		if g, ok := lanes[0].Gate(c.Gate); !ok || g.Source != promote.FromRun {
			return fmt.Errorf("stage %s of pipeline %s has no gate %s with `run`", c.Stage, p.Name, c.Gate)
		}
		return nil
	}
	if g, ok := lanes[0].Gate(c.Gate); !ok || g.Source != promote.FromExternal || g.App != c.System {
		return fmt.Errorf("stage %s of pipeline %s has no gate %s with `external: %s`", c.Stage, p.Name, c.Gate, c.System)
	}
	return nil
}

// readCalls takes in what outside systems said.
func (l *look) readCalls(ctx context.Context) (err error) {
	if l.Outside == nil {
		return nil
	}
	if l.hub.calls, err = l.Outside.Calls(ctx, l.name); err != nil {
		return fmt.Errorf("read calls of outside systems: %w", err)
	}
	return nil
}

// hear makes results of the calls about a pipeline. One about something that has
// not come into its stage yet waits for that (G1); one that no gate waits for any
// more is dropped. What is taken is done when the ledger has it.
func (r *round) hear(p config.Pipeline, places map[string]*place) {
	for _, c := range r.hub.calls {
		if c.Pipeline != p.Name {
			continue
		}
		if err := expected(p, c); err != nil {
			r.Log.Warn("a call is dropped", "repo", r.name, "call", c.ID, "error", err)
			r.taken = append(r.taken, c.ID)
			continue
		}
		for _, lane := range p.Stages {
			at := places[lane.Name]
			if lane.Name != c.Stage && (c.Ran || !promote.Means(c.Stage, lane.Name)) {
				continue
			}
			if c.Ran && c.At.After(r.now) { // it ended while this look went on, which counts it
				c.At = r.now
			}
			if a, ok := at.spokenOf(c); ok {
				r.taken = append(r.taken, c.ID)
				at.take(c, a)
			}
		}
	}
}

// spokenOf is the last arrival that a call is about.
func (at *place) spokenOf(c Call) (promote.Arrival, bool) {
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	for i, a := range slices.Backward(arrivals) {
		last := i == len(arrivals)-1
		switch {
		case a.Manner == promote.ByDrift:
		case c.Commit != "" && (a.Commit == c.Commit || last && at.head.Commit == c.Commit && at.head.Tree == a.Tree):
			return a, true
		case c.Freight != "" && at.brings(a, c.Freight):
			return a, true
		}
	}
	return promote.Arrival{}, false
}

// brings tells whether an arrival has freight of that id or alias.
func (at *place) brings(a promote.Arrival, name string) bool {
	for _, id := range a.Freight {
		if f, ok := at.facts.FreightByID(id); id == name || ok && f.Alias == name {
			return true
		}
	}
	return false
}

// take records what was said of an arrival, once.
func (at *place) take(c Call, a promote.Arrival) {
	result := promote.Result{
		Stage: at.stage.Name, Commit: a.Commit, Source: promote.FromExternal, Name: c.Gate, App: c.System,
		State: c.State, URL: c.URL, At: c.At.UTC().Truncate(time.Millisecond), By: c.System, Note: c.Note,
	}
	if c.Ran {
		result.Source = promote.FromRun
	}
	for _, known := range at.facts.Results {
		if known.Same(result) {
			return
		}
		if known.Source == result.Source && known.Name == result.Name && known.Commit == result.Commit && known.At.Equal(result.At) {
			result.At = known.At.Add(time.Millisecond) // of two calls about one moment the later one has the last word
		}
	}
	at.learn(promote.Facts{Results: []promote.Result{result}})
}

// forgetCalls tells whoever keeps the calls that the ledger has them.
func (r *round) forgetCalls(ctx context.Context) error {
	if len(r.taken) == 0 {
		return nil
	}
	r.hub.calls = slices.DeleteFunc(r.hub.calls, func(c Call) bool { return slices.Contains(r.taken, c.ID) })
	return r.Outside.Done(ctx, r.taken)
}
