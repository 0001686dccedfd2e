package directives

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"gopkg.in/yaml.v3"
)

// stream is a stream of manifests: what a renderer printed, or a file of them.
type stream struct {
	file string // empty: what a renderer printed
	data []byte
}

// joined is one stream of several, each file behind a line that separates. What
// one renderer printed stays as it is.
func joined(streams []stream) []byte {
	var out bytes.Buffer
	for _, s := range streams {
		if s.file != "" && !isSeparator(s.data) {
			out.WriteString("---\n")
		}
		out.Write(s.data)
		if s.file != "" && !bytes.HasSuffix(s.data, []byte("\n")) {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// document is one manifest of a stream.
type document struct {
	manifest
	file   string // that it is in, or the template that Helm says it comes from
	number int    // in the file, from 1
	start  int    // in the stream
	data   []byte // as it is there, without the line that separates
	item   string // its place, where it stands in a list and not by itself
	node   *yaml.Node
}

// documents yields what is between lines that begin with "---". What stands
// behind the dashes on such a line belongs to the document below.
func (s stream) documents() iter.Seq[document] {
	return func(yield func(document) bool) {
		number := 0
		emit := func(start, end int) bool {
			if end == start {
				return true
			}
			number++
			d := document{file: s.file, number: number, start: start, data: s.data[start:end]}
			line, _, _ := bytes.Cut(d.data, []byte("\n"))
			if template, ok := bytes.CutPrefix(line, []byte("# Source: ")); ok && s.file == "" {
				d.file = string(template)
			}
			return yield(d)
		}
		start := 0
		for at := 0; at < len(s.data); {
			end := len(s.data)
			if i := bytes.IndexByte(s.data[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			if isSeparator(s.data[at:end]) {
				if !emit(start, at) {
					return
				}
				if start = end; len(bytes.TrimSpace(s.data[at+3:end])) > 0 {
					start = at
				}
			}
			at = end
		}
		emit(start, len(s.data))
	}
}

// isSeparator reports whether a line, or what begins with it, separates.
func isSeparator(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0)
}

// place names the document without showing what is in it.
func (d document) place() string {
	place := fmt.Sprintf("document %d%s", d.number, d.item)
	if d.file != "" {
		place += " (" + d.file + ")"
	}
	return place
}

// read parses the document; nil when it holds nothing but comments.
func (d document) read() (*yaml.Node, error) {
	n, err := readDocument(d.data)
	if err != nil {
		return nil, fmt.Errorf("%s is not YAML: %w", d.place(), err)
	}
	return n, nil
}

// readDocument parses what must be one document, nil when there is nothing in it.
// Of several a reader could take another one than we do.
func readDocument(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			return nil, fmt.Errorf("line %d: a second document begins, behind a line break that not all readers know", second.Line)
		}
	}
	switch {
	case !errors.Is(err, io.EOF):
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	case len(doc.Content) == 0 || isNull(doc.Content[0]):
		return nil, nil
	}
	return doc.Content[0], nil
}

// resources returns what is in a stream, lists opened. Documents that hold
// nothing but comments are left out.
func (s stream) resources() ([]document, error) {
	var docs []document
	for d := range s.documents() {
		n, err := d.read()
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue
		}
		opened, err := d.open(n)
		if err != nil {
			return nil, err
		}
		docs = append(docs, opened...)
	}
	return docs, nil
}

// open returns the resource, or those of a list, as kubectl takes them.
func (d document) open(n *yaml.Node) ([]document, error) {
	if err := n.Decode(&d.manifest); err != nil || n.Kind != yaml.MappingNode || d.Kind == "" || d.APIVersion == "" {
		return nil, fmt.Errorf("%s has no apiVersion and kind", d.place())
	}
	items, is := d.listed(n)
	if !is {
		d.node = n
		return []document{d}, nil
	}
	var docs []document
	for i, item := range items {
		inside := document{file: d.file, number: d.number, item: fmt.Sprintf("%s, item %d", d.item, i+1)}
		opened, err := inside.open(item)
		if err != nil {
			return nil, err
		}
		docs = append(docs, opened...)
	}
	return docs, nil
}

// listed returns the items of a list of resources. A resource with a name is none.
func (m manifest) listed(n *yaml.Node) ([]*yaml.Node, bool) {
	_, items, err := stepKey(n, "items")
	if !strings.HasSuffix(m.Kind, "List") || m.name() != "" || err != nil || items == nil || items.Kind != yaml.SequenceNode {
		return nil, false
	}
	return items.Content, true
}

// alone returns the bytes of the resource by itself. An item of a list is written
// anew, and refused where it would read otherwise then.
func (d document) alone() ([]byte, error) {
	if d.item == "" {
		return d.data, nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(d.node), encoder.Close())
	var again *yaml.Node
	if err == nil {
		again, err = readDocument(out.Bytes())
	}
	if err == nil && (again == nil || !sameNode(again, d.node)) {
		err = errors.New("it would read otherwise")
	}
	if err != nil {
		return nil, fmt.Errorf("%s can not be taken out of its list: %w; `layout: single` keeps lists", d.place(), err)
	}
	return out.Bytes(), nil
}
