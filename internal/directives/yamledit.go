package directives

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// setting is one value on its way to a key path.
type setting struct {
	path   keyPath
	value  scalar
	create bool
}

func newSetting(v Value, create bool) (setting, error) {
	path, err := parseKey(v.Key)
	if err != nil {
		return setting{}, err
	}
	value, err := newScalar(v.Value)
	if err != nil {
		return setting{}, fmt.Errorf("key %s: %w", shorten(v.Key), err)
	}
	return setting{path, value, create}, nil
}

// setValues returns the file with the values set, one after the other, and what
// changed. Every byte outside of the values stays (D5).
func setValues(data []byte, settings []setting) ([]byte, []Edit, error) {
	text, err := parseYAML(data)
	if err != nil {
		return nil, nil, err
	}
	var edits []Edit
	for _, s := range settings {
		e := editor{text: text}
		edit, err := e.set(s)
		if err != nil {
			return nil, nil, err
		}
		if len(e.splices) == 0 {
			continue
		}
		if text, err = e.apply(); err != nil {
			return nil, nil, fmt.Errorf("key %s: %w", shorten(s.path.String()), err)
		}
		edits = append(edits, edit)
	}
	return text.data, edits, nil
}

// editor changes a file twice: its nodes as they ought to be afterwards, and its
// bytes by splices. Only when the new bytes read as the changed nodes is an edit
// accepted.
type editor struct {
	text    *yamlText
	splices []splice
}

type splice struct {
	start, end int
	text       string
}

// apply returns the file after the splices.
func (e *editor) apply() (*yamlText, error) {
	slices.SortStableFunc(e.splices, func(a, b splice) int { return a.start - b.start })
	var out bytes.Buffer
	at := 0
	for _, s := range e.splices {
		if s.start < at || s.end < s.start {
			return nil, errOddPlace
		}
		out.Write(e.text.data[at:s.start])
		out.WriteString(s.text)
		at = s.end
	}
	out.Write(e.text.data[at:])
	after, err := parseYAML(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("the edit would break the file: %w", err)
	}
	if !slices.EqualFunc(e.text.docs, after.docs, sameNode) {
		return nil, errOddPlace
	}
	return after, nil
}

// sameNode compares what a reader gets, and the anchors.
func sameNode(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && a.Anchor == b.Anchor &&
		a.ShortTag() == b.ShortTag() && slices.EqualFunc(a.Content, b.Content, sameNode)
}

func (e *editor) set(s setting) (Edit, error) {
	p, err := e.text.find(s.path)
	if err != nil {
		return Edit{}, err
	}
	edit := Edit{Key: s.path.String(), New: s.value.text, Note: p.note}
	if len(p.rest) > 0 {
		if !s.create {
			return edit, p.missing(s.path)
		}
		if p.shared {
			return edit, fmt.Errorf("key %s: several documents could take it", shorten(s.path.String()))
		}
		err = e.create(p, s)
	} else {
		edit.Old = p.node.Value
		err = e.replace(p.node, s.value)
	}
	if err != nil {
		return edit, fmt.Errorf("key %s: %w", shorten(s.path.String()), err)
	}
	if p.hidden {
		edit.Old, edit.New = redact(edit.Old), redact(edit.New)
	}
	return edit, nil
}

// replace gives a scalar another value. Nothing happens when it has it already.
func (e *editor) replace(n *yaml.Node, value scalar) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("it is %s on line %d: %w", kindName(n), n.Line, errNotAValue)
	}
	if holds(n, value) {
		return nil
	}
	if n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != value.tag {
		return fmt.Errorf("the value on line %d carries the tag %s", n.Line, n.Tag)
	}
	s, err := e.text.scalarSpan(n)
	if err != nil {
		return err
	}
	written := value.format(n.Style)
	if n.Style == 0 && n.ShortTag() == "!!str" && value.tag == "!!str" && version.MatchString(n.Value) && version.MatchString(value.text) {
		written = value.text
	}
	e.splices = append(e.splices, splice{s.start, s.end, e.text.space(s) + written})
	if s.contentEnd > s.content {
		e.splices = append(e.splices, e.withoutContent(s))
	}
	n.Value, n.Tag, n.Style = value.text, value.tag, 0
	return nil
}

// space is what a value needs in front of it where there was none at all.
func (t *yamlText) space(s span) string {
	if s.start == s.end && s.start > 0 && !isBlankByte(t.data[s.start-1]) {
		return " "
	}
	return ""
}

// withoutContent removes the lines of a block scalar. At the end of a file the
// last line break is treated as the content's: there none, here none.
func (e *editor) withoutContent(s span) splice {
	if last := e.text.data[s.contentEnd-1]; s.contentEnd == len(e.text.data) && last != '\n' && last != '\r' {
		return splice{e.text.lineEnd(s.end), s.contentEnd, ""}
	}
	return splice{s.content, s.contentEnd, ""}
}

// holds reports whether a reader gets this value already.
func holds(n *yaml.Node, value scalar) bool {
	if n.ShortTag() != value.tag {
		return false
	}
	if value.tag == "!!str" {
		return n.Value == value.text
	}
	var have, want any
	wanted := yaml.Node{Kind: yaml.ScalarNode, Tag: value.tag, Value: value.text}
	return n.Decode(&have) == nil && wanted.Decode(&want) == nil && have == want
}

// rename gives a key another name, where it stands.
func (e *editor) rename(key *yaml.Node, name string) error {
	return e.replace(key, scalar{"!!str", name})
}

// remove takes a pair out of a mapping that has others.
func (e *editor) remove(mapping *yaml.Node, name string) error {
	i := 0
	for i < len(mapping.Content) && mapping.Content[i].Value != name {
		i += 2
	}
	if i >= len(mapping.Content) || len(mapping.Content) < 4 {
		return errOddPlace
	}
	start, err := e.text.offset(mapping.Content[i])
	if err != nil {
		return err
	}
	cut := splice{start: start}
	line := e.text.lineStart(start)
	switch {
	case mapping.Style&yaml.FlowStyle == 0 && len(bytes.TrimLeft(e.text.data[line:start], " ")) == 0:
		cut.start = line
		cut.end, err = e.text.lineAfter(mapping.Content[i+1])
	case i == 0: // a dash or a brace stands before it: up to the next key
		cut.end, err = e.text.offset(mapping.Content[2])
	default: // from the end of the value before, with the comma
		if cut.start, _, err = e.text.nodeEnd(mapping.Content[i-1]); err == nil {
			cut.end, _, err = e.text.nodeEnd(mapping.Content[i+1])
		}
	}
	if err != nil {
		return err
	}
	e.splices = append(e.splices, cut)
	mapping.Content = slices.Delete(mapping.Content, i, i+2)
	return nil
}

// nodeEnd returns the offset behind a node, and whether it is the start of a
// line, as behind a block scalar.
func (t *yamlText) nodeEnd(n *yaml.Node) (end int, atLine bool, err error) {
	switch {
	case n.Kind == yaml.AliasNode:
		at, err := t.offset(n)
		return at + len("*") + len(n.Value), false, err
	case n.Kind == yaml.ScalarNode:
		s, err := t.scalarSpan(n)
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return s.contentEnd, true, err
		}
		return s.end, false, err
	case n.Style&yaml.FlowStyle != 0:
		end, err := t.flowEnd(n)
		return end, false, err
	case len(n.Content) == 0:
		return 0, false, errOddPlace
	}
	return t.nodeEnd(n.Content[len(n.Content)-1])
}

// flowEnd returns the offset behind the closing bracket.
func (t *yamlText) flowEnd(n *yaml.Node) (int, error) {
	at, err := t.offset(n)
	if err != nil {
		return 0, err
	}
	at = t.skipProperties(n, at) + 1
	if len(n.Content) > 0 {
		if at, _, err = t.nodeEnd(n.Content[len(n.Content)-1]); err != nil {
			return 0, err
		}
	}
	at = t.skipBlank(at)
	if at < len(t.data) && t.data[at] == ',' {
		at = t.skipBlank(at + 1)
	}
	if at >= len(t.data) || (t.data[at] != '}' && t.data[at] != ']') {
		return 0, errOddPlace
	}
	return at + 1, nil
}

// lineAfter returns the start of the line behind a node and its comment.
func (t *yamlText) lineAfter(n *yaml.Node) (int, error) {
	end, atLine, err := t.nodeEnd(n)
	if err != nil || atLine {
		return end, err
	}
	return t.nextLine(end), nil
}

func redact(text string) string {
	if text == "" {
		return ""
	}
	return "(hidden)"
}

var errListItem = errors.New("an item of a list is never added")
