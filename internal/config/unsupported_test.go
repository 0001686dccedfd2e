package config

import (
	"reflect"
	"strings"
	"testing"
)

// A line of the table whose path is no key of the grammar would refuse nothing.
func TestUnsupportedKeysExist(t *testing.T) {
	for _, f := range features {
		root, rest, _ := strings.Cut(f.path, ".")
		at := map[string]reflect.Type{"pipeline": reflect.TypeFor[rawPipeline](), "policy": reflect.TypeFor[rawPolicy]()}[root]
		for _, key := range strings.Split(rest, ".") {
			name := strings.TrimSuffix(key, "[]")
			found, ok := shapeOf(at).field(name)
			if !ok {
				t.Errorf("%s: there is no %q", f.path, name)
				break
			}
			if (name != key) != isList(found.typ) && strings.Contains(key, "[") {
				t.Errorf("%s: %q is no list", f.path, name)
			}
			at = elem(found.typ)
		}
	}
}

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
