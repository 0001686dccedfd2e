package directives

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// place is how far a key path leads in one document.
type place struct {
	doc    int        // index of the document; -1 when there is none at all
	node   *yaml.Node // the deepest part that exists; aliases are followed
	parent *yaml.Node // the mapping or list that holds it; nil for a root
	key    *yaml.Node // its key, when the parent is a mapping
	rest   keyPath    // what does not exist; empty when the value was found
	shared bool       // rest is missing in several documents alike
	note   string     // that an anchor is edited, and other places change with it
	hidden bool       // the value is a Secret's
}

// find looks for a path in all documents. It is found in exactly one of them, or
// the place with the most of it is returned; the same in several is an error.
func (t *yamlText) find(path keyPath) (place, error) {
	var best []place
	for i, doc := range t.docs {
		p, err := walk(doc.Content[0], path)
		if err != nil {
			return place{}, err
		}
		p.doc = i
		switch {
		case len(best) == 0 || len(p.rest) < len(best[0].rest):
			best = []place{p}
		case len(p.rest) == len(best[0].rest):
			best = append(best, p)
		}
	}
	switch {
	case len(best) == 0:
		return place{doc: -1, rest: path}, nil
	case len(best) > 1 && len(best[0].rest) == 0:
		var names []string
		for _, p := range best {
			names = append(names, fmt.Sprintf("%d (line %d)", p.doc+1, p.node.Line))
		}
		return place{}, fmt.Errorf("the key %s is in several documents: %s", shorten(path.String()), strings.Join(names, ", "))
	}
	best[0].shared = len(best) > 1
	return best[0], nil
}

func walk(n *yaml.Node, path keyPath) (place, error) {
	p := place{node: n, rest: path}
	p.follow()
	p.hidden = holdsSecret(p.node)
	for len(p.rest) > 0 {
		key, child, err := step(p.node, p.rest[0])
		if err != nil {
			return p, fmt.Errorf("key %s: %w", shorten(path.String()), err)
		}
		if child == nil {
			return p, nil
		}
		p.parent, p.key, p.node, p.rest = p.node, key, child, p.rest[1:]
		p.follow()
		p.hidden = p.hidden || holdsSecret(p.node) || key != nil && generatesSecrets(key.Value)
	}
	if p.note == "" && p.node.Anchor != "" {
		p.note = fmt.Sprintf("the anchor &%s is edited", p.node.Anchor)
	}
	return p, nil
}

// follow goes from an alias to the anchor, which is edited where it stands.
func (p *place) follow() {
	if p.node.Kind == yaml.AliasNode {
		p.note = fmt.Sprintf("the anchor &%s on line %d is edited, every *%s changes with it", p.node.Value, p.node.Alias.Line, p.node.Value)
		p.node = p.node.Alias
	}
}

// step returns what one step leads to, nil when it does not exist here.
func step(n *yaml.Node, s keyStep) (key, value *yaml.Node, err error) {
	switch {
	case s.kind == byKey && n.Kind == yaml.MappingNode:
		return stepKey(n, s.key)
	case s.kind == byIndex && n.Kind == yaml.SequenceNode && s.index < len(n.Content):
		return nil, n.Content[s.index], nil
	case s.kind == byField && n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			if field(item, s.key) != s.value {
				continue
			}
			if value != nil {
				return nil, nil, fmt.Errorf("several items have %s", s)
			}
			value = item
		}
		return nil, value, nil
	}
	return nil, nil, nil
}

func stepKey(n *yaml.Node, name string) (key, value *yaml.Node, err error) {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Kind != yaml.ScalarNode || n.Content[i].Value != name {
			continue
		}
		if value != nil {
			return nil, nil, fmt.Errorf("line %d: %s is there as a number and as a string", n.Content[i].Line, shorten(name))
		}
		key, value = n.Content[i], n.Content[i+1]
	}
	if value == nil && valueOf(n, name) != nil {
		return nil, nil, fmt.Errorf("%s comes through the merge key << on line %d; set it at its anchor", shorten(name), n.Line)
	}
	return key, value, nil
}

// followed is what an alias stands for, or the node itself.
func followed(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// valueOf returns what a reader of a mapping gets for a key, its own or one that
// comes by <<; nil without.
func valueOf(n *yaml.Node, name string) *yaml.Node {
	for _, m := range merging(n, nil) {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if m.Content[i].Kind == yaml.ScalarNode && m.Content[i].Value == name {
				return followed(m.Content[i+1])
			}
		}
	}
	return nil
}

// merging adds a mapping and those that it merges by <<, in the order in which
// they win. Each is there once, however often anchors multiply it; behind maxLinks
// of them nothing is followed.
func merging(n *yaml.Node, found []*yaml.Node) []*yaml.Node {
	if n = followed(n); n.Kind != yaml.MappingNode || len(found) > maxLinks || slices.Contains(found, n) {
		return found
	}
	found = append(found, n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch value := n.Content[i+1]; {
		case n.Content[i].ShortTag() != "!!merge":
		case value.Kind == yaml.SequenceNode:
			for _, source := range value.Content {
				found = merging(source, found)
			}
		default:
			found = merging(value, found)
		}
	}
	return found
}

// field returns a scalar of a mapping as text, "" when there is none.
func field(n *yaml.Node, name string) string {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i < len(n.Content); i += 2 {
		if value := n.Content[i+1]; n.Content[i].Value == name {
			if value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			if value.Kind == yaml.ScalarNode {
				return value.Value
			}
		}
	}
	return ""
}

// missing says which part of a path does not exist.
func (p place) missing(path keyPath) error {
	if p.doc == -1 {
		return fmt.Errorf("there is no %s: the file is empty", path)
	}
	return missingPart(path, p.rest, kindName(p.node), len(p.node.Content))
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindName(n *yaml.Node) kind {
	switch {
	case n.Kind == yaml.MappingNode:
		return mappingKind
	case n.Kind == yaml.SequenceNode:
		return listKind
	case isNull(n):
		return nullKind
	}
	return singleKind
}

var errNotAValue = errors.New("only a single value can be set")
