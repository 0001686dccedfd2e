package config_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/towpath/towpath/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

const corpus = "../../testdata"

// parseTree parses a case: pipeline.yaml, pipelines/*.yaml and policy.yaml, with
// everything else as the files of the repository.
func parseTree(t *testing.T, tree fs.FS) (*config.Config, config.Mistakes) {
	t.Helper()
	var pipelines []config.File
	var policy *config.File
	names, err := fs.Glob(tree, "pipelines/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"pipeline.yaml", "policy.yaml"}, names...) {
		data, err := fs.ReadFile(tree, name)
		switch {
		case err != nil:
		case name == "policy.yaml":
			policy = &config.File{Name: name, Data: data}
		default:
			pipelines = append(pipelines, config.File{Name: name, Data: data})
		}
	}
	return config.Parse(pipelines, policy, config.Context{Repository: "acme/deploy", DefaultBranch: "main", Tree: tree})
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func render(mistakes config.Mistakes) string {
	var out strings.Builder
	for _, line := range mistakes.Lines() {
		out.WriteString(line + "\n")
	}
	return out.String()
}

// The good files have no mistake; what they expand to is in expand.out.
func TestGoodFiles(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(corpus, "ok", "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			parsed, mistakes := parseTree(t, os.DirFS(dir))
			if len(mistakes) > 0 {
				t.Errorf("false alarm: %s", mistakes)
			}
			expanded, err := config.Expand(parsed)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(dir, "expand.out"), string(expanded))
		})
	}
}

// Each bad file gives exactly the mistakes of its `.out`, with their places.
func TestBadFiles(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(corpus, "err", "*"))
	if err != nil || len(cases) < 80 {
		t.Fatalf("only %d files in the corpus: %v", len(cases), err)
	}
	for _, name := range cases {
		ext := filepath.Ext(name)
		if ext == ".out" {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			parsed, mistakes := parseTree(t, caseTree(t, name))
			if len(mistakes) == 0 {
				t.Error("no mistake was found")
			}
			for _, m := range mistakes {
				if !slices.Contains(parsed.Broken, m.File) {
					t.Errorf("%s is not among the broken files %v", m.File, parsed.Broken)
				}
			}
			golden(t, strings.TrimSuffix(name, ext)+".out", render(mistakes))
		})
	}
}

// caseTree reads a case: a txtar archive, or one file that is a policy when its
// name says so.
func caseTree(t *testing.T, name string) fs.FS {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".txtar" {
		tree := fstest.MapFS{}
		for _, f := range txtar.Parse(data).Files {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		return tree
	}
	inside := "pipeline.yaml"
	if strings.HasPrefix(filepath.Base(name), "policy-") {
		inside = "policy.yaml"
	}
	return fstest.MapFS{inside: {Data: data}}
}
