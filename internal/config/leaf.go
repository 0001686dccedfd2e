package config

import (
	"strconv"
	"strings"

	"github.com/towpath/towpath/internal/expression"
	"gopkg.in/yaml.v3"
)

// node is a raw type that decodes itself.
type node interface {
	decode(d *decoder, n *yaml.Node, f field)
}

// Text is a string that may hold expressions.
type Text struct {
	At
	template expression.Template
	field    field
}

func (t *Text) decode(d *decoder, n *yaml.Node, f field) {
	source, ok := d.scalar(n, f)
	if !ok {
		return
	}
	template, err := expression.Compile(source)
	if err != nil {
		d.add(d.at(n), "%s", err)
		return
	}
	if template.Plain() && !d.checkValue(d.at(n), f, source) {
		template = expression.Template{} // it is there, and says nothing
	}
	*t = Text{At: d.at(n), template: template, field: f}
}

// Word is a string without expressions.
type Word struct {
	At
	Value string
	field field
}

func (w *Word) decode(d *decoder, n *yaml.Node, f field) {
	source, ok := d.scalar(n, f)
	if !ok {
		return
	}
	if strings.Contains(source, "${{") {
		d.add(d.at(n), "%s can not hold an expression", f.label())
		return
	}
	if d.checkValue(d.at(n), f, source) {
		*w = Word{At: d.at(n), Value: source, field: f}
	}
}

// Bool is true or false.
type Bool struct {
	At
	Value bool
}

func (b *Bool) decode(d *decoder, n *yaml.Node, f field) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		d.add(d.at(n), "%s must be true or false, not %s", f.label(), describe(n))
		return
	}
	*b = Bool{At: d.at(n), Value: strings.EqualFold(n.Value, "true")}
}

// or is the value, or what it is when it is absent.
func (b Bool) or(absent bool) bool {
	if !b.Set() {
		return absent
	}
	return b.Value
}

// Int is a whole number.
type Int struct {
	At
	Value int
}

func (i *Int) decode(d *decoder, n *yaml.Node, f field) {
	value, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		d.add(d.at(n), "%s must be a whole number, not %s", f.label(), describe(n))
		return
	}
	if d.checkValue(d.at(n), f, strconv.Itoa(value)) {
		*i = Int{At: d.at(n), Value: value}
	}
}

// Value is any YAML value, with expressions in its strings.
type Value struct {
	At
	data any // string, int, float64, bool, nil, leaf, []any or *object of these
}

// leaf is a string with an expression inside a [Value].
type leaf struct {
	At
	template expression.Template
}

// object is a mapping inside a [Value], in the order of the file.
type object struct {
	keys   []string
	values []any
}

// maxString bounds a string of a [Value], since expressions may repeat it.
const maxString = 64 << 10

func (v *Value) decode(d *decoder, n *yaml.Node, _ field) {
	*v = Value{At: d.at(n), data: d.entered(n)}
}

// any decodes any YAML value.
func (d *decoder) any(n *yaml.Node) any {
	n, leave, ok := d.enter(n)
	if !ok {
		return nil
	}
	defer leave()
	return d.entered(n)
}

// entered decodes a value that has been entered already.
func (d *decoder) entered(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			out = append(out, d.any(item))
		}
		return out
	case yaml.MappingNode:
		out := &object{}
		for _, e := range d.entries(n) {
			out.keys = append(out.keys, e.key.Value)
			out.values = append(out.values, d.any(e.value))
		}
		return out
	}
	return d.anyScalar(n)
}

func (d *decoder) anyScalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 0, 0); err == nil {
			return int(i)
		}
		return n.Value
	case "!!float":
		var number float64
		if err := n.Decode(&number); err == nil {
			return number
		}
		return n.Value
	case "!!str", "!!timestamp":
	default:
		d.add(d.at(n), "the tag %s is not known", shorten(n.Tag))
		return nil
	}
	if len(n.Value) > maxString {
		d.add(d.at(n), "a string is at most %d KiB long", maxString>>10)
		return nil
	}
	template, err := expression.Compile(n.Value)
	if err != nil {
		d.add(d.at(n), "%s", err)
		return nil
	}
	if template.Plain() {
		return n.Value
	}
	return leaf{d.at(n), template}
}

// List is a sequence.
type List[T any] struct {
	At
	Items []T
	bad   bool // it is there, but is no list
}

// empty says that the list is absent or holds nothing, which the reader of the
// file does not know yet.
func (l List[T]) empty() bool { return len(l.Items) == 0 && !l.bad }

func (l *List[T]) decode(d *decoder, n *yaml.Node, f field) {
	if n.Kind != yaml.SequenceNode {
		d.add(d.at(n), "%s must be a list, not %s", f.label(), describe(n))
		l.bad = true
		return
	}
	l.At = d.at(n)
	item := f
	item.name = "an item of " + f.label()
	for _, content := range n.Content {
		var v T
		d.decode(content, &v, item)
		l.Items = append(l.Items, v)
	}
}

// Map is a mapping whose keys are free, in the order of the file.
type Map[T any] struct {
	At
	Entries []Entry[T]
}

// Entry is one key of a [Map] with its value.
type Entry[T any] struct {
	Key   Word
	Value T
}

func (m *Map[T]) decode(d *decoder, n *yaml.Node, f field) {
	if n.Kind != yaml.MappingNode {
		d.add(d.at(n), "%s must be a map, not %s", f.label(), describe(n))
		return
	}
	m.At = d.at(n)
	for _, e := range d.entries(n) {
		entry := Entry[T]{Key: Word{At: d.at(e.key), Value: e.key.Value}}
		child := field{name: shorten(e.key.Value), format: f.format, enum: f.enum}
		d.decode(e.value, &entry.Value, child)
		m.Entries = append(m.Entries, entry)
	}
}

// values are the texts of a list of words.
func values(l List[Word]) []string {
	var out []string
	for _, w := range l.Items {
		if w.Set() {
			out = append(out, w.Value)
		}
	}
	return out
}
