package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Check is a check run to write. Conclusion is neutral, success or failure, or
// empty while there is none; the
// title is plain text of at most 100 characters, the summary Markdown.
type Check struct {
	Name       string
	Conclusion string
	Title      string
	Summary    string
}

// CheckName is the check of a commit that something waits at.
const CheckName = "towpath"

// maxCheckTitle is what people see of a check's title without opening it; a
// commit status takes 140 characters.
const maxCheckTitle = 100

// Proposed is the check on a promotion's head: whether it may be merged (P5).
func Proposed(v View, stage string) Check {
	c := Check{Name: fmt.Sprintf("towpath: %s/%s", v.Pipeline.Name, stage), Conclusion: "success", Title: "the rule is met"}
	verdict, _ := v.verdict(stage)
	if blocked := important(verdict.Blocked); len(blocked) > 0 {
		c.Conclusion, c.Title = "failure", checkTitle("must not be merged: "+blocked[0].String())
		c.Summary = "This promotion must not be merged:\n\n" + list(sentences(blocked)) + "\n"
	}
	if open := v.open(stage); open != nil {
		if rule := open.Proposal.Rule; rule != "" && c.Conclusion == "success" {
			c.Title = checkTitle("the rule is met: " + rule)
			if open.Proposal.Back != nil {
				c.Title = checkTitle("the rule is " + rule)
			}
		}
		c.Summary += v.evidence(stage, open.Proposal)
	}
	if open := v.open(stage); open != nil {
		for _, o := range v.Overrides(stage, open.Proposal.Freight) {
			c.Summary += v.overridden(stage, o) + ".\n\n"
		}
	}
	c.Summary += drawing(v, "")
	return c
}

// Gone is the check on a promotion's head that nothing in the configuration makes
// any more; fate says what became of its stage.
func Gone(pipeline, stage, fate string) Check {
	return Check{
		Name: fmt.Sprintf("towpath: %s/%s", pipeline, stage), Conclusion: "failure", Title: checkTitle("must not be merged: " + stage + " " + fate),
		Summary: fmt.Sprintf("%s %s. This promotion is left as it is, in case it comes back; `action cleanup` closes it.\n", code(pipeline+"/"+stage), fate),
	}
}

// Mirrored is the check that says of an arrival what a gate does.
func Mirrored(v View, stage promote.Stage, g promote.GateResult) Check {
	c := Check{Name: g.Gate.Name, Title: checkTitle(cmp.Or(g.Note, string(g.State)))}
	switch g.State {
	case promote.GatePassed:
		c.Conclusion = "success"
	case promote.GateBroken, promote.GateTooLate:
		c.Conclusion = "failure"
	}
	c.Summary = fmt.Sprintf("In %s: %s.\n", code(v.Pipeline.Name+"/"+stage.Name), gates(stage, []promote.GateResult{g})[0])
	return c
}

// Waiting is the check on a commit at which people look for what waits there
// (P5). Every view's verdicts are narrowed to those.
func Waiting(views []View) Check {
	var heads []headline
	for _, v := range views {
		for _, verdict := range v.Verdicts {
			heads = append(heads, v.headline(verdict, stageName(views, v, verdict.Stage)))
		}
	}
	slices.SortStableFunc(heads, func(a, b headline) int { return cmp.Compare(a.weight, b.weight) })
	return Check{Name: CheckName, Conclusion: "neutral", Title: joined(heads), Summary: blocks(views, nil)}
}

// stageName is the bare name where only one pipeline of the views has it.
func stageName(views []View, v View, stage string) string {
	for _, other := range views {
		if _, too := other.Pipeline.Stage(stage); too && other.Pipeline.Name != v.Pipeline.Name {
			return v.Pipeline.Name + "/" + stage
		}
	}
	return stage
}

// headline is one stage in a check's title.
type headline struct {
	text   string
	weight int
}

// The weights of headlines that have no reason, after those of reasons.
const (
	opened = remark + iota + 1
	promoting
	settled
)

func (v View) headline(verdict promote.Verdict, name string) headline {
	blocked, reasons, top := important(verdict.Blocked), important(verdict.Reasons), settled
	if len(reasons) > 0 {
		top = weight(reasons[0].Kind)
	}
	switch {
	case len(blocked) > 0:
		return headline{fmt.Sprintf("%s: %s must not be merged: %s", name, v.pull(verdict.Stage, ""), blocked[0]), failed}
	case v.open(verdict.Stage) != nil && top > failed:
		return headline{fmt.Sprintf("%s: %s is open", name, v.pull(verdict.Stage, "")), opened}
	case verdict.Action == promote.Promote && top > failed:
		return headline{fmt.Sprintf("%s: promoting %s", name, v.names(v.moving(verdict.Stage, verdict.Freight))), promoting}
	case len(reasons) > 0:
		return headline{name + ": " + reasons[0].String(), top}
	}
	return headline{name + ": " + string(verdict.Action), settled}
}

// joined is as many headlines as a title has room for, and how many more there are.
func joined(heads []headline) string {
	text := ""
	for i, h := range heads {
		more := ""
		if left := len(heads) - i - 1; left > 0 {
			more = fmt.Sprintf(" (and %d more)", left)
		}
		next := h.text
		if i > 0 {
			next = text + "; " + h.text
		}
		if len([]rune(next+more)) > maxCheckTitle {
			if i == 0 {
				return checkTitle(h.text)
			}
			return checkTitle(fmt.Sprintf("%s (and %d more)", text, len(heads)-i))
		}
		text = next
	}
	return checkTitle(text)
}

// checkTitle is text without any Markdown, which titles do not show.
func checkTitle(text string) string {
	return cut(visible(strings.ReplaceAll(text, "`", "")), maxCheckTitle)
}

// Broken is the check that says why pipelines stand still (H4).
func Broken(mistakes []string) Check {
	return Check{
		Name: CheckName + "/config", Conclusion: "failure", Title: "the Towpath configuration is broken",
		Summary: "The pipelines with mistakes stand still; others go on. `action validate` in a clone shows the same.\n\n" + mistakeList(mistakes),
	}
}

// Edited is the check on a pull request that edits the configuration (H4). What a
// head says is only read; it counts once it is on the default branch.
func Edited(mistakes []string) Check {
	c := Check{
		Name: CheckName + "/config", Conclusion: "success", Title: "the Towpath configuration is valid; it takes effect after merge",
		Summary: "This pull request edits the Towpath configuration. It takes effect after merge; until then nothing of it counts.\n",
	}
	if len(mistakes) > 0 {
		c.Conclusion, c.Title = "failure", "the Towpath configuration is broken; it takes effect after merge"
		c.Summary += "\nThe pipelines with mistakes would stand still then. `action validate` in a clone shows the same.\n\n" + mistakeList(mistakes)
	}
	return c
}

// Remark is a mistake as plain text beside its line.
func Remark(mistake string) string { return line(mistake) }

// maxMistakes is how many mistakes are shown; nobody reads more before mending
// the first.
const maxMistakes = 100

func mistakeList(mistakes []string) string {
	var out []string
	for _, m := range mistakes[:min(len(mistakes), maxMistakes)] {
		out = append(out, prose(m))
	}
	if more := len(mistakes) - maxMistakes; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return list(out)
}

// list is one safe text a line, as many as there is room for.
func list(texts []string) string {
	lines := make([]string, len(texts))
	for i, t := range texts {
		lines[i] = "- " + t + "\n"
	}
	out, left := fit(lines, maxText/2)
	if left > 0 {
		out += fmt.Sprintf("- and %d more\n", left)
	}
	return out
}
