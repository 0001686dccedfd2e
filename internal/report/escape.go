package report

import (
	"regexp"
	"strings"
	"unicode"
)

// This file is the only one that knows how text from outside is made harmless:
// code and prose for Markdown, link for addresses, label for Mermaid, line for
// titles and commit messages, word for terminals. All of them return one line.

// Bounds of one piece of text from outside, in characters.
const (
	maxWord  = 300
	maxProse = 1500
	maxLine  = 500
	maxLabel = 70
)

// zero is a space without width: it looks like nothing, and what stands on its
// two sides is not read as one word.
const zero = "\u200b"

// code puts a word from outside into a code span, in which it can make no
// mention, link or HTML. Backticks and bars are shown by their look-alikes: they
// would end the span or, in a span as well, the cell of a table.
func code(text string) string {
	text = word(text)
	if text == "" {
		return "` `"
	}
	return "`" + lookalikes.Replace(text) + "`"
}

var lookalikes = strings.NewReplacer("`", "´", "|", "¦")

// prose makes a sentence of ours that holds words from outside safe to post:
// what stands between its backticks stays code, the rest can make nothing, also
// at the beginning of a line and in the cell of a table.
func prose(text string) string {
	parts := strings.Split(cut(visible(text), maxProse), "`")
	if len(parts)%2 == 0 { // an odd backtick came from outside
		parts = []string{strings.Join(parts, "´")}
	}
	for i, part := range parts {
		if i%2 == 1 {
			parts[i] = code(part)
		} else {
			parts[i] = markdown.Replace(inert(part))
		}
	}
	return unblocked(strings.Join(parts, ""))
}

// markdown writes the characters that Markdown acts on so that it does not. A
// bar and a backslash become entities, since a table looks for them before it
// looks for anything else; a dollar would begin mathematics.
var markdown = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", `\`, "&#92;", "$", "＄",
	"*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`,
)

// blockStart matches what makes a list, a heading or a rule of a line's beginning.
var blockStart = regexp.MustCompile(`^(\d+[.)]|[-+=])`)

func unblocked(text string) string {
	found := blockStart.FindStringIndex(text)
	if found == nil {
		return text
	}
	sign := found[1] - 1
	return text[:sign] + `\` + text[sign:]
}

// inert breaks what GitHub turns into a mention or a link in any text, titles
// and commit messages included, and what would close an issue or skip a run.
// It looks the same to a reader. An address is broken before its colon or dot:
// GitHub takes what comes after them for a host's name, even when it is invisible.
// A stage with its stamp stays whole, since people copy it into commands.
func inert(text string) string {
	var out strings.Builder
	rest := 0
	for _, found := range autolinks.FindAllStringIndex(text, -1) {
		out.WriteString(text[rest:found[1]])
		if rest = found[1]; !isStamped(text[:found[0]], text[found[0]:]) {
			out.WriteString(zero)
		}
	}
	return strings.ReplaceAll(out.String()+text[rest:], "://", zero+"://")
}

// isStamped tells whether an at sign stands between a stage and its stamp: a
// letter or digit before it makes that no mention, no dot after it no address, and
// what is not a commit's id no link to one.
func isStamped(before, from string) bool {
	if before == "" || !strings.Contains(lettersAndDigits, before[len(before)-1:]) {
		return false
	}
	stamp := stampForm.FindString(from)
	return stamp != "" && !goesOn.MatchString(from[len(stamp):]) && !commitForm.MatchString(stamp)
}

const lettersAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789"

var (
	stampForm  = regexp.MustCompile(`^@[A-Za-z0-9_-]+`)
	goesOn     = regexp.MustCompile(`^(\.|:\S)`)
	commitForm = regexp.MustCompile(`(?i)^@[0-9a-f]{7,40}$`)
)

var autolinks = regexp.MustCompile(`(?i)[@#]|www|\bgh-|\[(?:skip|ci|no|actions)|no_ci`)

// link is a link of ours, around text that is safe already, or only the text
// where the address is not one that can stand in Markdown.
func link(text, address string) string {
	if !webAddress.MatchString(address) {
		return text
	}
	return "[" + text + "](" + address + ")"
}

// pullLink is a link to a pull request by its name, which where there is no address
// for it links nothing by itself.
func pullLink(name, address string) string {
	if linked := link(name, address); linked != name {
		return linked
	}
	return prose(name)
}

// webAddress admits no user before the host, which would make it look like
// another, and nothing that ends a link or a table's cell.
var webAddress = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/?#@!$&,;=:+%-]*)?$`)

// label makes text for a quoted Mermaid label: letters, digits, the few signs that
// mean nothing there, and a stage with its stamp.
func label(text string) string {
	var out strings.Builder
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_.:/#+(),", r) || r == '@' && isStamped(text[:i], text[i:]) {
			out.WriteRune(r)
		} else {
			out.WriteByte(' ')
		}
	}
	text = out.String()
	// A number sign begins an entity in Mermaid, and a label that begins like a
	// list is not drawn.
	text = strings.TrimLeft(strings.Join(strings.Fields(text), " "), "-+ ")
	if text == "" {
		return "–" // Mermaid takes no empty label
	}
	return strings.ReplaceAll(cut(text, maxLabel), "#", "#35;")
}

// word makes a name for where nothing at all is read, as in a terminal.
func word(text string) string { return cut(visible(text), maxWord) }

// line makes text for where no Markdown is read: titles and commit messages.
func line(text string) string { return inert(cut(visible(text), maxLine)) }

// visible puts text on one line and shows what a reader could not see, or what
// turns the order of letters around, as a replacement character.
func visible(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return unicode.ReplacementChar
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// cut bounds text to so many characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
