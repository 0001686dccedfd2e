package report

import (
	"fmt"
	"strings"
)

// Point is one sentence of an explanation, with what is behind it. Nothing in it
// is escaped; names of ours may stand between backticks.
type Point struct {
	Text  string  `json:"text"`
	Below []Point `json:"below,omitempty"`
}

func points(texts []string) []Point {
	out := make([]Point, len(texts))
	for i, t := range texts {
		out[i].Text = t
	}
	return out
}

// PlainPoints writes points for a terminal, each on a line, what is behind one
// indented below it.
func PlainPoints(all []Point) string {
	var out strings.Builder
	var write func(all []Point, indent string)
	write = func(all []Point, indent string) {
		for _, p := range all {
			out.WriteString(indent + cut(visible(p.Text), maxProse) + "\n")
			write(p.Below, indent+"  ")
		}
	}
	write(all, "")
	return out.String()
}

// fitted writes points as nested lists in at most so many bytes. What there is no
// room for is left out in whole points, and counted.
func fitted(all []Point, room int) string {
	var pieces []string
	for _, p := range all {
		pieces = append(pieces, "- "+prose(p.Text)+"\n")
		for _, b := range p.Below {
			pieces = append(pieces, b.markdown("  "))
		}
	}
	const rest = 40
	text, left := fit(pieces, room-rest)
	if left > 0 {
		text += fmt.Sprintf("- and %d more\n", left)
	}
	return text
}

func (p Point) markdown(indent string) string {
	var out strings.Builder
	out.WriteString(indent + "- " + prose(p.Text) + "\n")
	for _, b := range p.Below {
		out.WriteString(b.markdown(indent + "  "))
	}
	return out.String()
}
