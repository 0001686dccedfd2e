package engine

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/towpath/towpath/internal/promote"
)

// The ledger's log is the audit trail: one line per fact, subject first.

func ledgerMessage(lines []string) string {
	for i := range lines {
		lines[i] = tame(lines[i])
	}
	switch len(lines) {
	case 0:
		return "Tidy up\n"
	case 1:
		return lines[0] + "\n"
	}
	return fmt.Sprintf("%s (and %d more)\n\n%s\n", lines[0], len(lines)-1, strings.Join(lines, "\n"))
}

// tame keeps names that others chose on their line, and from mentioning anybody.
func tame(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return ' '
		case r == '@':
			return '＠'
		}
		return r
	}, line)
}

func freightLines(pipeline string, freight []promote.Freight) []string {
	var out []string
	for _, f := range freight {
		var what []string
		for _, i := range f.Images {
			what = append(what, fmt.Sprintf("%s:%s", i.Repository, i.Tag))
		}
		for _, c := range f.Charts {
			what = append(what, c.KnownAs()+" "+c.Version)
		}
		for _, c := range f.Commits {
			what = append(what, strings.TrimSuffix(fmt.Sprintf("%s at %s %s", c.Repository, promote.ShortID(c.ID), c.Tag), " "))
		}
		out = append(out, fmt.Sprintf("%s: freight %s in %s (%s)", pipeline, f.Alias, f.Warehouse, strings.Join(what, ", ")))
	}
	return out
}

func arrivalLines(pipeline string, news promote.Facts) []string {
	var out []string
	for _, a := range news.Arrivals {
		line := fmt.Sprintf("%s/%s: arrival by %s at %s", pipeline, a.Stage, a.Manner, promote.ShortID(a.Commit))
		if a.PullRequest != 0 {
			in := ""
			if a.Repository != 0 {
				in = a.Target.Repository
			}
			line += fmt.Sprintf(" (%s#%d)", in, a.PullRequest)
		}
		out = append(out, line)
	}
	for _, r := range news.Rejections {
		out = append(out, fmt.Sprintf("%s/%s: %s rejected %s", pipeline, r.Stage, r.By, promote.ShortID(r.Freight)))
	}
	for _, h := range news.Holds {
		out = append(out, holdLine(pipeline, h))
	}
	for _, r := range news.Results {
		line := fmt.Sprintf("%s/%s: %s %q is %s on %s", pipeline, r.Stage, r.Source, r.Name, r.State, promote.ShortID(r.Commit))
		if r.By != "" {
			line += ", said by " + r.By
		}
		out = append(out, line)
	}
	return append(out, attemptLines(pipeline, news)...)
}

func attemptLines(pipeline string, news promote.Facts) []string {
	var out []string
	for _, a := range news.Attempts {
		cause := string(a.Cause)
		if a.By != "" {
			cause += " by " + a.By
		}
		out = append(out, fmt.Sprintf("%s/%s: attempt %d at gate %s on %s (%s)", pipeline, a.Stage, a.Number, a.Gate, promote.ShortID(a.Commit), cause))
	}
	for _, r := range news.Runs {
		what := fmt.Sprintf("is run %d", r.ID)
		switch {
		case r.Refused != "":
			what = "was refused: " + r.Refused
		case r.Lost:
			what = "left no run"
		}
		out = append(out, fmt.Sprintf("%s/%s: attempt %d at gate %s %s", pipeline, r.Stage, r.Number, r.Gate, what))
	}
	return out
}

func alertLines(pipeline string, alerts []promote.Alert) []string {
	var out []string
	for _, a := range alerts {
		what := strings.TrimSpace(fmt.Sprintf("%s %s", a.Kind, a.Subject)) + " is " + string(a.State)
		if a.State == promote.AlertWatched {
			what = "staleness is counted from now on"
		}
		out = append(out, fmt.Sprintf("%s/%s: alert: %s", pipeline, a.Stage, what))
	}
	return out
}

func holdLine(pipeline string, h promote.Hold) string {
	verb := "held"
	if h.Released {
		verb = "released"
	}
	return fmt.Sprintf("%s/%s: %s by %s", pipeline, h.Stage, verb, h.By)
}

func proposalLine(pipeline string, p promote.Proposal, freight []promote.Freight) string {
	var names []string
	for _, f := range freight {
		names = append(names, f.Alias)
	}
	return fmt.Sprintf("%s/%s: propose %s", pipeline, p.Stage, strings.Join(names, ", "))
}
