package command

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// UsageError is the answer to a comment with a mistake in it: all mistakes and
// the usage of each verb concerned. It has no Error method, on purpose: Parse
// returns a pointer, and a nil one in an error would not be nil.
type UsageError struct {
	// Text is Markdown, safe to post as it is and of bounded length.
	Text string
	// Strange says that all that is wrong are names that nothing here has:
	// somebody else may know them.
	Strange bool
}

// mistake is what is wrong with one command; err is Markdown.
type mistake struct {
	line line
	err  error
}

const nothingRan = "Nothing in this comment was run"

func tooMany(n int) *UsageError {
	return &UsageError{Text: fmt.Sprintf("%s: it holds %d commands, and %d are the most.\n", nothingRan, n, maxCommands)}
}

func usageError(mistakes []mistake) *UsageError {
	var b strings.Builder
	b.WriteString(nothingRan + ":\n\n")
	strange := true
	var usages []string
	seen := map[string]bool{}
	for _, m := range mistakes {
		fmt.Fprintf(&b, "- line %d, %s: %s\n", m.line.number, code(m.line.text), m.err)
		var unknown *unknownName
		strange = strange && errors.As(m.err, &unknown)
		name := m.line.verb.name
		if usage := Usage(name); usage != "" && !seen[name] {
			usages = append(usages, usage)
		}
		seen[name] = true
	}
	b.WriteString("\n")
	for _, usage := range usages {
		fmt.Fprintf(&b, "Usage: %s.\n\n", usage)
	}
	b.WriteString("`/help` shows all commands.\n")
	return &UsageError{Text: b.String(), Strange: strange}
}

// code returns hostile text as a Markdown code span on one line, cut to a
// bearable length, in which it can not be anything but text. What does not
// print, or turns the order of letters around, is shown by its number.
func code(s string) string {
	const most = 100 // runes
	var b strings.Builder
	n := 0
	for len(s) > 0 {
		if n++; n > most {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	text := b.String()
	if text == "" {
		text = `""`
	}
	// A span ends at a run of exactly as many backticks as it starts with.
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}
