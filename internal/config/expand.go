package config

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/towpath/towpath/internal/expression"
	"gopkg.in/yaml.v3"
)

// Expand prints the pipelines as YAML, one document each, in the language of the
// configuration itself: `each`, defaults, anchors and every expression that
// needs no freight are worked in. Each lane of a stage with stamps is a stage of its
// own, by a name that no file may use.
func Expand(config *Config) ([]byte, error) {
	var out bytes.Buffer
	if len(config.Pipelines) == 0 {
		return nil, nil
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, p := range config.Pipelines {
		e := &encodingScope{scope: p.Scope("", nil), pipeline: p}
		e.scope.Vars = p.vars
		document := e.encode(reflect.ValueOf(p.resolved))
		document.HeadComment = fmt.Sprintf("%s (%s)", p.ID(), p.File)
		if e.err != nil {
			return nil, fmt.Errorf("expand pipeline %s: %w", p.Name, e.err)
		}
		if err := encoder.Encode(document); err != nil {
			return nil, fmt.Errorf("expand pipeline %s: %w", p.Name, err)
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("expand: %w", err)
	}
	return out.Bytes(), nil
}

// resolved is the pipeline's file with `each` and `defaults` worked in, with the
// branches that are defaults, and with a stage for each lane where there are stamps.
func (b *builder) resolved(i instance) rawPipeline {
	out := b.raw
	out.Each, out.Defaults = nil, nil
	out.Vars = settled(b.vars, b.raw.Vars, i.override)
	out.Warehouses.Items = slices.Clone(out.Warehouses.Items)
	for k, w := range out.Warehouses.Items {
		out.Warehouses.Items[k].Subscriptions = b.warehouses[w.Name.Value].raw
	}
	out.Stages.Items = nil
	for _, s := range b.topological() {
		for _, lane := range s.lanes {
			out.Stages.Items = append(out.Stages.Items, s.resolved(lane))
		}
	}
	return out
}

// resolved is a stage as it comes to in one lane.
func (s builtStage) resolved(lane builtLane) rawStage {
	raw := s.raw
	raw.Name.Value = lane.domain.Name
	raw.Vars = settled(lane.vars, lane.layers...)
	raw.Stamps = nil
	raw.Requests.Items = slices.Clone(raw.Requests.Items)
	for i := range min(len(raw.Requests.Items), len(lane.domain.Requests)) {
		from := &raw.Requests.Items[i].From
		from.Items = slices.Clone(from.Items)
		for k := range min(len(from.Items), len(lane.domain.Requests[i].From)) {
			from.Items[k].Value = lane.domain.Requests[i].From[k]
		}
	}
	raw.Updates.Items = slices.Clone(raw.Updates.Items)
	for k := range raw.Updates.Items {
		if u := &raw.Updates.Items[k]; !u.Branch.Set() {
			u.Branch = Text{At: u.At, template: expression.Literal(lane.updates[k].update.Target.Branch)}
		}
	}
	return raw
}

// settled are the variables of some layers, with the values that they came to.
func settled(vars map[string]any, layers ...Map[Value]) Map[Value] {
	var out Map[Value]
	seen := map[string]bool{}
	for _, layer := range layers {
		for _, entry := range layer.Entries {
			out.At = layer.At
			if !seen[entry.Key.Value] {
				seen[entry.Key.Value] = true
				value := Value{At: entry.Value.At, data: vars[entry.Key.Value]}
				out.Entries = append(out.Entries, Entry[Value]{Key: entry.Key, Value: value})
			}
		}
	}
	slices.SortFunc(out.Entries, func(a, b Entry[Value]) int { return cmp.Compare(a.Key.Value, b.Key.Value) })
	return out
}

// encodingScope writes raw types as YAML, the reverse of the decoder.
type encodingScope struct {
	scope    expression.Scope
	pipeline Pipeline
	err      error // the first
}

// encode returns the node of a raw value, or nil where the key is absent.
func (e *encodingScope) encode(v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch raw := v.Interface().(type) {
	case Text:
		return e.text(raw.At, raw.template)
	case Word:
		return plainNode(raw.At, raw.Value)
	case Bool:
		return plainNode(raw.At, raw.Value)
	case Int:
		return plainNode(raw.At, raw.Value)
	case Value:
		if !raw.Set() {
			return nil
		}
		return e.any(raw.data)
	case rawStage:
		outer := e.scope
		e.scope = e.pipeline.Scope(raw.Name.Value, nil)
		defer func() { e.scope = outer }()
	}
	switch {
	case isList(v.Type()):
		return e.list(v)
	case isMap(v.Type()):
		return e.entries(v)
	}
	return e.mapping(v)
}

func (e *encodingScope) list(v reflect.Value) *yaml.Node {
	if !v.FieldByName("At").Interface().(At).Set() {
		return nil
	}
	out := &yaml.Node{Kind: yaml.SequenceNode}
	items := v.FieldByName("Items")
	for i := range items.Len() {
		if n := e.encode(items.Index(i)); n != nil {
			out.Content = append(out.Content, n)
		}
	}
	return out
}

func (e *encodingScope) entries(v reflect.Value) *yaml.Node {
	if !v.FieldByName("At").Interface().(At).Set() {
		return nil
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	entries := v.FieldByName("Entries")
	for i := range entries.Len() {
		entry := entries.Index(i)
		if n := e.encode(entry.FieldByName("Value")); n != nil {
			key := entry.FieldByName("Key").Interface().(Word)
			out.Content = append(out.Content, scalarNode(key.Value), n)
		}
	}
	return out
}

func (e *encodingScope) mapping(v reflect.Value) *yaml.Node {
	s := shapeOf(v.Type())
	if s.scalar != nil {
		if n := e.encode(v.FieldByIndex(s.scalar.index)); n != nil {
			return n
		}
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range s.fields {
		if n := e.encode(v.FieldByIndex(f.index)); n != nil {
			out.Content = append(out.Content, scalarNode(f.name), n)
		}
	}
	return out
}

// text writes a string with what is known of it worked in.
func (e *encodingScope) text(at At, t expression.Template) *yaml.Node {
	if !at.Set() {
		return nil
	}
	value, err := t.Partial(e.scope)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("%s: %w", at, err)
	}
	return scalarNode(value)
}

// any writes any YAML value.
func (e *encodingScope) any(data any) *yaml.Node {
	switch v := data.(type) {
	case leaf:
		if !v.template.Static() {
			return e.text(v.At, v.template)
		}
		value, err := v.template.Eval(e.scope)
		if err != nil && e.err == nil {
			e.err = fmt.Errorf("%s: %w", v.At, err)
		}
		return scalarNode(value)
	case []any:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			out.Content = append(out.Content, e.any(item))
		}
		return out
	case *object:
		out := &yaml.Node{Kind: yaml.MappingNode}
		for i, key := range v.keys {
			out.Content = append(out.Content, scalarNode(key), e.any(v.values[i]))
		}
		return out
	}
	return scalarNode(data)
}

// plainNode writes a leaf that may be absent.
func plainNode(at At, value any) *yaml.Node {
	if !at.Set() {
		return nil
	}
	return scalarNode(value)
}

// scalarNode writes a value that is there.
func scalarNode(value any) *yaml.Node {
	n := &yaml.Node{}
	if number, ok := value.(float64); ok {
		// The shortest form that is a float again, not the library's exponent.
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(number, 'g', -1, 64)}
	}
	if err := n.Encode(value); err != nil {
		n.SetString(fmt.Sprint(value))
	}
	return n
}
