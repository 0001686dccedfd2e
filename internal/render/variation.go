package render

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"
	"unicode"

	"helm.sh/helm/v3/pkg/chart"
)

// variation is how the circumstances of a rendering differ from those of the
// first. What is random differs by itself.
type variation struct {
	later    bool // the clock shows another time
	sorted   bool // the keys of a map come sorted
	reversed bool // what comes in the order of a map comes the other way around
}

var asWritten = variation{}

// uses is what the templates of a chart call that may print something else next
// time.
type uses struct {
	functions map[string]bool // of changing
	tpl       bool            // texts are templates, too
	unknown   bool            // a text is put together before it is one
}

// changing are the functions that may.
func changing() []string {
	return []string{
		"now", "ago", "date", "dateInZone", "date_in_zone", "htmlDate", "htmlDateInZone", "durationRound", "keys", "values",
		"randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric", "shuffle", "uuidv4",
		"bcrypt", "encryptAES", "htpasswd", "genCA", "genCAWithKey", "genPrivateKey",
		"genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
	}
}

// usesOf looks at the templates, and where they call `tpl` at every text that it
// may be given.
func usesOf(c *chart.Chart, values map[string]any) uses {
	u := uses{functions: map[string]bool{}}
	names := append(changing(), "tpl")
	eachTemplate(c, func(f *chart.File) {
		if slices.ContainsFunc(names, func(name string) bool { return mentions(f.Data, name) }) {
			u.scan(parsed(f.Data), func(string) {})
		}
	})
	if !u.tpl {
		return u
	}
	text := func(text string) string {
		if strings.Contains(text, "{{") {
			trees := parsed([]byte(text))
			u.unknown = u.unknown || trees == nil
			u.scan(trees, func(string) {})
		}
		return text
	}
	eachText(values, text)
	eachChart(c, func(c *chart.Chart) {
		eachText(c.Values, text)
		for _, f := range c.Files {
			text(string(f.Data))
		}
	})
	eachTemplate(c, func(f *chart.File) { u.scan(parsed(f.Data), func(literal string) { text(literal) }) })
	return u
}

// mentions reports whether a word is in a text, not counting longer ones.
func mentions(text []byte, word string) bool {
	isLetter := func(b byte) bool { return b == '_' || unicode.IsLetter(rune(b)) || unicode.IsDigit(rune(b)) }
	for {
		i := bytes.Index(text, []byte(word))
		if i < 0 {
			return false
		}
		after := text[i+len(word):]
		if (i == 0 || !isLetter(text[i-1])) && (len(after) == 0 || !isLetter(after[0])) {
			return true
		}
		text = after
	}
}

// scan notes what templates call, and yields the texts that are written in them.
func (u *uses) scan(trees map[string]*parse.Tree, literal func(string)) {
	names := changing()
	for _, t := range trees {
		eachPipe(t.Root, func(p *parse.PipeNode) {
			for _, command := range p.Cmds {
				for _, arg := range command.Args {
					if text, ok := arg.(*parse.StringNode); ok {
						literal(text.Text)
					}
					switch id := function(arg); {
					case id == nil:
					case id.Ident == "tpl":
						u.tpl = true
					case slices.Contains(names, id.Ident):
						u.functions[id.Ident] = true
					}
				}
			}
		})
	}
}

// variations are the renderings besides the first that show whether what a chart
// uses shows. A map's order is drawn, and that of few values is mostly the same.
func (u uses) variations() []variation {
	if len(u.functions) == 0 && !u.unknown {
		return nil
	}
	out := []variation{{later: true, sorted: true}}
	if u.functions["keys"] || u.functions["values"] {
		out = append(out, variation{later: true, sorted: true, reversed: true})
	}
	if u.functions["values"] {
		out = slices.Concat(out, out, out, out)
	}
	return out
}

// apply rewrites the templates of a chart, and the texts that may become some.
func (v variation) apply(c *chart.Chart, values map[string]any, u uses) {
	rewrite := func(f *chart.File) { f.Data = v.rewrite(f.Data) }
	eachTemplate(c, rewrite)
	c.Templates = append(c.Templates, &chart.File{Name: "templates/_" + dates, Data: []byte(datesSource)})
	if !u.tpl {
		return
	}
	text := func(text string) string { return string(v.rewrite([]byte(text))) }
	eachText(values, text)
	eachChart(c, func(c *chart.Chart) {
		eachText(c.Values, text)
		for _, f := range c.Files {
			rewrite(f)
		}
	})
}

// eachText puts something else in the place of every text in a value.
func eachText(value any, change func(string) string) any {
	switch value := value.(type) {
	case map[string]any:
		for k, below := range value {
			value[k] = eachText(below, change)
		}
	case []any:
		for i, below := range value {
			value[i] = eachText(below, change)
		}
	case string:
		return change(value)
	}
	return value
}

// rewrite returns a template as it is in other circumstances. One that does not
// parse is returned as it is: the engine says why in its own words.
func (v variation) rewrite(source []byte) []byte {
	if !bytes.Contains(source, []byte("{{")) {
		return source
	}
	changed := false
	trees := parsed(source)
	for _, t := range trees {
		eachPipe(t.Root, func(p *parse.PipeNode) { changed = v.change(p) || changed })
	}
	if !changed {
		return source
	}
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if name != rootName {
			fmt.Fprintf(&out, "{{define %q}}%s{{end}}", name, trees[name].Root)
		}
	}
	if root := trees[rootName]; root != nil {
		out.WriteString(root.Root.String())
	}
	return out.Bytes()
}

// anotherTime is an expression for a moment that is not now.
const anotherTime = `(toDate "2006-01-02T15:04:05Z07:00" "2001-02-03T04:05:06+07:00")`

// The functions that print a date print that of now for anything that is none, and
// durationRound the time from a date until now. Here they do not.
const (
	dates       = "towpath.date"
	durations   = "towpath.duration"
	datesSource = `{{ define "` + dates + `" }}{{ $date := index . 1 }}` +
		`{{ if or (typeIsLike "time.Time" $date) (typeIs "int" $date) (typeIs "int32" $date) (typeIs "int64" $date) }}` +
		`{{ dateInZone (first .) $date (index (append . "Local") 2) }}{{ else }}no date{{ end }}{{ end }}` +
		`{{ define "` + durations + `" }}{{ if typeIs "time.Time" (first .) }}no duration{{ else }}{{ durationRound (first .) }}{{ end }}{{ end }}`
)

// withoutClock are by function what makes a list of its arguments, and the template
// that prints the same of that as the function where no clock is in it.
func withoutClock(function string) (list, template string) {
	switch function {
	case "date", "dateInZone", "date_in_zone":
		return "list", dates
	case "htmlDate", "htmlDateInZone":
		return `list "2006-01-02"`, dates
	case "durationRound":
		return "list", durations
	}
	return "", ""
}

// change rewrites one pipeline, and reports whether it did.
func (v variation) change(p *parse.PipeNode) (changed bool) {
	var commands []*parse.CommandNode
	for _, command := range p.Cmds {
		commands = append(commands, command)
		for i, arg := range command.Args {
			id := function(arg)
			if id == nil {
				continue
			}
			switch {
			case id.Ident == "now" && v.later:
				id.Ident, changed = anotherTime, true
			case id.Ident == "ago" && v.later:
				id.Ident, changed = "quote", true // any text that no duration has
			case i == 0 && id.Ident == "keys" && v.sorted:
				commands, changed = append(commands, call("sortAlpha")), true
			}
			if i == 0 && (id.Ident == "keys" || id.Ident == "values") && v.reversed {
				commands, changed = append(commands, call("reverse")), true
			}
			if list, template := withoutClock(id.Ident); i == 0 && template != "" && v.later {
				id.Ident = list
				commands, changed = append(commands, call(fmt.Sprintf("include %q", template))), true
			}
		}
	}
	p.Cmds = commands
	return changed
}

// function returns the function that an argument is, or has a field taken of.
func function(arg parse.Node) *parse.IdentifierNode {
	if chain, ok := arg.(*parse.ChainNode); ok {
		arg = chain.Node
	}
	id, _ := arg.(*parse.IdentifierNode)
	return id
}

func call(function string) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{parse.NewIdentifier(function)}}
}

// rootName is that of a file's own template; no chart defines another of it.
const rootName = "\x00"

// parsed returns the templates of a file by name; none when it does not parse.
func parsed(source []byte) map[string]*parse.Tree {
	tree := parse.New(rootName)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(string(source), "", "", trees); err != nil {
		return nil
	}
	maps.DeleteFunc(trees, func(_ string, t *parse.Tree) bool { return t.Root == nil })
	return trees
}

func eachChart(c *chart.Chart, do func(*chart.Chart)) {
	do(c)
	for _, d := range c.Dependencies() {
		eachChart(d, do)
	}
}

func eachTemplate(c *chart.Chart, do func(*chart.File)) {
	eachChart(c, func(c *chart.Chart) {
		for _, t := range c.Templates {
			if t != nil {
				do(t)
			}
		}
	})
}

// eachPipe visits all pipelines of a template, the inner ones first.
func eachPipe(node parse.Node, visit func(*parse.PipeNode)) {
	below := func(nodes ...parse.Node) {
		for _, n := range nodes {
			eachPipe(n, visit)
		}
	}
	branch := func(b *parse.BranchNode) { below(b.Pipe, b.List, b.ElseList) }
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			below(n.Nodes...)
		}
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				below(command.Args...)
			}
			visit(n)
		}
	case *parse.ActionNode:
		below(n.Pipe)
	case *parse.TemplateNode:
		below(n.Pipe)
	case *parse.ChainNode:
		below(n.Node)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
}
