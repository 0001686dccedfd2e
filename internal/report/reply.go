package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Status answers /status: what every stage holds, and what it waits for. With
// stages, by pipeline, it tells of those only.
func Status(views []View, stages map[string][]string, mistakes []string) string {
	if len(stages) > 0 {
		views = narrowed(views, stages)
	}
	out := blocks(views, mistakes)
	if out == "" {
		return "There is no pipeline here."
	}
	out += inFull(views, maxText-len(out))
	return out + passedOver(views, maxText-len(out))
}

// inFull explains every verdict, in at most so many bytes; nothing where there is
// no room.
func inFull(views []View, room int) string {
	const head, tail = "<details><summary>Every verdict in full</summary>\n\n", "\n</details>\n\n"
	var all []Point
	for _, v := range views {
		for _, verdict := range v.Verdicts {
			all = append(all, Explain(v, verdict.Stage))
		}
	}
	if room -= len(head) + len(tail); len(all) == 0 || room < maxProse {
		return ""
	}
	return head + fitted(all, room) + tail
}

// maxPassed is how many things a reply lists of each warehouse as seen and not taken.
const maxPassed = 20

// passedOver lists what was seen and not taken, and why (F8), in at most so many
// bytes; nothing where there is no room.
func passedOver(views []View, room int) string {
	head := "<details><summary>Seen and not taken</summary>\n\n" + tableHead("warehouse", "item", "why", "")
	const tail = "\n</details>\n"
	var rows []string
	for _, v := range views {
		listed := map[string]int{}
		for _, p := range v.Snapshot.Passed {
			if listed[p.Warehouse]++; listed[p.Warehouse] > maxPassed {
				continue
			}
			rows = append(rows, tableRow(code(v.Pipeline.Name+"/"+p.Warehouse), code(p.Item), prose(p.Reason), prose(p.Detail)))
		}
	}
	text, _ := fit(rows, room-len(head)-len(tail))
	if text == "" {
		return ""
	}
	return head + text + tail
}

func narrowed(views []View, stages map[string][]string) []View {
	var out []View
	for _, v := range views {
		v.Verdicts = slices.DeleteFunc(slices.Clone(v.Verdicts), func(verdict promote.Verdict) bool {
			return !slices.ContainsFunc(stages[v.Pipeline.Name], func(name string) bool { return promote.Means(name, verdict.Stage) })
		})
		if len(v.Verdicts) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// blocks is a table and a drawing per pipeline, after the configuration's
// mistakes. The first of them stay whole when there are too many.
func blocks(views []View, mistakes []string) string {
	head := ""
	if len(mistakes) > 0 {
		head = "The configuration is broken:\n\n" + mistakeList(mistakes) + "\n"
	}
	const rest = 100 // for the line that says what is left out
	room := maxText - len(head) - rest
	var out []string
	for _, v := range views {
		out = append(out, v.block(room))
	}
	text, left := fit(out, room)
	if left > 0 {
		text += fmt.Sprintf("And %d more pipelines: `/status <pipeline>/<stage>` tells of one.\n", left)
	}
	return head + text
}

// block explains the verdicts of one pipeline, in at most so many bytes.
func (v View) block(room int) string {
	head := fmt.Sprintf("**%s** in %s\n\n", prose(v.Pipeline.Name), code(v.Pipeline.Repository)) +
		tableHead("stage", "state", "holds", "why", "changes at")
	drawn := "\n" + drawing(v, "")
	var rows []string
	for _, r := range Rows(v) {
		rows = append(rows, r.markdown())
	}
	const rest = 100 // for the row that says how many are left out
	text, left := fit(rows, room-len(head)-len(drawn)-rest)
	if left > 0 {
		text += tableRow(fmt.Sprintf("and %d more", left))
	}
	return head + text + drawn
}

// markdown is the row of a table: stage, state, holds, why, changes at.
func (r Row) markdown() string {
	state := r.State
	if r.Pull != 0 {
		state += " " + pullLink(r.PullAs, r.PullURL)
	}
	holds := "nothing yet"
	if r.Holds != "" {
		holds = code(r.Holds) + " since " + When(r.Since)
	}
	var why []string
	if r.Next != "" {
		why = append(why, code(r.Next)+r.colon())
	}
	for _, reason := range r.Why {
		why = append(why, prose(reason))
	}
	return tableRow(code(r.Stage), state, holds, strings.Join(why, "<br>"), When(r.Until))
}

// Outcome answers /promote for one stage, from the verdict that decided it.
func Outcome(v View, stage string) string {
	verdict, _ := v.verdict(stage)
	name, names := code(v.called(stage)), code(v.names(v.moving(stage, verdict.Freight)))
	switch {
	case verdict.Ask != nil && verdict.Ask.Back:
		return v.backOutcome(stage, verdict)
	case verdict.Refused:
		return fmt.Sprintf("%s is not promoted:\n\n%s", name, list(sentences(important(verdict.Reasons)))) + later(verdict)
	case verdict.Action == promote.Promote:
		text := fmt.Sprintf("Promoting %s to %s; the pull request follows.", names, name)
		switch s, _ := v.Pipeline.Stage(stage); {
		case s.Kind == promote.Control:
			text = fmt.Sprintf("%s passed %s on.", name, names)
		case s.Kind == promote.Fileless:
			text = fmt.Sprintf("%s is in %s now.", names, name)
		case s.Target.Push:
			text = fmt.Sprintf("Promoted %s to %s, by a push to %s.", names, name, code(s.Target.Branch))
		}
		if verdict.Rule != "" {
			text += " The rule is met: " + prose(verdict.Rule) + "."
		}
		return text + consequences(verdict)
	case verdict.Action == promote.Opened:
		pull := "; the pull request follows"
		if open := v.open(stage); open != nil && open.PullRequest != 0 {
			s, _ := v.Pipeline.Stage(stage)
			pull = ": " + pullLink(v.number(s, open.PullRequest), v.pullURL(open))
		}
		text := fmt.Sprintf("%s is proposed for %s already%s.", names, name, pull)
		if len(verdict.Blocked) > 0 {
			text += " It must not be merged:\n\n" + list(sentences(important(verdict.Blocked)))
		}
		return text
	case verdict.Action == promote.Current && v.passesOn(stage):
		return fmt.Sprintf("%s has passed this on already: nothing changes.", name)
	case verdict.Action == promote.Current:
		return fmt.Sprintf("%s holds exactly this already: nothing changes.", name) + consequences(verdict)
	}
	return fmt.Sprintf("%s: %s.\n\n%s", name, verdict.Action, list(sentences(important(verdict.Reasons)))) + later(verdict)
}

// later says when asking again may help.
func later(verdict promote.Verdict) string {
	if verdict.Until.IsZero() {
		return ""
	}
	return "\nBy time alone this changes at " + When(verdict.Until) + ".\n"
}

// consequences are what a promotion by hand does besides (P14), and what is to
// be known of it.
func consequences(verdict promote.Verdict) string {
	var out []string
	for _, r := range verdict.Reasons {
		if r.Kind == promote.CombinationUnseen {
			out = append(out, prose("Note: "+r.String()+"."))
		}
	}
	for _, warehouse := range verdict.Pins {
		out = append(out, fmt.Sprintf("Slot %s is held from now on, since this is not its newest available freight.", code(warehouse)))
	}
	for _, warehouse := range verdict.Frees {
		if warehouse == "" {
			out = append(out, "The hold of the stage ends.")
		} else {
			out = append(out, fmt.Sprintf("Slot %s is no longer held.", code(warehouse)))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "\n\n" + list(out)
}

// Hold answers /hold and /unhold.
func Hold(h promote.Hold) string {
	stage := code(h.Stage)
	switch {
	case h.Released:
		return stage + " is no longer held."
	case h.PullRequest != "":
		return fmt.Sprintf("%s is held until %s is merged or closed, or until %s.", stage, code(h.PullRequest), code("/unhold "+h.Stage))
	case h.Until.IsZero():
		return fmt.Sprintf("%s is held until %s.", stage, code("/unhold "+h.Stage))
	}
	return fmt.Sprintf("%s is held until %s, or until %s.", stage, When(h.Until), code("/unhold "+h.Stage))
}

// Verified answers /verify.
func Verified(r promote.Result) string {
	word := "passed"
	if r.State != promote.State(true) {
		word = "failed"
	}
	return fmt.Sprintf("Gate %s %s in %s, at %s.", code(r.Name), word, code(r.Stage), promote.ShortID(r.Commit))
}
