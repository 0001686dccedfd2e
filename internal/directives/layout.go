package directives

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
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

// print takes the manifests of one application, with its images set.
func (o *output) print(ctx context.Context, app App, tree *Workspace, env *Env, allowEmpty bool) error {
	if err := CheckPath(app.Output); err != nil {
		return err
	}
	pins, err := pinsOf(app.Images, env.Freight)
	if err != nil {
		return err
	}
	manifests, err := app.manifests(ctx, tree, env.Renderer)
	if err != nil {
		return err
	}
	setting := newImageSetting(pins)
	var docs []document
	for i := range manifests {
		if manifests[i].data, err = setting.apply(manifests[i]); err != nil {
			return err
		}
		more, err := manifests[i].resources()
		if err != nil {
			return err
		}
		docs = append(docs, more...)
	}
	if len(docs) == 0 && !allowEmpty {
		return errors.New("the rendering is empty; `allowEmpty` permits that")
	}
	if err := setting.missing(); err != nil {
		return err
	}
	return o.add(app, manifests, docs)
}

// add takes what one application printed, and the resources in it.
func (o *output) add(app App, printed []stream, docs []document) error {
	o.resources += len(docs)
	if app.Layout == "single" {
		o.files = append(o.files, outputFile{app.Output, "all.yaml", "all.yaml", joined(printed), "the application " + app.Name})
		return nil
	}
	of := ""
	if app.Name != "" {
		of = " of application " + app.Name
	}
	for _, d := range docs {
		name, full, err := d.fileNames()
		if err != nil {
			return err
		}
		data, err := d.alone()
		if err != nil {
			return err
		}
		o.files = append(o.files, outputFile{app.Output, name, full, data, fmt.Sprintf("%s, %s%s,", d, d.place(), of)})
	}
	return nil
}

// tree lays the files out. Names that collide get their API group; if they still
// do, nothing is overwritten. Some file systems know no capitals, so names that
// differ in them only do collide.
func (o *output) tree() (*Workspace, error) {
	count := map[string]int{}
	for _, f := range o.files {
		count[strings.ToLower(path.Join(f.dir, f.name))]++
	}
	ws := NewWorkspace()
	taken := map[string]outputFile{}
	for _, f := range o.files {
		name := path.Join(f.dir, f.name)
		if count[strings.ToLower(name)] > 1 {
			name = path.Join(f.dir, f.full)
		}
		if other, is := taken[strings.ToLower(name)]; is {
			return nil, fmt.Errorf("%s and %s would both be the file %s", other.about, f.about, name)
		}
		taken[strings.ToLower(name)] = f
		if err := ws.WriteFile(name, f.data, 0o644); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(taken)) {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if f, is := taken[dir]; is {
				return nil, fmt.Errorf("%s would be the file %s, which is a directory of other outputs", f.about, dir)
			}
		}
	}
	return ws, nil
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

// fileNames returns [namespace-]kind-name.yaml, in lower case, and the same with
// the API group behind the kind. Names come from charts and bases and are
// hostile: what no file may be called is an error.
func (d document) fileNames() (name, full string, err error) {
	if d.name() == "" {
		return "", "", fmt.Errorf("%s, %s: it has no name", d.place(), shorten(d.Kind))
	}
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
