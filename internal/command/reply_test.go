package command_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/towpath/towpath/internal/command"
)

var update = flag.Bool("update", false, "rewrite the replies in testdata/usage")

// TestReplies compares whole replies (C3). A file holds the stages, the body,
// which may be written as a Go string to hold what a text file can not, and the
// reply; without stages those of shop are meant.
func TestReplies(t *testing.T) {
	files, err := filepath.Glob("testdata/usage/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			known, body, want := shop, "", ""
			for _, f := range archive.Files {
				switch content := string(f.Data); f.Name {
				case "stages":
					known = names(strings.Fields(content)...)
				case "body":
					body = content
				case "body.go":
					if body, err = strconv.Unquote(strings.TrimSpace(content)); err != nil {
						t.Fatal(err)
					}
				case "reply":
					want = content
				default:
					t.Fatalf("unknown section %s", f.Name)
				}
			}
			commands, mistake := command.Parse(body, known)
			if mistake == nil || commands != nil {
				t.Fatalf("want a reply only, got %s", summary(commands))
			}
			if bad := harm(mistake.Text); bad != "" {
				t.Errorf("the reply holds %s", bad)
			}
			if *update {
				last := len(archive.Files) - 1
				archive.Files[last].Data = []byte(mistake.Text)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if mistake.Text != want {
				t.Errorf("got\n%s\nwant\n%s", mistake.Text, want)
			}
		})
	}
}

// Whatever is echoed is text in a code span, up to the last byte of it.
func TestEchoIsOneCodeSpan(t *testing.T) {
	for _, tc := range []struct{ word, want string }{
		{"@acme/sre", "@acme/sre"},
		{"<img/src=x>", "<img/src=x>"},
		{"a`b", "a`b"},
		{"`a``b```", "`a``b```"},
		{"``", "``"},
		{"[a](https://example.com)", "[a](https://example.com)"},
		{"*a*|b", "*a*|b"},
		{"a\u200bb\u2009c", `a\u200bb\u2009c`},
		{"''", `""`},
		{strings.Repeat("é", 101), strings.Repeat("é", 100) + "…"},
	} {
		_, mistake := command.Parse("/cancel "+tc.word, shop)
		if mistake == nil {
			t.Errorf("%s: no reply", tc.word)
			continue
		}
		if bad := harm(mistake.Text); bad != "" {
			t.Errorf("%s: the reply holds %s:\n%s", tc.word, bad, mistake.Text)
		}
		// The second span is the word, after the whole line.
		if spans := codeSpans(mistake.Text); len(spans) < 2 || spans[1] != tc.want {
			t.Errorf("%s: spans %q, want %q in\n%s", tc.word, spans, tc.want, mistake.Text)
		}
	}
}

func TestHelpIsHarmless(t *testing.T) {
	if bad := harm(command.Help()); bad != "" {
		t.Errorf("the help holds %s:\n%s", bad, command.Help())
	}
}

func parse(markdown string) ast.Node {
	return goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader([]byte(markdown)))
}

// harm names what a reply must not hold: HTML, links, images, and outside of
// code spans the signs that GitHub makes mentions and tags of; empty if none.
func harm(markdown string) (found string) {
	_ = ast.Walk(parse(markdown), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.RawHTML, *ast.HTMLBlock, *ast.Link, *ast.AutoLink, *ast.Image, *ast.FencedCodeBlock, *ast.CodeBlock, *ast.Blockquote:
			found = n.Kind().String()
		case *ast.Text:
			if s := string(n.Segment.Value([]byte(markdown))); strings.ContainsAny(s, "@<`") {
				found = strconv.Quote(s)
			}
		}
		return ast.WalkContinue, nil
	})
	return found
}

// codeSpans returns the text of all code spans, in their order.
func codeSpans(markdown string) (spans []string) {
	_ = ast.Walk(parse(markdown), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n.Kind() != ast.KindCodeSpan || !entering {
			return ast.WalkContinue, nil
		}
		var b strings.Builder
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			b.Write(c.(*ast.Text).Segment.Value([]byte(markdown)))
		}
		spans = append(spans, b.String())
		return ast.WalkSkipChildren, nil
	})
	return spans
}
