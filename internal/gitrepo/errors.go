package gitrepo

import (
	"fmt"
	"strings"
	"unicode"
)

// StaleError says that a push did nothing because somebody else moved a ref:
// read again, decide again.
type StaleError struct {
	Ref      string
	Expected string // "" : expected not to exist
	Actual   string // "" : does not exist
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%s moved: expected %s, is %s", e.Ref, orAbsent(e.Expected), orAbsent(e.Actual))
}

func orAbsent(id string) string {
	if id == "" {
		return "absent"
	}
	return id
}

// UnreachableError says that the server could not be asked, or did not answer
// well: asking again may help, and nothing is known about what was asked for.
type UnreachableError struct{ err error }

func (e *UnreachableError) Error() string { return e.err.Error() }

func (e *UnreachableError) Unwrap() error { return e.err }

// RefusedError says that a push did nothing because a rule, a hook or a
// missing right on the server refuses it. Trying again does not help.
type RefusedError struct {
	Ref    string
	Reason string // the server's words, on printable lines
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refused by the server: %s", e.Ref, e.Reason)
}

// maxServerText bounds what is kept of a server's words, in bytes.
const maxServerText = 4096

// serverText makes a server's words safe to show: valid UTF-8, no control
// characters but line ends, no colour codes, bounded.
func serverText(raw string) string {
	if len(raw) > maxServerText {
		raw = raw[:maxServerText]
	}
	raw = strings.ReplaceAll(strings.ToValidUTF8(raw, "?"), "\r", "\n")
	var lines []string
	for line := range strings.SplitSeq(raw, "\n") {
		line = strings.TrimSpace(strings.Map(printable, stripColours(line)))
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func printable(r rune) rune {
	if r == '\t' {
		return ' '
	}
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// stripColours removes ANSI escape sequences, which would leave "[31m" behind.
func stripColours(s string) string {
	for {
		start := strings.Index(s, "\x1b[")
		if start < 0 {
			return s
		}
		end := start + 2
		for end < len(s) && (s[end] < '@' || s[end] > '~') {
			end++
		}
		s = s[:start] + s[min(end+1, len(s)):]
	}
}
