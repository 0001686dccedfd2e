// Package runner brings freight through the stages of a repository in one go: it
// looks whenever something may have changed, runs the commands of gates, and goes on
// downstream at once. What may come where is the engine's word; what starts when is
// the graph runner's. It knows neither flags nor files.
package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
	"github.com/towpath/towpath/internal/schedule"
)

// Options are what a run is asked for.
type Options struct {
	Engine       *engine.Engine
	Results      *Results // the same that the engine reads
	Repository   string
	By           string   // who asks for the stages that are named; empty: whoever the token is of, who needs no right where that is an App
	Stages       []string // as stage or pipeline/stage; none: all
	WithUpstream bool
	Again        bool // the stages that are named are asked for, also where they hold what they may have

	Jobs     int           // commands at once
	Interval time.Duration // between looks while nothing happens
	Timeout  time.Duration // how long a stage may wait for others; 0: not at all
	Grace    time.Duration // between asking a command to end and killing it
	Commands Commands
	Out      *Output
}

// UsageError is a wish that can not be meant.
type UsageError struct{ error }

// lane is one stage on its way.
type lane struct {
	pipeline string
	stage    promote.Stage
	name     string        // as people read it: with the pipeline where there are several
	length   time.Duration // of the longest way that begins here
	seen     chan sighting
	gone     chan struct{} // closed when it is on its way no more
	making   *making
	named    bool // somebody asks for it by its name
}

// lane is the stage of that name.
func (r *run) lane(pipeline, stage string) *lane {
	for _, l := range r.byName {
		if l.pipeline == pipeline && l.stage.Name == stage {
			return l
		}
	}
	return nil
}

func (l *lane) key() string { return l.pipeline + "/" + l.stage.Name }

// run is one run.
type run struct {
	Options
	byName map[string]*lane
	looks  *looks
	slots  *schedule.Slots
	behind sync.WaitGroup // gates that inform and go on when their stage is done
	begun  time.Time

	mu    sync.Mutex
	tales map[string]Lane // by name, of stages that began
	ran   map[string]Gate // commands, by stage and gate
}

// Run brings freight through the stages and tells how it went. When the context ends,
// commands are ended, and everything that was written is whole: another run goes on.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &run{Options: o, byName: map[string]*lane{}, tales: map[string]Lane{}, ran: map[string]Gate{}, slots: schedule.NewSlots(o.Jobs), begun: time.Now()}
	seen, err := o.Engine.Plan(ctx, o.Repository)
	if seen != nil && len(seen.Mistakes) > 0 {
		return &Report{Repository: seen.Repository, Mistakes: seen.Mistakes}, nil
	}
	if err != nil {
		return nil, err
	}
	nodes, err := r.nodes(seen.Views)
	if err != nil {
		return nil, err
	}
	graph, err := schedule.New(nodes, schedule.Limits{})
	if err != nil {
		return nil, err
	}
	for name, l := range r.byName {
		l.length = graph.Length(name)
	}
	r.looks = newLooks(o, r.executor)
	looking, stop := context.WithCancel(ctx)
	var looker sync.WaitGroup
	looker.Go(func() { r.looks.run(looking) })
	results := graph.Run(ctx, r)
	r.behind.Wait()
	stop()
	looker.Wait()
	if ctx.Err() == nil && o.Results.waiting() {
		if _, err := o.Engine.Once(ctx, o.Repository, &engine.Wish{Lanes: map[string]bool{}}); err != nil {
			o.Out.Say("", "results that came last are not written down: "+err.Error())
		}
	}
	return r.report(seen.Repository, nodes, results), nil
}

// nodes are the stages that are meant, as work of a graph.
func (r *run) nodes(views []report.View) ([]schedule.Node, error) {
	var nodes []schedule.Node
	for _, v := range views {
		for _, s := range v.Pipeline.Stages {
			l := &lane{pipeline: v.Pipeline.Name, stage: s, seen: make(chan sighting), gone: make(chan struct{}), making: newMaking()}
			l.name = nameIn(views, v.Pipeline.Name, s.Name)
			r.byName[l.name] = l
			nodes = append(nodes, schedule.Node{
				Name: l.name, Prepare: r.preparation(views, v.Pipeline, l), Some: upstream(views, v.Pipeline, s), Weight: weight(v.Snapshot.Pace(s)),
				Run: func(ctx context.Context) error { return r.bring(ctx, l) },
			})
		}
	}
	names, err := meant(views, r.Stages)
	if err != nil {
		return nil, UsageError{err}
	}
	for _, name := range names {
		r.byName[name].named = true
	}
	return schedule.Select(nodes, names, r.WithUpstream)
}

// preparation renders a stage ahead of time, where it says so. What is wrong then is
// told, and is for the promotion to decide.
func (r *run) preparation(views []report.View, p promote.Pipeline, l *lane) *schedule.Prepare {
	if l.stage.Prepare == nil {
		return nil
	}
	out := &schedule.Prepare{Run: func(ctx context.Context) error {
		wrong, err := r.looks.prepare(ctx, l)
		switch err = errors.Join(err, wrong[l.key()]); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.Out.Say(l.name, "can not be prepared: "+err.Error())
		default:
			r.Out.Say(l.name, "is prepared")
		}
		return nil
	}}
	for _, need := range l.stage.Prepare.Needs {
		out.After = append(out.After, lanes(views, p, need)...)
	}
	return out
}

// nameIn is what a stage is called where the repository has these pipelines.
func nameIn(views []report.View, pipeline, stage string) string {
	if len(views) > 1 {
		return pipeline + "/" + stage
	}
	return stage
}

// upstream is what a stage waits for: of each request so many of the stages that it
// takes from as its rule wants, and of each of those all lanes, or those of one stamp.
func upstream(views []report.View, p promote.Pipeline, s promote.Stage) []schedule.Some {
	var out []schedule.Some
	for _, request := range s.Requests {
		need, err := request.Availability.Needed(len(request.From))
		if err != nil || len(request.From) == 0 {
			continue
		}
		all := need == len(request.From)
		var of [][]string
		for _, from := range request.From {
			stamps := p.Stamps(from)
			switch {
			case request.Stamps != promote.AnyStamp || len(stamps) == 0:
				of = append(of, lanes(views, p, from))
			case all:
				out = append(out, schedule.Some{Of: each(views, p, stamps), Need: 1})
				need--
			default: // of some of several, two stamps may be of one stage: it begins early then, and waits for the rule itself
				of = append(of, each(views, p, stamps)...)
			}
		}
		if need > 0 {
			out = append(out, schedule.Some{Of: of, Need: need})
		}
	}
	return out
}

// lanes are the lanes that a name means, as they are called here.
func lanes(views []report.View, p promote.Pipeline, name string) []string {
	var out []string
	for _, lane := range p.Lanes(name) {
		out = append(out, nameIn(views, p.Name, lane.Name))
	}
	return out
}

func each(views []report.View, p promote.Pipeline, names []string) [][]string {
	var out [][]string
	for _, name := range names {
		out = append(out, lanes(views, p, name))
	}
	return out
}

// unknown is how long a stage is taken to need as long as nothing is recorded: so
// that of those the one with the most stages behind it goes first.
const unknown = time.Minute

// weight is how long freight takes in a stage, by what is recorded.
func weight(p promote.Pace) time.Duration {
	if p.Merge == nil && p.Verify == nil {
		return unknown
	}
	var out time.Duration
	for _, d := range []*time.Duration{p.Merge, p.Verify} {
		if d != nil {
			out += *d
		}
	}
	return out
}

// meant finds the lanes that are named. The name of a stage means all of its lanes.
func meant(views []report.View, wanted []string) ([]string, error) {
	var known []string
	for _, v := range views {
		for _, s := range v.Pipeline.Stages {
			known = append(known, nameIn(views, v.Pipeline.Name, s.Name))
		}
	}
	var out []string
	for _, name := range wanted {
		pipeline, stage, qualified := strings.Cut(name, "/")
		if !qualified {
			pipeline, stage = "", name
		}
		var found, in []string
		for _, v := range views {
			if pipeline != "" && v.Pipeline.Name != pipeline {
				continue
			}
			before := len(found)
			if found = append(found, lanes(views, v.Pipeline, stage)...); len(found) > before {
				in = append(in, v.Pipeline.Name+"/"+stage)
			}
		}
		switch {
		case len(in) == 0:
			return nil, fmt.Errorf("there is no stage %q; there are %s", name, strings.Join(known, ", "))
		case len(in) > 1:
			return nil, fmt.Errorf("several pipelines have a stage %q: write %s", name, strings.Join(in, " or "))
		}
		out = append(out, found...)
	}
	return out, nil
}

// Started is told when a stage may begin: from then on looks bring freight into it.
func (r *run) Started(name string, prepares bool) {
	if !prepares {
		r.looks.join(r.byName[name])
	}
}

// Ended is told how a stage ended.
func (r *run) Ended(result schedule.Result) {
	r.looks.leave(r.byName[result.Name])
	text := string(result.Outcome)
	switch {
	case result.Outcome == schedule.Skipped:
		text += ": " + result.Cause + " did not succeed"
	case result.Err != nil && result.Outcome == schedule.Failed:
		text += ": " + result.Err.Error()
	}
	r.Out.Say(result.Name, text)
}
