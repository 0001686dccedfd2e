package config

import (
	"cmp"
	"fmt"

	"github.com/towpath/towpath/internal/promote"
)

// CorrelationInput is the input by which runs of a workflow are found again.
const CorrelationInput = "towpath"

// maxInputs is how many inputs GitHub takes, ours included.
const maxInputs = 25

// maxRetries bounds what a workflow that always fails can cost.
const maxRetries = 10

// dispatch builds how a gate starts its workflow.
func (e *evaluator) dispatch(raw rawGate) *promote.Dispatch {
	d := &promote.Dispatch{Repository: e.workshop(raw), Timeout: e.duration(raw.Dispatch.Timeout), Retries: raw.Dispatch.Retries.Value}
	if raw.Schedule != nil {
		d.Schedule = e.schedule(*raw.Schedule)
	}
	if d.Retries > maxRetries {
		e.add(raw.Dispatch.Retries.At, "`retries` is at most %d", maxRetries)
	}
	for _, input := range raw.Dispatch.Inputs.Entries {
		if input.Key.Value == CorrelationInput {
			e.add(input.Key.At, "the input `%s` is ours: Towpath finds its runs by it", CorrelationInput)
		}
	}
	if n := len(raw.Dispatch.Inputs.Entries); n >= maxInputs {
		e.add(raw.Dispatch.Inputs.At, "a workflow takes %d inputs, and with Towpath's own here are %d", maxInputs, n+1)
	}
	return d
}

// workshop is the repository whose workflow a gate starts; freight has no say in it.
func (e *evaluator) workshop(raw rawGate) string {
	if name := e.or(raw.Repository, "."); name != "." {
		return promote.NormaliseRepository(name)
	}
	return ""
}

// Call is a workflow to be started, with everything that freight decides.
type Call struct {
	Workflow promote.Workflow
	Inputs   map[string]string
}

// call evaluates what a gate starts.
func (e *evaluator) call(raw rawGate) Call {
	out := Call{
		Workflow: promote.Workflow{File: e.text(raw.Dispatch.Workflow), Job: e.text(raw.Job)},
		Inputs:   map[string]string{},
	}
	for _, input := range raw.Dispatch.Inputs.Entries {
		if value := e.single(input.Value); value != nil {
			out.Inputs[input.Key.Value] = fmt.Sprint(value)
		}
	}
	return out
}

// Call is what a gate of a stage starts for the freight in its slots.
func (p Pipeline) Call(stage promote.Stage, gate promote.Gate, freight []promote.Freight) (Call, error) {
	e := &evaluator{collector: &collector{}, scope: p.Scope(stage.Name, freight), when: actual}
	raw, ok := p.gate(promote.StageOf(stage.Name), gate.Name)
	if !ok {
		return Call{}, fmt.Errorf("gate %s of %s starts no workflow", gate.Name, stage.Name)
	}
	out := e.call(raw)
	out.Workflow.Timeout, out.Workflow.Retries = gate.Dispatch.Timeout, gate.Dispatch.Retries
	out.Workflow.Repository = cmp.Or(gate.Dispatch.Repository, p.Repository)
	if mistakes := e.sorted(); len(mistakes) > 0 {
		return Call{}, mistakes
	}
	return out, nil
}

func (p Pipeline) gate(stage, name string) (rawGate, bool) {
	for _, s := range p.resolved.Stages.Items {
		if s.Name.Value != stage || s.Verification == nil {
			continue
		}
		for _, g := range s.Verification.Gates.Items {
			if g.Name.Value == name && g.Dispatch != nil {
				return g, true
			}
		}
	}
	return rawGate{}, false
}
