package config

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// grammar is the language of one file, as far as decoding must tell it apart
// from the other's.
type grammar struct {
	own   map[string]bool // every key of this file
	other map[string]bool // every key of the other file
	where string          // the other file
}

func pipelineGrammar() grammar {
	return grammar{
		where: PolicyFile,
		own:   keysOf(reflect.TypeFor[rawPipeline]()), other: keysOf(reflect.TypeFor[rawPolicy]()),
	}
}

func policyGrammar() grammar {
	return grammar{
		where: PipelineFile,
		own:   keysOf(reflect.TypeFor[rawPolicy]()), other: keysOf(reflect.TypeFor[rawPipeline]()),
	}
}

func overrideGrammar() grammar {
	g := pipelineGrammar()
	return grammar{where: PipelineFile, own: map[string]bool{"vars": true}, other: g.own}
}

// keysOf collects every key of a grammar.
func keysOf(root reflect.Type) map[string]bool {
	keys := map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		t = elem(t)
		if seen[t] || isLeaf(t) {
			return
		}
		seen[t] = true
		for _, f := range shapeOf(t).fields {
			keys[f.name] = true
			walk(f.typ)
		}
	}
	walk(root)
	return keys
}

// elem strips pointers, lists and maps from a raw type.
func elem(t reflect.Type) reflect.Type {
	for {
		switch {
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
		case isList(t):
			f, _ := t.FieldByName("Items")
			t = f.Type.Elem()
		case isMap(t):
			f, _ := t.FieldByName("Entries")
			value, _ := f.Type.Elem().FieldByName("Value")
			t = value.Type
		default:
			return t
		}
	}
}

func isList(t reflect.Type) bool { return strings.HasPrefix(t.Name(), "List[") }
func isMap(t reflect.Type) bool  { return strings.HasPrefix(t.Name(), "Map[") }

func isLeaf(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Text](), reflect.TypeFor[Word](), reflect.TypeFor[Bool](), reflect.TypeFor[Int](), reflect.TypeFor[Value]():
		return true
	}
	return false
}

// unknown reports a key that is not there in a shape: a slip of one that is, or
// a key of the other file, or neither.
func (d *decoder) unknown(key *yaml.Node, s shape, f field) {
	message := "unknown key %q%s"
	args := []any{shorten(key.Value), f.inside()}
	names := make([]string, len(s.fields))
	for i := range s.fields {
		names[i] = s.fields[i].name
	}
	near := nearest(key.Value, names)
	elsewhere := d.grammar.other[key.Value] && !d.grammar.own[key.Value]
	if elsewhere && edits(key.Value, near) > 1 {
		message += ": it belongs in %s"
		args = append(args, d.grammar.where)
	} else if near != "" {
		message += "; did you mean %q?"
		args = append(args, near)
	} else if len(names) > 0 && len(names) <= 12 {
		message += "; known are %s"
		args = append(args, strings.Join(names, ", "))
	}
	d.add(d.at(key), message, args...)
}

// nearest returns the name within two edits, in whatever case; the closest, and
// of equals the first. A short word must be closer, or everything is near it.
func nearest(word string, names []string) string {
	best, distance := "", min(3, (len(word)+2)/2)
	for _, name := range names {
		if d := edits(strings.ToLower(word), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// edits is the Levenshtein distance, with a swap of neighbours as one edit.
func edits(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	before, last := []int{}, make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, slices.Clone(row)
	}
	return last[len(b)]
}
