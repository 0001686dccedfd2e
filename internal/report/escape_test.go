package report

import (
	"strings"
	"testing"
	"unicode"
)

// evil are words that mean something to Markdown, to GitHub, to Mermaid, to git
// or to a terminal.
var evil = []string{
	"", " ", "`", "``", "` @octo", "a`b`c", "|", `\|`, `\`, "a\nb", "\r\n\r\n# x", "@octo", "@acme/sre", "x@octo.example", "prod@eu", "prod@eu.2", "prod-@eu", "x@cd85307300", "ä@octo", "a@b@octo", "a@b_c.d", "#1", "acme/other#1", "GH-1", "gh-1",
	"https://evil.example/x", "HTTP://evil.example", "www.evil.example", "ftp://e.example", "<b>x</b>", "</details>", "<!-- x", "-->", "&lt;b&gt;", "&#64;octo", "[x](http://e)", "![x](http://e)", "[x]: http://e",
	"*x*", "__x__", "~~x~~", "~~~", "```mermaid", "- x", "+ x", "1. x", "12) x", "# x", "> x", "---", "***", "===", "    x", "\tx", "[^1]", "- [ ] x", "$x$", "$`x`$", "\u202etxt", "\u200b@octo", "\x1b[31m", "\xff\xfe", "\u2028x",
	`"]`, `"]:::held`, `x"] --> s1["y`, "%%{init: {}}%%", "#quot;", "end", "<br/>", "|\"x\"|", ";", "\u00a0- x", "http:", "mailto:a@b.example", "xmpp:a@b.example", ":::held",
	strings.Repeat("ü|`", 600), strings.Repeat("@octo ", 300), "`a``b`", "`a` `b", "1234567890123456789012345678901234567890",
}

func seed(f *testing.F) {
	for _, e := range evil {
		f.Add(e)
	}
}

// Whatever the word, one code span comes out of it and nothing else, in a
// sentence as well as in a table.
func FuzzCode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, word string) {
		got := code(word)
		oneLine(t, got, maxWord+4)
		for _, in := range []string{"x %s y", "| a | b |\n|---|---|\n| %s | y |\n", "> - %s\n"} {
			p := read(strings.Replace(in, "%s", got, 1))
			if p.spans != 1 || len(p.html)+len(p.links)+len(p.addresses)+p.images != 0 || strings.ContainsAny(p.prose, "`@#<") {
				t.Errorf("%q in %q is read as %+v", got, in, p)
			}
			if strings.Contains(in, "|") && (p.tables != 1 || strings.Trim(p.prose, "aby\n") != "") {
				t.Errorf("%q breaks a table: %+v", got, p)
			}
		}
	})
}

// Whatever the sentence, it stays a sentence: no link, HTML, mention, image or
// block, and only what stands between backticks is code.
func FuzzProse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		got := prose(text)
		oneLine(t, got, 40*maxProse)
		for _, in := range []string{"%s", "- %s\n", "> - %s\n", "x: %s.", "| a | b |\n|---|---|\n| x<br>%s | y |\n"} {
			p := read(strings.Replace(in, "%s", got, 1))
			if len(p.html) > strings.Count(in, "<br>") || len(p.links)+len(p.addresses)+p.images+len(p.fences) != 0 {
				t.Errorf("%q in %q is read as %+v", got, in, p)
			}
			if found := autolinked.FindString(p.prose); found != "" {
				t.Errorf("GitHub would link %q in %q", found, got)
			}
			if strings.Contains(in, "|") && (p.tables != 1 || p.rows != 1) {
				t.Errorf("%q breaks a table: %+v", got, p)
			}
		}
		if found := kinds(got); got != "" && found != "Document Paragraph" {
			t.Errorf("%q is read as %s", got, found)
		}
	})
}

// Whatever the text, the drawing stays the drawing.
func FuzzLabel(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		got := label(text)
		oneLine(t, got, 4*maxLabel)
		drawable(t, "  s0[\""+got+"\"]:::held\n  w0[(\""+got+"\")]\n  s0 -->|\""+got+"\"| s0\n")
	})
}

// Whatever the text, a title or a line of a commit message mentions nobody.
func FuzzLine(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		got := line(text)
		oneLine(t, got, 2*maxLine)
		if found := autolinked.FindString(got); found != "" {
			t.Errorf("GitHub would link %q in %q", found, got)
		}
	})
}

func oneLine(t *testing.T, text string, most int) {
	t.Helper()
	if n := len([]rune(text)); n > most {
		t.Errorf("%d characters", n)
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			t.Errorf("%q holds %U", text, r)
		}
	}
}

func TestLink(t *testing.T) {
	for _, good := range []string{url, url + "/compare/a...b", "http://127.0.0.1:8080/x?y=1&z=%20#L1", "https://ci.example/job/1/_/~x"} {
		if got, want := link("`x`", good), "[`x`]("+good+")"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, bad := range []string{
		"", "javascript:alert(1)", "//evil.example", "https://", "https://github.com@evil.example/", "https://e/a b", "https://e/)[x](https://f", "https://e/|", "https://e/<b>",
		"https://e/\"x", "https://e/\n", "https://e/`", `https://e/\`, "https://e/'", "data:text/html,x", "https://é.example/", "https://e/\u202e",
	} {
		if got := link("`x`", bad); got != "`x`" {
			t.Errorf("%q becomes %s", bad, got)
		}
	}
}

// The words stay what they were to a reader.
func TestWordsStayReadable(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{code("ghcr.io/acme/web:1.4.2"), "`ghcr.io/acme/web:1.4.2`"},
		{code(""), "` `"},
		{code("a|b`c\x1b"), "`a¦b´c\uFFFD`"},
		{prose("waiting for uat-b (1 of 2 verified)"), "waiting for uat-b (1 of 2 verified)"},
		{prose("freight x was rejected: `/promote prod` brings it back"), "freight x was rejected: `/promote prod` brings it back"},
		{prose(".towpath/pipeline.yaml:3:1: a_b"), `.towpath/pipeline.yaml:3:1: a\_b`},
		{label("#12 open"), "#35;12 open"},
		{line("Promote web:1.4.2 (calm-heron)"), "Promote web:1.4.2 (calm-heron)"},
	} {
		if row.got != row.want {
			t.Errorf("%q, want %q", row.got, row.want)
		}
	}
}
