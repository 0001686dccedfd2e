package config

import (
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// Update is what a promotion of one stage writes. Its expressions are evaluated
// when the freight is there.
type Update struct {
	Target     promote.Target
	Preserve   []string // globs of what is kept from the branch
	AllowEmpty bool
	raw        rawUpdate
}

// Program evaluates the update's expressions in a scope with one freight per
// slot. The error is of type [Mistakes] and has positions: what an expression
// names may be missing in this very freight.
func (u Update) Program(scope expression.Scope) (directives.Program, error) {
	e := &evaluator{collector: &collector{}, scope: scope, when: actual}
	program := e.program(u.raw)
	program.Preserve, program.AllowEmpty = u.Preserve, u.AllowEmpty
	if mistakes := e.sorted(); len(mistakes) > 0 {
		return directives.Program{}, mistakes
	}
	return program, nil
}

// program builds the directives and the rendering of an update.
func (e *evaluator) program(raw rawUpdate) directives.Program {
	var program directives.Program
	for i, d := range raw.Directives.Items {
		if built := e.directive(d); built != nil {
			program.Steps = append(program.Steps, directives.Step{Index: i + 1, Position: d.At.String(), Directive: built})
		}
	}
	if raw.Render != nil {
		program.Render = e.render(*raw.Render)
	}
	return program
}

// directive builds one verb. Those that are not supported yet are evaluated for
// their mistakes and give nil.
func (e *evaluator) directive(raw rawDirective) directives.Directive {
	switch {
	case raw.Copy != nil:
		return e.copy(*raw.Copy)
	case raw.Kustomize != nil:
		return e.kustomize(*raw.Kustomize)
	case raw.Helm != nil:
		return e.helm(*raw.Helm)
	case raw.YAML != nil:
		return directives.YAML{File: e.path(raw.YAML.File, "."), Set: e.set(raw.YAML.Set), Create: raw.YAML.Create.Value}
	case raw.JSON != nil:
		e.text(raw.JSON.File)
		e.set(raw.JSON.Set)
	case raw.TOML != nil:
		e.text(raw.TOML.File)
		e.set(raw.TOML.Set)
	case raw.Chart != nil:
		e.chart(*raw.Chart)
	case raw.Delete != nil:
		e.text(raw.Delete.Path)
	case raw.Write != nil:
		e.text(raw.Write.File)
		e.text(raw.Write.Content)
	case raw.Exec != nil:
		e.texts(raw.Exec.Command)
	}
	return nil
}

func (e *evaluator) copy(raw rawCopy) directives.Directive {
	e.knownWarehouse(raw.Warehouse)
	return directives.Copy{
		Source: directives.SourceRef{
			Repository: e.or(raw.Repository, "."),
			Ref:        e.text(raw.Ref),
			Warehouse:  raw.Warehouse.Value,
		},
		From:   e.path(raw.From, "."),
		To:     e.path(raw.To, "."),
		Ignore: e.texts(raw.Ignore),
	}
}

func (e *evaluator) kustomize(raw rawKustomize) directives.Directive {
	built := directives.Kustomize{Path: e.path(raw.Path, ".")}
	for _, pin := range raw.Images.Items {
		name, at := e.text(pin.Word), pin.Word.At
		if !at.Set() {
			name, at = e.text(pin.Name), pin.Name.At
		}
		image := directives.ImagePin{Name: name, NewName: e.text(pin.NewName), Pin: pin.Pin.Value, Warehouse: pin.Warehouse.Value}
		if image.Pin == "" {
			image.Pin = "digest"
		}
		if e.knownWarehouse(pin.Warehouse) && name != "" {
			e.oneImage(at, imageOf(image), image.Warehouse)
		}
		built.Images = append(built.Images, image)
	}
	if raw.Images.empty() {
		for _, f := range e.scope.Freight {
			for _, image := range f.Images {
				e.oneImage(raw.Path.At, image.Repository, "")
			}
		}
	}
	return built
}

func (e *evaluator) helm(raw rawHelm) directives.Directive {
	built := directives.Helm{Chart: e.path(raw.Chart, ".")}
	for _, v := range raw.Values.Items {
		built.Values = append(built.Values, directives.Value{
			File:  e.path(v.File, "values.yaml"),
			Key:   e.text(v.Key),
			Value: e.single(v.Value),
		})
	}
	return built
}

// set builds the key paths and values of an edit, in the order of the file.
func (e *evaluator) set(raw Map[Value]) []directives.Value {
	var out []directives.Value
	for _, entry := range raw.Entries {
		if err := formats["key"](entry.Key.Value); err != nil {
			e.add(entry.Key.At, "%s", err)
			continue
		}
		out = append(out, directives.Value{Key: entry.Key.Value, Value: e.single(entry.Value)})
	}
	return out
}

// single evaluates a value that must be neither a list nor a map.
func (e *evaluator) single(v Value) any {
	value := e.value(v)
	switch value.(type) {
	case []any, map[string]any:
		e.add(v.At, "a single value is needed here, not a list or a map")
		return nil
	}
	return value
}

func (e *evaluator) chart(raw rawUnpack) {
	e.text(raw.To)
	name := e.text(raw.Name)
	if !e.knownWarehouse(raw.Warehouse) || name == "" {
		return
	}
	for _, f := range e.slots(raw.Warehouse.Value) {
		for _, c := range f.Charts {
			if c.Name == name || c.Name == "" && lastPart(c.Repository) == name {
				return
			}
		}
	}
	e.add(raw.Name.At, "chart %s is not in the freight of this stage", name)
}

// knownWarehouse reports a warehouse that no slot of the stage holds.
func (e *evaluator) knownWarehouse(w Word) bool {
	if !w.Set() || len(e.slots(w.Value)) > 0 {
		return true
	}
	e.add(w.At, "the stage holds no freight of warehouse %q", w.Value)
	return false
}

// oneImage reports an image that the freight does not hold, or that two slots
// hold differently: any choice would be a guess.
func (e *evaluator) oneImage(at At, repository, warehouse string) {
	var in []string
	var first promote.Image
	for _, f := range e.slots(warehouse) {
		image, ok := f.Image(repository)
		if !ok || len(in) > 0 && image.Digest == first.Digest && image.Tag == first.Tag {
			continue
		}
		first, in = image, append(in, f.Warehouse)
	}
	switch len(in) {
	case 0:
		e.add(at, "image %s is not in the freight of this stage", repository)
	case 1:
	default:
		e.add(at, "image %s is in the freight of %s and %s; list it under `images` with its `warehouse`", repository, in[0], in[1])
	}
}

// imageOf is the repository of a pinned image.
func imageOf(pin directives.ImagePin) string {
	if pin.NewName != "" {
		return pin.NewName
	}
	return pin.Name
}

// slots are the freight of a warehouse, or of all where none is named.
func (e *evaluator) slots(warehouse string) []promote.Freight {
	var out []promote.Freight
	for _, f := range e.scope.Freight {
		if warehouse == "" || f.Warehouse == warehouse {
			out = append(out, f)
		}
	}
	return out
}
