package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Plain is the status of a pipeline for terminals: aligned text without colour,
// one line per reason.
func Plain(v View) string {
	var out strings.Builder
	fmt.Fprintln(&out, word(v.Pipeline.ID()))
	// A strings.Builder takes every write.
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")) }
	row("STAGE", "STATE", "HOLDS", "WHY")
	for _, r := range Rows(v) {
		why := r.plainWhy()
		row(word(r.Stage), r.plainState(), r.plainHolds(), why[0])
		for _, more := range why[1:] {
			row("", "", "", more)
		}
	}
	table.Flush()
	return trimmed(out.String())
}

func (r Row) plainState() string {
	if r.Pull != 0 {
		return r.State + " " + r.PullAs
	}
	return r.State
}

func (r Row) plainHolds() string {
	if r.Holds == "" {
		return "nothing yet"
	}
	return word(r.Holds) + " since " + When(r.Since)
}

// plainWhy has at least one entry, which may be empty.
func (r Row) plainWhy() []string {
	var out []string
	if r.Next != "" {
		out = append(out, word(r.Next)+r.colon())
	}
	for _, reason := range r.Why {
		out = append(out, cut(visible(reason), maxProse))
	}
	if r.PullURL != "" {
		out = append(out, word(r.PullURL))
	}
	if !r.Until.IsZero() {
		out = append(out, "changes at "+When(r.Until))
	}
	return append(out, "")[:max(len(out), 1)]
}

func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}
