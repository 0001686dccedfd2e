package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Bounds of one file. Aliases are followed, so nodes are counted as they are
// decoded: a file that multiplies itself runs into maxNodes.
const (
	maxFile  = 1 << 20
	maxNodes = 50_000
	maxDepth = 60
)

// decoder reads one file into a raw type.
type decoder struct {
	*collector
	file    string
	grammar grammar
	nodes   int
	open    []*yaml.Node // the nodes that are being decoded, for aliases into themselves
	spent   bool
	shapes  map[reflect.Type]shape
}

// decodeFile decodes a file into a pointer to a raw type. It returns false when
// there was nothing to decode: no YAML, or not even a map.
func decodeFile(file File, g grammar, into any, found *collector) bool {
	d := &decoder{collector: found, file: file.Name, grammar: g, shapes: map[reflect.Type]shape{}}
	root, ok := d.parse(file.Data)
	if !ok {
		return false
	}
	d.decode(root, into, field{})
	return root.Kind == yaml.MappingNode
}

// parse reads the one YAML document of a file.
func (d *decoder) parse(data []byte) (*yaml.Node, bool) {
	start := At{File: d.file, Line: 1, Col: 1}
	if len(data) > maxFile {
		d.add(start, "a file is at most %d MiB long", maxFile>>20)
		return nil, false
	}
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := reader.Decode(&document)
	if errors.Is(err, io.EOF) {
		d.add(start, "the file is empty")
		return nil, false
	}
	if err == nil {
		if err = reader.Decode(&second); errors.Is(err, io.EOF) {
			return document.Content[0], true
		}
	}
	if err != nil {
		line, message := syntaxError(err)
		d.add(At{File: d.file, Line: line, Col: 1}, "not YAML: %s", message)
		return nil, false
	}
	d.add(d.at(&second), "a file holds one YAML document; this is a second one")
	return nil, false
}

var (
	yamlLine      = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)
	parserMessage = regexp.MustCompile(`did not find expected (node content|',' or|key|'-' indicator|<)`)
)

// syntaxError takes the line out of an error of the YAML library.
func syntaxError(err error) (line int, message string) {
	m := yamlLine.FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0])
	if m == nil {
		return 1, err.Error()
	}
	if line, err = strconv.Atoi(m[1]); err != nil || line < 1 {
		return 1, m[2]
	}
	if parserMessage.MatchString(m[2]) {
		line++ // the library counts lines from 0 in messages of its parser
	}
	return line, m[2]
}

func (d *decoder) at(n *yaml.Node) At {
	return At{File: d.file, Line: max(n.Line, 1), Col: max(n.Column, 1)}
}

// enter follows aliases and counts. After ok the caller must call leave.
func (d *decoder) enter(n *yaml.Node) (target *yaml.Node, leave func(), ok bool) {
	at := d.at(n)
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.nodes++
	switch {
	case d.spent:
		return nil, nil, false
	case slices.Contains(d.open, n):
		d.add(at, "the alias stands inside what it stands for")
		return nil, nil, false
	case d.nodes > maxNodes || len(d.open) >= maxDepth:
		d.spent = true
		d.add(at, "the file holds more than %d values, or goes deeper than %d levels, with aliases followed", maxNodes, maxDepth)
		return nil, nil, false
	}
	d.open = append(d.open, n)
	return n, func() { d.open = d.open[:len(d.open)-1] }, true
}

// decode decodes a node into a pointer to a raw type.
func (d *decoder) decode(n *yaml.Node, into any, f field) {
	n, leave, ok := d.enter(n)
	if !ok {
		return
	}
	defer leave()
	target := reflect.ValueOf(into).Elem()
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		into, target = target.Interface(), target.Elem()
	}
	if self, ok := into.(node); ok {
		self.decode(d, n, f)
		return
	}
	d.mapping(n, target, f)
}

// mapping decodes a raw struct: its keys, or the word that may stand for it.
func (d *decoder) mapping(n *yaml.Node, target reflect.Value, f field) {
	s, ok := d.shapes[target.Type()]
	if !ok {
		s = shapeOf(target.Type())
		d.shapes[target.Type()] = s
	}
	target.FieldByName("At").Set(reflect.ValueOf(d.at(n)))
	if n.Kind == yaml.ScalarNode && s.scalar != nil {
		word := *s.scalar
		word.name = f.name
		d.decodeScalar(n, target.FieldByIndex(word.index), word)
		return
	}
	if n.Kind != yaml.MappingNode {
		d.add(d.at(n), "%s must be %s, not %s", f.label(), s.expected(), describe(n))
		return
	}
	var seen []string
	for _, e := range d.entries(n) {
		child, known := s.field(e.key.Value)
		if !known {
			d.unknown(e.key, s, f)
			continue
		}
		seen = append(seen, child.name)
		d.decode(e.value, target.FieldByIndex(child.index).Addr().Interface(), child)
	}
	d.complete(n, s, seen, f)
}

// decodeScalar decodes the word of a union without entering the node again.
func (d *decoder) decodeScalar(n *yaml.Node, target reflect.Value, f field) {
	if self, ok := target.Addr().Interface().(node); ok {
		self.decode(d, n, f)
	}
}

// complete reports keys that are missing, or too many of those that exclude
// each other.
func (d *decoder) complete(n *yaml.Node, s shape, seen []string, f field) {
	for _, child := range s.fields {
		if child.required && !slices.Contains(seen, child.name) {
			d.add(d.at(n), "%s is missing%s", child.label(), f.inside())
		}
	}
	if len(s.one) == 0 {
		return
	}
	var chosen []string
	for _, name := range seen {
		if slices.Contains(s.one, name) {
			chosen = append(chosen, "`"+name+"`")
		}
	}
	if len(chosen) != 1 {
		got := "none is there"
		if len(chosen) > 1 {
			got = "here are " + strings.Join(chosen, " and ")
		}
		d.add(d.at(n), "exactly one of `%s` is needed%s; %s", strings.Join(s.one, "`, `"), f.inside(), got)
	}
}

// pair is one key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// entries returns the pairs of a mapping, with << worked in: the mapping's own
// keys first, then those of what it merges that it does not have itself.
func (d *decoder) entries(n *yaml.Node) []pair {
	var out []pair
	var merged []*yaml.Node
	own := map[string]*yaml.Node{}
	d.nodes += len(n.Content) / 2
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch first := own[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.add(d.at(key), "a key must be a plain word, not %s", describe(key))
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case first != nil:
			d.add(d.at(key), "key %q is there twice; the first is at line %d", shorten(key.Value), first.Line)
		default:
			own[key.Value] = key
			out = append(out, pair{key, value})
		}
	}
	for _, value := range merged {
		for _, p := range d.merge(value) {
			if own[p.key.Value] == nil {
				own[p.key.Value] = p.key
				out = append(out, p)
			}
		}
	}
	return out
}

// merge returns the pairs that a << brings: of one mapping, or of a list of
// them where the earlier wins.
func (d *decoder) merge(value *yaml.Node) []pair {
	n, leave, ok := d.enter(value)
	if !ok {
		return nil
	}
	defer leave()
	switch n.Kind {
	case yaml.MappingNode:
		return d.entries(n)
	case yaml.SequenceNode:
		var out []pair
		for _, item := range n.Content {
			out = append(out, d.merge(item)...)
		}
		return out
	}
	d.add(d.at(value), "<< takes a map or a list of maps, not %s", describe(n))
	return nil
}

// scalar returns the text of a string.
func (d *decoder) scalar(n *yaml.Node, f field) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.add(d.at(n), "%s must be a string, not %s", f.label(), describe(n))
	case n.Tag == "!!str" || n.Tag == "!!timestamp" || f.format == "duration" && n.Tag == "!!int":
		return n.Value, true
	case n.Tag == "!!null":
		d.add(d.at(n), "%s must be a string, not nothing", f.label())
	case strings.HasPrefix(n.Tag, "!!"):
		d.add(d.at(n), "%s must be a string, not %s; put it in quotes", f.label(), describe(n))
	default:
		d.add(d.at(n), "the tag %s is not known", shorten(n.Tag))
	}
	return "", false
}

// describe says what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!bool", "!!int", "!!float":
		return shorten(n.Value)
	case "!!null":
		return "nothing"
	}
	return fmt.Sprintf("%q", shorten(n.Value))
}

// shorten puts a value of the file on one line of a message.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// label is how messages name the key.
func (f field) label() string {
	switch {
	case f.name == "":
		return "the file"
	case strings.HasPrefix(f.name, "an item"):
		return f.name
	}
	return "`" + f.name + "`"
}

// inside is the label as the end of a sentence.
func (f field) inside() string {
	if f.name == "" {
		return ""
	}
	return " in " + f.label()
}

// expected says what may stand for a raw type.
func (s shape) expected() string {
	if s.scalar != nil && len(s.scalar.enum) > 0 {
		return strings.Join(s.scalar.enum, ", ") + " or a map"
	}
	return "a map"
}
