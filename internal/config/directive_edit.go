package config

import "github.com/towpath/towpath/internal/directives"

type rawEdit struct {
	File   Text       `yaml:"file" req:"true" is:"path" doc:"The file in the workspace."`
	Set    Map[Value] `yaml:"set" req:"true" doc:"Key paths with their values."`
	Create Bool       `yaml:"create" default:"false" doc:"A key that is missing is added."`
}

type rawYAML struct {
	At
	rawEdit
}

func (raw *rawYAML) build(e *evaluator) directives.Directive { return raw.edit(e) }

type rawJSON struct {
	At
	rawEdit
}

func (raw *rawJSON) build(e *evaluator) directives.Directive { return directives.JSON(raw.edit(e)) }

type rawTOML struct {
	At
	rawEdit
}

func (raw *rawTOML) build(e *evaluator) directives.Directive { return directives.TOML(raw.edit(e)) }

func (raw rawEdit) edit(e *evaluator) directives.YAML {
	return directives.YAML{File: e.path(raw.File, "."), Set: e.set(raw.Set), Create: raw.Create.Value}
}

type rawHelm struct {
	At
	Chart        Text                `yaml:"chart" req:"true" is:"path" doc:"The folder of the chart."`
	Values       List[rawKeyed]      `yaml:"values" doc:"The values to set."`
	Dependencies List[rawDependency] `yaml:"dependencies" doc:"The dependencies of Chart.yaml that get another version. Chart.lock and the packed charts in charts follow."`
}

type rawKeyed struct {
	At
	File  Text  `yaml:"file" is:"path" default:"values.yaml" doc:"The values file, relative to the chart."`
	Key   Text  `yaml:"key" req:"true" is:"key" doc:"The key path: a.b, a\\.b, list[0], list[name=web]."`
	Value Value `yaml:"value" req:"true" doc:"The value."`
}

type rawDependency struct {
	At      `one:"name|alias"`
	Name    Text `yaml:"name" doc:"The dependency, in every entry with the name."`
	Alias   Text `yaml:"alias" doc:"The one entry with the alias."`
	Version Text `yaml:"version" req:"true" is:"constraint" doc:"The version; a range only where there is no Chart.lock."`
}

func (raw *rawHelm) build(e *evaluator) directives.Directive {
	built := directives.Helm{Chart: e.path(raw.Chart, ".")}
	for _, v := range raw.Values.Items {
		built.Values = append(built.Values, directives.Value{
			File:  e.path(v.File, "values.yaml"),
			Key:   e.text(v.Key),
			Value: e.single(v.Value),
		})
	}
	for _, d := range raw.Dependencies.Items {
		built.Dependencies = append(built.Dependencies, directives.Dependency{
			Name: e.text(d.Name), Alias: e.text(d.Alias), Version: e.text(d.Version),
		})
	}
	if raw.Values.empty() && raw.Dependencies.empty() {
		e.add(raw.At, "`helm` sets nothing: it needs `values` or `dependencies`")
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
