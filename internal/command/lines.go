package command

import (
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// line is a line of a comment that is a command of ours.
type line struct {
	number int    // from 1
	text   string // as written, without the white space at its end
	verb   verb
	args   string // what follows the verb
	html   bool   // an HTML tag or comment starts on it
}

// maxBody is how many characters GitHub takes in a comment. It bounds the time
// that the Markdown parser may need, which on the worst of that length is about
// two seconds.
const maxBody = 65536

// commandLines returns the lines of a comment that act, in their order: those
// of a top-level paragraph whose first byte is a slash, whose verb is ours, and
// which a reader of the rendered comment can see.
func commandLines(body string) []line {
	// For GitHub, as for CommonMark, a lone carriage return ends a line too;
	// for the parser it does not.
	source := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	candidates := ownLines(source)
	if len(candidates) == 0 || utf8.RuneCountInString(body) > maxBody {
		return nil
	}
	v := visitor{source: []byte(source), candidates: candidates}
	root := markdownParser().Parse(text.NewReader(v.source))
	_ = ast.Walk(root, v.visit) // visit returns no error
	return v.acting
}

// markdownParser returns a parser of CommonMark, without emphasis, which decides
// nothing here and is slow to tell on hostile text, and with GitHub's tables and
// footnotes, which stand where CommonMark alone reads paragraphs.
func markdownParser() parser.Parser {
	p := parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewRawHTMLParser(), 400),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)
	return goldmark.New(goldmark.WithParser(p), goldmark.WithExtensions(extension.Table, extension.Footnote)).Parser()
}

// ownLines returns the lines that look like a command of ours, by the offset of
// their first byte. Most comments have none, and need no Markdown parser.
func ownLines(source string) map[int]line {
	found := map[int]line{}
	offset, number := 0, 0
	for raw := range strings.Lines(source) {
		number++
		written := strings.TrimRight(raw, " \t\n")
		if v, args, ok := cutVerb(written); ok {
			found[offset] = line{number: number, text: written, verb: v, args: args}
		}
		offset += len(raw)
	}
	return found
}

// cutVerb splits `/verb arguments` where the verb is ours, in any case.
func cutVerb(written string) (v verb, args string, ok bool) {
	rest, ok := strings.CutPrefix(written, "/")
	if !ok {
		return verb{}, "", false
	}
	name := rest
	if end := strings.IndexAny(rest, " \t"); end >= 0 {
		name, args = rest[:end], rest[end:]
	}
	v, ok = verbNamed(name)
	return v, args, ok
}

// visitor walks a comment's syntax tree in the order in which it is rendered,
// which puts footnotes last, and collects the candidates that act.
type visitor struct {
	source     []byte
	candidates map[int]line
	hidden     openElements
	outside    int  // how many elements were open before the current container
	paragraph  bool // inside a top-level paragraph
	acting     []line
	lineEnd    int // offset of the end of the last line in acting
}

func (v *visitor) visit(n ast.Node, entering bool) (ast.WalkStatus, error) {
	if isContainer(n) {
		v.container(entering)
	}
	switch n := n.(type) {
	case *ast.Paragraph:
		v.paragraph = entering && n.Parent().Kind() == ast.KindDocument
	case *ast.CodeSpan, *ast.Image:
		// A code span is code over several lines too, and the text of an image
		// is not shown; HTML in either is none.
		return ast.WalkSkipChildren, nil
	case *ast.HTMLBlock:
		if entering {
			v.block(n)
		}
	case *ast.RawHTML:
		if entering {
			v.inline(n)
		}
	case *ast.Text:
		if entering {
			v.text(n)
		}
	}
	return ast.WalkContinue, nil
}

// isContainer reports whether n is a quote, a list, a table or the like: a part
// of the comment that becomes an element with its own end tag.
func isContainer(n ast.Node) bool {
	if n.Parent() == nil || n.Parent().Kind() != ast.KindDocument {
		return false
	}
	return n.Kind() != ast.KindParagraph && n.Kind() != ast.KindHTMLBlock
}

// container sees to it that an element that is opened inside a container and
// not closed there, or the other way round, counts as never closed: the tags do
// not nest.
func (v *visitor) container(entering bool) {
	if entering {
		v.outside = len(v.hidden.names)
	} else if len(v.hidden.names) != v.outside {
		v.hidden.broken = true
	}
}

// text adds the line that starts at this text, if it is a candidate and shows.
func (v *visitor) text(n *ast.Text) {
	l, ok := v.candidates[n.Segment.Start]
	if !ok || !v.paragraph || !v.hidden.none() {
		return
	}
	v.acting = append(v.acting, l)
	v.lineEnd = n.Segment.Start + len(l.text)
}

func (v *visitor) block(n *ast.HTMLBlock) {
	html := n.Lines().Value(v.source)
	if n.HasClosure() {
		html = append(html, n.ClosureLine.Value(v.source)...)
	}
	v.hidden.read(html)
}

func (v *visitor) inline(n *ast.RawHTML) {
	if len(v.acting) > 0 && v.paragraph && n.Segments.At(0).Start < v.lineEnd {
		v.acting[len(v.acting)-1].html = true
	}
	v.hidden.read(n.Segments.Value(v.source))
}
