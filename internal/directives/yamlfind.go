package directives

import (
	"errors"
	"fmt"
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
	if value == nil && merged(n, name, 0) {
		return nil, nil, fmt.Errorf("%s comes through the merge key << on line %d; set it at its anchor", shorten(name), n.Line)
	}
	return key, value, nil
}

// merged reports whether a mapping has a key only by <<.
func merged(n *yaml.Node, name string, depth int) bool {
	if depth > maxLinks {
		return false
	}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Value == name && depth > 0 {
			return true
		}
		if key.ShortTag() != "!!merge" {
			continue
		}
		sources := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			sources = value.Content
		}
		for _, source := range sources {
			if source.Kind == yaml.AliasNode {
				source = source.Alias
			}
			if merged(source, name, depth+1) {
				return true
			}
		}
	}
	return false
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

// missing says which part of a path does not exist, by the deepest part that does.
func (p place) missing(path keyPath) error {
	have := path[:len(path)-len(p.rest)]
	s := p.rest[0]
	switch {
	case p.doc == -1:
		return fmt.Errorf("there is no %s: the file is empty", path)
	case s.kind == byIndex && p.node.Kind == yaml.SequenceNode:
		return fmt.Errorf("%s: there is no item %s, it has %d", have.orRoot(), s, len(p.node.Content))
	case s.kind != byKey && p.node.Kind != yaml.SequenceNode:
		return fmt.Errorf("%s is %s, not a list", have.orRoot(), kindName(p.node))
	case s.kind == byKey && p.node.Kind != yaml.MappingNode && !isNull(p.node):
		return fmt.Errorf("%s is %s, not a mapping", have.orRoot(), kindName(p.node))
	}
	return fmt.Errorf("%s: there is no %s", have.orRoot(), s)
}

func (p keyPath) orRoot() string {
	if len(p) == 0 {
		return "the top of the file"
	}
	return p.String()
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

var errNotAValue = errors.New("only a single value can be set")
