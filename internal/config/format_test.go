package config

import (
	"reflect"
	"testing"
)

// Every tag `is` names a format, or checks nothing.
func TestFormatsExist(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(at reflect.Type) {
		if at = elem(at); seen[at] || isLeaf(at) {
			return
		}
		seen[at] = true
		s := shapeOf(at)
		if s.scalar != nil {
			s.fields = append(s.fields, *s.scalar)
		}
		for _, f := range s.fields {
			if f.format != "" && formats[f.format] == nil {
				t.Errorf("%s of %s: there is no format %q", f.name, at, f.format)
			}
			walk(f.typ)
		}
	}
	walk(reflect.TypeFor[rawPipeline]())
	walk(reflect.TypeFor[rawPolicy]())
	walk(reflect.TypeFor[rawOverride]())
}
