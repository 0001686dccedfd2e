package directives

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// gitTree is a source whose entries have git ids and whose files may only be
// read where the test says so.
type gitTree struct {
	fstest.MapFS
	readable []string
}

type gitID string

func (id gitID) GitID() string { return string(id) }

type gitInfo struct {
	fs.FileInfo
	id gitID
}

func (i gitInfo) Sys() any           { return i.id }
func (i gitInfo) ModTime() time.Time { return time.Time{} }

func (t gitTree) ReadFile(name string) ([]byte, error) {
	if !slices.Contains(t.readable, name) {
		return nil, errors.New(name + " must not be read")
	}
	return t.MapFS.ReadFile(name)
}

func (t gitTree) Lstat(name string) (fs.FileInfo, error) {
	info, err := t.MapFS.Lstat(name)
	return gitInfo{info, gitID("id of " + name)}, err
}

func (t gitTree) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := t.MapFS.ReadDir(name)
	for i, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		full := strings.TrimPrefix(name+"/"+e.Name(), "./")
		entries[i] = fs.FileInfoToDirEntry(gitInfo{info, gitID("id of " + full)})
	}
	return entries, err
}

func envOf(tree fs.FS) *Env {
	return &Env{Source: func(context.Context, SourceRef) (fs.FS, error) { return tree, nil }}
}

func idOf(t *testing.T, ws *Workspace, name string) string {
	t.Helper()
	info, err := ws.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	known, ok := info.Sys().(interface{ GitID() string })
	if !ok {
		return ""
	}
	return known.GitID()
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }

// What was copied and not touched is known by its git id and never read.
func TestUntouchedSubtreesKeepTheirGitID(t *testing.T) {
	source := gitTree{fstest.MapFS{
		"base/a/one": file("1"), "base/a/two": file("2"), "base/b/c/three": file("k: 3\n"), "base/d/x.md": file(""), "base/d/y": file(""),
	}, []string{"base/b/c/three"}}
	ws := NewWorkspace()
	copyAll := Copy{From: "base", To: "out", Ignore: []string{"*.md"}}
	if err := copyAll.Apply(t.Context(), ws, envOf(source)); err != nil {
		t.Fatal(err)
	}
	edit := YAML{File: "out/b/c/three", Set: []Value{{Key: "k", Value: 4}}}
	if err := edit.Apply(t.Context(), ws, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		".": "", "out": "", "out/a": "id of base/a", "out/a/one": "id of base/a/one",
		"out/b": "", "out/b/c": "", "out/b/c/three": "", "out/d": "", "out/d/y": "id of base/d/y",
	} {
		if got := idOf(t, ws, name); got != want {
			t.Errorf("%s has the id %q, want %q", name, got, want)
		}
	}
}

func TestTheWholeSourceKeepsItsGitID(t *testing.T) {
	source := gitTree{MapFS: fstest.MapFS{"a/b": file("1")}}
	ws := NewWorkspace()
	if err := (Copy{From: ".", To: "."}).Apply(t.Context(), ws, envOf(source)); err != nil {
		t.Fatal(err)
	}
	if got := idOf(t, ws, "."); got != "id of ." {
		t.Errorf("the root has the id %q", got)
	}
	if err := ws.Remove("a/b"); err != nil {
		t.Fatal(err)
	}
	if got := idOf(t, ws, "."); got != "" {
		t.Errorf("the changed root has the id %q", got)
	}
}

// The source is somebody else's: writing into the workspace does not change it,
// nor what was copied from it elsewhere.
func TestCopiesAreIndependent(t *testing.T) {
	source := fstest.MapFS{"a/f": file("1")}
	ws := NewWorkspace()
	for _, to := range []string{"x", "y"} {
		if err := (Copy{From: "a", To: to}).Apply(t.Context(), ws, envOf(source)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ws.WriteFile("x/f", []byte("2"), 0o644); err != nil {
		t.Fatal(err)
	}
	compareFile(t, ws, "x/f", []byte("2"))
	compareFile(t, ws, "y/f", []byte("1"))
	compareFile(t, source, "a/f", []byte("1"))
}

func TestWorkspaceIsAFileSystem(t *testing.T) {
	source := fstest.MapFS{"a/f": file("1"), "a/run": {Data: []byte("x"), Mode: 0o755}, "link": {Data: []byte("a/f"), Mode: fs.ModeSymlink | 0o777}}
	ws := NewWorkspace()
	if err := (Copy{From: ".", To: "."}).Apply(t.Context(), ws, envOf(source)); err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteFile("b/c", []byte("2"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(ws, "a/f", "a/run", "b/c", "link"); err != nil {
		t.Error(err)
	}
	compareFile(t, ws, "link", []byte("1"))
}

// D1: paths are relative, clean, and never git's own.
func TestHostilePathsAreRefused(t *testing.T) {
	for _, name := range []string{
		"", "..", "../x", "a/../..", "/etc/passwd", "a//b", "a/", "./a", "a\x00b", `a\..\b`, `C:\x`,
		".git", "a/.git/config", ".GIT", ".Git/hooks/x", "git~1", "GIT~1/x", ".git ", ".git.", ".git::$INDEX_ALLOCATION/x",
		".g\u200cit/config", ".git\u200d", "\ufeff.git",
	} {
		ws := NewWorkspace()
		if err := ws.WriteFile(name, nil, 0o644); err == nil {
			t.Errorf("%q can be written", name)
		}
		for _, d := range []Directive{
			Copy{From: name, To: "x"}, Copy{From: "a", To: name}, Kustomize{Path: name},
			Helm{Chart: name, Values: []Value{{File: "values.yaml", Key: "a"}}}, YAML{File: name, Set: []Value{{Key: "a"}}},
		} {
			if err := d.Apply(t.Context(), ws, envOf(fstest.MapFS{"a": file("1")})); err == nil {
				t.Errorf("%s takes the path %q", d.Kind(), name)
			}
		}
	}
	for _, name := range []string{".", "a", ".github/x", ".gitignore", "git", "a.git", "..a", "a..b/c", "é"} {
		if err := CheckPath(name); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
}

// A link in the workspace never leads out of it, whoever follows it.
func TestLinksThatLeaveAreNotFollowed(t *testing.T) {
	tree := fstest.MapFS{"up": {Data: []byte("../x"), Mode: fs.ModeSymlink | 0o777}, "d/ok": {Data: []byte("../f"), Mode: fs.ModeSymlink | 0o777}, "f": file("1")}
	if _, err := Resolve(tree, "up"); err == nil {
		t.Error("a link that leaves the tree is followed")
	}
	if got, err := Resolve(tree, "d/ok"); got != "f" || err != nil {
		t.Errorf("a link inside the tree leads to %q, %v", got, err)
	}
	if _, err := Resolve(tree, "d/ok/../../up"); err == nil {
		t.Error("an unclean path is resolved")
	}
}

func TestSubmodulesAreNotCopied(t *testing.T) {
	source := fstest.MapFS{"vendor/lib": {Mode: fs.ModeIrregular}, "a": file("1")}
	err := (Copy{From: ".", To: "."}).Apply(t.Context(), NewWorkspace(), envOf(source))
	if err == nil || !strings.Contains(err.Error(), "vendor/lib is a submodule") {
		t.Errorf("the error is %v", err)
	}
	if err := (Copy{From: ".", To: ".", Ignore: []string{"vendor/"}}).Apply(t.Context(), NewWorkspace(), envOf(source)); err != nil {
		t.Error(err)
	}
}

func TestCopyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := (Copy{From: ".", To: "."}).Apply(ctx, NewWorkspace(), envOf(fstest.MapFS{"a/b": file("1")}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
