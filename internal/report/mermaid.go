package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Mermaid draws pipelines with what each stage holds and its state, several of them
// side by side.
func Mermaid(graphs ...Graph) string { return mermaid(graphs, "") }

// mermaid draws pipelines for the promotion pull request of a stage. No numbers are
// said there: it gets its own only after its text was written, and of twenty that
// are opened together each would have to be written again for those of the others.
func mermaid(graphs []Graph, self string) string {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	for i, g := range graphs {
		if len(graphs) == 1 {
			g.mermaid(&out, "", self)
			continue
		}
		fmt.Fprintf(&out, "  subgraph p%d[\"%s\"]\n", i, label(g.Pipeline.Name))
		g.mermaid(&out, fmt.Sprintf("p%d", i), self)
		out.WriteString("  end\n")
	}
	out.WriteString("  classDef current fill:#dafbe1,stroke:#1a7f37,color:#1f2328\n" +
		"  classDef open fill:#ddf4ff,stroke:#0969da,color:#1f2328\n" +
		"  classDef wait fill:#fff8c5,stroke:#9a6700,color:#1f2328\n" +
		"  classDef held fill:#ffebe9,stroke:#d1242f,color:#1f2328\n")
	return out.String()
}

// mermaid draws one pipeline. The names of what is drawn begin with the prefix.
func (g Graph) mermaid(out *strings.Builder, prefix, self string) {
	for i, w := range g.Pipeline.Warehouses {
		fmt.Fprintf(out, "  %sw%d[(\"%s\")]\n", prefix, i, label(w.Name))
	}
	index := map[string]int{}
	for i, s := range g.Pipeline.Stages {
		index[s.Name] = i
		lines := g.says(s.Name, self)
		for j, l := range lines {
			lines[j] = label(l)
		}
		left, right := g.shape(s.Name)
		fmt.Fprintf(out, "  %ss%d%s\"%s\"%s", prefix, i, left, strings.Join(lines, "<br/>"), right)
		if _, class := g.state(s.Name, self); class != "" {
			out.WriteString(":::" + string(class))
		}
		out.WriteString("\n")
	}
	for _, e := range g.edges() {
		from, arrow, rule := fmt.Sprintf("w%d", e.warehouse), "-->", ""
		if e.from != "" {
			from = fmt.Sprintf("s%d", index[e.from])
		}
		if g.onPath(e.from, e.to) {
			arrow = "==>"
		}
		if e.rule != "" {
			rule = "|\"" + label(e.rule) + "\"|"
		}
		fmt.Fprintf(out, "  %s%s %s%s %ss%d\n", prefix, from, arrow, rule, prefix, index[e.to])
	}
}

// says is what a drawn stage says, in lines that are not escaped: its name, what it
// holds, and how it is with it.
func (v View) says(stage, self string) []string {
	lines := []string{stage}
	if holding, ok := v.Snapshot.Facts.Holding(stage); ok {
		lines = append(lines, v.names(holding.Freight))
	}
	if state, _ := v.state(stage, self); state != "" {
		lines = append(lines, state)
	}
	return lines
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
func (v View) state(stage, self string) (state string, class promote.Action) {
	verdict, _ := v.verdict(stage)
	reasons := important(verdict.Reasons)
	drift, drifted := v.drift(stage)
	switch {
	case len(verdict.Blocked) > 0:
		return v.pull(stage, self) + " must not be merged", promote.Held
	case self == stage:
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

func (v View) pull(stage, self string) string {
	switch open := v.open(stage); {
	case self == stage:
		return "this pull request"
	case self == "" && open != nil && open.PullRequest != 0:
		s, _ := v.Pipeline.Stage(stage)
		return v.number(s, open.PullRequest)
	}
	return "promotion"
}

// edge is an arrow of the drawing.
type edge struct {
	from      string // a stage; empty: the warehouse
	warehouse int
	to, rule  string
}

func (v View) edges() []edge {
	var out []edge
	for _, s := range v.Pipeline.Stages {
		for _, r := range s.Requests {
			if len(r.From) == 0 {
				for i, w := range v.Pipeline.Warehouses {
					if w.Name == r.Warehouse {
						out = append(out, edge{warehouse: i, to: s.Name})
					}
				}
			}
			for _, from := range r.From {
				for _, lane := range v.Pipeline.Lanes(from) {
					out = append(out, edge{from: lane.Name, to: s.Name, rule: v.ruleOf(r, len(s.Requests) > 1)})
				}
			}
		}
	}
	return out
}

// ruleOf is what stands at the edges of a request; the warehouse where a stage has
// several slots.
func (v View) ruleOf(r promote.Request, several bool) string {
	var says []string
	if several {
		says = append(says, r.Warehouse)
	}
	if len(r.From) > 1 {
		says = append(says, r.Availability.String())
	}
	if r.Stamps != "" && slices.ContainsFunc(r.From, func(from string) bool { return len(v.Pipeline.Stamps(from)) > 0 }) {
		says = append(says, string(r.Stamps)+" stamps")
	}
	if r.Soak > 0 {
		says = append(says, "soak "+promote.Span(r.Soak))
	}
	if r.MatchUpstream {
		says = append(says, "what is there now")
	}
	return strings.Join(says, ", ")
}

// maxDrawing is how long a drawing may be, in bytes; beyond that nobody can read
// it, and it would take the room of what people came for.
const maxDrawing = 12000

// drawing is the pipeline as a fenced block.
func drawing(v View, self string) string {
	text := mermaid([]Graph{{View: v}}, self)
	if len(text) > maxDrawing {
		return fmt.Sprintf("The pipeline has %d stages, too many to draw here.\n\n", len(v.Pipeline.Stages))
	}
	return "```mermaid\n" + text + "```\n\n"
}
