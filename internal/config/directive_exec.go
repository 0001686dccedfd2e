package config

import (
	"regexp"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

type rawExec struct {
	At
	Command List[Text] `yaml:"command" req:"true" is:"content" doc:"The program and its arguments; there is no shell. It runs in the workspace, and what it leaves there is what the next directive finds."`
	Timeout Text       `yaml:"timeout" is:"duration" default:"10m" doc:"After this time the command is ended, and has failed."`
}

// execTimeout is how long a command may take that says nothing else.
const execTimeout = 10 * time.Minute

func (raw *rawExec) build(e *evaluator) directives.Directive {
	out := directives.Exec{Timeout: execTimeout}
	if raw.Timeout.Set() {
		out.Timeout = e.duration(raw.Timeout)
		if d, err := time.ParseDuration(e.text(raw.Timeout)); err == nil && d <= 0 {
			e.add(raw.Timeout.At, "`timeout` must be more than 0")
		}
	}
	if words := raw.Command; words.Set() && (words.empty() || len(words.Items) > 0 && words.Items[0].template.Static() && e.text(words.Items[0]) == "") {
		e.add(words.At, "`command` names no program")
	}
	for i, word := range raw.Command.Items {
		e.checkWord(raw.Command.Items, i)
		out.Command = append(out.Command, e.text(word))
	}
	return out
}

// asScript are the options behind which programs take a piece of a program: sh -c,
// bash -ec, perl -e, sed -e, node --eval.
var asScript = regexp.MustCompile(`^(-[A-Za-z]*[ce]|--(eval|expression|command))$`)

// checkWord reports a word that would let freight, which is the words of whoever
// pushed it, choose what runs.
func (e *evaluator) checkWord(words []Text, i int) {
	word := words[i]
	switch {
	case word.template.Static():
	case i == 0:
		e.add(word.At, "which program runs can not depend on freight")
	case words[i-1].template.Static() && asScript.MatchString(e.text(words[i-1])):
		e.add(word.At, "this is a piece of a program, and what follows from freight must not be a part of it: hand it over as another word, or let the command read TOWPATH_FREIGHT, which is JSON")
	}
}

// runsCommands is the first directive of an update that runs a command.
func (raw rawUpdate) runsCommands() (At, bool) {
	i := slices.IndexFunc(raw.Directives.Items, func(d rawDirective) bool { return d.Exec != nil })
	if i < 0 {
		return At{}, false
	}
	return raw.Directives.Items[i].Exec.At, true
}
