package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A short race of all contenders: it ends only when they push the same bytes.
// Nothing is timed.
func TestAllContendersPushTheSameManifests(t *testing.T) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("TOWPATH_TOOLS")+":"+bin+":"+os.Getenv("PATH"))
	if _, err := exec.LookPath("kustomize"); err != nil {
		t.Skip("SKIPPED: kustomize is not installed; run scripts/tools.sh")
	}
	for _, name := range []string{"branch", "folder"} {
		t.Run(name, func(t *testing.T) {
			at, err := layoutNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			r := &race{dir: t.TempDir(), files: 40, layout: at, rounds: 1}
			got, err := r.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
		})
	}
}

func check(t *testing.T, got *outcome) {
	t.Helper()
	for _, name := range got.names {
		if len(got.laps[name]) != 1 {
			t.Errorf("%s ran %d laps, want 1", name, len(got.laps[name]))
		}
	}
	if warm := got.laps[warmTowpath][0]; warm.git > 3 {
		t.Errorf("a warm promotion made %d requests to the git server, want 3 at most", warm.git)
	}
	if idle := got.laps[nothingNew][0]; idle.git > 2 {
		t.Errorf("a look with nothing new made %d requests to the git server, want 2 at most", idle.git)
	}
}

func TestDifferentManifestsEndTheRun(t *testing.T) {
	if err := different(map[string]string{"a": "one", "b": "another"}); err == nil {
		t.Error("no error")
	}
}
