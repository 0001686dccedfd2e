package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// evidence says how the upstream rule was met, and by which results of which
// stages. What is too late is judged at the time of the last event, so that the
// text stays the same while nothing happens.
func (v View) evidence(stage string, p promote.Proposal) string {
	v.Snapshot.Now = v.lastEvent(p)
	s, _ := v.Pipeline.Stage(stage)
	holding, _ := v.Snapshot.Facts.Holding(stage)
	var b strings.Builder
	switch {
	case p.Back != nil:
		return v.wentBack(stage, p)
	case len(p.Freight) == 0: // nothing is known of a proposal
		return ""
	case p.Rule == "":
		b.WriteString("The stage holds this freight already; its files are made again.\n\n")
	default:
		b.WriteString("The rule was met: " + prose(p.Rule) + ".\n\n")
	}
	room := maxEvidence
	for _, r := range s.Requests {
		id := p.Freight[r.Warehouse]
		if len(r.From) == 0 || id == holding.Freight[r.Warehouse] {
			continue
		}
		head := []string{code(v.names(map[string]string{r.Warehouse: id})) + " in", "there", "verified by"}
		if r.Soak > 0 {
			head = append(head, "soak "+promote.Span(r.Soak))
		}
		var rows []string
		for _, from := range r.From {
			for _, lane := range v.Pipeline.Lanes(from) {
				rows = append(rows, tableRow(v.upstream(lane, r, id)...))
			}
		}
		text, left := fit(rows, room)
		b.WriteString(tableHead(head...) + text)
		if left > 0 {
			b.WriteString(tableRow(fmt.Sprintf("and %d more", left)))
		}
		room -= len(text)
		b.WriteString("\n")
	}
	return b.String()
}

// lastEvent is when something last happened that the look can have known.
func (v View) lastEvent(p promote.Proposal) time.Time {
	last := p.At
	later := func(at time.Time) {
		if at.After(last) && !at.After(v.Snapshot.Now) {
			last = at
		}
	}
	for _, a := range v.Snapshot.Facts.Arrivals {
		later(a.At)
	}
	for _, r := range v.Snapshot.Facts.Results {
		later(r.At)
	}
	for _, s := range v.Snapshot.Stages {
		for _, r := range s.Results {
			later(r.At)
		}
	}
	return last
}

// upstream are the cells of one upstream stage.
func (v View) upstream(stage promote.Stage, r promote.Request, freight string) []string {
	stay, found := v.stay(stage, r.Warehouse, freight)
	if !found {
		return []string{code(stage.Name), "never"}
	}
	there := "since " + When(stay.entered)
	if stage.Kind == promote.Control {
		there = "passed on " + When(stay.entered)
	}
	if !stay.left.IsZero() {
		there = When(stay.entered) + " to " + When(stay.left)
	}
	cells := []string{code(stage.Name), there, strings.Join(gates(stage, stay.gates), "<br>")}
	if r.Soak > 0 {
		end := stay.entered.Add(r.Soak)
		if stay.left.IsZero() || !stay.left.Before(end) {
			cells = append(cells, "until "+When(end))
		} else {
			cells = append(cells, "left too early")
		}
	}
	return cells
}

// stay is one freight's time in a stage.
type stay struct {
	entered, left time.Time // left is zero while it is there
	gates         []promote.GateResult
}

// stay finds the last stay of a freight that its gates let through, else the last.
func (v View) stay(stage promote.Stage, warehouse, freight string) (stay, bool) {
	var out stay
	found := false
	arrivals := v.Snapshot.Facts.ArrivalsIn(stage.Name)
	if stage.Kind == promote.Control { // what it passed on never leaves it
		standing := v.Snapshot.StandingOf(stage, warehouse, freight)
		return stay{entered: standing.Since}, standing.Verified
	}
	for i, a := range slices.Backward(arrivals) {
		if a.Freight[warehouse] != freight {
			continue
		}
		here := stay{entered: a.Entered(), gates: v.Snapshot.Gates(stage, a)}
		for _, later := range arrivals[i+1:] {
			if later.Freight[warehouse] != freight {
				here.left = later.At
				break
			}
		}
		if !found || passed(here.gates) {
			out, found = here, true
		}
		if passed(here.gates) {
			break
		}
	}
	return out, found
}

func passed(results []promote.GateResult) bool {
	return !slices.ContainsFunc(results, func(g promote.GateResult) bool { return g.Gate.Required && g.State != promote.GatePassed })
}

// gates is one line per gate, with its state, the time and a link.
func gates(stage promote.Stage, results []promote.GateResult) []string {
	switch {
	case stage.Kind == promote.Control:
		return []string{"its own rule"}
	case stage.OnArrival:
		return []string{"arrival"}
	}
	var out []string
	for _, g := range results {
		text := link(code(g.Gate.Name), g.URL) + " " + string(g.State)
		if g.State == promote.GateBroken {
			text += " (" + prose(g.Note) + ")"
		}
		if !g.At.IsZero() {
			text += " " + When(g.At)
		}
		if g.Flaky {
			text += fmt.Sprintf(", flaky: attempt %d", g.Attempt)
		}
		if !g.Gate.Required {
			text += ", informing"
			if g.Gate.Owner != "" {
				text += " " + code(g.Gate.Owner)
			}
		}
		out = append(out, text)
	}
	return out
}
