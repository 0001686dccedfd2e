package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Explain is the whole of a stage's verdict: what it holds, what was decided and
// why, how each slot's rule comes out upstream by upstream, and whom the policy
// lets do what. It is made from the value that decided.
func Explain(v View, stage string) Point {
	verdict, _ := v.verdict(stage)
	s, _ := v.Pipeline.Stage(stage)
	out := Point{Text: fmt.Sprintf("`%s`: %s", v.called(stage), verdict.Action)}
	row := v.row(verdict)
	if row.Next != "" {
		out.Text += ", " + row.Next
	}
	if text := kindText(s); text != "" {
		out.Below = append(out.Below, Point{Text: text})
	}
	out.Below = append(out.Below, v.explainHeld(s))
	out.Below = append(out.Below, points(row.Why)...)
	for _, r := range s.Requests {
		out.Below = append(out.Below, v.explainSlot(s, r, verdict))
	}
	if s.Strict {
		out.Below = append(out.Below, Point{Text: "takes only what was verified together upstream"})
	}
	out.Below = append(out.Below, v.explainPolicy(s)...)
	if open := v.open(stage); open != nil && open.PullRequest != 0 {
		out.Below = append(out.Below, Point{Text: fmt.Sprintf("%s is open: %s", v.number(s, open.PullRequest), v.names(open.Proposal.Freight))})
	}
	if !verdict.Until.IsZero() {
		out.Below = append(out.Below, Point{Text: "changes by itself at " + When(verdict.Until)})
	}
	return out
}

// kindText says what a stage is in which promotions write no files; empty for the
// others.
func kindText(s promote.Stage) string {
	switch s.Kind {
	case promote.Control:
		return "control flow, without files and gates: passes on what its rule lets through"
	case promote.Observed:
		return "written by others, on " + s.Target.Name()
	case promote.Fileless:
		if s.Schedule != nil {
			return "without files: takes the newest freight at " + s.Schedule.String()
		}
		return "without files: takes freight as soon as it is available"
	}
	return ""
}

// explainHeld is what the stage holds, since when, how it came, and what its gates
// say of it.
func (v View) explainHeld(s promote.Stage) Point {
	holding, ok := v.Snapshot.Facts.Holding(s.Name)
	if !ok {
		return Point{Text: "holds nothing yet"}
	}
	text := fmt.Sprintf("holds %s since %s, by %s", v.names(holding.Freight), When(holding.Entered()), holding.Manner)
	if holding.PullRequest != 0 {
		text += " of " + v.number(s, holding.PullRequest)
	}
	return Point{Text: text, Below: points(gateTexts(s, v.Snapshot.Gates(s, holding)))}
}

// gateTexts is one sentence per gate, in the words of the reasons where it has not
// passed.
func gateTexts(s promote.Stage, results []promote.GateResult) []string {
	switch {
	case s.Kind == promote.Control:
		return nil
	case s.OnArrival:
		return []string{"verified on arrival"}
	}
	var out []string
	for _, g := range results {
		text := fmt.Sprintf("gate %s %s", g.Gate.Name, g.State)
		if g.Note != "" {
			text += ": " + g.Note
		}
		if !g.At.IsZero() {
			text += " (" + When(g.At) + ")"
		}
		if g.Flaky {
			text += fmt.Sprintf(", flaky: attempt %d", g.Attempt)
		}
		if !g.Until.IsZero() {
			text += ", has failed at " + When(g.Until) + " without a result"
		}
		if !g.Gate.Required {
			text += ", informing"
		}
		if g.Gate.Owner != "" {
			text += ", of " + g.Gate.Owner
		}
		out = append(out, text)
	}
	return out
}

// explainSlot is a request's rule, and how it comes out for the freight that the
// verdict is about, else for the newest.
func (v View) explainSlot(s promote.Stage, r promote.Request, verdict promote.Verdict) Point {
	out := Point{Text: "takes " + r.Warehouse + " " + v.ruleText(r)}
	freight, ok := v.Snapshot.Facts.FreightByID(verdict.Freight[r.Warehouse])
	if !ok {
		freight, ok = v.newest(r.Warehouse)
	}
	if !ok {
		out.Below = points([]string{"there is no freight of " + r.Warehouse + " yet"})
		return out
	}
	out.Below = []Point{v.weighed(s, r, freight)}
	return out
}

// newest is the freight of a warehouse that was selected last, of what moves by
// itself.
func (v View) newest(warehouse string) (promote.Freight, bool) {
	for _, w := range v.Pipeline.Warehouses {
		for _, f := range slices.Backward(v.Snapshot.Facts.Freight) {
			if w.Name == warehouse && w.Ordinary(f) {
				return f, true
			}
		}
	}
	return promote.Freight{}, false
}

// ruleText is a request's rule in words.
func (v View) ruleText(r promote.Request) string {
	if len(r.From) == 0 {
		return "straight from the warehouse"
	}
	from := v.Pipeline.UpstreamNames(r)
	text := "when it is verified in " + from[0]
	if len(from) > 1 {
		text = fmt.Sprintf("when it is verified in %s of %s", r.Availability, strings.Join(from, ", "))
	}
	if r.Soak > 0 {
		text += " and was there for " + promote.Span(r.Soak)
	}
	if r.MatchUpstream {
		text += ", and only what is there now"
	}
	return text
}

// weighed is what each upstream says of one freight for one slot.
func (v View) weighed(s promote.Stage, r promote.Request, f promote.Freight) Point {
	answer := promote.Weigh(v.Pipeline, v.Policy, v.Snapshot, s, r, f)
	out := Point{Text: Name(f) + " is available"}
	if answer.Rule != "" {
		out.Text += ": " + answer.Rule
	}
	if !answer.OK {
		out.Text = Name(f) + " is not available"
		if !answer.Until.IsZero() {
			out.Text += " before " + When(answer.Until)
		}
	}
	for _, from := range r.From {
		for _, lane := range v.Pipeline.Lanes(from) {
			standing := answer.Standings[from]
			if lane.Stamp != "" { // each says its own
				standing = answer.Standings[promote.StageOf(lane.Name)]
			}
			out.Below = append(out.Below, v.upstreamPoint(lane, r, f, standing))
		}
	}
	return out
}

// upstreamPoint is one upstream's word on freight: whether it counts, the time it
// was there, and its gates.
func (v View) upstreamPoint(lane promote.Stage, r promote.Request, f promote.Freight, standing promote.Standing) Point {
	stay, found := v.stay(lane, r.Warehouse, f.ID)
	if !found {
		return Point{Text: fmt.Sprintf("`%s`: never there", lane.Name)}
	}
	text := "there since " + When(stay.entered)
	if lane.Kind == promote.Control {
		text = "passed on " + When(stay.entered)
	}
	if !stay.left.IsZero() {
		text = "there from " + When(stay.entered) + " to " + When(stay.left)
	}
	switch {
	case standing.Verified && (r.Soak == 0 || standing.Soaked(v.Snapshot.Now) >= r.Soak):
		text += ", counts"
	case standing.Verified && standing.Since.IsZero():
		text += ", does not count: it left too early"
	case standing.Verified:
		text += ", counts from " + When(standing.Since.Add(r.Soak))
	default:
		text += ", does not count"
	}
	below := gateTexts(lane, stay.gates)
	for _, reason := range standing.Reasons {
		if reason.Gate == "" { // gates have their own lines
			below = append(below, reason.String())
		}
	}
	return Point{Text: fmt.Sprintf("`%s`: %s", lane.Name, text), Below: points(unique(below))}
}

// explainPolicy is what the policy says of the stage.
func (v View) explainPolicy(s promote.Stage) []Point {
	policy := v.Policy.For(v.Pipeline.Name, s.Name)
	how := "promoted by `/promote " + v.called(s.Name) + "` only"
	if policy.Auto {
		how = "promoted as soon as it is available"
	}
	switch {
	case s.Kind != promote.Assembled:
	case s.Target.Push:
		how += "; delivered by push to " + s.Target.Branch
	case policy.Merge.Auto:
		how += "; merged by Towpath (" + policy.Merge.Method + ")"
	default:
		how += "; merged by a person"
	}
	if policy.Approvals > 0 {
		how += fmt.Sprintf("; needs %d approvals", policy.Approvals)
	}
	if policy.Position != "" {
		how += " (" + policy.Position + ")"
	}
	return []Point{{Text: how}}
}
