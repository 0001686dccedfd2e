package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// CheckName is the check of a commit that something waits at.
const CheckName = "towpath"

// Proposed is the check on a promotion's head: whether it may be merged.
func Proposed(v View, stage string) Check {
	verdict := v.verdict(stage)
	c := Check{Name: fmt.Sprintf("towpath: %s/%s", v.Pipeline.Name, stage), Conclusion: "success", Title: "the rule is met"}
	if open := v.open(stage); open != nil {
		c.Summary = prose(open.Proposal.Rule) + "\n"
	}
	if len(verdict.Blocked) > 0 {
		c.Conclusion, c.Title = "failure", title("must not be merged: "+verdict.Blocked[0].String())
		c.Summary = "This promotion must not be merged:\n\n" + reasonList(verdict.Blocked)
	}
	return c
}

// Waiting is the check on a commit at which people look for what waits there.
// Every view's verdicts are narrowed to those.
func Waiting(views []View) Check {
	var titles []string
	var b strings.Builder
	b.WriteString("| stage | state | freight | why | changes at |\n|---|---|---|---|---|\n")
	for _, v := range views {
		for _, verdict := range v.Verdicts {
			titles = append(titles, v.headline(verdict))
			b.WriteString(v.tableRow(verdict))
		}
	}
	return Check{Name: CheckName, Conclusion: "neutral", Title: title(strings.Join(titles, "; ")), Summary: bounded(b.String())}
}

func (v View) headline(verdict promote.Verdict) string {
	open := v.open(verdict.Stage)
	switch {
	case open != nil && open.PullRequest != 0:
		return fmt.Sprintf("%s: #%d is open", verdict.Stage, open.PullRequest)
	case len(verdict.Reasons) > 0:
		return verdict.Stage + ": " + verdict.Reasons[0].String()
	case verdict.Action == promote.Current:
		return verdict.Stage + " is current"
	}
	return verdict.Stage + ": " + string(verdict.Action)
}

// tableRow is one stage in every table.
func (v View) tableRow(verdict promote.Verdict) string {
	var why []string
	for _, r := range append(append([]promote.Reason(nil), verdict.Blocked...), verdict.Reasons...) {
		why = append(why, prose(r.String()))
	}
	state := string(verdict.Action)
	if open := v.open(verdict.Stage); open != nil && open.PullRequest != 0 {
		state += fmt.Sprintf(" [#%d](%s/pull/%d)", open.PullRequest, v.URL, open.PullRequest)
	}
	until := ""
	if !verdict.Until.IsZero() {
		until = when(verdict.Until)
	}
	freight := "–"
	if names := v.aliases(verdict.Freight); names != "" {
		freight = code(names)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", verdict.Stage, state, freight, strings.Join(why, "<br>"), until)
}

// Broken is the check that says why pipelines stand still.
func Broken(mistakes []string) Check {
	var b strings.Builder
	b.WriteString("The pipelines with mistakes stand still; others go on. `action validate` in a clone shows the same.\n\n")
	for _, m := range mistakes {
		fmt.Fprintf(&b, "- %s\n", prose(m))
	}
	return Check{Name: CheckName + "/config", Conclusion: "failure", Title: "the Towpath configuration is broken", Summary: bounded(b.String())}
}

func title(text string) string {
	text = line(text)
	if runes := []rune(text); len(runes) > 100 {
		text = string(runes[:99]) + "…"
	}
	return text
}
