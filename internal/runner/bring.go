package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// maxFailedLooks is how many looks in a row may fail before a stage does.
const maxFailedLooks = 3

// bringing is the way of one stage.
type bringing struct {
	*run
	*lane
	tale     Lane
	commit   string                // of the arrival that the gates are run for
	gates    map[string]*execution // that were started, by name
	ended    chan ending
	own      sync.WaitGroup // its commands
	failures int            // of looks, in a row
	since    time.Time      // when it began to wait for others; zero: it does not
	said     string
	asking   bool              // for the stage, as people do
	asked    bool              // and it was answered
	wanted   map[string]string // freight by warehouse, that is asked for
	progress promote.Progress
}

// execution is one command of a gate, for one arrival.
type execution struct {
	goesOn bool
	call   string // what its result is known by; empty: it has none
}

// ending says how an execution ended.
type ending struct {
	of   *execution
	call string
}

// bring promotes freight into a stage and sees it verified.
func (r *run) bring(ctx context.Context, l *lane) (err error) {
	b := &bringing{run: r, lane: l, gates: map[string]*execution{}, ended: make(chan ending)}
	defer b.tell()
	defer func() { b.tale.Steps = l.making.end() }()
	defer close(l.gone)
	r.looks.want()
	for {
		var late <-chan time.Time
		if !b.since.IsZero() {
			late = time.After(time.Until(b.since.Add(r.Timeout)))
		}
		select {
		case <-ctx.Done():
			b.own.Wait() // its commands are being ended
			return ctx.Err()
		case s := <-l.seen:
			done, err := b.see(ctx, s)
			close(s.handled)
			if done || err != nil {
				return err
			}
		case e := <-b.ended:
			e.of.goesOn, e.of.call = false, e.call
			r.looks.want()
		case <-late:
			return b.tooLate()
		}
	}
}

// see goes on by what a look saw.
func (b *bringing) see(ctx context.Context, s sighting) (done bool, err error) {
	defer func() {
		b.looks.wait(b.lane, !done && err == nil && (!b.since.IsZero() || b.failures > 0 || b.asking && !b.making.goesOn()))
	}()
	if s.err != nil {
		if b.failures++; b.failures >= maxFailedLooks || b.Timeout == 0 {
			return false, s.err
		}
		b.Out.Say(b.name, "the look failed, and is tried again: "+s.err.Error())
		return false, nil
	}
	b.failures = 0
	stage, ok := s.view.Pipeline.Stage(b.stage.Name)
	at := slices.IndexFunc(s.view.Verdicts, func(v promote.Verdict) bool { return v.Stage == b.stage.Name })
	if !ok || at < 0 {
		return false, fmt.Errorf("stage %s is gone from the configuration", b.stage.Name)
	}
	b.progress = s.view.Snapshot.Progress(stage, s.view.Verdicts[at], b.mine)
	if a := b.progress.Arrival; a.Commit != b.commit {
		b.commit, b.gates, b.since = a.Commit, map[string]*execution{}, time.Time{}
		b.progress = s.view.Snapshot.Progress(stage, s.view.Verdicts[at], b.mine)
		if a.Commit != "" {
			b.Out.Say(b.name, fmt.Sprintf("holds %s at %s", names(s.view, a.Freight), promote.ShortID(a.Commit)))
		}
	}
	b.tale.Freight, b.tale.Commit = names(s.view, b.progress.Arrival.Freight), b.progress.Arrival.Commit
	if b.progress.Holds && !b.stage.OnArrival {
		b.execute(ctx, s)
	}
	b.askOrNot(s, s.view.Verdicts[at])
	switch {
	case b.progress.State == promote.ProgressDone && !b.asking && s.refused == "":
		return true, nil
	case s.refused != "" && b.progress.State != promote.ProgressFailed:
		return false, errors.New("not promoted by hand: " + s.refused)
	case b.busy():
		b.since = time.Time{}
		return false, nil
	case b.progress.State == promote.ProgressFailed:
		return false, errors.New(words(b.progress.Reasons))
	case b.Timeout == 0:
		return false, b.tooLate()
	case b.since.IsZero():
		b.since = time.Now()
	}
	if text := "waits: " + words(b.progress.Reasons); text != b.said {
		b.said = text
		b.Out.Say(b.name, text)
	}
	return false, nil
}

// askOrNot has looks ask for the stage where its commands wait for somebody's word:
// who named the stage gave it, and has the right to or not. Everything else that waits
// for that is asked for in a comment, and so is what would replace an open promotion.
func (b *bringing) askOrNot(s sighting, v promote.Verdict) {
	wants := v.Action == promote.Wait && b.because(promote.RunOnly) || b.Again && !b.asked
	if wants && !b.asking {
		b.wanted = b.wish(s, v)
	}
	b.asked = b.asked || s.answered
	b.asking = b.named && (wants && !s.answered || b.asking && b.because(promote.Executing))
	if !b.asking {
		b.wanted = nil
	}
	b.looks.ask(b.lane, b.wanted)
	if b.asking && !s.asked && !b.making.goesOn() {
		b.looks.want()
	}
}

// wish is the freight that is asked for by its name: what the stage may have next, or
// holds while that waits for something else. A slot that somebody pinned stays so.
func (b *bringing) wish(s sighting, v promote.Verdict) map[string]string {
	held, next := b.progress.Arrival.Freight, v.Freight
	stays := v.Action == promote.Wait && !b.because(promote.RunOnly)
	if stays {
		next = held
	}
	wanted := map[string]string{}
	for warehouse, id := range next {
		_, pinned := s.view.Snapshot.Facts.HoldOf(b.stage.Name, warehouse, s.view.Snapshot.Now)
		if stays || pinned || id != held[warehouse] {
			wanted[warehouse] = id
		}
	}
	return wanted
}

func (b *bringing) because(kind promote.ReasonKind) bool {
	return slices.ContainsFunc(b.progress.Reasons, func(r promote.Reason) bool { return r.Kind == kind })
}

// mine tells whether the word on a gate is still to come from a command of ours: one
// that failed before is run again, once.
func (b *bringing) mine(gate string) bool {
	e, started := b.gates[gate]
	return !started || e.goesOn || e.call != "" && !b.Results.written(e.call)
}

// busy tells whether commands run, or their results are still to be written down.
func (b *bringing) busy() bool {
	if b.asking || b.because(promote.Executing) {
		return true
	}
	for _, e := range b.gates {
		if e.goesOn || e.call != "" && !b.Results.written(e.call) {
			return true
		}
	}
	return false
}

func (b *bringing) tooLate() error {
	if b.Timeout == 0 {
		return errors.New(words(b.progress.Reasons))
	}
	return fmt.Errorf("waited for %s: %s", promote.Span(b.Timeout), words(b.progress.Reasons))
}

// names is freight as people say it.
func names(v report.View, slots map[string]string) string {
	var out []string
	for _, f := range v.Freight(slots) {
		out = append(out, report.Name(f))
	}
	return strings.Join(out, ", ")
}

func words(reasons []promote.Reason) string {
	var out []string
	for _, r := range reasons {
		if text := r.String(); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return "GitHub has not told of everything yet"
	}
	return strings.Join(out, "; ")
}

// execute starts the commands of gates that have not passed, each once for what
// arrived.
func (b *bringing) execute(ctx context.Context, s sighting) {
	a := b.progress.Arrival
	for _, g := range b.progress.Gates {
		if g.Gate.Source != promote.FromRun || g.State == promote.GatePassed || b.gates[g.Gate.Name] != nil {
			continue
		}
		e := &execution{goesOn: true}
		b.gates[g.Gate.Name] = e
		c := command{lane: b.lane, gate: g.Gate, arrival: a, freight: s.view.Freight(a.Freight), repository: s.view.Pipeline.Repository}
		turn := b.slots.Queue(b.length)
		b.own.Add(1)
		b.behind.Go(func() {
			defer b.own.Done()
			var call string
			_ = turn.Do(ctx, func() { call = b.execution(ctx, c) }) // else it was stopped before it began
			select {
			case <-ctx.Done():
			case b.ended <- ending{e, call}:
			case <-b.gone:
				b.looks.want()
			}
		})
	}
}

// execution runs the command of a gate, and keeps what it came to for the next look.
// One that was stopped came to nothing.
func (r *run) execution(ctx context.Context, c command) string {
	tale := Gate{Name: c.gate.Name, Required: c.gate.Required, Ran: true, Started: time.Now(), Outcome: "succeeded"}
	err := r.execute(ctx, c)
	took := time.Since(tale.Started)
	switch tale.Seconds = took.Seconds(); {
	case ctx.Err() != nil:
		tale.Outcome = "cancelled"
	case err != nil:
		tale.Outcome, tale.Note = "failed", err.Error()
	}
	r.mu.Lock()
	r.ran[c.lane.name+"/"+c.gate.Name] = tale
	r.mu.Unlock()
	r.Out.Say(c.step(), strings.TrimSpace(tale.Outcome+" "+tale.Note)+" after "+span(took))
	if tale.Outcome == "cancelled" {
		return ""
	}
	return r.Results.say(engine.Call{
		Pipeline: c.lane.pipeline, Stage: c.lane.stage.Name, Gate: c.gate.Name, Commit: c.arrival.Commit, URL: r.Commands.URL, At: r.Commands.Now(), Note: tale.Note,
	}, err == nil)
}

// tell keeps what became of the stage for the report.
func (b *bringing) tell() {
	for _, g := range b.progress.Gates {
		b.tale.Gates = append(b.tale.Gates, Gate{Name: g.Gate.Name, Required: g.Gate.Required, Outcome: outcomes[g.State], Note: g.Note, URL: g.URL})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tales[b.name] = b.tale
}

var outcomes = map[promote.GateState]string{
	promote.GatePassed: "succeeded", promote.GateWaits: "pending", promote.GateBroken: "failed", promote.GateTooLate: "timed out",
}
