package gitrepo_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/gitrepo"
)

// workshop makes a repository with a branch, a side branch and tags, for
// cloning from its path.
func workshop(t *testing.T) *serverRepo {
	t.Helper()
	r := newGitServer(t).create(t, "acme/app")
	r.commit("main", sampleFiles()...)
	r.history("main", 3)
	r.commit("side", file{"only/side", "1"})
	r.git("tag", "-a", "-m", "release", "v1", "main~1")
	r.git("tag", "light", "main~2")
	return r
}

func TestOpenReadsEveryKindOfClone(t *testing.T) {
	r := workshop(t)
	tmp := t.TempDir()
	full := filepath.Join(tmp, "full")
	run(t, tmp, nil, "clone", "--quiet", r.dir, full)
	for name, make := range map[string]func(dir string){
		"work tree": func(dir string) { run(t, tmp, nil, "clone", "--quiet", r.dir, dir) },
		"bare":      func(dir string) { run(t, tmp, nil, "clone", "--quiet", "--bare", r.dir, dir) },
		"packed": func(dir string) {
			run(t, tmp, nil, "clone", "--quiet", r.dir, dir)
			run(t, dir, nil, "gc", "--quiet")
		},
		"additional work tree": func(dir string) { run(t, full, nil, "worktree", "add", "--quiet", "--detach", dir, "main") },
		"shared":               func(dir string) { run(t, tmp, nil, "clone", "--quiet", "--shared", full, dir) },
		"borrowing from one that borrows": func(dir string) {
			run(t, tmp, nil, "clone", "--quiet", "--shared", full, dir+"-lender")
			run(t, tmp, nil, "clone", "--quiet", "--shared", dir+"-lender", dir)
		},
		"borrowing from beside": func(dir string) {
			run(t, tmp, nil, "clone", "--quiet", "--shared", full, dir)
			beside, err := filepath.Rel(filepath.Join(dir, ".git", "objects"), filepath.Join(full, ".git", "objects"))
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(dir, ".git", "objects", "info", "alternates"), beside+"\n")
		},
		"submodule": func(dir string) {
			run(t, tmp, nil, "init", "--quiet", dir+"-super")
			run(t, dir+"-super", nil, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", r.dir, "sub")
			if err := os.Symlink(dir+"-super/sub", dir); err != nil {
				t.Fatal(err)
			}
		},
		"shallow": func(dir string) { run(t, tmp, nil, "clone", "--quiet", "--depth", "1", "file://"+r.dir, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(tmp, strings.ReplaceAll(name, " ", "-"))
			make(dir)
			clone, err := gitrepo.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			id, err := clone.Resolve(ctx, "HEAD")
			if err != nil || id != r.git("rev-parse", "main") {
				t.Fatalf("HEAD is %s, %v", id, err)
			}
			commit, err := clone.Commit(ctx, id)
			if err != nil || commit.Tree != r.git("rev-parse", "main^{tree}") {
				t.Errorf("commit %+v, %v", commit, err)
			}
			tree, err := clone.Tree(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(tree)
			if err != nil {
				t.Fatal(err)
			}
			want, err := readAll(treeOf(t, mirrorOf(t, "", r), id))
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("read %q, want %q, %v", got, want, err)
			}
		})
	}
}

func treeOf(t *testing.T, repo *gitrepo.Repo, id string) *gitrepo.Tree {
	t.Helper()
	tree, err := repo.Tree(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func overwrite(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestResolveFindsWhatPeopleWrite(t *testing.T) {
	r := workshop(t)
	dir := filepath.Join(t.TempDir(), "clone")
	run(t, r.dir, nil, "clone", "--quiet", r.dir, dir)
	run(t, dir, nil, "branch", "mine", "main~1")
	run(t, dir, nil, "branch", "v1", "main~3") // as the tag
	main := r.git("rev-parse", "main")
	for _, packed := range []bool{false, true} {
		if packed {
			run(t, dir, nil, "pack-refs", "--all")
			run(t, dir, nil, "gc", "--quiet")
		}
		clone, err := gitrepo.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"HEAD": "main", "main": "main", "mine": "main~1", "v1": "main~3", "light": "main~2", "refs/tags/v1": "main~1",
			"origin/side": "side", "origin": "main", "refs/remotes/origin/side": "side", main: "main", main[:7]: "main", main[:8]: "main",
			r.git("rev-parse", "refs/tags/v1"): "main~1",
		} {
			if got, err := clone.Resolve(context.Background(), name); err != nil || got != r.git("rev-parse", want) {
				t.Errorf("packed %t: %s is %s, %v, want %s", packed, name, got, err, want)
			}
		}
		for _, name := range []string{
			"", "side", "nothing", "main~1", "../HEAD", "refs/heads/../../HEAD", "refs/heads", "mai", main[:3], "config", "-x",
			"0000",
		} {
			if got, err := clone.Resolve(context.Background(), name); !errors.Is(err, gitrepo.ErrUnknownName) {
				t.Errorf("packed %t: %q is %s, %v", packed, name, got, err)
			}
		}
		for _, id := range []string{strings.Repeat("0", 40), r.git("rev-parse", "main^{tree}")} {
			if got, err := clone.Resolve(context.Background(), id); err == nil || errors.Is(err, gitrepo.ErrUnknownName) {
				t.Errorf("packed %t: %q is %s, %v", packed, id, got, err)
			}
		}
	}
}

func TestAShortIDMeansTheOneCommitThatBeginsSo(t *testing.T) {
	r := workshop(t)
	r.history("main", 2000) // among so many, some begin with the same four digits
	commits, others := map[string][]string{}, map[string]bool{}
	for line := range strings.Lines(r.git("cat-file", "--batch-check=%(objectname) %(objecttype)", "--batch-all-objects")) {
		id, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kind == "commit" {
			commits[id[:4]] = append(commits[id[:4]], id)
		} else {
			others[id[:4]] = true
		}
	}
	clone, err := gitrepo.Open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	one, several := false, false
	for short, ids := range commits {
		got, err := clone.Resolve(context.Background(), short)
		switch {
		case len(ids) > 1:
			several = true
			if err == nil || !strings.Contains(err.Error(), ids[0]) || !strings.Contains(err.Error(), ids[1]) {
				t.Errorf("%s is one of %s: %q, %v", short, ids, got, err)
			}
		case others[short]:
			one = true
			if err != nil || got != ids[0] {
				t.Errorf("%s is %q, %v, want %s", short, got, err, ids[0])
			}
		}
		if one && several {
			return
		}
	}
	t.Fatal("no two objects begin so")
}

func TestWhatACloneLacksIsNamed(t *testing.T) {
	r := workshop(t)
	tmp := t.TempDir()
	past := r.git("rev-parse", "main~1")
	blob := r.git("rev-parse", "main:base/a.yaml")
	for kind, args := range map[string][]string{
		"shallow":         {"--depth", "1"},
		"partial":         {"--filter=blob:none"},
		"shallow partial": {"--depth", "1", "--filter=blob:none"},
	} {
		dir := filepath.Join(tmp, strings.ReplaceAll(kind, " ", "-"))
		run(t, tmp, nil, append(append([]string{"clone", "--quiet", "--no-checkout"}, args...), "file://"+r.dir, dir)...)
		clone, err := gitrepo.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		missing := past
		if _, err = clone.Commit(ctx, past); kind == "partial" {
			if err != nil {
				t.Fatal(err)
			}
			missing = blob
			head, resolveErr := clone.Resolve(ctx, "HEAD")
			if resolveErr != nil {
				t.Fatal(resolveErr)
			}
			tree, treeErr := clone.Tree(ctx, head)
			if treeErr != nil {
				t.Fatal(treeErr)
			}
			_, err = tree.ReadFile("base/a.yaml")
		}
		if err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "a "+kind+" clone") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestWhatIsNoCloneIsRefusedWithTheReason(t *testing.T) {
	r := workshop(t)
	for name, c := range map[string]struct {
		make func(dir string)
		says string
	}{
		"empty folder": {func(string) {}, "not a git repository"},
		"SHA-256":      {func(dir string) { run(t, dir, nil, "init", "--quiet", "--object-format=sha256") }, "only SHA-1"},
		"other refs": {func(dir string) {
			run(t, dir, nil, "init", "--quiet")
			run(t, dir, nil, "config", "extensions.refStorage", "reftable")
		}, "only files"},
		"lender gone": {func(dir string) {
			run(t, dir, nil, "clone", "--quiet", "--bare", "--shared", r.dir, "lender")
			run(t, dir, nil, "clone", "--quiet", "--shared", "lender", "clone")
			if err := os.RemoveAll(filepath.Join(dir, "lender")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "clone", ".git"), filepath.Join(dir, ".git")); err != nil {
				t.Fatal(err)
			}
		}, "lender"},
		"odd .git file": {func(dir string) { overwrite(t, filepath.Join(dir, ".git"), "hello\n") }, ".git file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(dir)
			if _, err := gitrepo.Open(dir); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := gitrepo.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("nothing was opened")
	}
}

func TestACloneStaysReadableWhileGitPacksIt(t *testing.T) {
	r := workshop(t)
	dir := filepath.Join(t.TempDir(), "clone.git")
	run(t, r.dir, nil, "clone", "--quiet", "--mirror", r.dir, dir)
	clone, err := gitrepo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := clone.Resolve(ctx, r.git("rev-parse", "main")[:7]); err != nil { // which looks into all packs
		t.Fatal(err)
	}
	side := r.git("rev-parse", "side")
	run(t, dir, nil, "repack", "-adq")
	if _, err := clone.Commit(ctx, side); err != nil {
		t.Error(err)
	}
}

func TestACloneIsReadFromRegularFilesOnly(t *testing.T) {
	r := workshop(t)
	read := func(dir string) error {
		clone, err := gitrepo.Open(dir)
		if err != nil {
			return err
		}
		for _, name := range []string{"HEAD", "v1"} {
			if _, err := clone.Resolve(context.Background(), name); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range []string{
		"HEAD", "commondir", "config", "packed-refs", "objects/info/alternates", "refs/heads/main", "objects/pack/pack-1.idx",
		"objects/pack/*.pack", "objects/" + r.git("rev-parse", "main")[:2] + "/" + r.git("rev-parse", "main")[2:],
	} {
		for _, kind := range []string{"device", "huge"} {
			dir := filepath.Join(t.TempDir(), "clone.git")
			run(t, r.dir, nil, "clone", "--quiet", "--mirror", "--no-local", r.dir, dir)
			if err := read(dir); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			if found, _ := filepath.Glob(path); len(found) > 0 {
				path = found[0]
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.RemoveAll(path)); err != nil {
				t.Fatal(err)
			}
			says := "too large"
			if kind == "device" {
				says = "not a regular file"
				if err := os.Symlink("/dev/null", path); err != nil {
					t.Fatal(err)
				}
			} else {
				overwrite(t, path, "")
				if err := os.Truncate(path, 1<<30); err != nil {
					t.Fatal(err)
				}
				if filepath.Ext(path) == ".pack" { // these may be large
					continue
				}
			}
			if strings.HasSuffix(path, "pack-1.idx") {
				overwrite(t, filepath.Join(dir, "objects/pack/pack-1.pack"), "")
			}
			if err := read(dir); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s is a %s: %v, want %q", name, kind, err, says)
			}
		}
	}
}
