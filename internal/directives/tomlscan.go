package directives

import (
	"bytes"
	"errors"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxTOMLDepth bounds brackets in brackets, and the parts of a dotted key.
const maxTOMLDepth = 100

var errTooDeep = errors.New("the file is nested too deeply")

// scanTOML finds where the values of a file stand. It takes the grammar on
// trust, which the library checks, and never goes past the bytes.
func scanTOML(data []byte) (*spot, error) {
	s := tomlScanner{data: data}
	root := &spot{fields: map[string]*spot{}}
	table := root
	for {
		s.blank()
		var err error
		switch s.peek() {
		case 0:
			if len(root.fields) == 0 {
				root.room.end = len(data)
			}
			return root, nil
		case '[':
			if len(root.fields) == 0 {
				root.room.end = s.aboveComments()
			}
			table, err = s.header(root)
		default:
			err = s.pair(table, 0)
		}
		if err != nil {
			return root, err
		}
	}
}

type tomlScanner struct {
	data []byte
	at   int
}

// peek returns the byte here, 0 behind the last.
func (s *tomlScanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

// has goes past a text when it is here.
func (s *tomlScanner) has(text string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(text)) {
		return false
	}
	s.at += len(text)
	return true
}

func (s *tomlScanner) spaces() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.at++
	}
}

// blank goes past white space, line breaks and comments.
func (s *tomlScanner) blank() {
	for {
		switch s.peek() {
		case ' ', '\t', '\r', '\n':
			s.at++
		case '#':
			if i := bytes.IndexByte(s.data[s.at:], '\n'); i >= 0 {
				s.at += i
			} else {
				s.at = len(s.data)
			}
		default:
			return
		}
	}
}

// aboveComments returns the start of this line, or of the comments right above it.
func (s *tomlScanner) aboveComments() int {
	at := bytes.LastIndexByte(s.data[:s.at], '\n') + 1
	for at > 0 {
		above := bytes.LastIndexByte(s.data[:at-1], '\n') + 1
		if !bytes.HasPrefix(bytes.TrimLeft(s.data[above:at], " \t"), []byte("#")) {
			break
		}
		at = above
	}
	return at
}

// header reads [a.b] or [[a.b]] and returns the table that it opens.
func (s *tomlScanner) header(root *spot) (*spot, error) {
	begin := s.at
	s.at++
	item := s.has("[")
	table := root
	for depth := 0; ; depth++ {
		if depth > maxTOMLDepth {
			return nil, errTooDeep
		}
		s.spaces()
		name, err := s.name()
		if err != nil || table.fields == nil {
			return nil, errOddPlace
		}
		s.spaces()
		child := table.fields[name]
		if child == nil {
			child = &spot{}
			table.fields[name] = child
		}
		last := !s.has(".")
		switch {
		case last && item:
			child.items = append(child.items, &spot{})
			child = child.items[len(child.items)-1]
		case len(child.items) > 0:
			child = child.items[len(child.items)-1]
		}
		if child.fields == nil {
			child.fields = map[string]*spot{}
		}
		if table = child; last {
			break
		}
	}
	if !s.has("]") || item && !s.has("]") {
		return nil, errOddPlace
	}
	table.room = room{has: true, key: begin, end: s.at}
	return table, nil
}

// pair reads a key, which may be dotted, and its value.
func (s *tomlScanner) pair(table *spot, depth int) error {
	begin := s.at
	around := []*spot{table}
	for ; ; depth++ {
		if depth > maxTOMLDepth {
			return errTooDeep
		}
		name, err := s.name()
		if err != nil {
			return err
		}
		keyEnd := s.at
		s.spaces()
		within := around[len(around)-1]
		if within.fields == nil {
			return errOddPlace
		}
		if s.has(".") {
			s.spaces()
			child := within.fields[name]
			if child == nil {
				child = &spot{fields: map[string]*spot{}}
				child.room = room{inline: table.room.inline, prefix: string(s.data[begin:s.at])}
				within.fields[name] = child
			}
			around = append(around, child)
			continue
		}
		if !s.has("=") {
			return errOddPlace
		}
		s.spaces()
		equals := string(s.data[keyEnd:s.at])
		value, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		within.fields[name] = value
		for _, t := range around {
			t.room.has, t.room.key, t.room.end, t.room.equals = true, begin, s.at, equals
		}
		return nil
	}
}

func (s *tomlScanner) name() (string, error) {
	begin := s.at
	if s.peek() == '"' || s.peek() == '\'' {
		if err := s.text(); err != nil {
			return "", err
		}
		var quoted struct{ K string }
		err := toml.Unmarshal(append([]byte("K="), s.data[begin:s.at]...), &quoted)
		return quoted.K, err
	}
	for s.at < len(s.data) && strings.IndexByte(" \t\r\n.=[]{}#\"'", s.data[s.at]) < 0 {
		s.at++
	}
	if s.at == begin {
		return "", errOddPlace
	}
	return string(s.data[begin:s.at]), nil
}

func (s *tomlScanner) value(depth int) (*spot, error) {
	if depth > maxTOMLDepth {
		return nil, errTooDeep
	}
	found := &spot{start: s.at}
	var err error
	switch s.peek() {
	case '[':
		err = s.members(']', func() error {
			item, err := s.value(depth + 1)
			found.items = append(found.items, item)
			return err
		})
	case '{':
		found.fields, found.room.inline = map[string]*spot{}, true
		err = s.members('}', func() error { return s.pair(found, depth) })
	case '"', '\'':
		err = s.text()
	default:
		for s.at < len(s.data) && strings.IndexByte(",]}#\r\n", s.data[s.at]) < 0 {
			s.at++
		}
		s.at = found.start + len(bytes.TrimRight(s.data[found.start:s.at], " \t"))
		if s.at == found.start {
			err = errOddPlace
		}
	}
	found.end = s.at
	return found, err
}

// members reads what stands between brackets, with commas between.
func (s *tomlScanner) members(end byte, member func() error) error {
	s.at++
	for {
		s.blank()
		switch s.peek() {
		case end:
			s.at++
			return nil
		case ',':
			s.at++
		case 0:
			return errOddPlace
		default:
			if err := member(); err != nil {
				return err
			}
		}
	}
}

// text goes past a string in any of the four kinds of quotes.
func (s *tomlScanner) text() error {
	quote := string(s.data[s.at])
	escapes := quote == `"`
	if s.has(strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	} else {
		s.at++
	}
	for s.at < len(s.data) {
		if escapes && s.data[s.at] == '\\' {
			s.at = min(s.at+2, len(s.data))
			continue
		}
		if s.has(quote) {
			for extra := 0; len(quote) == 3 && extra < 2 && s.has(quote[:1]); extra++ {
			}
			return nil
		}
		s.at++
	}
	return errOddPlace
}
