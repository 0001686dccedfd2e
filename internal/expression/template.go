package expression

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// The most that a source and a result may be, in bytes.
const (
	maxSource = 4 << 10
	maxResult = 64 << 10
)

// Template is text with expressions in it. The zero value is the empty text.
type Template struct {
	parts []part
}

// part is literal text, or an expression.
type part struct {
	literal string
	program *program
}

// Compile reads text with any number of ${{ … }} in it. Text without one is its
// own result; ${{ "${{" }} writes the opening itself.
func Compile(src string) (Template, error) {
	var t Template
	for rest := src; rest != ""; {
		literal, after, found := strings.Cut(rest, "${{")
		if literal != "" {
			t.parts = append(t.parts, part{literal: literal})
		}
		if !found {
			break
		}
		body, tail, ok := cutBody(after)
		if !ok {
			return Template{}, fmt.Errorf("expression ${{%s is never closed by }}", shorten(after))
		}
		p, err := compile(body)
		if err != nil {
			return Template{}, err
		}
		t.parts = append(t.parts, part{program: p})
		rest = tail
	}
	return t, nil
}

// Literal is text without expressions, whatever it holds.
func Literal(text string) Template {
	return Template{parts: []part{{literal: text}}}
}

// CompileBare reads one expression that is written without ${{ }}.
func CompileBare(src string) (Template, error) {
	p, err := compile(src)
	if err != nil {
		return Template{}, err
	}
	return Template{parts: []part{{program: p}}}, nil
}

// cutBody splits after the }} that ends an expression: one that is neither in a
// string nor closes maps inside the expression.
func cutBody(s string) (body, tail string, ok bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'', '`':
			end := endOfString(s, i)
			if end < 0 {
				return "", "", false
			}
			i = end
		case '{':
			depth++
		case '}':
			if depth > 0 {
				depth--
			} else if strings.HasPrefix(s[i:], "}}") {
				return s[:i], s[i+2:], true
			}
		}
	}
	return "", "", false
}

// endOfString returns the index of the quote that ends the string which starts
// at i, or -1.
func endOfString(s string, i int) int {
	quote := s[i]
	for j := i + 1; j < len(s); j++ {
		switch {
		case s[j] == '\\' && quote != '`':
			j++
		case s[j] == quote:
			return j
		}
	}
	return -1
}

// Plain says whether the text holds no expression at all.
func (t Template) Plain() bool {
	for _, p := range t.parts {
		if p.program != nil {
			return false
		}
	}
	return true
}

// Static says whether the text can be evaluated without freight.
func (t Template) Static() bool {
	for _, p := range t.parts {
		if p.program != nil && !p.program.static {
			return false
		}
	}
	return true
}

// Eval evaluates the text. One that is a whole expression keeps the type of its
// result (string, int, float64, bool, []any, map[string]any); anything else is a
// string. An [UnknownError] says that something named does not exist.
func (t Template) Eval(scope Scope) (any, error) {
	if len(t.parts) == 1 && t.parts[0].program != nil {
		return t.parts[0].program.run(scope)
	}
	return t.String(scope)
}

// String evaluates the text to a string. A list or a map in it is an error.
func (t Template) String(scope Scope) (string, error) {
	var out strings.Builder
	for _, p := range t.parts {
		text := p.literal
		if p.program != nil {
			var err error
			if text, err = p.program.text(scope); err != nil {
				return "", err
			}
		}
		if out.Len()+len(text) > maxResult && p.program != nil {
			return "", fmt.Errorf("the result is longer than %d KiB", maxResult>>10)
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

// Partial is the text with every expression that needs no freight replaced by
// its result; the others stay as they were written.
func (t Template) Partial(scope Scope) (string, error) {
	var out strings.Builder
	for _, p := range t.parts {
		switch {
		case p.program == nil:
			out.WriteString(p.literal)
		case !p.program.static:
			out.WriteString("${{" + p.program.source + "}}")
		default:
			text, err := p.program.text(scope)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
		}
	}
	return out.String(), nil
}

// scalar writes a result into text.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// shorten puts a source on one line of a message.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if s = strings.Join(strings.Fields(s), " "); len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
