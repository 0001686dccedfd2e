package directives

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// yamlText is a YAML file as bytes and as nodes that know where they start.
type yamlText struct {
	data  []byte
	docs  []*yaml.Node
	lines []int // offset of the first byte of each line, as the parser counts lines
}

var utf8BOM = []byte("\uFEFF")

// parseYAML reads a file that is to be edited. Duplicate keys and the marks of
// SOPS are errors: an edit would be ambiguous, or break the file's MAC.
func parseYAML(data []byte) (*yamlText, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("the file is not UTF-8")
	}
	text := &yamlText{data: data, lines: lineStarts(data)}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return nil, syntaxError(data, err)
		}
		if err := checkDocument(&doc); err != nil {
			return nil, err
		}
		text.docs = append(text.docs, &doc)
	}
}

// syntaxError names the line of a tab, which the parser's own words do not.
func syntaxError(data []byte, err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.Contains(message, "tab") || strings.Contains(message, "cannot start any token") {
		for i, line := range bytes.Split(data, []byte("\n")) {
			indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
			if bytes.IndexByte(indent, '\t') >= 0 {
				return fmt.Errorf("line %d is indented with a tab, which YAML does not allow", i+1)
			}
		}
	}
	return errors.New(message)
}

func checkDocument(doc *yaml.Node) error {
	root := doc.Content[0]
	if root.Kind == yaml.MappingNode {
		for i := 0; i < len(root.Content); i += 2 {
			if root.Content[i].Value == "sops" {
				return errEncrypted
			}
		}
	}
	return checkDuplicates(root)
}

func checkDuplicates(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		first := make(map[string]int, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				continue
			}
			id := keyID(key)
			if line, twice := first[id]; twice {
				return fmt.Errorf("line %d: the key %s is there twice, first on line %d", key.Line, shorten(key.Value), line)
			}
			first[id] = key.Line
		}
	}
	for _, child := range n.Content {
		if err := checkDuplicates(child); err != nil {
			return err
		}
	}
	return nil
}

// keyID tells keys apart as a reader does: 0x10 and 16 are one key, "16" another.
func keyID(key *yaml.Node) string {
	var value any
	if key.ShortTag() == "!!str" || key.Decode(&value) != nil {
		return key.ShortTag() + key.Value
	}
	return fmt.Sprintf("%T %v", value, value)
}

// lineStarts splits as YAML 1.1 does, which is how the parser counts.
func lineStarts(data []byte) []int {
	at := 0
	if bytes.HasPrefix(data, utf8BOM) {
		at = len(utf8BOM)
	}
	starts := []int{at}
	for at < len(data) {
		if n := breakAt(data, at); n > 0 {
			at += n
			starts = append(starts, at)
		} else {
			at++
		}
	}
	return starts
}

// breakAt returns the length of the line break at an offset, 0 when there is none.
func breakAt(data []byte, at int) int {
	rest := data[at:]
	switch {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		return 2
	case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
		return 1
	case bytes.HasPrefix(rest, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(rest, []byte("\u2028")), bytes.HasPrefix(rest, []byte("\u2029")):
		return 3
	}
	return 0
}

// offset returns where a node starts. Columns count code points from 1.
func (t *yamlText) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(t.lines) {
		return 0, errOddPlace
	}
	at := t.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(t.data) {
			return 0, errOddPlace
		}
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	return at, nil
}

// errOddPlace is for a spelling that the editor does not follow. The file stays
// as it was.
var errOddPlace = errors.New("the value is written in a way that can not be edited safely")

// span is the place of a value in the bytes, without anchor and tag.
type span struct {
	start, end int
	// content is the part of a block scalar after its header line; empty otherwise.
	content, contentEnd int
}

// scalarSpan finds the bytes of a scalar.
func (t *yamlText) scalarSpan(n *yaml.Node) (span, error) {
	at, err := t.offset(n)
	if err != nil {
		return span{}, err
	}
	at = t.skipProperties(n, at)
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return t.quoted(at, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return t.quoted(at, '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return t.block(at, n.Value)
	}
	end, err := t.plain(at, n.Value)
	return span{start: at, end: end}, err
}

// skipProperties goes past an anchor and a tag, which may stand on lines of
// their own. Of an empty value it stays right behind them.
func (t *yamlText) skipProperties(n *yaml.Node, at int) int {
	seen := false
	for {
		next := at
		if seen {
			next = t.skipBlank(at)
		}
		if next >= len(t.data) || (t.data[next] != '&' && t.data[next] != '!') || n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 {
			if seen && !isEmpty(n) {
				return next
			}
			return at
		}
		for at = next; at < len(t.data) && !isBlankByte(t.data[at]) && !strings.ContainsRune(",[]{}", rune(t.data[at])); at++ {
		}
		seen = true
	}
}

// isEmpty reports whether a node is the null that is written as nothing at all.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0
}

func isBlankByte(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// skipBlank goes past spaces, line breaks and comments.
func (t *yamlText) skipBlank(at int) int {
	for at < len(t.data) {
		switch {
		case isBlankByte(t.data[at]):
			at++
		case t.data[at] == '#' && (at == 0 || isBlankByte(t.data[at-1])):
			at = t.lineEnd(at)
		default:
			return at
		}
	}
	return at
}

// lineEnd returns the offset of the line break that ends a line, or of the end.
func (t *yamlText) lineEnd(at int) int {
	for at < len(t.data) && breakAt(t.data, at) == 0 {
		at++
	}
	return at
}

// lineStart returns the offset of the first byte of the line.
func (t *yamlText) lineStart(at int) int {
	for at > t.lines[0] && t.data[at-1] != '\n' && t.data[at-1] != '\r' {
		at--
	}
	return at
}

// nextLine returns the offset behind the line's break, or the end.
func (t *yamlText) nextLine(at int) int {
	at = t.lineEnd(at)
	return at + breakAt(t.data, at)
}

func (t *yamlText) quoted(at int, quote byte) (span, error) {
	if at >= len(t.data) || t.data[at] != quote {
		return span{}, errOddPlace
	}
	for i := at + 1; i < len(t.data); i++ {
		switch {
		case quote == '"' && t.data[i] == '\\':
			i++
		case t.data[i] == quote && quote == '\'' && i+1 < len(t.data) && t.data[i+1] == quote:
			i++
		case t.data[i] == quote:
			return span{start: at, end: i + 1}, nil
		}
	}
	return span{}, errOddPlace
}

// plain matches a value without quotes against the bytes, line folds included,
// and returns where it ends.
func (t *yamlText) plain(at int, value string) (int, error) {
	for value != "" {
		blanks := at
		for blanks < len(t.data) && (t.data[blanks] == ' ' || t.data[blanks] == '\t') {
			blanks++
		}
		if blanks < len(t.data) && breakAt(t.data, blanks) > 0 {
			folded, next := t.fold(blanks)
			if !strings.HasPrefix(value, folded) {
				return 0, errOddPlace
			}
			at, value = next, value[len(folded):]
			continue
		}
		if at >= len(t.data) || t.data[at] != value[0] {
			return 0, errOddPlace
		}
		at, value = at+1, value[1:]
	}
	return at, nil
}

// fold returns what the line breaks at an offset mean inside of a plain value,
// and where the text goes on.
func (t *yamlText) fold(at int) (string, int) {
	breaks := 0
	for at < len(t.data) {
		if n := breakAt(t.data, at); n > 0 {
			breaks++
			at += n
		} else if t.data[at] == ' ' || t.data[at] == '\t' {
			at++
		} else {
			break
		}
	}
	if breaks == 1 {
		return " ", at
	}
	return strings.Repeat("\n", breaks-1), at
}

// block finds a literal or folded scalar: its indicators on the header line, and
// the indented lines below. Blank lines at its end stay outside, unless `+` makes
// them part of the value.
func (t *yamlText) block(at int, value string) (span, error) {
	if at >= len(t.data) || (t.data[at] != '|' && t.data[at] != '>') {
		return span{}, errOddPlace
	}
	s := span{start: at, end: at + 1}
	for s.end < len(t.data) && strings.IndexByte("+-123456789", t.data[s.end]) >= 0 {
		s.end++
	}
	if strings.ContainsAny(string(t.data[s.start:s.end]), "123456789") {
		return span{}, errors.New("a block scalar with an indentation indicator can not be edited")
	}
	keep := bytes.IndexByte(t.data[s.start:s.end], '+') >= 0
	s.content = t.nextLine(s.end)
	s.contentEnd = s.content
	empty, indent := strings.Trim(value, "\n") == "", -1
	for line := s.content; line < len(t.data); line = t.nextLine(line) {
		text := t.data[line:t.lineEnd(line)]
		spaces := len(text) - len(bytes.TrimLeft(text, " "))
		switch {
		case spaces == len(text):
			if keep {
				s.contentEnd = t.nextLine(line)
			}
			continue
		case indent < 0:
			indent = spaces
		}
		if empty || spaces < indent {
			break
		}
		s.contentEnd = t.nextLine(line)
	}
	return s, nil
}

// shorten cuts a text for a message.
func shorten(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return fmt.Sprintf("%q…", string(runes[:60]))
	}
	return fmt.Sprintf("%q", text)
}
