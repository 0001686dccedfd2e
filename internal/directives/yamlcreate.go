package directives

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// create adds the missing rest of a path: as a line in the indentation of its
// neighbours, or inside the braces of a flow mapping.
func (e *editor) create(p place, s setting) error {
	names := make([]string, len(p.rest))
	for i, step := range p.rest {
		if step.kind != byKey {
			return errListItem
		}
		names[i] = step.key
	}
	switch {
	case p.doc == -1:
		return e.createFirst(names, s.value)
	case p.node.Kind == yaml.MappingNode:
		return e.addPair(p.node, names, s.value)
	case !isNull(p.node):
		return p.missing(s.path)
	}
	return e.fill(p, names, s.value)
}

// createFirst writes the first key of a file that has none, behind its comments.
func (e *editor) createFirst(names []string, value scalar) error {
	e.insertLines(len(e.text.data), blockLines(names, value, 0, 2))
	e.text.docs = []*yaml.Node{{Kind: yaml.DocumentNode, Content: []*yaml.Node{tree(names, value)}}}
	return nil
}

// addPair adds a pair behind the last one of a mapping.
func (e *editor) addPair(mapping *yaml.Node, names []string, value scalar) error {
	var last *yaml.Node
	if len(mapping.Content) > 0 {
		last = mapping.Content[len(mapping.Content)-1]
	}
	switch {
	case mapping.Style&yaml.FlowStyle == 0:
		at, err := e.text.lineAfter(last)
		if err != nil {
			return err
		}
		e.insertLines(at, blockLines(names, value, mapping.Content[0].Column-1, e.text.indentStep()))
	case last == nil:
		at, err := e.text.offset(mapping)
		if err != nil {
			return err
		}
		at = e.text.skipProperties(mapping, at) + 1
		e.splices = append(e.splices, splice{at, at, flowPair(names, value)})
	default:
		at, _, err := e.text.nodeEnd(last)
		if err != nil {
			return err
		}
		e.splices = append(e.splices, splice{at, at, ", " + flowPair(names, value)})
	}
	mapping.Content = append(mapping.Content, tree(names, value).Content...)
	return nil
}

// fill makes a mapping of a null.
func (e *editor) fill(p place, names []string, value scalar) error {
	s, err := e.text.scalarSpan(p.node)
	if err != nil {
		return err
	}
	switch inBlock := p.key != nil && p.parent.Style&yaml.FlowStyle == 0; {
	case isEmpty(p.node) && inBlock:
		step := e.text.indentStep()
		e.insertLines(e.text.nextLine(s.end), blockLines(names, value, p.key.Column-1+step, step))
	default:
		e.splices = append(e.splices, splice{s.start, s.end, e.text.space(s) + "{" + flowPair(names, value) + "}"})
	}
	anchor := p.node.Anchor
	*p.node = *tree(names, value)
	p.node.Anchor = anchor
	return nil
}

// addItem adds a mapping of strings to a list, in the order of the pairs.
func (e *editor) addItem(list *yaml.Node, pairs [][2]string) error {
	switch {
	case len(list.Content) == 0:
		at, err := e.text.offset(list)
		if err != nil {
			return err
		}
		at = e.text.skipProperties(list, at) + 1
		e.splices = append(e.splices, splice{at, at, flowItem(pairs)})
	case list.Style&yaml.FlowStyle != 0:
		at, _, err := e.text.nodeEnd(list.Content[len(list.Content)-1])
		if err != nil {
			return err
		}
		e.splices = append(e.splices, splice{at, at, ", " + flowItem(pairs)})
	default:
		at, err := e.text.lineAfter(list.Content[len(list.Content)-1])
		if err != nil {
			return err
		}
		e.insertLines(at, itemLines(pairs, list.Column-1))
	}
	list.Content = append(list.Content, item(pairs))
	return nil
}

// addList adds a key with a list of one item behind the last key of a mapping.
func (e *editor) addList(root *yaml.Node, name string, pairs [][2]string) error {
	if root.Style&yaml.FlowStyle != 0 {
		return errOddPlace
	}
	at, err := e.text.lineAfter(root.Content[len(root.Content)-1])
	if err != nil {
		return err
	}
	indent := strings.Repeat(" ", root.Content[0].Column-1)
	e.insertLines(at, append([]string{indent + name + ":"}, itemLines(pairs, e.text.listIndent(root))...))
	root.Content = append(root.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name},
		&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{item(pairs)}})
	return nil
}

// fillList makes a list of one item of a null.
func (e *editor) fillList(root, null *yaml.Node, pairs [][2]string) error {
	s, err := e.text.scalarSpan(null)
	if err != nil {
		return err
	}
	if isEmpty(null) && root.Style&yaml.FlowStyle == 0 {
		e.insertLines(e.text.nextLine(s.end), itemLines(pairs, e.text.listIndent(root)))
	} else {
		e.splices = append(e.splices, splice{s.start, s.end, e.text.space(s) + "[" + flowItem(pairs) + "]"})
	}
	*null = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Anchor: null.Anchor, Content: []*yaml.Node{item(pairs)}}
	return nil
}

// item is what itemLines and flowItem read as.
func item(pairs [][2]string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, p := range pairs {
		n.Content = append(n.Content, tree([]string{p[0]}, scalar{"!!str", p[1]}).Content...)
	}
	return n
}

func flowItem(pairs [][2]string) string {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = flowPair([]string{p[0]}, scalar{"!!str", p[1]})
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

// itemLines writes a list item as a block.
func itemLines(pairs [][2]string, indent int) []string {
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lead := "  "
		if i == 0 {
			lead = "- "
		}
		lines[i] = strings.Repeat(" ", indent) + lead + p[0] + ": " + scalar{"!!str", p[1]}.format(0)
	}
	return lines
}

// insertLines puts whole lines at the start of a line, or at the end of the file
// with a line break where the file ends without one.
func (e *editor) insertLines(at int, lines []string) {
	eol := e.text.lineBreak()
	text := strings.Join(lines, eol)
	if last := at - 1; last >= e.text.lines[0] && e.text.data[last] != '\n' && e.text.data[last] != '\r' {
		text = eol + text // no final line break stays none
	} else {
		text += eol
	}
	e.splices = append(e.splices, splice{at, at, text})
}

// lineBreak is how the file ends its lines.
func (t *yamlText) lineBreak() string {
	if end := t.lineEnd(0); breakAt(t.data, end) == 2 {
		return "\r\n"
	}
	return "\n"
}

// indentStep is how far the file indents a mapping in a mapping.
func (t *yamlText) indentStep() int {
	for _, doc := range t.docs {
		if root := doc.Content[0]; root.Kind == yaml.MappingNode && root.Style&yaml.FlowStyle == 0 {
			for i := 0; i < len(root.Content); i += 2 {
				child := root.Content[i+1]
				if child.Kind == yaml.MappingNode && child.Style&yaml.FlowStyle == 0 && child.Line > root.Content[i].Line {
					return child.Content[0].Column - root.Content[i].Column
				}
			}
		}
	}
	return 2
}

// listIndent is how far the lists directly under a mapping are indented.
func (t *yamlText) listIndent(root *yaml.Node) int {
	for _, child := range root.Content {
		if child.Kind == yaml.SequenceNode && child.Style&yaml.FlowStyle == 0 {
			return child.Column - 1
		}
	}
	return root.Content[0].Column - 1
}

// blockLines writes nested keys with a value at their end.
func blockLines(names []string, value scalar, indent, step int) []string {
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = strings.Repeat(" ", indent+i*step) + scalar{"!!str", name}.format(0) + ":"
	}
	lines[len(lines)-1] += " " + value.format(0)
	return lines
}

func flowPair(names []string, value scalar) string {
	text := value.format(0)
	for i := len(names) - 1; i >= 0; i-- {
		text = scalar{"!!str", names[i]}.format(0) + ": " + text
		if i > 0 {
			text = "{" + text + "}"
		}
	}
	return text
}

// tree is what blockLines and flowPair read as.
func tree(names []string, value scalar) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: value.tag, Value: value.text}
	for i := len(names) - 1; i >= 0; i-- {
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: names[i]}
		n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{key, n}}
	}
	return n
}
