package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Notice is an alert in words. Nothing in it is escaped.
type Notice struct {
	Title   string
	Text    string   // one sentence: the reason
	Details []string // freight, images, runs
	URL     string
	Mention string // of whose gate it is, as the configuration has it: the one text that mentions
}

// headlines say what happened, by the kind of the alert.
var headlines = map[promote.AlertKind]string{
	promote.AlertStale:                         "stale",
	promote.AlertStreak:                        "several failures in a row",
	promote.AlertReversed:                      "failed after it was promoted",
	promote.AlertOwner:                         "gate failed",
	promote.AlertKind(promote.DiscoveryFailed): "discovery failed",
	promote.AlertKind(promote.RenderFailed):    "render failed",
	promote.AlertKind(promote.PromotionFailed): "verified but promotion failed",
	promote.AlertKind(promote.PushRefused):     "verified but push refused",
	promote.AlertKind(promote.PublishFailed):   "verified but not published",
	promote.AlertKind(promote.Conflict):        "merge conflict",
	promote.AlertKind(promote.GateFailed):      "gate failed",
	promote.AlertKind(promote.GateTimedOut):    "gate timed out",
}

// still ends the title of what is said again.
const still = ", still"

// Alert words an alert: what happened where, with which freight, and where to look.
func Alert(v View, a promote.Alert) Notice {
	n := Notice{
		Title: fmt.Sprintf("%s/%s: %s", v.Pipeline.Name, a.Stage, headlines[a.Kind]),
		Text:  strings.ReplaceAll(a.Reason.String(), "`", ""),
		URL:   a.URL,
	}
	if s, _ := v.Pipeline.Stage(a.Stage); a.Kind == promote.AlertOwner {
		gate, _ := s.Gate(a.Reason.Gate)
		n.Mention = gate.Owner // never what the ledger says
	}
	if a.State == promote.AlertAgain {
		n.Title += still
	}
	for _, f := range v.Freight(a.Freight) {
		n.Details = append(n.Details, "freight: "+Name(f))
		for _, i := range f.Images {
			n.Details = append(n.Details, fmt.Sprintf("image: %s:%s@%s", i.Repository, i.Tag, i.Digest))
		}
	}
	for _, r := range a.Runs {
		line := fmt.Sprintf("%s: %s", When(r.At), r.State)
		if names := v.names(r.Freight); names != "" {
			line += " with " + names
		}
		if r.URL != "" {
			line += " " + r.URL
		}
		n.Details = append(n.Details, line)
	}
	if n.URL == "" {
		n.URL = v.place(a.Stage)
	}
	return n
}

// place is where a stage is to be seen: its branch, or else the repository.
func (v View) place(stage string) string {
	if s, ok := v.Pipeline.Stage(stage); ok && s.HasBranch() {
		return v.home(s) + "/tree/" + s.Target.Branch
	}
	return v.URL
}

// Issue is the notice as an issue or a comment: a title, and Markdown.
func (n Notice) Issue() (title, body string) {
	var b strings.Builder
	if n.Mention != "" {
		b.WriteString(n.Mention + ": ")
	}
	b.WriteString(prose(n.Text) + ".\n\n")
	var lines []string
	for _, d := range n.Details {
		lines = append(lines, code(d))
	}
	b.WriteString(list(lines))
	if n.URL != "" {
		b.WriteString("\n" + link("Look there", n.URL) + "\n")
	}
	return cut(line(strings.TrimSuffix(n.Title, still)), 200), b.String()
}
