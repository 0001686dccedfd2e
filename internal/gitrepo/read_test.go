package gitrepo_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/towpath/towpath/internal/gitrepo"
)

func TestRefsGivesNamesUnderPrefixes(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	repo := mirrorOf(t, "", r)
	ctx := context.Background()

	refs, err := repo.Refs(ctx)
	if err != nil || len(refs) != 0 {
		t.Fatalf("an empty repository: %v, %v", refs, err)
	}
	if branch, err := repo.DefaultBranch(ctx); err != nil || branch != "refs/heads/main" {
		t.Fatalf("default branch of an empty repository: %q, %v", branch, err)
	}
	main := r.commit("main", file{"a", "1"})
	r.commit("other", file{"a", "2"})
	stage := r.commit("stage/test", file{"a", "3"})
	refs, err = repo.Refs(ctx, "refs/heads/main", "refs/heads/stage/")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"refs/heads/main": main, "refs/heads/stage/test": stage}
	if !maps.Equal(refs, want) {
		t.Errorf("refs = %v, want %v", refs, want)
	}
	r.git("symbolic-ref", "HEAD", "refs/heads/other")
	if _, err := repo.Refs(ctx, "refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	server.asked()
	if branch, err := repo.DefaultBranch(ctx); err != nil || branch != "refs/heads/other" {
		t.Errorf("default branch: %q, %v", branch, err)
	}
	if asked := server.asked(); asked != "" {
		t.Errorf("the default branch was in the refs already, and yet: %s", asked)
	}
}

func sampleFiles() []file {
	return []file{
		{"README.md", "hello\n"}, {"run.sh", "x:#!/bin/sh\n"}, {"link", "->base/a.yaml"},
		{"base/a.yaml", "a: 1\n"}, {"base/b.yaml", "b: 2\n"}, {"base/deep/c.yaml", "c: 3\n"},
		{"base.txt", "sorts before base/\n"}, {"base/deep/up", "->../../README.md"},
	}
}

func TestTreeIsAFileSystem(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.commit("main", sampleFiles()...)
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			tree, err := mirrorOf(t, dir, r).Tree(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			if err := fstest.TestFS(tree, "README.md", "run.sh", "link", "base/deep/c.yaml"); err != nil {
				t.Error(err)
			}
			if want := r.git("rev-parse", id+"^{tree}"); tree.ID() != want {
				t.Errorf("tree id %s, want %s", tree.ID(), want)
			}
			checkEntry(t, tree, "run.sh", 0o755, r.git("rev-parse", id+":run.sh"))
			checkEntry(t, tree, "base/a.yaml", 0o644, r.git("rev-parse", id+":base/a.yaml"))
			checkEntry(t, tree, "base", fs.ModeDir|0o755, r.git("rev-parse", id+":base"))
			checkEntry(t, tree, "link", fs.ModeSymlink|0o777, r.git("rev-parse", id+":link"))
			if data, err := fs.ReadFile(tree, "base/deep/up"); string(data) != "hello\n" {
				t.Errorf("through a link: %q, %v", data, err)
			}
		})
	}
}

func TestLinksDoNotLeaveTheTree(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.commit("main", file{"a/up", "->../../outside"}, file{"rooted", "->/etc/passwd"},
		file{"loop", "->loop"}, file{"a/in", "->../b/./c"}, file{"b/c", "inside"}, file{"dir", "->b"})
	tree, err := mirrorOf(t, "", r).Tree(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/in", "dir/c"} {
		if data, err := tree.ReadFile(name); string(data) != "inside" {
			t.Errorf("%s = %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"a/up", "rooted", "loop", "absent", "b/c/x", "../b/c", "/b/c", ""} {
		if _, err := tree.ReadFile(name); err == nil {
			t.Errorf("%q was read", name)
		}
	}
}

func checkEntry(t *testing.T, tree *gitrepo.Tree, name string, mode fs.FileMode, id string) {
	t.Helper()
	info, err := tree.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != mode {
		t.Errorf("%s has mode %s, want %s", name, info.Mode(), mode)
	}
	if got := info.Sys().(interface{ GitID() string }).GitID(); got != id {
		t.Errorf("%s has id %s, want %s", name, got, id)
	}
}

func TestAColdReadAsksForLevelsAndDirectories(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.commit("main", sampleFiles()...)
	ctx := context.Background()
	tree, err := mirrorOf(t, "", r).Tree(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		do   func() error
		want string
	}{
		{"open", func() error { return nil }, "fetch"},
		{"list the root", func() error { _, err := tree.ReadDir("."); return err }, "fetch"},
		{"walk a folder", func() error { return fs.WalkDir(tree, "base", walkInfo) }, "fetch"},
		{"one file", func() error { _, err := tree.ReadFile("base/a.yaml"); return err }, "fetch"},
		{"the file beside it", func() error { _, err := tree.ReadFile("base/b.yaml"); return err }, ""},
		{"prefetch the rest", func() error { return tree.Prefetch(ctx, ".") }, "fetch"},
		{"read all", func() error { _, err := readAll(tree); return err }, ""},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if asked := server.asked(); asked != step.want {
			t.Errorf("%s asked %q, want %q", step.name, asked, step.want)
		}
	}
}

func walkInfo(_ string, d fs.DirEntry, err error) error {
	if err == nil {
		_, err = d.Info()
	}
	return err
}

// readAll gives path → mode and content or target of everything but folders.
func readAll(fsys fs.FS) (map[string]string, error) {
	all := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var content []byte
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := fs.ReadLink(fsys, name)
			if err != nil {
				return err
			}
			content = []byte(target)
		} else if content, err = fs.ReadFile(fsys, name); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[name] = info.Mode().String() + " " + string(content)
		return nil
	})
	return all, err
}

func TestPrefetchOfFoldersTakesOneRequestPerLevelAndOneForTheRest(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.many("main", 1000)
	ctx := context.Background()
	repo := mirrorOf(t, t.TempDir(), r)
	tree, err := repo.Tree(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Prefetch(ctx, "apps/app-003", "apps/app-007", "apps/none"); err != nil {
		t.Fatal(err)
	}
	// The commit; the root; apps; both folders whole.
	if asked := server.asked(); asked != "fetch fetch fetch fetch" {
		t.Errorf("asked %q", asked)
	}
	for _, folder := range []string{"apps/app-003", "apps/app-007"} {
		sub, err := fs.Sub(tree, folder)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := readAll(sub); err != nil || len(all) != 50 {
			t.Errorf("%s: %d files, %v", folder, len(all), err)
		}
	}
	if asked := server.asked(); asked != "" {
		t.Errorf("after the prefetch asked %q", asked)
	}
	// The whole tree is large enough to stay one pack on disk.
	if err := tree.Prefetch(ctx, "."); err != nil {
		t.Fatal(err)
	}
	if all, err := readAll(tree); err != nil || len(all) != 1000 {
		t.Errorf("all: %d files, %v", len(all), err)
	}
}

func TestANewCommitArrivesInOneFetchWithWhatChanged(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", sampleFiles()...)
	stage := r.commit("stage", file{"old", "1"})
	ctx := context.Background()
	repo := mirrorOf(t, t.TempDir(), r)
	look := func() *gitrepo.Tree {
		t.Helper()
		refs, err := repo.Refs(ctx, "refs/heads/")
		if err != nil {
			t.Fatal(err)
		}
		if err := fetch(ctx, repo, slices.Sorted(maps.Values(refs))...); err != nil {
			t.Fatal(err)
		}
		tree, err := repo.Tree(ctx, refs["refs/heads/main"])
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	if err := look().Prefetch(ctx, "base/a.yaml"); err != nil {
		t.Fatal(err)
	}
	server.asked()
	look()
	if asked := server.asked(); asked != "ls-refs" {
		t.Errorf("nothing new asked %q", asked)
	}
	r.commit("main", file{"base/deep/c.yaml", "c: 4\n"}, file{"new/d.yaml", "d: 1\n"})
	r.commit("main", file{"base/deep/c.yaml", "c: 5\n"})
	tree := look()
	for name, want := range map[string]string{"base/deep/c.yaml": "c: 5\n", "new/d.yaml": "d: 1\n", "base/a.yaml": "a: 1\n"} {
		if data, err := tree.ReadFile(name); string(data) != want {
			t.Errorf("%s = %q, %v", name, data, err)
		}
	}
	if asked := server.asked(); asked != "ls-refs fetch" {
		t.Errorf("two new commits asked %q", asked)
	}
	if c, err := repo.Commit(ctx, stage); err != nil || c.Message != "a commit on stage\n" {
		t.Errorf("commit of the other branch: %+v, %v", c, err)
	}
}

func TestAFetchThatIsTooLargeSaysSoAndLeavesTheRestReadable(t *testing.T) {
	r := newGitServer(t).create(t, "acme/app")
	r.git("config", "core.compression", "1")
	r.git("config", "core.bigFileThreshold", "1m") // no search for deltas
	large := strings.Repeat("\x00", 90<<20)
	id := r.commit("main", file{"dir/small", "s"}, file{"dir/1", large + "1"}, file{"dir/2", large + "2"}, file{"dir/3", large + "3"})
	tree := treeOf(t, mirrorOf(t, t.TempDir(), r), id)
	err := tree.Prefetch(context.Background(), "dir")
	var unreachable *gitrepo.UnreachableError
	if err == nil || !strings.Contains(err.Error(), "more than 268435456 bytes unpacked") || errors.As(err, &unreachable) {
		t.Errorf("all of it: %v", err)
	}
	if data, err := tree.ReadFile("dir/small"); string(data) != "s" {
		t.Errorf("the small file beside: %q, %v", data, err)
	}
	if data, err := tree.ReadFile("dir/2"); len(data) != len(large)+1 {
		t.Errorf("a large file: %d bytes, %v", len(data), err)
	}
}
