package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Mermaid draws the pipeline with what each stage holds and its state.
func Mermaid(v View) string { return v.mermaid("") }

// mermaid draws the pipeline for the promotion pull request of a stage: its own
// number is not said there, which it only gets after its text was written.
func (v View) mermaid(self string) string {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	for i, w := range v.Pipeline.Warehouses {
		fmt.Fprintf(&out, "  w%d[(\"%s\")]\n", i, label(w.Name))
	}
	index := map[string]int{}
	for i, s := range v.Pipeline.Stages {
		index[s.Name] = i
		v.node(&out, i, s.Name, s.Name == self)
	}
	for i, s := range v.Pipeline.Stages {
		for _, r := range s.Requests {
			v.edges(&out, i, r, index, len(s.Requests) > 1)
		}
	}
	out.WriteString("  classDef current fill:#dafbe1,stroke:#1a7f37,color:#1f2328\n" +
		"  classDef open fill:#ddf4ff,stroke:#0969da,color:#1f2328\n" +
		"  classDef wait fill:#fff8c5,stroke:#9a6700,color:#1f2328\n" +
		"  classDef held fill:#ffebe9,stroke:#d1242f,color:#1f2328\n")
	return out.String()
}

func (v View) node(out *strings.Builder, i int, stage string, self bool) {
	lines := []string{label(stage)}
	if holding, ok := v.Snapshot.Facts.Holding(stage); ok {
		lines = append(lines, label(v.names(holding.Freight)))
	}
	state, class := v.state(stage, self)
	if state != "" {
		lines = append(lines, label(state))
	}
	left, right := v.shape(stage)
	fmt.Fprintf(out, "  s%d%s\"%s\"%s", i, left, strings.Join(lines, "<br/>"), right)
	if class != "" {
		out.WriteString(":::" + string(class))
	}
	out.WriteString("\n")
}

// shape draws a stage by what it is: a box has files that promotions write, a
// rhombus passes freight on, a stadium has gates and no files, and a box with
// double sides is written by others.
func (v View) shape(stage string) (left, right string) {
	s, _ := v.Pipeline.Stage(stage)
	switch s.Kind {
	case promote.Control:
		return "{", "}"
	case promote.Fileless:
		return "([", "])"
	case promote.Observed:
		return "[[", "]]"
	}
	return "[", "]"
}

// state is what a stage's box says besides what it holds, and the action whose
// colour it has. A stage that the view has no verdict of has neither, unless
// something is open there.
func (v View) state(stage string, self bool) (state string, class promote.Action) {
	verdict, _ := v.verdict(stage)
	reasons := important(verdict.Reasons)
	drift, drifted := v.drift(stage)
	switch {
	case len(verdict.Blocked) > 0:
		return v.pull(stage, self) + " must not be merged", promote.Held
	case self:
		return v.pull(stage, self), promote.Opened
	case len(reasons) > 0 && (verdict.Action == promote.Held || weight(reasons[0].Kind) == failed):
		return reasons[0].String(), promote.Held
	case v.open(stage) != nil:
		return v.pull(stage, self) + " open", promote.Opened
	case drifted:
		return drift.String(), promote.Held
	case verdict.Action == promote.Promote:
		return "promoting " + v.names(v.moving(stage, verdict.Freight)), promote.Opened
	case len(reasons) > 0:
		return reasons[0].String(), verdict.Action
	}
	return "", verdict.Action
}

func (v View) pull(stage string, self bool) string {
	switch open := v.open(stage); {
	case self:
		return "this pull request"
	case open != nil && open.PullRequest != 0:
		return fmt.Sprintf("#%d", open.PullRequest)
	}
	return "promotion"
}

func (v View) edges(out *strings.Builder, stage int, r promote.Request, index map[string]int, several bool) {
	var says []string
	if several && len(r.From) > 0 {
		says = append(says, r.Warehouse)
	}
	if len(r.From) > 1 {
		says = append(says, r.Availability.String())
	}
	if r.Soak > 0 {
		says = append(says, "soak "+promote.Span(r.Soak))
	}
	if r.MatchUpstream {
		says = append(says, "what is there now")
	}
	rule := ""
	if len(says) > 0 {
		rule = "|\"" + label(strings.Join(says, ", ")) + "\"|"
	}
	if len(r.From) == 0 {
		for i, w := range v.Pipeline.Warehouses {
			if w.Name == r.Warehouse {
				fmt.Fprintf(out, "  w%d --> s%d\n", i, stage)
			}
		}
	}
	for _, from := range r.From {
		for _, lane := range v.Pipeline.Lanes(from) {
			fmt.Fprintf(out, "  s%d -->%s s%d\n", index[lane.Name], rule, stage)
		}
	}
}

// maxDrawing is how long a drawing may be, in bytes; beyond that nobody can read
// it, and it would take the room of what people came for.
const maxDrawing = 12000

// drawing is the pipeline as a fenced block.
func drawing(v View, self string) string {
	text := v.mermaid(self)
	if len(text) > maxDrawing {
		return fmt.Sprintf("The pipeline has %d stages, too many to draw here.\n\n", len(v.Pipeline.Stages))
	}
	return "```mermaid\n" + text + "```\n\n"
}
