package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong in a file, and where.
type Mistake struct {
	File      string
	Line, Col int // from 1
	Message   string
}

// Error is file:line:col: message.
func (m Mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Col, m.Message)
}

// Mistakes are all that is wrong, sorted by place.
type Mistakes []Mistake

// Lines are the mistakes as file:line:col: message.
func (m Mistakes) Lines() []string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].Error()
	}
	return lines
}

// Error is one line per mistake.
func (m Mistakes) Error() string { return strings.Join(m.Lines(), "\n") }

// At is a place in a file. The zero value is nowhere: the key is not there.
type At struct {
	File      string
	Line, Col int
}

// Set says whether the value is in the file at all.
func (a At) Set() bool { return a.Line > 0 }

// String is file:line:col.
func (a At) String() string { return fmt.Sprintf("%s:%d:%d", a.File, a.Line, a.Col) }

// place is how texts name a line of another file.
func (a At) place() string { return fmt.Sprintf("%s:%d", a.File, a.Line) }

// maxMistakes bounds what one run reports; a file that is all wrong needs no
// more to be mended.
const maxMistakes = 1000

// collector gathers mistakes, with the instance of `each` that they are about.
type collector struct {
	instance string
	entries  []entry
}

type entry struct {
	Mistake
	instance string
}

func (c *collector) add(at At, format string, args ...any) {
	c.put(Mistake{File: at.File, Line: at.Line, Col: at.Col, Message: fmt.Sprintf(format, args...)})
}

func (c *collector) put(m Mistake) {
	if len(c.entries) < maxMistakes {
		c.entries = append(c.entries, entry{m, c.instance})
	}
}

func (c *collector) join(other *collector) {
	room := min(len(other.entries), maxMistakes-len(c.entries))
	c.entries = append(c.entries, other.entries[:max(room, 0)]...)
}

func (c *collector) empty() bool { return len(c.entries) == 0 }

// sorted returns the mistakes by place. One that several instances share is one
// mistake that names them.
func (c *collector) sorted() Mistakes {
	var order []Mistake
	instances := map[Mistake][]string{}
	for _, e := range c.entries {
		if _, seen := instances[e.Mistake]; !seen {
			order = append(order, e.Mistake)
		}
		if !slices.Contains(instances[e.Mistake], e.instance) {
			instances[e.Mistake] = append(instances[e.Mistake], e.instance)
		}
	}
	var out Mistakes
	for _, m := range order {
		suffix := instanceSuffix(instances[m])
		m.Message += suffix
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// instanceSuffix names up to three instances.
func instanceSuffix(names []string) string {
	const shown = 3
	if slices.Contains(names, "") {
		return ""
	}
	more := ""
	if len(names) > shown {
		names, more = names[:shown], fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return " (" + strings.Join(names, ", ") + more + ")"
}
