package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
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

// A short race of all contenders: it ends only when they push the same bytes.
// Nothing is timed.
func TestAllContendersPushTheSameManifests(t *testing.T) {
	tools(t, "kustomize")
	for _, name := range []string{"branch", "folder"} {
		t.Run(name, func(t *testing.T) {
			at, err := layoutNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := newRace(t.Context(), t.TempDir(), 40, at, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
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

// inTheMeantimeOf has requests wait until another one has begun.
func (r *race) inTheMeantimeOf(path, other string, t *testing.T) {
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	r.world.hub.Fail(githubtest.Fault{Path: regexp.MustCompile(other), Before: begin})
	r.world.hub.Fail(githubtest.Fault{Path: regexp.MustCompile(path), Before: func() {
		select {
		case <-begun:
		case <-time.After(time.Minute):
			t.Errorf("%s is not asked while %s is", other, path)
		}
	}})
}

// An engine that knows nothing waits for GitHub no more often than it has to.
func TestAColdLookAsksAtOnce(t *testing.T) {
	tools(t, "kustomize")
	at, err := layoutNamed("branch")
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRace(t.Context(), t.TempDir(), 40, at, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	r.inTheMeantimeOf("cold/pulls", "cold/commits/[0-9a-f]+/status", t)
	f, err := r.world.bring(t.Context(), coldRepository)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.cold.promote(t.Context(), f); err != nil {
		t.Fatal(err)
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
