package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/render"
)

// TestMain lets the test's program be what the bench starts itself as.
func TestMain(m *testing.M) {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	log.SetOutput(io.Discard)
	if isApart(os.Args) {
		if err := serveApart(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// tools finds what scripts/tools.sh installs.
func tools(t *testing.T, names ...string) {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("TOWPATH_TOOLS")+":"+bin+":"+os.Getenv("PATH"))
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %s is not installed; run scripts/tools.sh", name)
		}
	}
}

// newTestRace is a race over a repository of so many files, of one round.
func newTestRace(t *testing.T, files int, name string) *race {
	t.Helper()
	at, err := layoutNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRace(t.Context(), t.TempDir(), files, at, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.close() }) // the directory goes in any case
	return r
}

// A short race of all contenders: it ends only when they push the same bytes.
// Nothing is timed.
func TestAllContendersPushTheSameManifests(t *testing.T) {
	tools(t, "kustomize")
	for _, name := range []string{"branch", "folder"} {
		t.Run(name, func(t *testing.T) {
			r := newTestRace(t, 40, name)
			got, err := r.plain(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkLaps(t, got)
			memory, err := r.memory(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if memory.figure < 10 {
				t.Errorf("an engine and its renderer take %.1f MB, which can not be", memory.figure)
			}
		})
	}
}

func checkLaps(t *testing.T, got *outcome) {
	t.Helper()
	for _, name := range got.names {
		if len(got.laps[name]) != 1 {
			t.Fatalf("%s ran %d laps, want 1", name, len(got.laps[name]))
		}
		if l := got.laps[name][0]; l.git == 0 {
			t.Errorf("%s made no request to the git server", name)
		}
	}
	for _, name := range []string{warmTowpath, coldTowpath} {
		if l := got.laps[name][0]; l.pushes != 1 || l.renders == 0 || l.rest <= 0 || l.rest >= l.took[untilPushed] {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if warm := got.laps[warmTowpath][0]; warm.git > 3 {
		t.Errorf("a warm promotion made %d requests to the git server, want 3 at most", warm.git)
	}
	idle := got.laps[nothingNew][0]
	if idle.git > 2 {
		t.Errorf("a look with nothing new made %d requests to the git server, want 2 at most", idle.git)
	}
	if idle.renders > 0 {
		t.Errorf("a look with nothing new rendered %d times", idle.renders)
	}
}

// Every stage is promoted in the same look, by one push.
func TestManyStagesAreOneLook(t *testing.T) {
	tools(t)
	rows, err := raceStages(t.Context(), t.TempDir(), 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	if pushes := rows[1]; !pushes.met() {
		t.Error(pushes)
	}
}

// An engine that knows nothing waits for GitHub no more often than it has to: what it
// needs of GitHub and git beside the pull requests is asked for before they are told.
func TestAColdLookAsksAtOnce(t *testing.T) {
	tools(t, "kustomize")
	r := newTestRace(t, 3_000, "branch") // a small one would be fetched whole
	promote := func() lap {
		t.Helper()
		f, err := r.world.bring(t.Context(), coldRepository)
		if err != nil {
			t.Fatal(err)
		}
		l, err := r.cold.promote(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.cold.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l
	}
	last := promote().git - 2 // of reading git before the decision; what is rendered and the push come after it
	for other, count := range map[string]int{"cold/commits/[0-9a-f]+/status": 1, "cold.git/git-upload-pack": last} {
		begun := make(chan struct{})
		var sofar atomic.Int32
		r.world.hub.Fail(githubtest.Fault{Path: regexp.MustCompile(other), Before: func() {
			if int(sofar.Add(1)) == count {
				close(begun)
			}
		}})
		r.world.hub.Fail(githubtest.Fault{Path: regexp.MustCompile("cold/pulls"), Before: func() {
			select {
			case <-begun:
			case <-time.After(time.Minute):
				t.Errorf("%s is not asked %d times before the pull requests are told", other, count)
			}
		}})
		promote()
		r.world.hub.Heal()
	}
}

// Both render the same bytes; the greatest overlay is left to the bench.
func TestRenderingsAreTheCommandLines(t *testing.T) {
	tools(t, "kustomize", "helm")
	all := renderings()
	rows, err := raceRenderings(t.Context(), t.TempDir(), []rendering{all[0], all[1], all[3]}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 {
		t.Errorf("%d rows, want 3", len(rows))
	}
}

func TestDifferentManifestsEndTheRun(t *testing.T) {
	if err := different(map[string]string{"a": "one", "b": "another"}); err == nil {
		t.Error("no error")
	}
}
