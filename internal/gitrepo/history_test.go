package gitrepo_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/gitrepo"
)

func TestCommitIsReadWhole(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	parent := r.commit("main", file{"a", "1"})
	id := r.commit("main", file{"a", "2"})
	r.git("tag", "-a", "-m", "release", "v1", id)
	tag := r.git("rev-parse", "v1")
	for _, name := range []string{id, tag} {
		c, err := mirrorOf(t, "", r).Commit(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		if c.ID != id || c.Tree != r.git("rev-parse", id+"^{tree}") || !slices.Equal(c.Parents, []string{parent}) ||
			c.Message != "a commit on main\n" || c.Author.Name != "Tester" || c.Author.Email != "t@example.org" ||
			!c.Committer.When.Equal(signature.When) {
			t.Errorf("commit %s is %+v", name, c)
		}
	}
	for _, name := range []string{"main", "", strings.Repeat("z", 40), strings.Repeat("1", 40), r.git("rev-parse", id+":a")} {
		if c, err := mirrorOf(t, "", r).Commit(context.Background(), name); err == nil {
			t.Errorf("%q is the commit %+v", name, c)
		}
	}
}

func TestLogGivesTheFirstParents(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", file{"a", "first"})
	r.history("main", 149)
	ids := strings.Fields(r.git("rev-list", "main"))
	side := r.commit("side", file{"b", "1"})
	merge := r.git("commit-tree", "-p", ids[0], "-p", side, "-m", "merge", ids[0]+"^{tree}")
	r.git("update-ref", "refs/heads/main", merge)
	ids = append([]string{merge}, ids...)
	cases := []struct {
		name   string
		stopAt string
		limit  int
		want   []string
	}{
		{"to a commit", ids[3], 1000, ids[:3]},
		{"at most", "", 5, ids[:5]},
		{"to the root", "", 1000, ids},
		{"nothing before itself", merge, 10, nil},
		{"not on the line", side, 1000, ids},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server.asked()
			log, err := mirrorOf(t, "", r).Log(context.Background(), merge, c.stopAt, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, commit := range log {
				got = append(got, commit.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%d commits, want %d", len(got), len(c.want))
			}
			if asked := len(strings.Fields(server.asked())); asked > 3 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestIsAncestor(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	root := r.commit("main", file{"a", "0"})
	var middle string
	for i := range 40 {
		middle = r.commit("main", file{"a", fmt.Sprint(i + 1)})
	}
	r.git("update-ref", "refs/heads/fork", middle)
	fork := r.commit("fork", file{"f", "1"})
	head := r.commit("main", file{"a", "end"})
	merge := r.git("commit-tree", "-p", head, "-p", fork, "-m", "merge", head+"^{tree}")
	r.git("update-ref", "refs/heads/main", merge)
	orphan := r.commit("orphan", file{"o", "1"})
	cases := []struct {
		name                 string
		ancestor, descendant string
		want                 bool
	}{
		{"itself", head, head, true},
		{"the parent", middle, head, true},
		{"the root", root, merge, true},
		{"the second parent", fork, merge, true},
		{"behind a fork", middle, fork, true},
		{"the other way round", head, root, false},
		{"a sibling", head, fork, false},
		{"unrelated", orphan, merge, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, know := range [][]string{nil, {c.ancestor}, {c.descendant}, {c.ancestor, c.descendant}} {
				repo := mirrorOf(t, "", r)
				if err := fetch(context.Background(), repo, know...); err != nil {
					t.Fatal(err)
				}
				server.asked()
				got, err := repo.IsAncestor(context.Background(), c.ancestor, c.descendant)
				if err != nil || got != c.want {
					t.Errorf("knowing %d: %v, %v", len(know), got, err)
				}
				if asked := len(strings.Fields(server.asked())); asked > 1 {
					t.Errorf("asked %d times", asked)
				}
			}
		})
	}
}

func TestDiffNamesTheFilesThatDiffer(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	old := r.commit("main", sampleFiles()...)
	id := r.commit("main", file{"base/a.yaml", "a: 2\n"}, file{"run.sh", "#!/bin/sh\n"}, file{"base/deep/c.yaml", ""},
		file{"base/deep/up", ""}, file{"link", ""}, file{"link/now/a/folder", "1"}, file{"base.txt", "sorts before base/\n"})
	ctx := context.Background()
	changes, err := mirrorOf(t, "", r).Diff(ctx, old, id)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&got, "%s %s %s %s\n", c.Path, short(c.OldID), short(c.NewID), c.NewMode)
	}
	var want strings.Builder
	for _, line := range []struct {
		path string
		mode fs.FileMode
	}{
		{"base/a.yaml", 0o644}, {"base/deep/c.yaml", 0}, {"base/deep/up", 0}, {"link", 0}, {"link/now/a/folder", 0o644}, {"run.sh", 0o644},
	} {
		fmt.Fprintf(&want, "%s %s %s %s\n", line.path, lookup(r, old, line.path), lookup(r, id, line.path), line.mode)
	}
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want.String())
	}
	repo := mirrorOf(t, "", r)
	for _, c := range []struct {
		a, b string
		want int
	}{{"", id, 6}, {old, "", 8}, {id, id, 0}, {"", "", 0}} {
		if changes, err := repo.Diff(ctx, c.a, c.b); err != nil || len(changes) != c.want {
			t.Errorf("from %q to %q: %d changes, %v", c.a, c.b, len(changes), err)
		}
	}
}

func short(id string) string { return id[:min(8, len(id))] }

// lookup gives the blob at a path, "" where there is none.
func lookup(r *serverRepo, commit, path string) string {
	for line := range strings.Lines(r.git("ls-tree", "-r", commit, "--", path)) {
		meta, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if name == path {
			return short(strings.Fields(meta)[2])
		}
	}
	return ""
}

func TestFarBehindOnlyTheNewCommitIsFetched(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", file{"a", "1"})
	ctx := context.Background()
	repo := mirrorOf(t, "", r)
	look := func() string {
		t.Helper()
		refs, err := repo.Refs(ctx, "refs/heads/main")
		if err != nil {
			t.Fatal(err)
		}
		if err := fetch(ctx, repo, refs["refs/heads/main"]); err != nil {
			t.Fatal(err)
		}
		return refs["refs/heads/main"]
	}
	look()
	r.history("main", 4000) // three objects each
	server.asked()
	head := look()
	if asked := server.asked(); asked != "ls-refs fetch fetch" {
		t.Errorf("asked %q", asked)
	}
	tree, err := repo.Tree(ctx, head)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := tree.ReadFile("a"); string(data) != "content 3999" {
		t.Errorf("a = %q, %v", data, err)
	}
}

func TestHostileTreesAreNotRead(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	blob := r.blob("x")
	for _, name := range []string{".git", "..", ".GIT"} {
		mktree := command(r.dir, nil, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
		raw := make([]byte, 20)
		if _, err := fmt.Sscanf(blob, "%x", &raw); err != nil {
			t.Fatal(err)
		}
		mktree.Stdin = strings.NewReader("100644 " + name + "\x00" + string(raw))
		out, err := mktree.Output()
		if err != nil {
			t.Fatal(err)
		}
		id := r.git("commit-tree", "-m", "hostile", strings.TrimSpace(string(out)))
		tree, err := mirrorOf(t, "", r).Tree(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := tree.ReadDir("."); err == nil {
			t.Errorf("a tree with %q was listed: %v", name, list)
		}
	}
}

func TestURLsWithCredentialsAreRefused(t *testing.T) {
	mirrors, err := gitrepo.NewMirrors("", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"https://user:hunter2@github.com/a/b.git", "ssh://git@github.com/a/b", "/tmp/a", "file:///tmp/a"} {
		if _, err := mirrors.Repo(gitrepo.Remote{URL: url}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestACommitComesWithSomeOfWhatIsBeforeIt(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", file{"a", "first"})
	r.history("main", 100)
	dir := t.TempDir()
	repo := mirrorOf(t, dir, r)
	ctx := context.Background()
	main := r.git("rev-parse", "main")
	if err := repo.Prefetch(ctx, gitrepo.Need{Commit: main}); err != nil {
		t.Fatal(err)
	}
	server.asked()
	if _, err := repo.Commit(ctx, r.git("rev-parse", "main~20")); err != nil {
		t.Fatal(err)
	}
	if found, err := repo.IsAncestor(ctx, r.git("rev-parse", "main~30"), main); err != nil || !found {
		t.Errorf("an ancestor: %t, %v", found, err)
	}
	if asked := server.asked(); asked != "" {
		t.Errorf("asked %q", asked)
	}
	if n := filesIn(t, dir); n != 1 {
		t.Errorf("%d objects are kept on disk, want the commit alone", n)
	}
}

func TestADiffOfTreesOfTheSameTreesIsBounded(t *testing.T) {
	r := newGitServer(t).create(t, "acme/app")
	below := "100644 blob " + r.blob("x")
	for range 2 { // 160 times 160 paths of 6000 bytes
		below = "040000 tree " + r.tree(160, below, strings.Repeat("n", 3000))
	}
	root := strings.Fields(below)[2]
	commit := r.git("commit-tree", "-m", "bomb", root)
	r.git("update-ref", "refs/heads/main", commit)
	repo := mirrorOf(t, "", r)
	if _, err := repo.Diff(context.Background(), "", commit); err == nil || !strings.Contains(err.Error(), "more than 500000 changes") {
		t.Error(err)
	}
	got, err := repo.Diff(context.Background(), "", commit, "0"+strings.Repeat("n", 3000)+"/1"+strings.Repeat("n", 3000))
	if err != nil || len(got) != 1 {
		t.Errorf("one path of it: %d changes, %v", len(got), err)
	}
}

// tree makes a tree that has the same entry under n names.
func (r *serverRepo) tree(n int, entry, name string) string {
	r.t.Helper()
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, "%s\t%d%s\n", entry, i, name)
	}
	make := command(r.dir, nil, "mktree")
	make.Stdin = strings.NewReader(lines.String())
	out, err := make.Output()
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
