package directives

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// textFormat is a file format whose values are set in the bytes of the file. A
// library that is not ours reads the file before and after every edit, so that
// an edit is accepted only when nothing but the value differs.
type textFormat struct {
	// parse reads a file without byte order mark: its values as map[string]any,
	// []any and single values, and where they stand.
	parse func(data []byte) (any, *spot, error)
	// write returns the bytes of a value that replaces old, which is empty for a
	// new one.
	write func(value scalar, old []byte) (string, error)
	// holds reports whether a value that was read is the wanted one.
	holds func(have any, want scalar) bool
	// grow adds the missing names, one in another, with a value at their end.
	grow func(p point, names []string, value string) (splice, error)
}

// spot is where a value stands in the bytes, and what is in it.
type spot struct {
	key        int // offset of its name, where it has one
	start, end int
	fields     map[string]*spot
	items      []*spot
	room       room
}

// textFile is a file under edit.
type textFile struct {
	data  []byte
	value any
	spots *spot
}

// point is how far a key path leads.
type point struct {
	data  []byte
	value any   // the deepest part that exists
	at    []any // the names and indexes that lead to it
	spot  *spot
	rest  keyPath // what does not exist
	// hidden: the value stands in a Secret.
	hidden bool
}

// setValues returns the file with the values set, one after the other, and what
// changed. Every byte outside of the values stays (D5).
func (f textFormat) setValues(data []byte, settings []setting) ([]byte, []Edit, error) {
	if !utf8.Valid(data) {
		return nil, nil, errors.New("the file is not UTF-8")
	}
	body, marked := bytes.CutPrefix(data, utf8BOM)
	file, err := f.read(body)
	if err != nil {
		return nil, nil, err
	}
	if top, ok := file.value.(map[string]any); ok && top["sops"] != nil {
		return nil, nil, errEncrypted
	}
	var edits []Edit
	for _, s := range settings {
		next, edit, err := f.set(file, s)
		if err != nil {
			return nil, nil, err
		}
		if next != nil {
			file, edits = next, append(edits, edit)
		}
	}
	if marked {
		return append(bytes.Clone(utf8BOM), file.data...), edits, nil
	}
	return file.data, edits, nil
}

func (f textFormat) read(data []byte) (*textFile, error) {
	value, spots, err := f.parse(data)
	return &textFile{data, value, spots}, err
}

// set returns the file after one edit, nil when the value is there already.
func (f textFormat) set(file *textFile, s setting) (*textFile, Edit, error) {
	p, err := file.find(s.path)
	if err != nil {
		return nil, Edit{}, err
	}
	edit := Edit{Key: s.path.String(), New: s.value.text}
	var cut splice
	if len(p.rest) == 0 {
		if kind := kindOf(p.value); kind == mappingKind || kind == listKind {
			return nil, edit, fmt.Errorf("key %s: it is %s: %w", shorten(s.path.String()), kind, errNotAValue)
		}
		if f.holds(p.value, s.value) {
			return nil, edit, nil
		}
		edit.Old = textOf(p.value)
		cut, err = f.replace(p, s.value)
	} else {
		if !s.create {
			return nil, edit, missingPart(s.path, p.rest, kindOf(p.value), sizeOf(p.value))
		}
		cut, err = f.create(p, s)
	}
	if err != nil {
		return nil, edit, fmt.Errorf("key %s: %w", shorten(s.path.String()), err)
	}
	if p.hidden {
		edit.Old, edit.New = redact(edit.Old), redact(edit.New)
	}
	after := bytes.Join([][]byte{file.data[:cut.start], []byte(cut.text), file.data[cut.end:]}, nil)
	next, err := f.read(after)
	if err != nil {
		return nil, edit, fmt.Errorf("key %s: the edit would break the file: %w", shorten(s.path.String()), err)
	}
	if !f.onlyDiffers(file.value, next.value, p, s.value) {
		return nil, edit, fmt.Errorf("key %s: %w", shorten(s.path.String()), errOddPlace)
	}
	return next, edit, nil
}

func (f textFormat) replace(p point, value scalar) (splice, error) {
	text, err := f.write(value, p.data[p.spot.start:p.spot.end])
	return splice{p.spot.start, p.spot.end, text}, err
}

func (f textFormat) create(p point, s setting) (splice, error) {
	var names []string
	for _, step := range p.rest {
		if step.kind != byKey {
			return splice{}, errListItem
		}
		names = append(names, step.key)
	}
	if kind := kindOf(p.value); kind != mappingKind && kind != nullKind {
		return splice{}, missingPart(s.path, p.rest, kind, 0)
	}
	text, err := f.write(s.value, nil)
	if err != nil {
		return splice{}, err
	}
	return f.grow(p, names, text)
}

// find follows a path as far as it leads.
func (t *textFile) find(path keyPath) (point, error) {
	p := point{data: t.data, value: t.value, spot: t.spots, rest: path, hidden: isSecret(t.value)}
	for len(p.rest) > 0 {
		var child any
		var below *spot
		name, found, err := p.rest[0].in(p.value)
		switch {
		case err != nil:
			return p, fmt.Errorf("key %s: %w", shorten(path.String()), err)
		case !found:
			return p, nil
		}
		switch name := name.(type) {
		case string:
			child, below = p.value.(map[string]any)[name], p.spot.fields[name]
		case int:
			child = p.value.([]any)[name]
			if name < len(p.spot.items) {
				below = p.spot.items[name]
			}
		}
		if below == nil {
			return p, fmt.Errorf("key %s: %w", shorten(path.String()), errOddPlace)
		}
		p.value, p.spot, p.at, p.rest = child, below, append(p.at, name), p.rest[1:]
		p.hidden = p.hidden || isSecret(child) || name == "secretGenerator"
	}
	return p, nil
}

// in returns the name or the index that a step leads to.
func (s keyStep) in(value any) (name any, found bool, err error) {
	switch v := value.(type) {
	case map[string]any:
		_, found = v[s.key]
		return s.key, found && s.kind == byKey, nil
	case []any:
		if s.kind == byIndex {
			return s.index, s.index < len(v), nil
		}
		for i, item := range v {
			if m, ok := item.(map[string]any); !ok || s.kind != byField || textOf(m[s.key]) != s.value {
				continue
			}
			if found {
				return nil, false, fmt.Errorf("several items have %s", s)
			}
			name, found = i, true
		}
	}
	return name, found, nil
}

// onlyDiffers reports whether a file reads as before, but for the wanted value.
func (f textFormat) onlyDiffers(before, after any, p point, want scalar) bool {
	path := p.at
	for _, step := range p.rest {
		path = append(path, step.key)
	}
	have, ok := lookup(after, path)
	if !ok || !f.holds(have, want) {
		return false
	}
	if len(p.rest) > 0 && p.value != nil {
		path = path[:len(p.at)+1] // what was made, with all that is in it
	} else {
		path = p.at
	}
	return sameBut(before, after, path, len(p.rest) > 0 && p.value != nil)
}

func lookup(value any, path []any) (any, bool) {
	for _, name := range path {
		var ok bool
		switch name := name.(type) {
		case string:
			var m map[string]any
			if m, ok = value.(map[string]any); ok {
				value, ok = m[name]
			}
		case int:
			var list []any
			if list, ok = value.([]any); ok && name < len(list) {
				value = list[name]
			}
		}
		if !ok {
			return nil, false
		}
	}
	return value, true
}

// sameBut compares two values without what stands at a path, which is only in
// the second one where added says so.
func sameBut(a, b any, path []any, added bool) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		extra := 0
		if added && len(path) == 1 {
			extra = 1
		}
		if !ok || len(x)+extra != len(y) {
			return false
		}
		for name, value := range x {
			below, isOn := onPath(path, name)
			other, there := y[name]
			if !there || !(isOn && len(below) == 0) && !sameBut(value, other, below, added && isOn) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			below, isOn := onPath(path, i)
			if !(isOn && len(below) == 0) && !sameBut(x[i], y[i], below, added && isOn) {
				return false
			}
		}
		return true
	case float64:
		if y, ok := b.(float64); ok && math.IsNaN(x) {
			return math.IsNaN(y)
		}
	}
	return reflect.DeepEqual(a, b)
}

// onPath returns the path below a name, when the path leads through it.
func onPath(path []any, name any) ([]any, bool) {
	if len(path) > 0 && path[0] == name {
		return path[1:], true
	}
	return nil, false
}

// kind is what a value is, in the words of messages.
type kind string

const (
	mappingKind kind = "a mapping"
	listKind    kind = "a list"
	singleKind  kind = "a single value"
	nullKind    kind = "empty"
)

func kindOf(value any) kind {
	switch value.(type) {
	case map[string]any:
		return mappingKind
	case []any:
		return listKind
	case nil:
		return nullKind
	}
	return singleKind
}

func sizeOf(value any) int {
	items, _ := value.([]any)
	return len(items)
}

// textOf is a single value as people write it; empty for others.
func textOf(value any) string {
	switch v := value.(type) {
	case nil, map[string]any, []any:
		return ""
	case float64:
		return formatFloat(v)
	}
	return fmt.Sprint(value)
}

func isSecret(value any) bool {
	m, _ := value.(map[string]any)
	name, _ := m["kind"].(string)
	return isSecretKind(name)
}

// lineOf is the line of an offset, as people count.
func lineOf(data []byte, at int) int {
	return 1 + bytes.Count(data[:min(at, len(data))], []byte("\n"))
}

var errEncrypted = errors.New("the file is encrypted by SOPS: an edit would break its MAC")

// holdsNumber compares the text of a number with a wanted value: an integer by
// its digits, anything else by what it means.
func holdsNumber(text string, want scalar) bool {
	if text == want.text {
		return want.tag == "!!int" || want.tag == "!!float"
	}
	a, err := strconv.ParseFloat(text, 64)
	b, errToo := strconv.ParseFloat(want.text, 64)
	return want.tag == "!!float" && strings.ContainsAny(text, ".eE") && err == nil && errToo == nil && a == b
}
