package config

import (
	"reflect"
	"strings"
)

// field is one key of a raw type, as its tags describe it:
//
//	yaml     the key
//	req      "true": it must be there
//	is       the format of its text, see formats
//	enum     the words it may be, separated by |
//	default  what it means when it is absent, for the reference
//	doc      its meaning, for the schema and the reference
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	required bool
	format   string
	enum     []string
	fallback string
	doc      string
}

// shape is a raw type: its keys, the word that may stand in its place (a field
// tagged `scalar` with the words), and the keys of which there must be exactly
// one (the tag `one` of the embedded At; * is all of them).
type shape struct {
	fields []field
	scalar *field
	one    []string
}

// field returns the key of that name.
func (s shape) field(name string) (field, bool) {
	for _, f := range s.fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// shapeOf reads the tags of a raw type. Embedded raw types count as its own.
func shapeOf(t reflect.Type) shape {
	var s shape
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Type == reflect.TypeFor[At]():
			s.one = words(f.Tag.Get("one"))
		case f.Anonymous:
			inner := shapeOf(f.Type)
			for _, g := range inner.fields {
				g.index = append([]int{i}, g.index...)
				s.fields = append(s.fields, g)
			}
		case f.Tag.Get("scalar") != "":
			s.scalar = &field{index: []int{i}, typ: f.Type, enum: words(f.Tag.Get("scalar")), format: f.Tag.Get("is"), doc: f.Tag.Get("doc")}
			if s.scalar.format != "" {
				s.scalar.enum = nil
			}
		default:
			s.fields = append(s.fields, field{
				name: f.Tag.Get("yaml"), index: []int{i}, typ: f.Type,
				required: f.Tag.Get("req") == "true", format: f.Tag.Get("is"), enum: words(f.Tag.Get("enum")),
				fallback: f.Tag.Get("default"), doc: f.Tag.Get("doc"),
			})
		}
	}
	if len(s.one) == 1 && s.one[0] == "*" {
		s.one = nil
		for _, f := range s.fields {
			s.one = append(s.one, f.name)
		}
	}
	return s
}

// words splits a tag at its bars.
func words(tag string) []string {
	if tag == "" {
		return nil
	}
	return strings.Split(tag, "|")
}
