package gitrepo_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/towpath/towpath/internal/gitrepo"
)

func TestAFetchThatIsCutLeavesTheMirrorUsable(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.many("main", 1000)
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			server.on("fetch", func(_ []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool {
				answer := httptest.NewRecorder()
				git.ServeHTTP(answer, r)
				w.Write(answer.Body.Bytes()[:answer.Body.Len()*2/3])
				panic(http.ErrAbortHandler)
			})
			repo := mirrorOf(t, dir, r)
			ctx := context.Background()
			if _, err := repo.Tree(ctx, id); err == nil {
				t.Fatal("half an answer was taken for a whole one")
			}
			server.on("", nil)
			tree, err := repo.Tree(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			server.on("fetch", func(_ []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool {
				answer := httptest.NewRecorder()
				git.ServeHTTP(answer, r)
				w.Write(answer.Body.Bytes()[:answer.Body.Len()*2/3])
				panic(http.ErrAbortHandler)
			})
			if err := tree.Prefetch(ctx, "."); err == nil {
				t.Fatal("half a pack was taken for a whole one")
			}
			server.on("", nil)
			if err := tree.Prefetch(ctx, "."); err != nil {
				t.Fatal(err)
			}
			if all, err := readAll(tree); err != nil || len(all) != 1000 {
				t.Errorf("%d files, %v", len(all), err)
			}
		})
	}
}

func TestAMirrorOnDiskServesTheNextProcess(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", sampleFiles()...)
	dir := t.TempDir()
	ctx := context.Background()
	look := func() map[string]string {
		t.Helper()
		repo := mirrorOf(t, dir, r)
		refs, err := repo.Refs(ctx, "refs/heads/")
		if err != nil {
			t.Fatal(err)
		}
		if err := fetch(ctx, repo, refs["refs/heads/main"]); err != nil {
			t.Fatal(err)
		}
		tree, err := repo.Tree(ctx, refs["refs/heads/main"])
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Prefetch(ctx, "."); err != nil {
			t.Fatal(err)
		}
		all, err := readAll(tree)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := look()
	server.asked()
	if after := look(); !maps.Equal(before, after) {
		t.Errorf("read %q, then %q", before, after)
	}
	if asked := server.asked(); asked != "ls-refs" {
		t.Errorf("a new process asked %q", asked)
	}
	r.commit("main", file{"base/deep/c.yaml", "c: 4\n"})
	if look()["base/deep/c.yaml"] != "-rw-r--r-- c: 4\n" {
		t.Error("the new commit was not read")
	}
	if asked := server.asked(); asked != "ls-refs fetch" {
		t.Errorf("a new process with a new commit asked %q", asked)
	}
}

func TestADamagedMirrorIsFetchedAgain(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	small := r.commit("small", sampleFiles()...)
	large := r.many("main", 1000)
	damages := map[string]func(path string) error{
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"truncated": func(path string) error { return os.Truncate(path, 20) },
		"garbage":   func(path string) error { return os.WriteFile(path, []byte("garbage"), 0o644) },
	}
	for name, damage := range damages {
		for _, id := range []string{small, large} {
			t.Run(name+" "+id[:4], func(t *testing.T) {
				dir := t.TempDir()
				want := readWhole(t, mirrorOf(t, dir, r), id)
				err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() || !strings.Contains(path, "/objects/") {
						return err
					}
					if err := os.Chmod(path, 0o644); err != nil {
						return err
					}
					return damage(path)
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := readWhole(t, mirrorOf(t, dir, r), id); !maps.Equal(got, want) {
					t.Errorf("read %d files, want %d", len(got), len(want))
				}
			})
		}
	}
}

func TestEachKindOfDamageHeals(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	small := r.commit("small", sampleFiles()...)
	large := r.many("main", 500) // one pack
	first := func(t *testing.T, mirror, pattern string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(mirror, pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, found, err)
		}
		return found[0]
	}
	const loose, pack, index = "objects/[0-9a-f]?/*", "objects/pack/*.pack", "objects/pack/*.idx"
	for name, damage := range map[string]func(t *testing.T, mirror string) error{
		"an empty object":     func(t *testing.T, m string) error { return os.Truncate(first(t, m, loose), 0) },
		"half an object":      func(t *testing.T, m string) error { return os.Truncate(first(t, m, loose), 20) },
		"another's object":    func(t *testing.T, m string) error { return os.Rename(first(t, m, loose), first(t, m, "objects/f?/*")) },
		"a pack of garbage":   func(t *testing.T, m string) error { return rewrite(first(t, m, pack), "garbage") },
		"half a pack":         func(t *testing.T, m string) error { return os.Truncate(first(t, m, pack), 2000) },
		"no index":            func(t *testing.T, m string) error { return os.Remove(first(t, m, index)) },
		"an index of garbage": func(t *testing.T, m string) error { return rewrite(first(t, m, index), "garbage") },
		"no pack":             func(t *testing.T, m string) error { return os.Remove(first(t, m, pack)) },
		"no objects":          func(t *testing.T, m string) error { return os.RemoveAll(filepath.Join(m, "objects")) },
		"a file for objects": func(t *testing.T, m string) error {
			return errors.Join(os.RemoveAll(filepath.Join(m, "objects")), rewrite(filepath.Join(m, "objects"), "x"))
		},
		"a file for all": func(t *testing.T, m string) error { return errors.Join(os.RemoveAll(m), rewrite(m, "x")) },
		"odd lines and heads": func(t *testing.T, m string) error {
			return errors.Join(rewrite(filepath.Join(m, "towpath-lines"), "\x00"), rewrite(filepath.Join(m, "HEAD"), ""))
		},
		"half a download": func(t *testing.T, m string) error {
			return rewrite(filepath.Join(m, "objects/pack/tmp_pack_1"), "PACK")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before := mirrorOf(t, dir, r)
			want, wantLarge := readWhole(t, before, small), readWhole(t, before, large)
			mirror := first(t, dir, "*.git")
			if err := damage(t, mirror); err != nil {
				t.Fatal(err)
			}
			after := mirrorOf(t, dir, r)
			if got := readWhole(t, after, small); !maps.Equal(got, want) {
				t.Errorf("read %q", got)
			}
			if got := readWhole(t, after, large); !maps.Equal(got, wantLarge) {
				t.Errorf("read %d files, want %d", len(got), len(wantLarge))
			}
			run(t, mirror, nil, "fsck", "--strict")
			if left, _ := filepath.Glob(filepath.Join(mirror, "objects/pack/tmp_*")); len(left) > 0 {
				t.Errorf("%q is left", left)
			}
		})
	}
}

func rewrite(file, content string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, []byte(content), 0o644)
}

func TestAMirrorThatIsRemovedUnderUsIsFilledAgain(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	small := r.commit("small", sampleFiles()...)
	large := r.many("main", 1000)
	dir := t.TempDir()
	repo := mirrorOf(t, dir, r)
	readWhole(t, repo, small)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got := readWhole(t, repo, large); len(got) != 1000 {
		t.Errorf("read %d files", len(got))
	}
	if got := readWhole(t, mirrorOf(t, dir, r), small); len(got) != len(sampleFiles()) {
		t.Errorf("read %d files", len(got))
	}
}

func TestAnotherRepositoryUnderTheNameHasAnotherMirror(t *testing.T) {
	server := newGitServer(t)
	private := server.create(t, "acme/lib")
	secret := private.commit("main", file{"secret", "private"})
	dir := t.TempDir()
	mirrors := newMirrors(t, dir)
	private.remote.ID = 1
	readWhole(t, openIn(t, mirrors, private), secret)
	if err := os.RemoveAll(private.dir); err != nil {
		t.Fatal(err)
	}
	public := server.create(t, "acme/lib")
	public.commit("main", file{"open", "public"})
	public.remote.ID = 2
	for name, m := range map[string]*gitrepo.Mirrors{"this": mirrors, "the next": newMirrors(t, dir)} {
		if _, err := openIn(t, m, public).Commit(context.Background(), secret); !gitrepo.IsMissing(err) {
			t.Errorf("%s process: the other repository's commit: %v", name, err)
		}
		if got := readWhole(t, openIn(t, m, private), secret); got["secret"] != "-rw-r--r-- private" {
			t.Errorf("%s process: read %q", name, got)
		}
	}
}

func TestAMirrorOnDiskIsARepositoryForGit(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	id := r.commit("main", sampleFiles()...)
	dir := t.TempDir()
	readWhole(t, mirrorOf(t, dir, r), id)
	mirrors, err := filepath.Glob(filepath.Join(dir, "*.git"))
	if err != nil || len(mirrors) != 1 {
		t.Fatal(mirrors, err)
	}
	if got := run(t, mirrors[0], nil, "show", id+":base/a.yaml"); got != "a: 1" {
		t.Errorf("git reads %q in the mirror", got)
	}
	run(t, mirrors[0], nil, "fsck", "--strict")
}

func readWhole(t *testing.T, repo *gitrepo.Repo, id string) map[string]string {
	t.Helper()
	ctx := context.Background()
	tree, err := repo.Tree(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Prefetch(ctx, "."); err != nil {
		t.Fatal(err)
	}
	all, err := readAll(tree)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAMirrorThatHasWhatTheServerLostStartsOver(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	old := r.commit("old", file{"lib/x", "lost"})
	ctx := context.Background()
	repo := mirrorOf(t, t.TempDir(), r)
	tree, err := repo.Tree(ctx, old)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Prefetch(ctx, "."); err != nil {
		t.Fatal(err)
	}
	r.git("update-ref", "-d", "refs/heads/old")
	r.git("reflog", "expire", "--expire=now", "--all")
	r.git("gc", "--quiet", "--prune=now")
	push := func() error {
		batch := repo.NewBatch()
		// The content is at hand, as in a workspace; only its id is the mirror's.
		written, err := batch.WriteTree(ctx, main, "copy", lostFS{})
		if err != nil {
			return err
		}
		id := write(t, batch, written, main)
		return batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", Old: main, New: id})
	}
	var refused *gitrepo.RefusedError
	if err := push(); err == nil || errors.As(err, &refused) {
		t.Fatalf("the first push: %v", err)
	}
	if err := push(); err != nil {
		t.Fatal(err)
	}
	if got := r.git("show", "main:copy/x"); got != "lost" {
		t.Errorf("pushed %q", got)
	}
}

// lostFS has one file, whose id is that of a blob with the content "lost".
type lostFS struct{}

func (lostFS) Open(name string) (fs.File, error) { return lostContent().Open(name) }

func (lostFS) ReadDir(string) ([]fs.DirEntry, error) {
	info, err := fs.Stat(lostContent(), "x")
	if err != nil {
		return nil, err
	}
	return []fs.DirEntry{fs.FileInfoToDirEntry(lostInfo{info})}, nil
}

func lostContent() fstest.MapFS { return fstest.MapFS{"x": {Data: []byte("lost"), Mode: 0o644}} }

type lostInfo struct{ fs.FileInfo }

func (lostInfo) Sys() any { return blobID("3f16b27dc5e7e9dab6a2ebc9de174654cd0f209d") }

type blobID string

func (id blobID) GitID() string { return string(id) }
