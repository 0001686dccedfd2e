package config

import (
	"fmt"

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
	e := &evaluator{collector: &collector{}, scope: scope, when: real}
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
			e.knownImage(at, image)
		}
		built.Images = append(built.Images, image)
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

// knownImage reports an image that the freight does not hold.
func (e *evaluator) knownImage(at At, pin directives.ImagePin) {
	for _, f := range e.slots(pin.Warehouse) {
		if _, ok := f.Image(imageOf(pin)); ok {
			return
		}
	}
	e.add(at, "image %s is not in the freight of this stage", imageOf(pin))
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

// render builds what replaces the workspace.
func (e *evaluator) render(raw rawRender) []directives.App {
	switch {
	case raw.Kustomize != nil:
		return []directives.App{e.build("", *raw.Kustomize, rawOutput{})}
	case raw.Helm != nil:
		return []directives.App{e.template("", *raw.Helm, rawOutput{})}
	}
	var apps []directives.App
	outputs := map[string]string{}
	for _, app := range raw.Apps.Items {
		var built directives.App
		switch {
		case app.Kustomize != nil:
			built = e.build(app.Name.Value, *app.Kustomize, app.rawOutput)
		case app.Helm != nil:
			built = e.template(app.Name.Value, *app.Helm, app.rawOutput)
		default:
			e.text(app.Directory)
			built = directives.App{Name: app.Name.Value, Output: e.path(app.Output, ".")}
		}
		if other, taken := outputs[built.Output]; taken {
			e.add(app.At, "applications %q and %q both go to the output %q", other, built.Name, built.Output)
		}
		outputs[built.Output] = built.Name
		apps = append(apps, built)
	}
	return apps
}

// build is an application of kustomize. Output and layout stand with it, or with
// the application around it.
func (e *evaluator) build(name string, raw rawBuild, around rawOutput) directives.App {
	app := e.output(name, raw.rawOutput, around)
	app.Kustomize = &directives.KustomizeBuild{Path: e.path(raw.Path, ".")}
	return app
}

// template is an application of Helm.
func (e *evaluator) template(name string, raw rawTemplate, around rawOutput) directives.App {
	app := e.output(name, raw.rawOutput, around)
	release := name
	if release == "" {
		release = e.scope.Pipeline
	}
	app.Helm = &directives.HelmTemplate{
		Chart:       e.path(raw.Chart, "."),
		Release:     e.or(raw.Release, release),
		Namespace:   e.or(raw.Namespace, "default"),
		ValueFiles:  e.texts(raw.Values),
		Values:      e.nested(raw.Set),
		KubeVersion: e.text(raw.KubeVersion),
		APIVersions: e.texts(raw.APIVersions),
		IncludeCRDs: raw.IncludeCRDs.Value,
		SkipTests:   raw.SkipTests.Value,
	}
	return app
}

func (e *evaluator) output(name string, own, around rawOutput) directives.App {
	output, layout := own.Output, own.Layout
	if !output.Set() {
		output = around.Output
	}
	if !layout.Set() {
		layout = around.Layout
	}
	app := directives.App{Name: name, Output: e.path(output, "."), Layout: layout.Value}
	if app.Layout == "" {
		app.Layout = "files"
	}
	return app
}

// nested turns key paths with values into the map that Helm takes.
func (e *evaluator) nested(raw Map[Value]) map[string]any {
	if !raw.At.Set() {
		return nil
	}
	out := map[string]any{}
	for _, entry := range raw.Entries {
		if err := setNested(out, keyParts(entry.Key.Value), e.value(entry.Value)); err != nil {
			e.add(entry.Key.At, "key %q: %s", shorten(entry.Key.Value), err)
		}
	}
	return out
}

// keyParts splits a key path at its dots; \. is a dot in a key.
func keyParts(key string) []string {
	var parts []string
	var part []byte
	for i := 0; i < len(key); i++ {
		switch {
		case key[i] == '\\' && i+1 < len(key):
			i++
			part = append(part, key[i])
		case key[i] == '.':
			parts, part = append(parts, string(part)), nil
		default:
			part = append(part, key[i])
		}
	}
	return append(parts, string(part))
}

// setNested puts a value where a key path leads.
func setNested(into map[string]any, parts []string, value any) error {
	for i, part := range parts {
		if part == "" || part[len(part)-1] == ']' {
			return fmt.Errorf("only plain keys can be set here; lists belong into a values file")
		}
		if i == len(parts)-1 {
			into[part] = value
			return nil
		}
		if _, ok := into[part]; !ok {
			into[part] = map[string]any{}
		}
		next, ok := into[part].(map[string]any)
		if !ok {
			return fmt.Errorf("%q has a value of its own already", part)
		}
		into = next
	}
	return nil
}
