package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

// github is Markdown as GitHub reads it, nearly.
func github() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
}

// parts is what a Markdown text consists of.
type parts struct {
	links, addresses, html []string
	spans, images          int
	prose                  string // text outside code
	tables, rows           int
	fences                 []string
}

func read(markdown string) parts {
	source := []byte(markdown)
	var out parts
	_ = ast.Walk(github().Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			out.addresses = append(out.addresses, string(n.Destination))
		case *ast.AutoLink:
			out.links = append(out.links, string(n.URL(source)))
		case *ast.Image:
			out.images++
		case *ast.RawHTML:
			out.html = append(out.html, string(n.Segments.Value(source)))
		case *ast.HTMLBlock:
			out.html = append(out.html, string(n.Lines().Value(source)))
		case *ast.CodeSpan:
			out.spans++
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			out.fences = append(out.fences, string(n.Lines().Value(source)))
		case *extast.Table:
			out.tables++
		case *extast.TableRow:
			out.rows++
		case *ast.Text:
			out.prose += string(n.Segment.Value(source)) + "\n"
		}
		return ast.WalkContinue, nil
	})
	return out
}

// kinds are the blocks of a text, from the outside in.
func kinds(markdown string) string {
	var out []string
	_ = ast.Walk(github().Parser().Parse(text.NewReader([]byte(markdown))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering && n.Type() != ast.TypeInline {
			out = append(out, n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(out, " ")
}

// allowedHTML is what we write ourselves.
var allowedHTML = regexp.MustCompile(`^(<br>|</?details>\s*|<details><summary>(Resources and fields|Seen and not taken|Every verdict in full)</summary>\s*)$`)

// autolinked is what GitHub turns into a link or a notification outside of code. An
// at sign behind a letter or digit is no mention; with a dot after it there it is an
// address, and with hexadecimal digits a link to a commit.
var autolinked = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])@[a-z0-9]|@[a-z0-9_.-]*\.[a-z0-9]|@[0-9a-f]{7,40}\b|[\w/]#[0-9]|\bgh-[0-9]|https?://|ftp://|www\.`)

// wellFormed checks what holds for every text: nothing that was opened stays
// open, tables are tables, links go to the own repository, nobody is mentioned.
func wellFormed(t *testing.T, markdown string) {
	t.Helper()
	p := read(markdown)
	if n := len(regexp.MustCompile(`(?m)^\|(---\|)+$`).FindAllString(markdown, -1)); n != p.tables {
		t.Errorf("%d tables written, %d read", n, p.tables)
	}
	for _, address := range p.addresses {
		if !strings.HasPrefix(address, url+"/") {
			t.Errorf("link to %s", address)
		}
	}
	for _, h := range p.html {
		if !allowedHTML.MatchString(h) {
			t.Errorf("HTML %q", h)
		}
	}
	if len(p.links) > 0 || p.images > 0 {
		t.Errorf("links %q, %d images", p.links, p.images)
	}
	if found := autolinked.FindAllString(p.prose, -1); len(found) > 0 {
		t.Errorf("GitHub would link %q in\n%s", found, p.prose)
	}
	if opened, closed := strings.Count(strings.Join(p.html, ""), "<details>"), strings.Count(strings.Join(p.html, ""), "</details>"); opened != closed {
		t.Errorf("%d details, %d ends", opened, closed)
	}
	if strings.Count(markdown, "```")%2 != 0 {
		t.Error("a fence stays open")
	}
	for _, f := range p.fences {
		drawable(t, f)
	}
	if strings.Contains(markdown, "#0]") || strings.Contains(markdown, "0001-01-01") {
		t.Error("a number or a time that is none")
	}
	if len(markdown) > maxText {
		t.Errorf("%d bytes", len(markdown))
	}
}

// The judge reads tables as GitHub does; otherwise it would prove nothing.
func TestJudgeSeesWhatItIsToSee(t *testing.T) {
	p := read("| a | b |\n|---|---|\n| `x` | <b>y</b> https://evil.example [l](http://e) |\n\n@octo #1\n")
	if p.tables != 1 || p.rows != 1 || p.spans != 1 || len(p.html) != 2 || len(p.links) != 1 || len(p.addresses) != 1 {
		t.Errorf("read %+v", p)
	}
	if autolinked.FindString(p.prose) == "" {
		t.Errorf("no mention found in %q", p.prose)
	}
	var out bytes.Buffer
	if err := github().Convert([]byte("~~x~~"), &out); err != nil || !strings.Contains(out.String(), "<del>") {
		t.Error("not GitHub's Markdown", err)
	}
}
