package directives

import (
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// helmDir is a directory with charts that the helm program works on.
type helmDir string

func (d helmDir) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(string(d), name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lock is what `helm dependency update` makes of Chart.lock.
func (d helmDir) lock(t *testing.T) string {
	t.Helper()
	helm, err := filepath.Abs(filepath.Join(cmp.Or(os.Getenv("TOWPATH_TOOLS"), "../../bin"), "helm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(helm); err != nil {
		t.Skip("SKIPPED: helm is not installed; run scripts/tools.sh")
	}
	cmd := exec.Command(helm, "dependency", "update", "app")
	cmd.Dir = string(d)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return readText(t, os.DirFS(string(d)), "app/Chart.lock")
}

func readText(t *testing.T, tree fs.FS, name string) string {
	t.Helper()
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// D4: Chart.lock is what `helm dependency update` writes, but for the time.
func TestLockIsThatOfHelm(t *testing.T) {
	dir := helmDir(t.TempDir())
	redis := func(version string) string { return "apiVersion: v2\nname: redis\nversion: " + version + "\n" }
	dir.write(t, "redis/Chart.yaml", redis("1.0.0"))
	dir.write(t, "queue/Chart.yaml", redis("1.0.0"))
	dir.write(t, "app/Chart.yaml", `apiVersion: v2
name: app
version: 0.1.0
dependencies:
  - name: redis
    version: 1.0.0 # the cache
    repository: file://../redis
    alias: cache
    condition: cache.enabled
    tags: [a, "b<c"]
    import-values: [data, {parent: y, child: x}]
  - name: redis
    alias: queue
    version: ">=1"
    repository: file://../queue
`)
	dir.lock(t)
	if err := os.RemoveAll(filepath.Join(string(dir), "app/charts")); err != nil {
		t.Fatal(err)
	}

	ws, env := NewWorkspace(), envOf(os.DirFS(string(dir)))
	for _, d := range []Directive{
		Copy{From: "app", To: "app"},
		Helm{Chart: "app", Dependencies: []Dependency{{Alias: "cache", Version: "1.1.0"}}},
	} {
		if err := d.Apply(t.Context(), ws, env); err != nil {
			t.Fatal(err)
		}
	}
	dir.write(t, "app/Chart.yaml", readText(t, ws, "app/Chart.yaml"))
	dir.write(t, "redis/Chart.yaml", redis("1.1.0"))
	time := regexp.MustCompile(`generated: .*`)
	got, want := readText(t, ws, "app/Chart.lock"), dir.lock(t)
	if time.ReplaceAllString(got, "") != time.ReplaceAllString(want, "") {
		t.Errorf("the lock is\n%s\nand that of helm is\n%s", got, want)
	}
}
