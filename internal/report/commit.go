package report

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// CommitMessage is the message of a promotion's one commit (P3): what changed,
// and trailers from which the ledger could be made again.
func CommitMessage(v View, p promote.Proposal, freight []promote.Freight, edits []directives.Edit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Promote %s to %s\n\n", line(v.title(p.Freight)), p.Stage)
	for _, e := range edits {
		old := e.Old
		if old == "" {
			old = "–"
		}
		fmt.Fprintf(&b, "%s\n", line(fmt.Sprintf("%s: %s %s → %s", e.File, e.Key, old, e.New)))
	}
	if len(edits) > 0 {
		b.WriteString("\n")
	}
	trailer(&b, "Towpath-Pipeline", v.Pipeline.ID())
	trailer(&b, "Towpath-Stage", p.Stage)
	for _, f := range freight {
		trailer(&b, "Towpath-Freight", f.Warehouse+"="+f.ID)
	}
	for _, s := range p.Sources {
		source := s.Repository + "@" + s.Commit
		if s.Ref != "" {
			source += " (" + s.Ref + ")"
		}
		trailer(&b, "Towpath-Source", source)
	}
	trailer(&b, "Towpath-Rule", p.Rule)
	trailer(&b, "Promoted-By", p.By)
	return b.String()
}

// MergeMessage is how the promotion is merged when we merge it.
func MergeMessage(v View, stage string) (title, message string) {
	open := v.open(stage)
	return fmt.Sprintf("Promote %s to %s (#%d)", line(v.title(open.Proposal.Freight)), stage, open.PullRequest),
		"Merged by policy: the rule is met and the checks have passed."
}

func trailer(b *strings.Builder, key, value string) {
	if value = line(value); value != "" {
		fmt.Fprintf(b, "%s: %s\n", key, value)
	}
}

// line keeps hostile text on one line.
func line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 500 {
		text = string(runes[:500]) + "…"
	}
	return text
}
