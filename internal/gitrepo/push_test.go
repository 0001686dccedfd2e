package gitrepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/towpath/towpath/internal/gitrepo"
)

// The size of an object is written in four and then seven bits to the byte.
func TestObjectsOfEverySizeArriveWhole(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	files := map[string][]byte{}
	for _, size := range []int{0, 1, 15, 16, 127, 128, 2047, 2048, 2049, 262143, 262144, 1 << 20} {
		files[fmt.Sprint(size)] = []byte(strings.Repeat("towpath\n", size/8+1)[:size])
	}
	ctx := context.Background()
	dir := t.TempDir()
	batch := mirrorOf(t, dir, r).NewBatch()
	tree, err := batch.WriteFiles(ctx, "", files)
	if err != nil {
		t.Fatal(err)
	}
	id := write(t, batch, tree)
	if err := batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", New: id}); err != nil {
		t.Fatal(err)
	}
	r.git("fsck", "--strict", "--no-dangling")
	run(t, "", nil, "--git-dir", mirrorDir(t, dir), "fsck", "--strict", "--no-dangling")
	server.asked()
	for where, repo := range map[string]*gitrepo.Repo{"server": mirrorOf(t, "", r), "mirror": mirrorOf(t, dir, r)} {
		pushed, err := repo.Tree(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		for size, want := range files {
			if got, err := pushed.ReadFile(size); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the %s holds other content of %s bytes (error %v)", where, size, err)
			}
		}
		if asked := server.asked(); where == "mirror" && asked != "" {
			t.Errorf("the mirror on disk asks for what was pushed: %s", asked)
		}
	}
}

// mirrorDir is the one mirror under a directory.
func mirrorDir(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.git"))
	if err != nil || len(found) != 1 {
		t.Fatalf("mirrors under %s: %v, %v", dir, found, err)
	}
	return found[0]
}

func TestPushMovesAllRefsOrNone(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	stage := r.commit("stage", file{"a", "2"})
	gone := r.commit("gone", file{"a", "3"})
	ctx := context.Background()
	repo := mirrorOf(t, "", r)
	if err := fetch(ctx, repo, main, stage); err != nil {
		t.Fatal(err)
	}
	moved := r.commit("stage", file{"a", "4"})
	batch := repo.NewBatch()
	tree, err := batch.WriteFiles(ctx, main, map[string][]byte{"b": []byte("5")})
	if err != nil {
		t.Fatal(err)
	}
	id := write(t, batch, tree, main)
	updates := func(stage string) []gitrepo.Update {
		return []gitrepo.Update{
			{Ref: "refs/heads/main", Old: main, New: id},
			{Ref: "refs/heads/stage", Old: stage, New: id},
			{Ref: "refs/heads/gone", Old: gone},
			{Ref: "refs/heads/created", New: main},
		}
	}
	err = batch.Push(ctx, updates(stage)...)
	var stale *gitrepo.StaleError
	if !errors.As(err, &stale) || *stale != (gitrepo.StaleError{Ref: "refs/heads/stage", Expected: stage, Actual: moved}) {
		t.Fatalf("push over a moved ref: %v", err)
	}
	checkRefs(t, repo, map[string]string{"refs/heads/main": main, "refs/heads/stage": moved, "refs/heads/gone": gone})
	if err := batch.Push(ctx, updates(moved)...); err != nil {
		t.Fatal(err)
	}
	checkRefs(t, repo, map[string]string{"refs/heads/main": id, "refs/heads/stage": id, "refs/heads/created": main})

	err = repo.NewBatch().Push(ctx, gitrepo.Update{Ref: "refs/heads/created", New: stage})
	if !errors.As(err, &stale) || stale.Actual != main || stale.Expected != "" {
		t.Errorf("creating what exists: %v", err)
	}
	err = repo.NewBatch().Push(ctx, gitrepo.Update{Ref: "refs/heads/gone", Old: gone})
	if err != nil {
		t.Errorf("deleting what is gone already: %v", err)
	}
}

func checkRefs(t *testing.T, repo *gitrepo.Repo, want map[string]string) {
	t.Helper()
	refs, err := repo.Refs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(refs, want) {
		t.Errorf("refs are %v, want %v", refs, want)
	}
}

func TestARefusalCarriesTheServersWords(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	side := r.commit("side", file{"a", "2"})
	ctx := context.Background()
	cases := []struct {
		name, hook, script string
		ref                string
		reason             []string
	}{
		{"all by the pre-receive hook", "pre-receive", `printf 'GH013: rule \033[31mviolated\033[0m\a\n' >&2; exit 1`,
			"refs/heads/main", []string{"pre-receive hook declined", "GH013: rule violated"}},
		{"one by the update hook", "update", `[ "$1" != refs/heads/new ] || { echo no new branches >&2; exit 1; }`,
			"refs/heads/new", []string{"hook declined", "no new branches"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r.hook(c.hook, c.script)
			repo := mirrorOf(t, "", r)
			batch := repo.NewBatch()
			tree, err := batch.WriteFiles(ctx, main, map[string][]byte{"b": []byte("5")})
			if err != nil {
				t.Fatal(err)
			}
			id := write(t, batch, tree, main)
			err = batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", Old: main, New: id},
				gitrepo.Update{Ref: "refs/heads/new", New: id})
			var refused *gitrepo.RefusedError
			if !errors.As(err, &refused) || refused.Ref != c.ref {
				t.Fatalf("got %v", err)
			}
			for _, words := range c.reason {
				if !strings.Contains(refused.Reason, words) {
					t.Errorf("the reason %q does not say %q", refused.Reason, words)
				}
			}
			if strings.ContainsAny(refused.Reason, "\x1b\a") {
				t.Errorf("the reason %q has control characters", refused.Reason)
			}
			checkRefs(t, repo, map[string]string{"refs/heads/main": main, "refs/heads/side": side})
			r.hook(c.hook, "exit 0")
		})
	}
}

func TestNamesThatGitDoesNotAllowAreRefusedUnsent(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	ctx := context.Background()
	repo := mirrorOf(t, "", r)
	for _, ref := range []string{"main", "HEAD", "refs/heads/a..b", "refs/heads/a b", "refs/heads/x.lock", "refs/heads/", "refs/heads/a\nb", "refs/heads/a\x00b"} {
		if err := repo.NewBatch().Push(ctx, gitrepo.Update{Ref: ref, New: main}); err == nil {
			t.Errorf("ref %q was pushed", ref)
		}
	}
	for _, name := range []string{"../x", "a/../b", ".git/config", "sub/.GIT/x", ".git. /x", "git~1/x", ".g\u200cit/x", "a\x00b", "a//b", "/a", ""} {
		if _, err := repo.NewBatch().WriteFiles(ctx, "", map[string][]byte{name: nil}); err == nil {
			t.Errorf("file %q was written", name)
		}
		if _, err := repo.NewBatch().WriteTree(ctx, "", name, fstest.MapFS{}); err == nil {
			t.Errorf("folder %q was written", name)
		}
	}
	for _, name := range []string{".git", ".Git/config", "a/.git/x"} {
		if _, err := repo.NewBatch().WriteTree(ctx, "", "x", fstest.MapFS{name: {Data: []byte("x")}}); err == nil {
			t.Errorf("content with %q was written", name)
		}
	}
	if asked := server.asked(); asked != "" {
		t.Errorf("the server was asked: %s", asked)
	}
}
