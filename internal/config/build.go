package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// builtPipeline is one pipeline with what the checks across files look at.
type builtPipeline struct {
	pipeline Pipeline
	name     At
	stages   []builtStage
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
	for _, i := range instances {
		built := build(file.Name, raw, i, ctx)
		built.mistakes.join(own) // what the file says wrongly is wrong in each of its pipelines
		out = append(out, built)
	}
	return out
}

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
	places     map[string]int // of the stages, by name
	upstreams  [][]int        // of each stage, as places
}

// build makes one pipeline; its mistakes are in the result.
func build(file string, raw rawPipeline, i instance, ctx Context) builtPipeline {
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
	return builtPipeline{pipeline: b.pipeline(file, i), name: raw.Name.At, stages: b.stages, mistakes: b.collector}
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
		p.publish[s.domain.Name] = s.raw.Publish
		if len(s.updates) == 0 {
			p.Stages = append(p.Stages, s.domain)
			p.stageVars[s.domain.Name] = s.vars
			p.keepGates(s.domain, s.raw)
		}
		for i, u := range s.updates {
			lane := s.domain
			lane.Name, lane.Target = promote.LaneName(s.domain.Name, i+1), u.update.Target
			p.Stages = append(p.Stages, lane)
			p.stageVars[lane.Name], p.Updates[lane.Name] = s.vars, u.update
			p.keepGates(lane, s.raw)
		}
	}
	return p
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
	s.rawBody = out
	return s
}

// lanes are the stamps of a stage with their variables; a stage without stamps
// is one lane without a name. How many a count makes is not known before it is
// supported: one stands for all.
func (b *builder) lanes(s rawStage) []lane {
	e := b.evaluator(b.scope(s.Name.Value, "", b.vars))
	vars := e.vars(s.Vars, b.vars)
	if s.Stamps == nil {
		return []lane{{vars: vars}}
	}
	var names []string
	for _, name := range s.Stamps.Names.Items {
		if slices.Contains(names, name.Value) {
			b.add(name.At, "stamp %q is there twice", name.Value)
		} else if name.Set() {
			names = append(names, name.Value)
		}
	}
	if len(names) == 0 {
		names = []string{"1"}
	}
	layers := map[string]Map[Value]{}
	for _, entry := range s.Stamps.Vars.Entries {
		layers[entry.Key.Value] = entry.Value
		if s.Stamps.Names.Set() && !slices.Contains(names, entry.Key.Value) {
			b.add(entry.Key.At, "there is no stamp %q under `names`", entry.Key.Value)
		}
	}
	var out []lane
	for _, name := range names {
		e.scope.Stamp = name
		out = append(out, lane{stamp: name, vars: e.vars(layers[name], maps.Clone(vars))})
	}
	return out
}

// lane is one stamp of a stage.
type lane struct {
	stamp string
	vars  map[string]any
}
