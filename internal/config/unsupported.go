package config

import "strings"

// feature is a part of the language that is parsed and checked, and that
// nothing acts on yet.
type feature struct {
	path  string // of the schema; [] is any item of a list, * any key
	value string // only this value; empty: any
}

// features is the one list of what is not supported yet. Whoever builds a part
// deletes its line here.
var features = []feature{}

// unsupported reports a key, or with a value the value of a key, that is not
// supported yet. Defaults are looked up as what they are defaults of.
func (c *collector) unsupported(at At, path, value string) {
	path = strings.Replace(path, "pipeline.defaults.stage", "pipeline.stages[]", 1)
	for _, f := range features {
		if f.path == path && f.value == value {
			c.notYet(at, f.name())
		}
	}
}

// name is what the mistake calls the feature.
func (f feature) name() string {
	key := f.path[strings.LastIndexByte(f.path, '.')+1:]
	if f.value != "" {
		key += ": " + f.value
	}
	return "`" + key + "`"
}
