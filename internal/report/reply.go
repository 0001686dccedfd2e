package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Status answers /status: what every stage holds, and what it waits for.
func Status(views []View, stages map[string][]string, mistakes []string) string {
	var b strings.Builder
	for _, v := range views {
		asked := stages[v.Pipeline.Name]
		if len(stages) > 0 && len(asked) == 0 {
			continue
		}
		fmt.Fprintf(&b, "**%s**\n\n| stage | state | freight | why | changes at |\n|---|---|---|---|---|\n", v.Pipeline.Name)
		for _, verdict := range v.Verdicts {
			if len(asked) == 0 || slices.Contains(asked, verdict.Stage) {
				b.WriteString(v.tableRow(verdict))
			}
		}
		b.WriteString("\n" + v.holdings())
	}
	if len(mistakes) > 0 {
		b.WriteString("The configuration is broken:\n\n")
		for _, m := range mistakes {
			fmt.Fprintf(&b, "- %s\n", prose(m))
		}
	}
	if b.Len() == 0 {
		return "There is no pipeline here."
	}
	return bounded(b.String())
}

// holdings lists what each stage holds since when.
func (v View) holdings() string {
	var b strings.Builder
	for _, s := range v.Pipeline.Stages {
		a, ok := v.Snapshot.Facts.Holding(s.Name)
		if !ok {
			fmt.Fprintf(&b, "- %s holds nothing yet\n", s.Name)
			continue
		}
		fmt.Fprintf(&b, "- %s holds %s since %s\n", s.Name, code(v.title(a.Freight)), when(a.Entered()))
	}
	return b.String() + "\n"
}

// Outcome answers /promote for one stage, from the verdict that decided it.
func Outcome(v View, stage string) string {
	verdict := v.verdict(stage)
	names := code(v.title(verdict.Freight))
	switch {
	case verdict.Refused:
		return fmt.Sprintf("`%s` is not promoted:\n\n%s", stage, reasonList(verdict.Reasons))
	case verdict.Action == promote.Promote:
		return fmt.Sprintf("Promoting %s to `%s`; the pull request follows.", names, stage)
	case verdict.Action == promote.Opened && v.open(stage) != nil:
		return fmt.Sprintf("%s to `%s` is proposed already: #%d.", names, stage, v.open(stage).PullRequest)
	case verdict.Action == promote.Current:
		return fmt.Sprintf("`%s` holds exactly this already: nothing changes.", stage)
	}
	return fmt.Sprintf("`%s`: %s\n\n%s", stage, verdict.Action, reasonList(verdict.Reasons))
}

// Hold answers /hold and /unhold.
func Hold(h promote.Hold) string {
	switch {
	case h.Released:
		return fmt.Sprintf("`%s` is no longer held.", h.Stage)
	case h.Until.IsZero():
		return fmt.Sprintf("`%[1]s` is held until `/unhold %[1]s`.", h.Stage)
	}
	return fmt.Sprintf("`%s` is held until %s.", h.Stage, when(h.Until))
}
