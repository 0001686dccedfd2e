package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// wentBack says what a rollback brings back, and what it does besides (P14).
func (v View) wentBack(stage string, p promote.Proposal) string {
	text := "Somebody asked to go back; the upstream rule was not asked. The freight is assembled anew, by today's configuration.\n\n"
	if p.Back.Commit != "" {
		text = fmt.Sprintf("Somebody asked to go back; the upstream rule was not asked. This restores, byte for byte, the files that came here with %s",
			code(promote.ShortID(p.Back.Commit)))
		if s, ok := v.arrival(stage, p.Back.Commit); ok {
			text += " at " + When(s.At)
		}
		text += ", but for those that are `preserve`d: they stay as they are on the branch.\n\n"
	}
	return text + fmt.Sprintf("The stage is held: nothing follows by itself until %s or %s.\n\n", code("/promote "+stage), code("/unhold "+stage))
}

func (v View) arrival(stage, commit string) (promote.Arrival, bool) {
	for _, a := range v.Snapshot.Facts.ArrivalsIn(stage) {
		if a.Commit == commit {
			return a, true
		}
	}
	return promote.Arrival{}, false
}

// backOutcome answers /rollback for one stage, from the verdict that decided it.
func (v View) backOutcome(stage string, verdict promote.Verdict) string {
	s, _ := v.Pipeline.Stage(stage)
	name, names := code(v.called(stage)), code(v.names(verdict.Freight))
	held := fmt.Sprintf(" The stage is held until %s or %s.", code("/promote "+stage), code("/unhold "+stage))
	switch {
	case verdict.Refused:
		return fmt.Sprintf("%s is not rolled back:\n\n%s", name, list(sentences(important(verdict.Reasons))))
	case verdict.Action == promote.Promote && s.Target.Push:
		return fmt.Sprintf("Rolled %s back to %s, by a push to %s.", name, names, code(s.Target.Branch)) + held
	case verdict.Action == promote.Promote:
		return fmt.Sprintf("Rolling %s back to %s; the pull request follows.", name, names) + held
	case verdict.Action == promote.Opened:
		return fmt.Sprintf("%s is proposed for %s already.", names, name) + held
	}
	return strings.TrimSpace(fmt.Sprintf("%s holds exactly this already: nothing changes.", name) + held)
}
