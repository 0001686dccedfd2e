package directives

import (
	"context"
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
)

// Each testdata/directives/*.txtar is one case. Its files:
//
//	directives       the directives in YAML; a copy of the whole source comes first
//	freight          one freight per slot
//	source/P         the source tree; lib/P is the repository acme/lib
//	out/P            what must come out; files that are not named must not change
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
	steps            []Step
	env              *Env
	source, lib, out fstest.MapFS
	texts            map[string]string // tree, edits, error
}

func readScript(t *testing.T, archive *txtar.Archive) *script {
	t.Helper()
	s := &script{source: fstest.MapFS{}, lib: fstest.MapFS{}, out: fstest.MapFS{}, texts: map[string]string{}, env: &Env{}}
	for _, f := range archive.Files {
		dir, name, _ := strings.Cut(f.Name, "/")
		switch dir {
		case "directives":
			s.steps = readSteps(t, f.Data)
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
			Images []struct {
				Name, Pin, Warehouse string
				NewName              string `yaml:"newName"`
			}
		}
		err := node.Decode(&k)
		out := Kustomize{Path: k.Path}
		for _, i := range k.Images {
			out.Images = append(out.Images, ImagePin{Name: i.Name, NewName: i.NewName, Pin: i.Pin, Warehouse: i.Warehouse})
		}
		return out, err
	case "helm":
		var h Helm
		return h, node.Decode(&h)
	case "yaml":
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
	return nil, fmt.Errorf("no directive %s", verb)
}

func (s *script) run(t *testing.T) {
	result, err := Run(t.Context(), Program{Steps: s.steps}, s.env, nil)
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
