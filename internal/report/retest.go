package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Retested answers /retest for one stage, from the verdict that decided it; empty
// where nobody asked.
func Retested(v View, stage string) string {
	verdict, _ := v.verdict(stage)
	var out []string
	for _, r := range verdict.Retested {
		out = append(out, v.retested(stage, r))
	}
	return strings.Join(out, "\n\n")
}

func (v View) retested(stage string, r promote.Retested) string {
	name, gate := code(v.called(stage)), code(r.Gate)
	s, _ := v.Pipeline.Stage(stage)
	switch r.State {
	case promote.RetestStarts:
		return fmt.Sprintf("%s of %s is started: attempt %d.", gate, name, r.Attempt)
	case promote.RetestGoesOn:
		return fmt.Sprintf("%s of %s still runs, and is left alone: %s.", gate, name, link(fmt.Sprintf("attempt %d", r.Attempt), r.URL))
	case promote.RetestByOthers:
		if g, _ := s.Gate(r.Gate); g.Source == promote.FromRun {
			return fmt.Sprintf("%s of %s is run by `action run`, which runs again what has not passed.", gate, name)
		}
		text := fmt.Sprintf("%s of %s is run by others, and Towpath can not start it", gate, name)
		if r.URL != "" {
			text += ": " + link("run it again where it ran", r.URL)
		}
		return text + "."
	case promote.RetestUnknown:
		return fmt.Sprintf("%s has no gate %s. %s", name, gate, theGates(s))
	case promote.RetestDrifted:
		return fmt.Sprintf("%s holds what people put there by hand, which is no freight: nothing is run on it.", name)
	case promote.RetestMoved:
		return fmt.Sprintf("%s changed after the comment: nothing is run. Say it again if it still holds.", name)
	case promote.RetestEmpty:
		return fmt.Sprintf("%s holds nothing yet: nothing is run.", name)
	}
	if len(s.Gates) == 0 {
		return fmt.Sprintf("Nothing is run. %s", theGates(s))
	}
	return fmt.Sprintf("Nothing failed or is missing in %s: nothing is run. `/retest %s all` runs all of its gates again.", name, v.called(stage))
}

func theGates(s promote.Stage) string {
	if len(s.Gates) == 0 {
		return "It has no gates."
	}
	var names []string
	for _, g := range s.Gates {
		names = append(names, code(g.Name))
	}
	return "Its gates are " + strings.Join(names, ", ") + "."
}
