package gitrepo_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/gitrepo"
)

// signature is that of the commits git makes in these tests.
var signature = gitrepo.Signature{
	Name: "Tester", Email: "t@example.org",
	When: time.Unix(1700000000, 0).In(time.FixedZone("", 3600)),
}

func write(t testing.TB, b *gitrepo.Batch, tree string, parents ...string) string {
	t.Helper()
	id, err := b.WriteCommit(gitrepo.CommitSpec{
		Tree: tree, Parents: parents, Author: signature, Committer: signature, Message: "written",
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// same checks that a branch has exactly the content, and that git is content
// with all there is.
func same(t *testing.T, r *serverRepo, id string, want map[string]string) {
	t.Helper()
	r.git("fsck", "--strict", "--no-dangling")
	tree, err := mirrorOf(t, "", r).Tree(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(tree)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("content of %s:\n got %q\nwant %q", id, got, want)
	}
}

func TestWrittenTreesAndCommitsAreGits(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	// Git's order is not that of names: "a.b" < "a/" < "a0".
	files := append(sampleFiles(), file{"a.b", "1"}, file{"a/x", "2"}, file{"a0", "3"}, file{"a-", "4"}, file{"ä ö", "5"})
	want := r.commit("main", files...)
	content := fstest.MapFS{"empty": {Mode: fs.ModeDir | 0o755}}
	for _, f := range files {
		entry := &fstest.MapFile{Data: []byte(f.content), Mode: 0o644}
		if rest, ok := strings.CutPrefix(f.content, "x:"); ok {
			entry.Data, entry.Mode = []byte(rest), 0o755
		} else if rest, ok := strings.CutPrefix(f.content, "->"); ok {
			entry.Data, entry.Mode = []byte(rest), fs.ModeSymlink|0o777
		}
		content[f.path] = entry
	}
	ctx := context.Background()
	batch := mirrorOf(t, "", r).NewBatch()
	tree, err := batch.WriteTree(ctx, "", ".", content)
	if err != nil {
		t.Fatal(err)
	}
	if wantTree := r.git("rev-parse", want+"^{tree}"); tree != wantTree {
		t.Errorf("tree %s, git's is %s", tree, wantTree)
	}
	id, err := batch.WriteCommit(gitrepo.CommitSpec{
		Tree: tree, Message: "a commit on main",
		Author:    gitrepo.Signature{Name: " Tes<ter\n.,", Email: "<t@example.org>", When: signature.When},
		Committer: signature,
	})
	if err != nil {
		t.Fatal(err)
	}
	if id != want {
		t.Errorf("commit %s, git's is %s", id, want)
	}
}

func TestWriteTreeReplacesASubtree(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	base := r.commit("main", file{"keep/me", "1"}, file{"apps/web/old", "2"}, file{"apps/web/same", "3"}, file{"file", "4"})
	tree := r.git("rev-parse", base+"^{tree}")
	content := fstest.MapFS{"new": {Data: []byte("5"), Mode: 0o644}}
	cases := []struct {
		name, base, path string
		content          fs.FS
		want             map[string]string
	}{
		{"all", tree, ".", content, map[string]string{"new": "-rw-r--r-- 5"}},
		{"a folder", tree, "apps/web", content, map[string]string{
			"keep/me": "-rw-r--r-- 1", "apps/web/new": "-rw-r--r-- 5", "file": "-rw-r--r-- 4"}},
		{"a new folder", tree, "x/y/z", content, map[string]string{
			"keep/me": "-rw-r--r-- 1", "apps/web/old": "-rw-r--r-- 2", "apps/web/same": "-rw-r--r-- 3",
			"file": "-rw-r--r-- 4", "x/y/z/new": "-rw-r--r-- 5"}},
		{"a file becomes a folder", tree, "file", content, map[string]string{
			"keep/me": "-rw-r--r-- 1", "apps/web/old": "-rw-r--r-- 2", "apps/web/same": "-rw-r--r-- 3",
			"file/new": "-rw-r--r-- 5"}},
		{"nothing removes, with empty parents", tree, "apps/web", nil, map[string]string{
			"keep/me": "-rw-r--r-- 1", "file": "-rw-r--r-- 4"}},
		{"an empty one removes", tree, "apps/web", fstest.MapFS{}, map[string]string{
			"keep/me": "-rw-r--r-- 1", "file": "-rw-r--r-- 4"}},
		{"on nothing", "", "a/b", content, map[string]string{"a/b/new": "-rw-r--r-- 5"}},
		{"nothing at all", tree, ".", nil, map[string]string{}},
		{"on a commit", base, ".", content, map[string]string{"new": "-rw-r--r-- 5"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			batch := mirrorOf(t, "", r).NewBatch()
			written, err := batch.WriteTree(ctx, c.base, c.path, c.content)
			if err != nil {
				t.Fatal(err)
			}
			id := write(t, batch, written, base)
			ref := "refs/heads/" + strings.ReplaceAll(c.name, " ", "-")
			if err := batch.Push(ctx, gitrepo.Update{Ref: ref, New: id}); err != nil {
				t.Fatal(err)
			}
			same(t, r, id, c.want)
		})
	}
}

func TestWriteFilesAddsReplacesAndRemoves(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	base := r.commit("main", file{"facts/a", "1"}, file{"facts/b", "2"})
	ctx := context.Background()
	batch := mirrorOf(t, "", r).NewBatch()
	first, err := batch.WriteFiles(ctx, base, map[string][]byte{"facts/b": []byte("3"), "facts/sub/c": []byte("4")})
	if err != nil {
		t.Fatal(err)
	}
	// A tree of the batch is a base as well, and can be read before the push.
	second, err := batch.WriteFiles(ctx, first, map[string][]byte{"facts/sub/d": []byte("5"), "facts/a": nil, "facts/none": nil, "none/at/all": nil})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := batch.Tree(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"facts/b":     "-rw-r--r-- 3",
		"facts/sub/c": "-rw-r--r-- 4", "facts/sub/d": "-rw-r--r-- 5",
	}
	if got, err := readAll(tree); err != nil || !maps.Equal(got, want) {
		t.Errorf("in the batch: %q, %v", got, err)
	}
	id := write(t, batch, second, base)
	before := strings.Fields(r.git("count-objects"))[0]
	if err := batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", Old: base, New: id}); err != nil {
		t.Fatal(err)
	}
	same(t, r, id, want)
	// Three blobs, sub, facts, root, commit: the first tree and its folders stay here.
	if after := strings.Fields(r.git("count-objects"))[0]; before != "5" || after != "12" {
		t.Errorf("the server's objects went from %s to %s, want 5 to 12", before, after)
	}
}

func TestKnownSubtreesAreUsedUnread(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	source := r.commit("main", sampleFiles()...)
	stage := r.commit("stage", file{"old", "1"})
	ctx := context.Background()
	repo := mirrorOf(t, "", r)
	if err := fetch(ctx, repo, source, stage); err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Tree(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.ReadDir("."); err != nil {
		t.Fatal(err)
	}
	server.asked()
	batch := repo.NewBatch()
	written, err := batch.WriteTree(ctx, "", "copy", tree)
	if err != nil {
		t.Fatal(err)
	}
	id := write(t, batch, written, stage)
	if err := batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/stage", Old: stage, New: id}); err != nil {
		t.Fatal(err)
	}
	if asked := server.asked(); asked != "git-receive-pack" {
		t.Errorf("asked %q", asked)
	}
	if got, want := r.git("rev-parse", id+":copy"), r.git("rev-parse", source+"^{tree}"); got != want {
		t.Errorf("copy is %s, want %s", got, want)
	}
	r.git("fsck", "--strict")
}

func TestATreeOfAnotherRepositoryIsCopied(t *testing.T) {
	server := newGitServer(t)
	from, to := server.create(t, "acme/shared"), server.create(t, "acme/app")
	source := from.commit("main", sampleFiles()...)
	base := to.commit("main", file{"base/a.yaml", "a: 1\n"})
	ctx := context.Background()
	tree, err := mirrorOf(t, "", from).Tree(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	repo := mirrorOf(t, "", to)
	if err := fetch(ctx, repo, base); err != nil {
		t.Fatal(err)
	}
	batch := repo.NewBatch()
	written, err := batch.WriteTree(ctx, base, "lib", tree)
	if err != nil {
		t.Fatal(err)
	}
	id := write(t, batch, written, base)
	if err := batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", Old: base, New: id}); err != nil {
		t.Fatal(err)
	}
	if got, want := to.git("rev-parse", id+":lib"), from.git("rev-parse", source+"^{tree}"); got != want {
		t.Errorf("lib is %s, want %s", got, want)
	}
	to.git("fsck", "--strict")
}

// endless has a thousand directories in each one, so deep.
type endless int

func (e endless) Open(name string) (fs.File, error) { return nil, fs.ErrNotExist }

func (e endless) ReadDir(name string) ([]fs.DirEntry, error) {
	width := 1000
	if e > 2 {
		width = 1
	}
	if name != "." && strings.Count(name, "/")+1 >= int(e) {
		return nil, nil
	}
	list := make([]fs.DirEntry, width)
	for i := range list {
		info, err := fs.Stat(fstest.MapFS{fmt.Sprint("d", i): {Mode: fs.ModeDir | 0o755}}, fmt.Sprint("d", i))
		if err != nil {
			return nil, err
		}
		list[i] = fs.FileInfoToDirEntry(info)
	}
	return list, nil
}

func TestWrittenContentIsBounded(t *testing.T) {
	r := newGitServer(t).create(t, "acme/app")
	batch := mirrorOf(t, "", r).NewBatch()
	for content, says := range map[fs.FS]string{endless(2): "more than 500000 files", endless(3000): "more than 4096 bytes"} {
		if _, err := batch.WriteTree(context.Background(), "", "a", content); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestATreeOfTreesOfTheSameTreesIsCopiedOnce(t *testing.T) {
	server := newGitServer(t)
	from, to := server.create(t, "acme/lib"), server.create(t, "acme/app")
	below := "100644 blob " + from.blob("x")
	for range 10 { // 10^10 paths
		below = "040000 tree " + from.tree(10, below, "")
	}
	root := strings.Fields(below)[2]
	commit := from.git("commit-tree", "-m", "bomb", root)
	from.git("update-ref", "refs/heads/main", commit)
	ctx := context.Background()
	tree := treeOf(t, mirrorOf(t, "", from), commit)
	got, err := mirrorOf(t, "", to).NewBatch().WriteTree(ctx, "", ".", once{tree, map[string]bool{}})
	if err != nil || got != root {
		t.Errorf("wrote %s, %v, want %s", got, err, root)
	}
}

// once lets every file be read once.
type once struct {
	*gitrepo.Tree
	read map[string]bool
}

func (o once) ReadFile(name string) ([]byte, error) {
	if len(o.read) > 0 {
		return nil, fmt.Errorf("%s: a second file is read", name)
	}
	o.read[name] = true
	return o.Tree.ReadFile(name)
}

func TestAWarmPromotionTakesThreeRequests(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", sampleFiles()...)
	r.commit("stage", file{"manifests/a.yaml", "rendered\n"})
	for name, dir := range map[string]string{"memory": "", "disk": filepath.Join(t.TempDir(), "mirrors")} {
		t.Run(name, func(t *testing.T) {
			repo := mirrorOf(t, dir, r)
			promote(t, repo)
			r.commit("main", file{"base/a.yaml", name})
			server.asked()
			promote(t, repo)
			if asked := server.asked(); asked != "ls-refs fetch git-receive-pack" {
				t.Errorf("asked %q", asked)
			}
			if got := r.git("show", "stage:manifests/base/a.yaml"); got != name {
				t.Errorf("promoted %q, want %q", got, name)
			}
		})
	}
}

// promote does what the engine does: refs, commits, sources, a new tree on the
// stage branch.
func promote(t testing.TB, repo *gitrepo.Repo) {
	t.Helper()
	ctx := context.Background()
	refs, err := repo.Refs(ctx, "refs/heads/")
	if err != nil {
		t.Fatal(err)
	}
	main, stage := refs["refs/heads/main"], refs["refs/heads/stage"]
	if err := fetch(ctx, repo, main, stage); err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Tree(ctx, main)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Prefetch(ctx, "base", "apps/app-000"); err != nil {
		t.Fatal(err)
	}
	batch := repo.NewBatch()
	written, err := batch.WriteTree(ctx, stage, "manifests", tree)
	if err != nil {
		t.Fatal(err)
	}
	id := write(t, batch, written, stage)
	if err := batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/stage", Old: stage, New: id}); err != nil {
		t.Fatal(err)
	}
}
