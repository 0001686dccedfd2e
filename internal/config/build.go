package config

import (
	"cmp"

	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// builtPipeline is one pipeline with what the checks across files look at.
type builtPipeline struct {
	pipeline Pipeline
	name     At
	stages   []builtStage
	stamped  int // lanes of the stages with stamps
	mistakes *collector
}

// parsePipelines reads one file, which holds one pipeline or one per instance.
// Mistakes of the file itself go to found; those of a pipeline stay with it.
func parsePipelines(file File, ctx Context, found *collector) []builtPipeline {
	own := &collector{}
	defer found.join(own)
	var raw rawPipeline
	if !decodeFile(file, pipelineGrammar(), &raw, own) {
		return nil
	}
	instances := raw.instances(len(file.Data), ctx, own)
	var out []builtPipeline
	stamped := 0
	for _, i := range instances {
		built := build(file.Name, raw, i, ctx)
		if stamped += built.stamped; stamped > maxLanes {
			own.add(raw.Each.At, "`each` makes more than %d lanes of stages with stamps, which is too much", maxLanes)
			return nil
		}
		built.mistakes.join(own) // what the file says wrongly is wrong in each of its pipelines
		out = append(out, built)
	}
	return out
}

// maxLanes bounds what the pipelines of one file come to by their stamps.
const maxLanes = 20000

// builder makes one pipeline out of its raw form.
type builder struct {
	*collector
	ctx        Context
	raw        rawPipeline
	defaults   rawBody
	each       map[string]any
	vars       map[string]any // of the pipeline
	name       string
	warehouses map[string]warehouse
	channels   map[string]promote.Channel // the first of each name
	order      []string                   // of the warehouses
	stages     []builtStage
	stamped    int            // lanes so far, of the stages with stamps
	places     map[string]int // of the stages, by name
	upstreams  [][]int        // of each stage, as places
}

// build makes one pipeline; its mistakes are in the result.
func build(file string, raw rawPipeline, i instance, ctx Context) builtPipeline {
	raw.Warehouses = sortedBy(raw.Warehouses, func(w rawWarehouse) string { return w.Name.Value })
	b := &builder{collector: &collector{instance: i.label}, ctx: ctx, raw: raw, each: i.each, warehouses: map[string]warehouse{}, channels: map[string]promote.Channel{}}
	if raw.Defaults != nil && raw.Defaults.Stage != nil {
		b.defaults = *raw.Defaults.Stage
	}
	e := &evaluator{collector: b.collector, scope: expression.Scope{Each: b.each}}
	b.vars = e.vars(i.override, e.vars(raw.Vars, nil))
	e.scope.Vars = b.vars
	b.name = e.text(raw.Name)

	b.buildWarehouses()
	b.buildStages()
	b.checkGraph()
	return builtPipeline{pipeline: b.pipeline(file, i), name: raw.Name.At, stages: b.stages, stamped: b.stamped, mistakes: b.collector}
}

// pipeline puts together what was built.
func (b *builder) pipeline(file string, i instance) Pipeline {
	p := Pipeline{
		Pipeline: promote.Pipeline{Repository: b.ctx.Repository, Name: b.name},
		File:     file,
		Position: b.raw.Name.At.String(),
		Updates:  map[string]Update{},
		publish:  map[string]*rawPublish{},
		each:     b.each, vars: b.vars, stageVars: map[string]map[string]any{}, gates: map[string][]rawGate{}, whens: map[string]*condition{},
		resolved: b.resolved(i),
		built:    b.stages,
	}
	for _, name := range b.order {
		p.Warehouses = append(p.Warehouses, b.warehouses[name].domain)
		if when := b.warehouses[name].when; when != nil {
			p.whens[name] = when
		}
	}
	for _, s := range b.topological() {
		for _, lane := range s.lanes {
			p.addLane(s, lane)
		}
	}
	return p
}

// addLane adds what a lane comes to: a stage of the domain for each of its updates.
func (p *Pipeline) addLane(s builtStage, lane builtLane) {
	p.publish[lane.domain.Name] = s.raw.Publish
	add := func(stage promote.Stage) {
		p.Stages = append(p.Stages, stage)
		p.stageVars[stage.Name] = lane.vars
		p.keepGates(stage, s.raw)
	}
	if len(lane.updates) == 0 {
		add(lane.domain)
	}
	for i, u := range lane.updates {
		stage := lane.domain
		stage.Name, stage.Target = promote.LaneName(lane.domain.Name, i+1), u.update.Target
		_, stage.Exec = u.update.raw.runsCommands()
		p.Updates[stage.Name] = u.update
		add(stage)
	}
}

// scope is what a stage's expressions may name before there is freight.
func (b *builder) scope(stage, stamp string, vars map[string]any) expression.Scope {
	// A name that could not be read is reported once, not wherever it is used.
	return expression.Scope{Pipeline: cmp.Or(b.name, "pipeline"), Stage: stage, Stamp: stamp, Vars: vars, Each: b.each}
}

// evaluator evaluates in a scope without freight.
func (b *builder) evaluator(scope expression.Scope) *evaluator {
	return &evaluator{collector: b.collector, scope: scope}
}

// sample is freight to try the expressions of a stage on: one artifact for each
// subscription of the warehouses that it requests. It is nil when one of them
// could not be built, since nothing would be certain then.
func (b *builder) sample(requests List[rawRequest]) []promote.Freight {
	var out []promote.Freight
	seen := map[string]bool{}
	for _, r := range requests.Items {
		if seen[r.Warehouse.Value] {
			continue
		}
		seen[r.Warehouse.Value] = true
		w, ok := b.warehouses[r.Warehouse.Value]
		if !ok || w.broken {
			return nil
		}
		out = append(out, w.sample())
	}
	return out
}

// withDefaults gives a stage the default of every key that it does not have. A
// stage that says what kind it is takes no other kind from the defaults.
func (b *builder) withDefaults(s rawStage) rawStage {
	out, own := s.rawBody, s.rawBody
	kind := own.Updates.Set() || own.Files.Set() || own.Control.Value || own.Observe != nil
	fill(&out, b.defaults)
	if kind {
		out.Updates, out.Files, out.Control, out.Observe = own.Updates, own.Files, own.Control, own.Observe
	}
	if out.Control.Value && own.Verification == nil {
		out.Verification = nil
	}
	s.rawBody = out.ordered()
	return s
}
