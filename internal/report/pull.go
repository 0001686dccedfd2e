package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// Bounds of the parts of a pull request's text, in bytes. The changes get what
// the others leave over, so that a long list of them never costs the rest.
const (
	maxWarnings = 6000
	maxFreight  = 12000
	maxEvidence = 8000
)

// PullRequest is the text of an open promotion, both empty when there is none.
// The body is shorter than 60,000 bytes. It says nothing that changes by time
// alone, nor the number of the pull request itself, so that it is edited only
// when something happened.
func PullRequest(v View, stage string, changes []directives.ResourceChange) (title, body string) {
	open := v.open(stage)
	if open == nil {
		return "", ""
	}
	p := open.Proposal
	var head strings.Builder
	head.WriteString(v.lead(stage, p))
	head.WriteString(v.warnings(stage, p))
	head.WriteString("### Freight\n\n" + v.freight(stage, p))
	head.WriteString("### Why now\n\n" + v.evidence(stage, p) + v.configuration(stage, p))
	tail := "### Pipeline\n\n" + drawing(v, stage) + v.commands(stage)
	return v.title(stage, p), head.String() + resources(changes, maxText-head.Len()-len(tail)) + tail
}

// title has room for a number behind it within GitHub's 256 characters.
func (v View) title(stage string, p promote.Proposal) string {
	names, name := cut(line(v.names(v.moving(stage, p.Freight))), 160), cut(line(v.called(stage)), 80)
	if p.Back != nil {
		return fmt.Sprintf("Roll %s back to %s", name, names)
	}
	return fmt.Sprintf("Promote %s to %s", names, name)
}

// lead is what a reviewer wants to know first: what goes where, for whom, and
// who is to merge it.
func (v View) lead(stage string, p promote.Proposal) string {
	asked := "automatically, as soon as it was available"
	if p.By != promote.Automatic {
		asked = "asked for by " + code(p.By)
	}
	policy := v.Policy.For(v.Pipeline.Name, stage)
	merges := "It is merged by a person."
	if policy.Merge.Auto {
		merges = "Towpath merges it as soon as GitHub calls it clean."
	}
	switch policy.Approvals {
	case 0:
	case 1:
		merges += " It needs an approving review by somebody who may promote."
	default:
		merges += fmt.Sprintf(" It needs approving reviews by %d people who may promote.", policy.Approvals)
	}
	if s, _ := v.Pipeline.Stage(stage); s.Exec && (p.Back == nil || p.Back.Commit == "") {
		merges += " Commands made its files, run by `action run`."
	}
	return fmt.Sprintf("%s → **%s** of pipeline %s, %s. %s\n\n",
		code(v.names(v.moving(stage, p.Freight))), prose(stage), code(v.Pipeline.Name), asked, merges)
}

func (v View) warnings(stage string, p promote.Proposal) string {
	verdict, _ := v.verdict(stage)
	var out []string
	// That approvals are missing is how every such pull request begins, no warning.
	blocked := slices.DeleteFunc(slices.Clone(verdict.Blocked), func(r promote.Reason) bool { return r.Kind == promote.ApprovalsMissing })
	if len(blocked) > 0 {
		out = append(out, "> [!CAUTION]\n> **Do not merge.**\n"+quoted(sentences(important(blocked)))+"\n")
	}
	if remarks := v.remarks(stage, p, verdict); len(remarks) > 0 {
		out = append(out, "> [!WARNING]\n> **Look at this before merging.**\n"+quoted(remarks)+"\n")
	}
	text, _ := fit(out, maxWarnings)
	return text
}

// remarks are what a reviewer may overlook, safe already.
func (v View) remarks(stage string, p promote.Proposal, verdict promote.Verdict) []string {
	var out []string
	for _, r := range verdict.Reasons {
		if r.Kind == promote.CombinationUnseen {
			out = append(out, prose(r.String()))
		}
	}
	if r, ok := v.drift(stage); ok {
		out = append(out, prose(r.String()+": merging replaces that"))
	}
	for _, o := range v.Overrides(stage, p.Freight) {
		out = append(out, v.overridden(stage, o))
	}
	for _, f := range v.Freight(p.Freight) {
		out = append(out, v.backwards(stage, f)...)
	}
	for _, file := range p.Unverified {
		out = append(out, code(file)+" was not part of what was verified upstream")
	}
	return out
}

func sentences(reasons []promote.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, prose(r.String()))
	}
	return unique(out)
}

// maxListed is how many entries a list within a quote shows.
const maxListed = 20

// quoted is a list within a quote. Its entries are safe already.
func quoted(entries []string) string {
	var b strings.Builder
	for _, e := range entries[:min(len(entries), maxListed)] {
		fmt.Fprintf(&b, "> - %s\n", e)
	}
	if more := len(entries) - maxListed; more > 0 {
		fmt.Fprintf(&b, "> - and %d more\n", more)
	}
	return b.String()
}

// commands are those that make sense on this pull request. The stage is named
// in full, which means this one also where several pipelines have it.
func (v View) commands(stage string) string {
	verdict, _ := v.verdict(stage)
	name := v.Pipeline.Name + "/" + stage
	var b strings.Builder
	row := func(command, does string) { b.WriteString(tableRow(code(command), does)) }
	b.WriteString("### Commands\n\nAs a comment, on a line of its own:\n\n" + tableHead("command", "does"))
	if s, _ := v.Pipeline.Stage(stage); !s.Exec {
		row("/promote "+name, "promotes the newest freight that is available in the place of this")
	}
	row("/cancel "+name, "closes this promotion and rejects its freight for the stage")
	if isHeld(verdict) {
		row("/unhold "+name, "ends the hold of the stage")
	} else {
		row("/hold "+name+" <reason>", "keeps the stage as it is, until `/unhold`")
	}
	row("/status "+name, "says what the stage holds and what it waits for")
	row("/help", "shows all commands")
	return b.String()
}

func isHeld(verdict promote.Verdict) bool {
	for _, r := range verdict.Reasons {
		if r.Kind == promote.HeldBy && r.Warehouse == "" {
			return true
		}
	}
	return false
}
