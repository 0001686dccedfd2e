package config

import (
	"errors"
	"fmt"

	"github.com/towpath/towpath/internal/directives"
)

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
		case app.Directory != nil:
			built = e.folder(app.Name.Value, *app.Directory, app.rawOutput)
		default:
			built = e.output(app.Name.Value, app.rawOutput, app.rawOutput) // reported as a mistake
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
	app.Images = e.pins(raw.Images)
	return app
}

// folder is an application of plain manifests.
func (e *evaluator) folder(name string, raw rawDirectory, around rawOutput) directives.App {
	path := raw.Path
	if raw.Word.Set() {
		path = raw.Word
	}
	app := e.output(name, around, around)
	app.Directory = &directives.Directory{Path: e.path(path, ".")}
	app.Images = e.pins(raw.Images)
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
			return errors.New("only plain keys can be set here; lists belong into a values file")
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
