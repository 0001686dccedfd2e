package config

import (
	"reflect"

	"github.com/towpath/towpath/internal/directives"
)

// rawDirective is the registry of directives: a row for each, whose type decodes
// it and builds it.
type rawDirective struct {
	At        `one:"*"`
	Copy      *rawCopy      `yaml:"copy" doc:"Copies a file or a folder of a source."`
	Chart     *rawUnpack    `yaml:"chart" doc:"Unpacks a chart of the freight."`
	Kustomize *rawKustomize `yaml:"kustomize" doc:"Pins images in a kustomization file."`
	Helm      *rawHelm      `yaml:"helm" doc:"Sets values of a chart, and versions of its dependencies."`
	YAML      *rawYAML      `yaml:"yaml" doc:"Sets values in a YAML file and changes only their bytes."`
	JSON      *rawJSON      `yaml:"json" doc:"The same in a JSON file."`
	TOML      *rawTOML      `yaml:"toml" doc:"The same in a TOML file."`
	Delete    *rawDelete    `yaml:"delete" doc:"Deletes files and folders."`
	Write     *rawWrite     `yaml:"write" doc:"Writes a file."`
	Exec      *rawExec      `yaml:"exec" doc:"Runs a command; in run mode only, and only where the policy allows."`
}

// verb is a row of the registry.
type verb interface {
	build(e *evaluator) directives.Directive
}

// directive builds the one verb that is there.
func (e *evaluator) directive(raw rawDirective) directives.Directive {
	rows := reflect.ValueOf(raw)
	for i := range rows.NumField() {
		if v, ok := rows.Field(i).Interface().(verb); ok && !rows.Field(i).IsNil() {
			return v.build(e)
		}
	}
	return nil
}
