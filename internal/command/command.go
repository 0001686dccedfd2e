// Package command reads the commands out of the text of a comment.
//
// It knows which lines of a comment are commands (C1), the grammar of every
// verb, and how to answer a mistake (C3). It does not know who wrote the
// comment, whether they may do what they ask, what time it is, or what becomes
// of a command: a command is a value that somebody else runs.
//
// A comment is hostile. Every word of it that the package hands back inside a
// reply stands in a code span, in which it can make no Markdown, mention, link
// or HTML; the words inside a [Command] are as they were written, and whoever
// shows them has to do the same.
package command

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxCommands is how many commands one comment may hold (C1).
	maxCommands = 10
	// maxLine bounds a command, in bytes, and with it a reason in the ledger
	// and the work that a suggestion costs.
	maxLine = 1000
)

// Names is what the words of a command can name.
type Names struct {
	// Stages are all stages that a command here may mean, in the order in which
	// a reply is to list them.
	Stages []Stage
	// Warehouses are likewise those that a command here may mean.
	Warehouses []Stage

	of string // what they are called in replies; empty: stage
}

// Stage is the full name of a stage, or of a warehouse.
type Stage struct {
	Pipeline string
	Name     string
}

// String returns the stage as `pipeline/stage`, which always means this one.
func (s Stage) String() string { return s.Pipeline + "/" + s.Name }

// Command is one command, with every name resolved.
type Command struct {
	// Verb is the verb in lower case, without its slash.
	Verb string
	// Stages are the stages named, without doubles, in the order written. There
	// is exactly one for hold, unhold, cancel, rollback, override, verify, retest,
	// takeover and release, at least one for promote, any number, where none means
	// all, for status, and one or none for why.
	Stages []Stage
	// Freight maps a warehouse to the id or alias of freight, both as written
	// and neither known to exist. Promote and rollback have any number of it; nil
	// when none was named. Override has exactly one, under "" when it names no warehouse.
	Freight map[string]string
	// Warehouse is the one that freight is assembled of, and Artifacts what is
	// named of it; only freight has them. They are as written.
	Warehouse Stage
	Artifacts []Artifact
	// Channel is what a stage is taken over for, as written: `pr-123`. For is how
	// long; 0: without an end of its own. Only takeover has them.
	Channel string
	For     time.Duration
	// Reason is why a stage is held, freight let past a rule, or a gate passed or
	// failed, in the commenter's own words on one line; empty when none was given.
	Reason string
	// Gate is the gate that verify names, not known to exist, and Passed what it
	// says of it.
	Gate   string
	Passed bool
	// Gates are the gates that retest names, not known to exist; none means those
	// that failed or are missing, and All all of them.
	Gates []string
	All   bool
	// Name is what why is asked about when it is no stage, and Version the version
	// of it or of what came to the stage; both as written, and neither known to
	// exist. Empty otherwise.
	Name, Version string
	// Until is when a hold ends by itself.
	Until Until
	// Line is where the command stands in the comment, from 1.
	Line int
}

// Artifact is one artifact of freight as somebody names it: `name@version`.
type Artifact struct{ Name, Version string }

// Until is the end of a hold: a time, a pull request, or neither.
type Until struct {
	// At is in UTC, and may be in the past: the package has no clock.
	At time.Time
	// PullRequest is written `owner/repo#n`.
	PullRequest string
}

// IsZero reports whether the hold lasts until it is lifted by hand.
func (u Until) IsZero() bool { return u.At.IsZero() && u.PullRequest == "" }

// Parse returns the commands of a comment in the order in which they are to
// run, or, when anything is wrong with one of them, none and the one reply to
// give (C1, C3). A comment without a command of ours gives neither.
//
// Identical commands run once, in the place of the last of them, so that the
// last word on a stage stays the last.
func Parse(body string, names Names) ([]Command, *UsageError) {
	lines := commandLines(body)
	if len(lines) > maxCommands {
		return nil, tooMany(len(lines))
	}
	var commands []Command
	var mistakes []mistake
	for _, l := range lines {
		c, err := l.parse(names)
		if err != nil {
			mistakes = append(mistakes, mistake{l, err})
			continue
		}
		commands = slices.DeleteFunc(commands, c.same)
		commands = append(commands, c)
	}
	if len(mistakes) > 0 {
		return nil, usageError(mistakes)
	}
	return commands, nil
}

// same reports whether both commands ask for the same, wherever they stand.
func (c Command) same(other Command) bool {
	return c.Verb == other.Verb && c.Reason == other.Reason && c.Name == other.Name && c.Version == other.Version &&
		c.Gate == other.Gate && c.Passed == other.Passed && c.All == other.All && slices.Equal(c.Gates, other.Gates) &&
		c.Until.PullRequest == other.Until.PullRequest && c.Until.At.Equal(other.Until.At) &&
		c.Channel == other.Channel && c.For == other.For && c.Warehouse == other.Warehouse && slices.Equal(c.Artifacts, other.Artifacts) &&
		slices.Equal(c.Stages, other.Stages) && maps.Equal(c.Freight, other.Freight)
}

// parse reads one command. Its errors are Markdown for the commenter.
func (l line) parse(names Names) (Command, error) {
	if err := l.legible(); err != nil {
		return Command{}, err
	}
	words, err := split(l.args)
	if err != nil {
		return Command{}, err
	}
	words, flags, err := takeFlags(words, l.verb.flags)
	if err != nil {
		return Command{}, err
	}
	c, err := l.verb.parse(arguments{names: names, words: words, flags: flags})
	c.Verb, c.Line = l.verb.name, l.number
	return c, err
}

// legible refuses a line that does not mean what a reader of the comment sees:
// one with control characters, with bytes that are no text, with characters
// that turn the order of the letters around, or with HTML in it.
func (l line) legible() error {
	switch {
	case len(l.text) > maxLine:
		return fmt.Errorf("a command is at most %d bytes long", maxLine)
	case l.html:
		return errors.New("a command can not hold HTML tags or comments")
	case !utf8.ValidString(l.text):
		return errors.New("the line is not valid UTF-8")
	}
	for _, r := range l.text {
		if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("the line holds the invisible character %U", r)
		}
	}
	return nil
}
