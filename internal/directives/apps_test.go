package directives

import (
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// The same inputs give the same bytes, edits and errors, whatever the order in
// which maps are walked.
func TestDirectivesAreDeterministic(t *testing.T) {
	files, err := filepath.Glob("../../testdata/directives/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		if filepath.Base(file) == "chart-bomb.txtar" {
			continue // fifty times a hundred megabytes
		}
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := readScript(t, archive)
		first := s.outcome(t)
		for range 49 {
			if again := s.outcome(t); again != first {
				t.Errorf("%s gives\n%s\nand once\n%s", file, first, again)
				break
			}
		}
	}
}

// outcome is everything that a case makes.
func (s *script) outcome(t *testing.T) string {
	t.Helper()
	result, err := Run(t.Context(), s.program, s.env, nil)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s%d resources, edits %q", listTree(t, result.Tree), result.Resources, result.Edits)
}

// Whatever is in a file, its images are set or it is refused, and nothing but them
// is another one than before.
func FuzzImagesOfManifests(f *testing.F) {
	files, err := filepath.Glob("../../testdata/directives/apps-*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			f.Add(part.Data)
		}
	}
	pins := []pin{{name: "ghcr.io/acme/web", set: map[string]string{"newName": "x"}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		before, err := stream{data: data}.resources()
		if err != nil {
			return
		}
		data, err = newImageSetting(pins).apply(stream{data: data})
		if err != nil {
			return
		}
		after, err := stream{data: data}.resources()
		if err != nil || len(after) != len(before) {
			t.Fatalf("%d resources became %d: %v\n%s", len(before), len(after), err, data)
		}
		for i := range after {
			if after[i].String() != before[i].String() {
				t.Errorf("%s became %s", before[i], after[i])
			}
		}
	})
}
