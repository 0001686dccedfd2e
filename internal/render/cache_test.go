package render

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/towpath/towpath/internal/directives"
)

// counting is a renderer that says how often it was asked.
type counting struct{ times int }

func (c *counting) Kustomize(_ context.Context, _ fs.FS, _ directives.KustomizeBuild) ([]byte, error) {
	c.times++
	return []byte{byte(c.times)}, nil
}

func (c *counting) Helm(_ context.Context, _ fs.FS, _ directives.HelmTemplate) ([]byte, error) {
	c.times++
	return []byte{byte(c.times)}, nil
}

func workspace(t *testing.T, files map[string]string) *directives.Workspace {
	t.Helper()
	ws := directives.NewWorkspace()
	for name, text := range files {
		if err := ws.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return ws
}

// A rendering is done again when anything changed that can change it, and only
// then (R1).
func TestCacheKnowsWhatCounts(t *testing.T) {
	base := map[string]string{"chart/Chart.yaml": "name: a", "chart/templates/a.yaml": "a"}
	same := func() fs.FS { return workspace(t, base) }
	plain := directives.HelmTemplate{Chart: "chart", Release: "r", Values: map[string]any{"a": 1, "b": []any{"x"}}}
	with := func(change func(*directives.HelmTemplate)) directives.HelmTemplate {
		t := plain
		change(&t)
		return t
	}
	for _, c := range []struct {
		name     string
		tree     fs.FS
		template directives.HelmTemplate
		again    bool
	}{
		{"the same", same(), plain, false},
		{"equal values", same(), with(func(t *directives.HelmTemplate) { t.Values = map[string]any{"b": []any{"x"}, "a": 1} }), false},
		{"another file", workspace(t, map[string]string{"chart/Chart.yaml": "name: a", "chart/templates/a.yaml": "b"}), plain, true},
		{"another name", workspace(t, map[string]string{"chart/Chart.yaml": "name: a", "chart/templates/b.yaml": "a"}), plain, true},
		{"one more file", workspace(t, map[string]string{"chart/Chart.yaml": "name: a", "chart/templates/a.yaml": "a", "x": ""}), plain, true},
		{"another release", same(), with(func(t *directives.HelmTemplate) { t.Release = "s" }), true},
		{"another type", same(), with(func(t *directives.HelmTemplate) { t.Values = map[string]any{"a": 1.0, "b": []any{"x"}} }), true},
		{"a string for a number", same(), with(func(t *directives.HelmTemplate) { t.Values = map[string]any{"a": "1", "b": []any{"x"}} }), true},
		{"tests skipped", same(), with(func(t *directives.HelmTemplate) { t.SkipTests = true }), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := &counting{}
			cache, err := NewCache(next, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			helm(t, cache, same(), plain)
			helm(t, cache, c.tree, c.template)
			if again := next.times == 2; again != c.again {
				t.Errorf("rendered again: %v, want %v", again, c.again)
			}
		})
	}
}

func helm(t *testing.T, r directives.Renderer, tree fs.FS, template directives.HelmTemplate) []byte {
	t.Helper()
	text, err := r.Helm(t.Context(), tree, template)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The mode of a file, and what git calls a folder that nobody touched, count too.
func TestCacheReadsGitIDs(t *testing.T) {
	next := &counting{}
	cache, err := NewCache(next, "")
	if err != nil {
		t.Fatal(err)
	}
	script := workspace(t, map[string]string{"run": "x"})
	helm(t, cache, script, directives.HelmTemplate{})
	executable := directives.NewWorkspace()
	if err := executable.WriteFile("run", []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	helm(t, cache, executable, directives.HelmTemplate{})
	if next.times != 2 {
		t.Errorf("rendered %d times, want 2", next.times)
	}
	// A tree that does not say what it is is rendered every time.
	helm(t, cache, fstest.MapFS{}, directives.HelmTemplate{})
	helm(t, cache, fstest.MapFS{}, directives.HelmTemplate{})
	if next.times != 4 {
		t.Errorf("rendered %d times, want 4", next.times)
	}
}

// What was rendered survives a restart; what was damaged on disk is rendered again.
func TestCacheSurvivesRestarts(t *testing.T) {
	dir, next := t.TempDir(), &counting{}
	look := func() []byte {
		cache, err := NewCache(next, dir)
		if err != nil {
			t.Fatal(err)
		}
		text, err := cache.Kustomize(t.Context(), workspace(t, map[string]string{"a": "b"}), directives.KustomizeBuild{Path: "."})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := look()
	if second := look(); next.times != 1 || !bytes.Equal(first, second) {
		t.Fatalf("rendered %d times, %q and %q", next.times, first, second)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, damage := range [][]byte{nil, []byte("short"), bytes.Repeat([]byte("x"), 100)} {
		if err := os.WriteFile(files[0], damage, 0o600); err != nil {
			t.Fatal(err)
		}
		before := next.times
		if look(); next.times != before+1 {
			t.Errorf("damage %q was believed", damage)
		}
	}
}

// Both bounds hold, and what was used last stays.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	cache, err := NewCache(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	cache.most = bounds{memory: 4000, disk: 10_000}
	big := make([]byte, 1000)
	for n := range 20 {
		cache.keep(string(rune('a'+n)), big)
		if _, ok := cache.get("a"); !ok {
			t.Fatalf("what was used last is gone after %d", n)
		}
	}
	if cache.memory > cache.most.memory || cache.disk > cache.most.disk {
		t.Errorf("%d bytes in memory, %d on disk", cache.memory, cache.disk)
	}
	if _, ok := cache.get("b"); ok {
		t.Error("what was used longest ago is still there")
	}
}
