package command

import (
	"bytes"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// openElements are the HTML elements of a comment that are open at some point
// of it, outermost first. What is between an opening tag and its end may not be
// shown, as in `<details>`, and never acts.
//
// The rule errs on the side of hiding: an end tag closes only the innermost
// element, and none is implied, so whatever a browser makes of tags that do not
// nest, nothing acts after them.
type openElements struct {
	names  []string
	broken bool // what is open will not be closed: the rest is inside it
}

func (e *openElements) none() bool { return len(e.names) == 0 && !e.broken }

// read takes in the next piece of HTML that the Markdown parser passes on as
// it is.
func (e *openElements) read(fragment []byte) {
	// The line feed comes out as text only if the fragment leaves no comment
	// open before it; an unfinished tag is left over in Raw.
	z := html.NewTokenizer(bytes.NewReader(append(bytes.Clone(fragment), '\n')))
	last := html.ErrorToken
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		last = kind
		name, _ := z.TagName()
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken: // HTML ignores the slash in <details/>
			if !void[atom.Lookup(name)] {
				e.names = append(e.names, string(name))
			}
			// GitHub takes the tags away whose content HTML would read as plain
			// text, and so gives life to the tags in that content.
			z.NextIsNotRawText()
		case html.EndTagToken:
			if end := len(e.names) - 1; end >= 0 && e.names[end] == string(name) {
				e.names = e.names[:end]
			}
		}
	}
	e.broken = e.broken || last != html.TextToken || len(z.Raw()) > 0
}

// void are the elements that have no content, and so hide none.
var void = map[atom.Atom]bool{
	atom.Area: true, atom.Base: true, atom.Br: true, atom.Col: true, atom.Embed: true,
	atom.Hr: true, atom.Img: true, atom.Input: true, atom.Link: true, atom.Meta: true,
	atom.Param: true, atom.Source: true, atom.Track: true, atom.Wbr: true,
}
