package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// maxEdits is how many edits a commit message lists.
const maxEdits = 100

// CommitMessage is the message of a promotion's one commit (P3): what changed,
// and trailers from which the ledger could be made again.
func CommitMessage(v View, p promote.Proposal, freight []promote.Freight, edits []directives.Edit) string {
	var b strings.Builder
	b.WriteString(v.title(p.Stage, p) + "\n\n")
	if s, _ := v.Pipeline.Stage(p.Stage); s.Target.Push { // no pull request says it
		if drift, ok := v.drift(p.Stage); ok {
			b.WriteString("Replaces what people did there: " + drift.String() + ".\n\n")
		}
	}
	for _, e := range edits[:min(len(edits), maxEdits)] {
		b.WriteString(edit(e))
	}
	if more := len(edits) - maxEdits; more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	if len(edits) > 0 {
		b.WriteString("\n")
	}
	return b.String() + v.trailers(p, freight)
}

// edit is one line. It begins with a dash, so that git reads it neither as a
// trailer nor as the line that ends a message.
func edit(e directives.Edit) string {
	text := fmt.Sprintf("%s: %s %s → %s", e.File, e.Key, orDash(e.Old), orDash(e.New))
	if e.Note != "" {
		text += " (" + e.Note + ")"
	}
	return "- " + line(text) + "\n"
}

func orDash(value string) string {
	if value == "" {
		return "–"
	}
	return value
}

// MergeMessage is how the promotion is merged when we merge it. It has the
// trailers too, since a squash leaves no other message.
func MergeMessage(v View, stage string) (title, message string) {
	open := v.open(stage)
	return fmt.Sprintf("%s (#%d)", v.title(stage, open.Proposal), open.PullRequest),
		"Merged by policy: the rule is met and the checks have passed.\n\n" + v.trailers(open.Proposal, v.Freight(open.Proposal.Freight)) + approvedBy(open.Approvers)
}

// approvedBy are the trailers that say whose approvals counted (P3).
func approvedBy(people []string) string {
	var b strings.Builder
	for _, name := range people {
		fmt.Fprintf(&b, "Approved-By: %s\n", line(name))
	}
	return b.String()
}
