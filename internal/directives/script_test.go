package directives

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"github.com/towpath/towpath/internal/promote"
)

// Each testdata/directives/*.txtar is one case. Its files:
//
//	directives       the directives in YAML; a copy of the whole source comes first
//	freight          one freight per slot
//	source/P         the source tree; lib/P is the repository acme/lib
//	chart            the entries of every chart's archive
//	render           the applications in YAML; kustomize and helm print a file
//	allowEmpty       nothing to render is no failure
//	out/P            what must come out; files that are not named must not change, or
//	                 not be there where something is rendered
//	tree             all files that come out, with their modes, instead of out/P
//	edits            file, key, old → new and note of every edit
//	error            the error, instead of the above
//
// P.quoted holds quoted strings, one for each line, where bytes matter that
// txtar can not hold. P@ is a link, P* is executable.
func TestDirectives(t *testing.T) {
	files, err := filepath.Glob("../../testdata/directives/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			readScript(t, archive).run(t)
		})
	}
}

type script struct {
	program          Program
	env              *Env
	source, lib, out fstest.MapFS
	texts            map[string]string // tree, edits, error
}

func readScript(t *testing.T, archive *txtar.Archive) *script {
	t.Helper()
	s := &script{program: Program{Steps: readSteps(t, nil)}, source: fstest.MapFS{}, lib: fstest.MapFS{}, out: fstest.MapFS{}, texts: map[string]string{}, env: &Env{Renderer: printer{}}}
	for _, f := range archive.Files {
		dir, name, _ := strings.Cut(f.Name, "/")
		switch dir {
		case "directives":
			s.program.Steps = readSteps(t, f.Data)
		case "render":
			s.program.Render = readApps(t, f.Data)
		case "allowEmpty":
			s.program.AllowEmpty = true
		case "freight":
			if err := yaml.Unmarshal(f.Data, &s.env.Freight); err != nil {
				t.Fatal(err)
			}
		case "source":
			addFile(t, s.source, name, f.Data)
		case "lib":
			addFile(t, s.lib, name, f.Data)
		case "out":
			addFile(t, s.out, name, f.Data)
		case "chart":
			packed, err := packChart(f.Data)
			if err != nil {
				t.Fatal(err)
			}
			s.env.Chart = func(context.Context, promote.Chart) ([]byte, error) { return packed, nil }
		case "tree", "edits", "error":
			s.texts[dir] = string(f.Data)
		default:
			t.Fatalf("what is %s?", f.Name)
		}
	}
	s.env.Source = func(_ context.Context, ref SourceRef) (fs.FS, error) {
		switch ref.Repository {
		case ".":
			return s.source, nil
		case "acme/lib":
			return s.lib, nil
		}
		return nil, fmt.Errorf("no source %s", ref.Repository)
	}
	return s
}

func addFile(t *testing.T, tree fstest.MapFS, name string, data []byte) {
	t.Helper()
	file := &fstest.MapFile{Data: data, Mode: 0o644}
	if base, ok := strings.CutSuffix(name, ".quoted"); ok {
		name, file.Data = base, nil
		for line := range strings.Lines(string(data)) {
			text, err := strconv.Unquote(strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("%s: %s: %v", name, line, err)
			}
			file.Data = append(file.Data, text...)
		}
	}
	if base, ok := strings.CutSuffix(name, "@"); ok {
		name, file.Mode, file.Data = base, fs.ModeSymlink|0o777, []byte(strings.TrimSpace(string(data)))
	}
	if base, ok := strings.CutSuffix(name, "*"); ok {
		name, file.Mode = base, 0o755
	}
	tree[name] = file
}

func readSteps(t *testing.T, data []byte) []Step {
	t.Helper()
	var list []map[string]yaml.Node
	if err := yaml.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	steps := []Step{{Directive: Copy{Source: SourceRef{Repository: "."}, From: ".", To: "."}}}
	for i, entry := range list {
		for verb, node := range entry {
			d, err := readDirective(verb, node)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := d.(Copy); ok && i == 0 {
				steps = nil
			}
			steps = append(steps, Step{Index: i + 1, Directive: d})
		}
	}
	return steps
}

func readDirective(verb string, node yaml.Node) (Directive, error) {
	switch verb {
	case "copy":
		var c struct {
			Repository, From, To string
			Ignore               []string
		}
		err := node.Decode(&c)
		if c.Repository == "" {
			c.Repository = "."
		}
		return Copy{Source: SourceRef{Repository: c.Repository}, From: c.From, To: c.To, Ignore: c.Ignore}, err
	case "kustomize":
		var k struct {
			Path   string
			Images []readPin
		}
		err := node.Decode(&k)
		return Kustomize{Path: k.Path, Images: pinsRead(k.Images)}, err
	case "helm":
		var h Helm
		return h, node.Decode(&h)
	case "yaml":
		return readEdit(node)
	case "json":
		edit, err := readEdit(node)
		return JSON(edit), err
	case "toml":
		edit, err := readEdit(node)
		return TOML(edit), err
	case "chart":
		var c Chart
		return c, node.Decode(&c)
	case "delete":
		var d Delete
		return d, node.Decode(&d)
	case "write":
		var w Write
		return w, node.Decode(&w)
	}
	return nil, fmt.Errorf("no directive %s", verb)
}

type readPin struct {
	Name, Pin, Warehouse string
	NewName              string `yaml:"newName"`
}

func pinsRead(list []readPin) []ImagePin {
	var out []ImagePin
	for _, i := range list {
		out = append(out, ImagePin{Name: i.Name, NewName: i.NewName, Pin: i.Pin, Warehouse: i.Warehouse})
	}
	return out
}

func readApps(t *testing.T, data []byte) []App {
	t.Helper()
	var list []struct {
		Name, Output, Layout string
		Kustomize            *KustomizeBuild
		Helm                 *HelmTemplate
		Directory            *Directory
		Images               []readPin
	}
	if err := yaml.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	var apps []App
	for _, a := range list {
		apps = append(apps, App{
			Name: a.Name, Kustomize: a.Kustomize, Helm: a.Helm, Directory: a.Directory,
			Images: pinsRead(a.Images), Output: cmp.Or(a.Output, "."), Layout: a.Layout,
		})
	}
	return apps
}

func readEdit(node yaml.Node) (YAML, error) {
	var y struct {
		File   string
		Set    yaml.Node
		Create bool
	}
	err := node.Decode(&y)
	out := YAML{File: y.File, Create: y.Create}
	for i := 0; i+1 < len(y.Set.Content) && err == nil; i += 2 {
		v := Value{Key: y.Set.Content[i].Value}
		err = y.Set.Content[i+1].Decode(&v.Value)
		out.Set = append(out.Set, v)
	}
	return out, err
}

// packChart packs what a case lists, a line for each entry: a file with its
// quoted content, or what is no file with where it leads.
func packChart(list []byte) ([]byte, error) {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	packed := tar.NewWriter(zipped)
	for line := range strings.Lines(string(list)) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, rest, _ := strings.Cut(rest, " ")
		header := &tar.Header{Name: name, Mode: 0o644, Linkname: rest, Typeflag: map[string]byte{
			"file": tar.TypeReg, "run": tar.TypeReg, "big": tar.TypeReg, "dir": tar.TypeDir, "link": tar.TypeSymlink, "hard": tar.TypeLink, "device": tar.TypeChar,
		}[kind]}
		var content []byte
		if header.Typeflag == tar.TypeReg {
			header.Linkname = ""
			if text, err := strconv.Unquote(rest); err == nil {
				content = []byte(text)
			} else if size, err := strconv.Atoi(rest); err == nil {
				content = make([]byte, size<<20)
			}
			header.Size = int64(len(content))
		}
		if kind == "run" {
			header.Mode = 0o755
		}
		if err := packed.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := packed.Write(content); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(packed.Close(), zipped.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (s *script) run(t *testing.T) {
	result, err := Run(t.Context(), s.program, s.env, nil)
	if want, ok := s.texts["error"]; ok {
		if err == nil {
			t.Fatalf("no error, want %s", want)
		}
		if got := err.Error() + "\n"; got != want {
			t.Errorf("the error is\n%swant\n%s", got, want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if want, ok := s.texts["tree"]; ok {
		if got := listTree(t, result.Tree); got != want {
			t.Errorf("the tree is\n%swant\n%s", got, want)
		}
	} else {
		want := maps.Clone(s.source)
		if s.program.Render != nil {
			want = s.out
			wantOnly(t, result.Tree, want)
		}
		maps.Copy(want, s.out)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if want[name].Mode&fs.ModeSymlink == 0 {
				compareFile(t, result.Tree, name, want[name].Data)
			}
		}
	}
	if want, ok := s.texts["edits"]; ok {
		var got strings.Builder
		for _, e := range result.Edits {
			line := fmt.Sprintf("%s %s: %q → %q %s", e.File, e.Key, e.Old, e.New, e.Note)
			got.WriteString(strings.TrimSpace(line) + "\n")
		}
		if got.String() != want {
			t.Errorf("the edits are\n%swant\n%s", got.String(), want)
		}
	}
}

func compareFile(t *testing.T, tree fs.FS, name string, want []byte) {
	t.Helper()
	got, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Error(err)
	} else if string(got) != string(want) {
		t.Errorf("%s is\n%q\nwant\n%q", name, got, want)
	}
}

func listTree(t *testing.T, tree fs.FS) string {
	t.Helper()
	var out strings.Builder
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := ""
		if entry.Type() == fs.ModeSymlink {
			target, err := fs.ReadLink(tree, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, "link %s -> %s\n", name, target)
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if text = strings.TrimSpace(string(data)); text != "" {
			text = " " + text
		}
		fmt.Fprintf(&out, "%o %s%s\n", info.Mode().Perm(), name, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
