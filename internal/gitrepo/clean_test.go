package gitrepo_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/gitrepo"
)

func newMirrors(t *testing.T, dir string) *gitrepo.Mirrors {
	t.Helper()
	mirrors, err := gitrepo.NewMirrors(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mirrors
}

func openIn(t *testing.T, mirrors *gitrepo.Mirrors, r *serverRepo) *gitrepo.Repo {
	t.Helper()
	repo, err := mirrors.Repo(r.remote)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// filesIn counts the objects under a folder of mirrors.
func filesIn(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && len(d.Name()) == 38 {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCleanRemovesWhatWasUsedLeastRecently(t *testing.T) {
	server := newGitServer(t)
	var repos []*serverRepo
	var heads []string
	for i := range 3 {
		r := server.create(t, fmt.Sprint("acme/app", i))
		repos, heads = append(repos, r), append(heads, r.commit("main", append(sampleFiles(), file{"own", fmt.Sprint(i)})...))
	}
	for recent := range repos {
		dir := t.TempDir()
		mirrors := newMirrors(t, dir)
		for i, r := range repos {
			readWhole(t, openIn(t, mirrors, r), heads[i])
		}
		paths := pathsIn(t, dir)
		for _, path := range paths { // long ago
			if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}
		mirrors = newMirrors(t, dir)
		repo := openIn(t, mirrors, repos[recent])
		if err := mirrors.Clean(1 << 30); err != nil {
			t.Fatal(err)
		}
		if left := pathsIn(t, dir); len(left) != len(paths) {
			t.Errorf("there was room for all, and yet %d are left", len(left))
		}
		if err := mirrors.Clean(200 << 10); err != nil {
			t.Fatal(err)
		}
		if left := pathsIn(t, dir); len(left) != 1 {
			t.Errorf("%d mirrors are left", len(left))
		}
		server.asked()
		readWhole(t, repo, heads[recent])
		if asked := server.asked(); asked != "" {
			t.Errorf("what was used last asked %q", asked)
		}
		for i, r := range repos {
			if got := readWhole(t, openIn(t, mirrors, r), heads[i]); got["own"] != fmt.Sprint("-rw-r--r-- ", i) {
				t.Errorf("repository %d: own is %q", i, got["own"])
			}
		}
	}
}

func pathsIn(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestCleanLeavesAHeldMirror(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.commit("main", sampleFiles()...)
	dir := t.TempDir()
	mirrors := newMirrors(t, dir)
	repo := openIn(t, mirrors, r)
	want := readWhole(t, repo, id)
	release := repo.Hold()
	had := filesIn(t, dir)
	if err := mirrors.Clean(0); err != nil {
		t.Fatal(err)
	}
	if n := filesIn(t, dir); n != had || n == 0 {
		t.Errorf("%d objects of a held mirror are left of %d", n, had)
	}
	tree := treeOf(t, repo, id)
	release()
	if err := mirrors.Clean(0); err != nil {
		t.Fatal(err)
	}
	if n := filesIn(t, dir); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	// Somebody still has the tree, and does not notice.
	if got, err := readAll(tree); err != nil || !maps.Equal(got, want) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestCleanFinishesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "0123.git.gone")
	other := filepath.Join(dir, "notes")
	for _, d := range []string{left, other} {
		if err := os.MkdirAll(filepath.Join(d, "objects"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := newMirrors(t, dir).Clean(1 << 30); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what was to be removed is still there")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("what is no mirror was removed")
	}
	if err := newMirrors(t, filepath.Join(dir, "none")).Clean(0); err != nil {
		t.Error(err)
	}
}

func TestMirrorsAreCleanedWhileTheyAreRead(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.commit("main", sampleFiles()...)
	mirrors := newMirrors(t, t.TempDir())
	want := readWhole(t, openIn(t, mirrors, r), id)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 5 {
				repo, err := mirrors.Repo(r.remote)
				if err != nil {
					t.Error(err)
					return
				}
				release := func() {}
				if i%2 == 0 {
					release = repo.Hold()
				}
				tree, err := repo.Tree(context.Background(), id)
				if err != nil {
					t.Error(err)
					release()
					return
				}
				if got, err := readAll(tree); err != nil || !maps.Equal(got, want) {
					t.Errorf("read %q, %v", got, err)
				}
				release()
				if err := mirrors.Clean(0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
