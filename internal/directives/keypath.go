package directives

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// keyPath leads to a value in a YAML document.
type keyPath []keyStep

// keyStep is one step of it: a key of a mapping, an item of a list by its index,
// or the item whose field has a value.
type keyStep struct {
	kind  stepKind
	key   string // the key, or the field that selects
	value string // what the field must be
	index int
}

type stepKind int

const (
	byKey stepKind = iota
	byIndex
	byField
)

// parseKey reads a key path: a.b, a\.b, list[0], list[name=web]. A backslash takes
// its meaning from the character after it.
func parseKey(text string) (keyPath, error) {
	if text == "" {
		return nil, errors.New("the key is empty")
	}
	var steps keyPath
	for rest := text; rest != ""; {
		var step keyStep
		var err error
		if rest[0] == '[' {
			step, rest, err = parseSelector(rest)
		} else {
			if step.key, rest, err = unescapeUntil(rest, ".["); err == nil && step.key == "" {
				err = errors.New("a name is missing before a dot")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", text, err)
		}
		steps = append(steps, step)
		if strings.HasPrefix(rest, ".") {
			if rest = rest[1:]; rest == "" || rest[0] == '.' || rest[0] == '[' {
				return nil, fmt.Errorf("key %q: a name is missing after a dot", text)
			}
		} else if rest != "" && rest[0] != '[' {
			return nil, fmt.Errorf("key %q: a dot is missing after a bracket", text)
		}
	}
	return steps, nil
}

func parseSelector(text string) (keyStep, string, error) {
	field, rest, err := unescapeUntil(text[1:], "=]")
	if err != nil || rest == "" {
		return keyStep{}, "", errors.New("a bracket is not closed")
	}
	if rest[0] == '=' {
		value, rest, err := unescapeUntil(rest[1:], "]")
		if err != nil || rest == "" {
			return keyStep{}, "", errors.New("a bracket is not closed")
		}
		if field == "" {
			return keyStep{}, "", errors.New("a field name is missing before =")
		}
		return keyStep{kind: byField, key: field, value: value}, rest[1:], nil
	}
	index, err := strconv.Atoi(field)
	if err != nil || index < 0 {
		return keyStep{}, "", fmt.Errorf("[%s] is neither an index nor [field=value]", field)
	}
	return keyStep{kind: byIndex, index: index}, rest[1:], nil
}

// unescapeUntil reads up to one of the stop bytes, which stays in the rest.
func unescapeUntil(text, stop string) (read, rest string, err error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			if i++; i == len(text) {
				return "", "", errors.New("a backslash at the end")
			}
		case strings.IndexByte(stop, text[i]) >= 0:
			return out.String(), text[i:], nil
		}
		out.WriteByte(text[i])
	}
	return out.String(), "", nil
}

// String is the path as it may be written.
func (p keyPath) String() string {
	var out strings.Builder
	for i, s := range p {
		if i > 0 && s.kind == byKey {
			out.WriteByte('.')
		}
		out.WriteString(s.String())
	}
	return out.String()
}

// missingPart says which part of a path does not exist, by the deepest part that
// does: of which kind that is, and how many items it has.
func missingPart(path, rest keyPath, deepest kind, items int) error {
	have := "the top of the file"
	if len(rest) < len(path) {
		have = path[:len(path)-len(rest)].String()
	}
	s := rest[0]
	switch {
	case s.kind == byIndex && deepest == listKind:
		return fmt.Errorf("%s: there is no item %s, it has %d", have, s, items)
	case s.kind != byKey && deepest != listKind:
		return fmt.Errorf("%s is %s, not a list", have, deepest)
	case s.kind == byKey && deepest != mappingKind && deepest != nullKind:
		return fmt.Errorf("%s is %s, not a mapping", have, deepest)
	}
	return fmt.Errorf("%s: there is no %s", have, s)
}

func (s keyStep) String() string {
	escape := strings.NewReplacer(`\`, `\\`, `.`, `\.`, `[`, `\[`)
	switch s.kind {
	case byIndex:
		return "[" + strconv.Itoa(s.index) + "]"
	case byField:
		inside := strings.NewReplacer(`\`, `\\`, `]`, `\]`)
		return "[" + strings.ReplaceAll(inside.Replace(s.key), "=", `\=`) + "=" + inside.Replace(s.value) + "]"
	}
	return escape.Replace(s.key)
}
