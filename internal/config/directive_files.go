package config

import "github.com/towpath/towpath/internal/directives"

type rawUnpack struct {
	At
	Name      Text `yaml:"name" req:"true" doc:"The chart's name."`
	To        Text `yaml:"to" req:"true" is:"path" doc:"Where it is unpacked, in the place of whatever is there."`
	Warehouse Word `yaml:"warehouse" is:"name" doc:"Whose freight holds it, where two slots do."`
}

func (raw *rawUnpack) build(e *evaluator) directives.Directive {
	built := directives.Chart{Name: e.text(raw.Name), To: e.path(raw.To, "."), Warehouse: raw.Warehouse.Value}
	if !e.knownWarehouse(raw.Warehouse) || built.Name == "" {
		return built
	}
	for _, f := range e.slots(built.Warehouse) {
		for _, c := range f.Charts {
			if c.Name == built.Name || c.Name == "" && lastPart(c.Repository) == built.Name {
				return built
			}
		}
	}
	e.add(raw.Name.At, "chart %s is not in the freight of this stage", built.Name)
	return built
}

type rawDelete struct {
	At
	Path Text `yaml:"path" req:"true" is:"path" doc:"The file or folder in the workspace, or a glob; ** stands for any number of folders. Nothing to delete is an error."`
}

func (raw *rawDelete) build(e *evaluator) directives.Directive {
	return directives.Delete{Path: e.path(raw.Path, ".")}
}

type rawWrite struct {
	At
	File    Text `yaml:"file" req:"true" is:"path" doc:"The file in the workspace."`
	Content Text `yaml:"content" req:"true" is:"content" doc:"Its content, which may be empty."`
}

func (raw *rawWrite) build(e *evaluator) directives.Directive {
	return directives.Write{File: e.path(raw.File, "."), Content: e.text(raw.Content)}
}
