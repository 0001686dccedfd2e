package directives

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// output collects what the applications of a stage print and gives every file
// its path (R3).
type output struct {
	files     []outputFile
	resources int
}

type outputFile struct {
	dir   string
	name  string // without the group
	full  string // with the API group, for where two names collide
	data  []byte
	about string // the resource or the application, for errors
}

func newOutput() *output { return &output{} }

// add takes what one application printed.
func (o *output) add(app App, printed []byte, allowEmpty bool) error {
	docs, err := splitDocuments(printed)
	if err != nil {
		return err
	}
	if len(docs) == 0 && !allowEmpty {
		return errors.New("the rendering is empty; `allowEmpty` permits that")
	}
	if err := CheckPath(app.Output); err != nil {
		return err
	}
	o.resources += len(docs)
	if app.Layout == "single" {
		o.files = append(o.files, outputFile{app.Output, "all.yaml", "all.yaml", printed, "the application " + app.Name})
		return nil
	}
	for _, d := range docs {
		name, full, err := d.fileNames()
		if err != nil {
			return err
		}
		o.files = append(o.files, outputFile{app.Output, name, full, d.data, d.String()})
	}
	return nil
}

// tree lays the files out. Names that collide get their API group; if they still
// do, nothing is overwritten.
func (o *output) tree() (*Workspace, error) {
	count := map[string]int{}
	for _, f := range o.files {
		count[path.Join(f.dir, f.name)]++
	}
	ws := NewWorkspace()
	taken := map[string]string{}
	for _, f := range o.files {
		name := path.Join(f.dir, f.name)
		if count[name] > 1 {
			name = path.Join(f.dir, f.full)
		}
		if other, is := taken[name]; is {
			return nil, fmt.Errorf("%s and %s would both be the file %s", other, f.about, name)
		}
		taken[name] = f.about
		if err := ws.WriteFile(name, f.data, 0o644); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(taken)) {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if about, is := taken[dir]; is {
				return nil, fmt.Errorf("%s would be the file %s, which is a directory of other outputs", about, dir)
			}
		}
	}
	return ws, nil
}

// document is one rendered manifest.
type document struct {
	manifest
	number int
	data   []byte // as the renderer printed it, without the line that separates
}

// manifest is what identifies a resource.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name         string `yaml:"name"`
		GenerateName string `yaml:"generateName"`
		Namespace    string `yaml:"namespace"`
	} `yaml:"metadata"`
}

func (m manifest) group() string {
	group, _, found := strings.Cut(m.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}

func (m manifest) name() string {
	if m.Metadata.Name == "" {
		return strings.TrimRight(m.Metadata.GenerateName, "-")
	}
	return m.Metadata.Name
}

func (m manifest) String() string {
	text := m.Kind
	if group := m.group(); group != "" {
		text += "." + group
	}
	if m.Metadata.Namespace != "" {
		return text + " " + m.Metadata.Namespace + "/" + m.name()
	}
	return text + " " + m.name()
}

// splitDocuments cuts a stream at its separator lines. Documents that hold
// nothing but comments are dropped.
func splitDocuments(stream []byte) ([]document, error) {
	var docs []document
	number := 0
	for part := range splitAtSeparators(stream) {
		number++
		d := document{number: number, data: part}
		var node yaml.Node
		if err := yaml.Unmarshal(part, &node); err != nil {
			return nil, fmt.Errorf("%s is not YAML: %s", d.place(), strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if len(node.Content) == 0 || isNull(node.Content[0]) {
			continue
		}
		if err := node.Decode(&d.manifest); err != nil || d.Kind == "" || d.APIVersion == "" {
			return nil, fmt.Errorf("%s has no apiVersion and kind", d.place())
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// splitAtSeparators yields the bytes between lines that begin with "---". What
// stands behind the dashes on such a line belongs to the document below.
func splitAtSeparators(stream []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		start := 0
		for at := 0; at < len(stream); {
			end := len(stream)
			if i := bytes.IndexByte(stream[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			if isSeparator(stream[at:end]) {
				if at > start && !yield(stream[start:at]) {
					return
				}
				if start = end; len(bytes.TrimSpace(stream[at+3:end])) > 0 {
					start = at
				}
			}
			at = end
		}
		if start < len(stream) {
			yield(stream[start:])
		}
	}
}

func isSeparator(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0)
}

// place names the document without showing what is in it: its number, and the
// template that Helm says it comes from.
func (d document) place() string {
	line, _, _ := bytes.Cut(d.data, []byte("\n"))
	if source, ok := bytes.CutPrefix(line, []byte("# Source: ")); ok {
		return fmt.Sprintf("document %d (%s)", d.number, source)
	}
	return fmt.Sprintf("document %d", d.number)
}

// fileNames returns [namespace-]kind-name.yaml, in lower case, and the same with
// the API group behind the kind. Names come from charts and bases and are
// hostile: what no file may be called is an error.
func (d document) fileNames() (name, full string, err error) {
	parts := []string{d.Metadata.Namespace, d.Kind, d.group(), d.name()}
	for i, part := range parts {
		if parts[i], err = fileNamePart(part); err != nil {
			return "", "", fmt.Errorf("%s, %s %s: %w", d.place(), shorten(d.Kind), shorten(d.name()), err)
		}
	}
	join := func(parts ...string) string {
		return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "-") + ".yaml"
	}
	name = join(parts[0], parts[1], parts[3])
	full = join(parts[0], strings.TrimSuffix(parts[1]+"."+parts[2], "."), parts[3])
	if len(full) > 255 {
		return "", "", fmt.Errorf("%s: the file name %s would be too long", d.place(), shorten(full))
	}
	return name, full, nil
}

// fileNamePart makes a part of a file name of a name in Kubernetes, in which
// RBAC allows more than others: system:node becomes system_node.
func fileNamePart(text string) (string, error) {
	var out strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			out.WriteRune(r)
		case r == '/' || r == '\\' || r < ' ' || r > '~':
			return "", fmt.Errorf("%s can not be part of a file name", shorten(text))
		default:
			out.WriteByte('_')
		}
	}
	return out.String(), nil
}
