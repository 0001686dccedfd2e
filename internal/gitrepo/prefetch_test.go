package gitrepo_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/towpath/towpath/internal/gitrepo"
)

// estate is a repository as a look finds it: applications and a configuration
// on main, a stage, a ledger.
type estate struct {
	*serverRepo
	before string // the commit of main that was promoted last
}

func newEstate(t testing.TB, server *gitServer, files int) estate {
	t.Helper()
	r := server.create(t, "acme/app")
	r.many("main", files)
	e := estate{serverRepo: r}
	e.before = r.commit("main", file{".towpath/pipeline.yaml", "name: bench\n"}, file{".towpath/more/policy.yaml", "stages: []\n"}, file{"docs/a/b", "x"})
	r.commit("towpath/ledger", file{"README.md", "facts\n"}, file{"bench/freight/1.json", "{}"}, file{"bench/arrivals/2.json", "{}"})
	r.commit("stage/test", file{"all.yaml", "rendered\n"})
	return e
}

// look is a look that promotes: what is not in the mirror is asked for in as
// few steps as one can know what is needed.
func (e estate) look(repo *gitrepo.Repo) error {
	ctx := context.Background()
	refs, err := repo.Refs(ctx, "refs/heads/")
	if err != nil {
		return err
	}
	main, stage, ledger := refs["refs/heads/main"], refs["refs/heads/stage/test"], refs["refs/heads/towpath/ledger"]
	err = repo.Prefetch(ctx, gitrepo.Need{Commit: main}, gitrepo.Need{Commit: stage}, gitrepo.Need{Commit: ledger, Paths: []string{"."}})
	if err != nil {
		return err
	}
	if err := readSome(repo, ledger, "bench/freight/1.json"); err != nil {
		return err
	}
	err = repo.Prefetch(ctx, gitrepo.Need{Commit: main, Paths: []string{".towpath"}, Ahead: true}, gitrepo.Need{Commit: e.before, Ahead: true, Optional: true})
	if err != nil {
		return err
	}
	if err := readSome(repo, main, ".towpath/pipeline.yaml", ".towpath/more/policy.yaml"); err != nil {
		return err
	}
	const app = "apps/app-001"
	err = repo.Prefetch(ctx, gitrepo.Need{Commit: main, Paths: []string{app}}, gitrepo.Need{Commit: e.before, Paths: []string{app}, Optional: true},
		gitrepo.Need{Commit: stage, Paths: []string{"."}})
	if err != nil {
		return err
	}
	if changes, err := repo.Diff(ctx, e.before, main, app); !gitrepo.IsMissing(err) && (err != nil || len(changes) != 1) {
		return fmt.Errorf("changes %v: %w", changes, err)
	}
	return e.promote(repo, refs, app)
}

// promote pushes an application to the stage, and what it did to the ledger.
func (e estate) promote(repo *gitrepo.Repo, refs map[string]string, app string) error {
	ctx := context.Background()
	tree, err := repo.Tree(ctx, refs["refs/heads/main"])
	if err != nil {
		return err
	}
	source, err := fs.Sub(tree, app)
	if err != nil {
		return err
	}
	batch := repo.NewBatch()
	var updates []gitrepo.Update
	for ref, write := range map[string]func(base string) (string, error){
		"refs/heads/stage/test": func(base string) (string, error) { return batch.WriteTree(ctx, base, "app", source) },
		"refs/heads/towpath/ledger": func(base string) (string, error) {
			return batch.WriteFiles(ctx, base, map[string][]byte{"bench/arrivals/" + refs["refs/heads/main"]: []byte("{}")})
		},
	} {
		written, err := write(refs[ref])
		if err != nil {
			return err
		}
		id, err := batch.WriteCommit(gitrepo.CommitSpec{Tree: written, Parents: []string{refs[ref]}, Author: signature, Committer: signature, Message: "promote"})
		if err != nil {
			return err
		}
		updates = append(updates, gitrepo.Update{Ref: ref, Old: refs[ref], New: id})
	}
	return batch.Push(ctx, updates...)
}

func readSome(repo *gitrepo.Repo, commit string, names ...string) error {
	tree, err := repo.Tree(context.Background(), commit)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := tree.ReadFile(name); err != nil {
			return err
		}
	}
	return nil
}

func TestAColdPromotionTakesEightRequests(t *testing.T) {
	for name, c := range map[string]struct {
		size int64
		want int
	}{
		"size unknown": {0, 8},
		"large":        {1 << 30, 8},
		"small":        {64 << 10, 3},
	} {
		t.Run(name, func(t *testing.T) {
			server := newGitServer(t)
			e := newEstate(t, server, 1000)
			e.remote.Size = c.size
			e.commit("main", file{"apps/app-001/file-01.yaml", "new"}, file{"apps/app-002/file-01.yaml", "new too"})
			dir := t.TempDir()
			if err := e.look(mirrorOf(t, dir, e.serverRepo)); err != nil {
				t.Fatal(err)
			}
			if asked := strings.Fields(server.asked()); len(asked) != c.want {
				t.Errorf("%d requests: %q", len(asked), asked)
			}
			if got := e.git("show", "stage/test:app/file-01.yaml"); got != "new" {
				t.Errorf("promoted %q", got)
			}
			e.git("fsck", "--strict")
		})
	}
}

func TestAColdPromotionOnServersThatAllowLess(t *testing.T) {
	for name, prepare := range lesserServers() {
		t.Run(name, func(t *testing.T) {
			server := newGitServer(t)
			e := newEstate(t, server, 300)
			e.commit("main", file{"apps/app-001/file-01.yaml", "new"})
			prepare(server, e.serverRepo)
			if err := e.look(mirrorOf(t, t.TempDir(), e.serverRepo)); err != nil {
				t.Fatal(err)
			}
			if got := e.git("show", "stage/test:app/file-01.yaml"); got != "new" {
				t.Errorf("promoted %q", got)
			}
		})
	}
}

func TestPrefetchLeavesOutWhatIsOptionalAndGone(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", sampleFiles()...)
	gone := strings.Repeat("1", 40)
	ctx := context.Background()
	repo := mirrorOf(t, "", r)
	needs := []gitrepo.Need{{Commit: main, Paths: []string{"base", "none", "README.md"}}, {Commit: gone, Paths: []string{"base"}, Optional: true}}
	if err := repo.Prefetch(ctx, needs...); err != nil {
		t.Fatal(err)
	}
	server.asked()
	if err := readSome(repo, main, "base/a.yaml", "base/deep/c.yaml", "README.md"); err != nil {
		t.Error(err)
	}
	if asked := server.asked(); asked != "" {
		t.Errorf("reading asked %q", asked)
	}
	needs[1].Optional = false
	if err := repo.Prefetch(ctx, needs...); !gitrepo.IsMissing(err) {
		t.Errorf("a commit that is not there: %v", err)
	}
	if asked := server.asked(); asked != "fetch" {
		t.Errorf("no filter helps, and yet: %q", asked)
	}
}

func TestPrefetchAheadBringsTheListingsBelowTheRoot(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.many("main", 100)
	main := r.commit("main", file{"docs/a", "1"}, file{".towpath/p", "1"})
	ctx := context.Background()
	repo := mirrorOf(t, "", r)
	if err := repo.Prefetch(ctx, gitrepo.Need{Commit: main, Paths: []string{".towpath"}, Ahead: true}); err != nil {
		t.Fatal(err)
	}
	if asked := server.asked(); asked != "fetch fetch fetch fetch" { // commit, root, and in parallel .towpath and the listings
		t.Errorf("asked %q", asked)
	}
	if err := repo.Prefetch(ctx, gitrepo.Need{Commit: main, Paths: []string{"apps/app-001", "docs"}}); err != nil {
		t.Fatal(err)
	}
	if asked := server.asked(); asked != "fetch" {
		t.Errorf("two levels down asked %q", asked)
	}
}

func TestPrefetchAsksForAllTogether(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.many("main", 100)
	main := r.commit("main", file{"docs/deep/a", "1"})
	side := r.commit("side", file{"some/thing", "1"})
	for name, c := range map[string]struct {
		needs    []gitrepo.Need
		requests int
	}{
		"commits":                     {[]gitrepo.Need{{Commit: main}, {Commit: side}}, 1},
		"paths of different depth":    {[]gitrepo.Need{{Commit: main, Paths: []string{"docs", "apps/app-001"}}}, 4},
		"paths of different commits":  {[]gitrepo.Need{{Commit: main, Paths: []string{"docs"}}, {Commit: side, Paths: []string{"some"}}}, 3},
		"a path and all of another":   {[]gitrepo.Need{{Commit: main, Paths: []string{"docs"}}, {Commit: side, Paths: []string{"."}}}, 3},
		"all":                         {[]gitrepo.Need{{Commit: main, Paths: []string{"."}}, {Commit: side, Paths: []string{"."}}}, 1},
		"a commit and all of another": {[]gitrepo.Need{{Commit: main}, {Commit: side, Paths: []string{"."}}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			repo := mirrorOf(t, "", r)
			server.asked()
			for range 2 { // the second one has everything
				if err := repo.Prefetch(context.Background(), c.needs...); err != nil {
					t.Fatal(err)
				}
			}
			if asked := strings.Fields(server.asked()); len(asked) != c.requests {
				t.Errorf("asked %q, want %d requests", asked, c.requests)
			}
		})
	}
}

// meet holds every fetch back until a second one is made.
func (s *gitServer) meet() {
	var both sync.WaitGroup
	both.Add(2)
	s.on("fetch", func([]byte, http.ResponseWriter, http.Handler, *http.Request) bool {
		both.Done()
		both.Wait()
		return false
	})
}

func TestWhatCanNotBeAskedForTogetherIsAskedForInParallel(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", sampleFiles()...)
	side := r.commit("side", file{"some/thing", "1"})
	server.meet()
	needs := []gitrepo.Need{{Commit: main}, {Commit: side, Paths: []string{"."}}}
	if err := mirrorOf(t, "", r).Prefetch(t.Context(), needs...); err != nil {
		t.Fatal(err)
	}
}

func TestReadersOfTheSameAskOnce(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.many("main", 300)
	repo := mirrorOf(t, t.TempDir(), r)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := repo.Prefetch(context.Background(), gitrepo.Need{Commit: main, Paths: []string{"apps/app-003"}}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked := server.asked(); asked != "fetch fetch fetch fetch" {
		t.Errorf("eight readers asked %q", asked)
	}
}

func TestReadersOfDifferentThingsAskInParallel(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a/x", "1"}, file{"b/x", "2"})
	ctx := t.Context()
	repo := mirrorOf(t, "", r)
	if err := repo.Prefetch(ctx, gitrepo.Need{Commit: main, Ahead: true}); err != nil {
		t.Fatal(err)
	}
	server.meet()
	var group sync.WaitGroup
	for _, name := range []string{"a/x", "b/x"} {
		group.Go(func() {
			if err := readSome(repo, main, name); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestAReaderThatGivesUpLeavesTheOthersNothingMissing(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	repo := mirrorOf(t, "", r)
	ctx, giveUp := context.WithCancel(context.Background())
	asked, over := make(chan struct{}, 2), make(chan struct{})
	server.on("fetch", func([]byte, http.ResponseWriter, http.Handler, *http.Request) bool {
		asked <- struct{}{}
		<-over
		return false
	})
	var group sync.WaitGroup
	group.Go(func() {
		if err := fetch(ctx, repo, main); err == nil {
			t.Error("it did not give up")
		}
	})
	<-asked
	group.Go(func() {
		if err := fetch(context.Background(), repo, main); err != nil {
			t.Error(err)
		}
	})
	giveUp()
	<-asked // the other one asks for itself
	close(over)
	group.Wait()
}

// A new commit comes in one request, also where the server keeps what changed as
// a delta to something that the mirror does not have.
func TestADifferenceToWhatIsNotHere(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	long := func(changed string) string { return strings.Repeat("a line that stays as it is\n", 200) + changed }
	r.commit("main", file{"known/x", long("known")}, file{"unknown/x", long("unknown")})
	ctx := context.Background()
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			repo := mirrorOf(t, dir, r)
			var main string
			look := func() {
				t.Helper()
				refs, err := repo.Refs(ctx, "refs/heads/")
				if err != nil {
					t.Fatal(err)
				}
				main = refs["refs/heads/main"]
				if err := repo.Prefetch(ctx, gitrepo.Need{Commit: main, Paths: []string{"known"}}); err != nil {
					t.Fatal(err)
				}
			}
			look()
			server.asked()
			r.commit("main", file{"known/x", long(name + " 2")}, file{"unknown/x", long(name + " 3")})
			look()
			if asked := server.asked(); asked != "ls-refs fetch" {
				t.Errorf("asked %q", asked)
			}
			tree := treeOf(t, repo, main)
			for path, want := range map[string]string{"known/x": long(name + " 2"), "unknown/x": long(name + " 3")} {
				if got, err := tree.ReadFile(path); string(got) != want {
					t.Errorf("%s has %d bytes, %v", path, len(got), err)
				}
			}
		})
	}
}

func TestDiffUnderPaths(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	before := r.commit("main", sampleFiles()...)
	r.commit("main", file{"README.md", ""})
	after := r.commit("main", file{"README.md/now/a/folder", "1"}, file{"base/a.yaml", "a: 2\n"}, file{"base/deep/c.yaml", "c: 4\n"}, file{"base.txt", "other"}, file{"new/x", "1"})
	for _, c := range []struct{ under, want []string }{
		{nil, []string{"README.md", "README.md/now/a/folder", "base.txt", "base/a.yaml", "base/deep/c.yaml", "new/x"}},
		{[]string{"."}, []string{"README.md", "README.md/now/a/folder", "base.txt", "base/a.yaml", "base/deep/c.yaml", "new/x"}},
		{[]string{"base"}, []string{"base/a.yaml", "base/deep/c.yaml"}},
		{[]string{"base/deep", "new/x"}, []string{"base/deep/c.yaml", "new/x"}},
		{[]string{"README.md/now"}, []string{"README.md/now/a/folder"}},
		{[]string{"run.sh", "none"}, nil},
	} {
		changes, err := mirrorOf(t, "", r).Diff(context.Background(), before, after, c.under...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, change := range changes {
			got = append(got, change.Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("under %q: %q, want %q", c.under, got, c.want)
		}
	}
}
