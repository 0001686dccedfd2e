package command_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/towpath/towpath/internal/command"
)

// FuzzWhatActsIsSeen compares the parser, which reads tags, with a browser's
// view of the rendered page: a command that acts after any text is plain text of
// a paragraph there (C1). The seeds are comments whose tags a browser nests in
// another way than they are written.
func FuzzWhatActsIsSeen(f *testing.F) {
	for _, seed := range []string{
		"thanks <b>a</b>\n",
		"<details>\n\n</details>\n\n",
		"<details>\n<table>\n</details>\n</table>\n\n",
		"> <table>\n\n</table>\n\n",
		"- <script>\n\n</script>\n\n",
		"|a|\n|-|\n</textarea><title>\n\n</title>\n\n",
		"<svg>\n\n<dd>\n\n</details></svg>\n\n",
		"<b><li></b>\n\n",
		"</a><p><li></p>\n\n",
		"<div></div> <!-- a\n\n",
		"<div title=\"\n\n",
		"a[^1]\n\n[^1]: </details>\n\n<details>\n\n",
		"`a\n",
		"![\n",
	} {
		f.Add(seed)
	}
	const marker = "marker"
	f.Fuzz(func(t *testing.T, before string) {
		if strings.Contains(before, marker) {
			return
		}
		body := before + "\n/hold prod " + marker + "\n"
		commands, _ := command.Parse(body, shop)
		acts := slices.ContainsFunc(commands, func(c command.Command) bool { return c.Reason == marker })
		if acts && !seen(t, body, marker) {
			t.Errorf("acts, and is hidden or no plain paragraph: %q", body)
		}
	})
}

// seen reports whether the words are text of a paragraph of the rendered page
// that no element but links and emphasis stands around.
func seen(t *testing.T, markdown, words string) bool {
	t.Helper()
	var page bytes.Buffer
	m := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(renderer.WithUnsafe()))
	if err := m.Convert([]byte(strings.ReplaceAll(markdown, "\r", "\n")), &page); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	plain := []string{"", "html", "body", "p", "a", "em", "strong", "del"}
	for n := range root.Descendants() {
		if n.Type != html.TextNode || !strings.Contains(n.Data, words) {
			continue
		}
		hidden := false
		for around := range n.Ancestors() {
			hidden = hidden || !slices.Contains(plain, around.Data)
		}
		if !hidden {
			return true
		}
	}
	return false
}
