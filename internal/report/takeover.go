package report

import (
	"fmt"

	"github.com/towpath/towpath/internal/promote"
)

// Taken answers /takeover.
func Taken(t promote.Takeover) string {
	text := fmt.Sprintf("%s is taken over for %s: its newest pre-release goes there, other freight skips it, and nothing in it counts downstream. It ends by %s",
		code(t.Stage), code(t.Word()), code("/release "+t.Stage))
	if t.Number > 0 {
		text += ", when the pull request is closed"
	}
	if !t.Until.IsZero() {
		text += ", or at " + When(t.Until)
	}
	return text + "."
}

// NotTaken answers a /takeover that was refused.
func NotTaken(stage, why string) string {
	return fmt.Sprintf("%s is not taken over: %s.", code(stage), prose(why))
}

// Released answers /release.
func Released(t promote.Takeover) string {
	return fmt.Sprintf("%s is no longer taken over for %s: the newest ordinary freight goes there again.", code(t.Stage), code(t.Word()))
}

// NotReleased answers a /release of a stage that is not taken over.
func NotReleased(stage string) string { return code(stage) + " is not taken over." }
