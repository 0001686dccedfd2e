package runner

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/schedule"
)

// D6: a command is the same where its words, its freight and every byte and mode of its
// workspace are, and nowhere else.
func TestACommandIsKnownByWhatItIsRunFor(t *testing.T) {
	base := func() (engine.Execution, fstest.MapFS) {
		of := engine.Execution{
			Exec: directives.Exec{Command: []string{"make", "it"}, Timeout: time.Minute}, Stage: "test",
			Freight: []promote.Freight{{ID: "f1", Warehouse: "app", Selected: time.Unix(1, 0)}},
		}
		return of, fstest.MapFS{"a/b": {Data: []byte("b"), Mode: 0o644}, "c": {Data: []byte("a/b"), Mode: fs.ModeSymlink | 0o777}, "d": {Data: []byte("b"), Mode: 0o644}}
	}
	of, tree := base()
	same, err := identity(of, tree)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(of *engine.Execution, tree fstest.MapFS){
		"the words":   func(of *engine.Execution, _ fstest.MapFS) { of.Command = []string{"make it"} },
		"the time":    func(of *engine.Execution, _ fstest.MapFS) { of.Timeout = time.Hour },
		"the freight": func(of *engine.Execution, _ fstest.MapFS) { of.Freight[0].ID = "f2" },
		"a byte":      func(_ *engine.Execution, tree fstest.MapFS) { tree["a/b"].Data = []byte("c") },
		"a mode":      func(_ *engine.Execution, tree fstest.MapFS) { tree["d"].Mode = 0o755 },
		"a name":      func(_ *engine.Execution, tree fstest.MapFS) { tree["e"] = tree["d"]; delete(tree, "d") },
		"a link":      func(_ *engine.Execution, tree fstest.MapFS) { tree["c"].Data = []byte("d") },
		"one less":    func(_ *engine.Execution, tree fstest.MapFS) { delete(tree, "d") },
	} {
		of, tree := base()
		change(&of, tree)
		if other, err := identity(of, tree); err != nil || other == same {
			t.Errorf("%s: the same, %v", name, err)
		}
	}
	of.Freight[0].Selected = time.Unix(2, 0)
	if again, err := identity(of, tree); err != nil || again != same {
		t.Errorf("who selected freight when makes another command, %v", err)
	}
}

// D6: however many looks ask at once, a command is begun once; those that ask when it
// is done have what it left, and when its stage is on its way no more nothing is begun.
func TestACommandIsBegunOnce(t *testing.T) {
	l := &lane{pipeline: "p", stage: promote.Stage{Name: "test"}, name: "test", making: newMaking()}
	r := &run{
		Options: Options{Commands: Commands{Environ: os.Environ(), Temp: t.TempDir()}, Out: NewOutput(io.Discard, nil), Grace: time.Second},
		byName:  map[string]*lane{"test": l}, slots: schedule.NewSlots(2),
	}
	r.looks = newLooks(r.Options, r.executor)
	exec := r.executor(t.Context())
	ask := func(line string) (fs.FS, error) {
		of := engine.Execution{Exec: directives.Exec{Command: []string{"sh", "-ec", line}, Timeout: time.Minute}, Pipeline: "p", Stage: "test"}
		return exec(t.Context(), of, fstest.MapFS{"a": {Data: []byte("a"), Mode: 0o644}})
	}
	var looks sync.WaitGroup
	for range 8 {
		looks.Go(func() {
			if _, err := ask("cat a a >b; rm a"); err != nil && !errors.Is(err, directives.ErrRunning) {
				t.Error(err)
			}
		})
	}
	looks.Wait()
	<-r.looks.wanted
	left, err := ask("cat a a >b; rm a")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := fs.ReadFile(left, "b"); string(data) != "aa" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := fs.Lstat(left, "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a is still there: %v", err)
	}
	if _, err := ask("while :; do sleep 0.05; done"); !errors.Is(err, directives.ErrRunning) || !l.making.goesOn() {
		t.Errorf("%v", err)
	}
	if steps := l.making.end(); len(steps) != 2 || steps[0].Outcome != "succeeded" || steps[1].Outcome != "cancelled" {
		t.Errorf("%+v", steps)
	}
	if _, err := ask("true"); !errors.Is(err, directives.ErrRunning) || l.making.goesOn() {
		t.Errorf("%v", err)
	}
	if dirs, err := os.ReadDir(r.Commands.Temp); err != nil || len(dirs) > 0 {
		t.Errorf("folders are left: %v, %v", dirs, err)
	}
}

// X2: commands of directives take the places that those of gates take.
func TestCommandsTakeTurns(t *testing.T) {
	dir := t.TempDir()
	r := &run{
		Options: Options{Commands: Commands{Environ: os.Environ(), Temp: t.TempDir(), Dir: dir}, Out: NewOutput(io.Discard, nil), Grace: time.Second},
		byName:  map[string]*lane{}, slots: schedule.NewSlots(1),
	}
	r.looks = newLooks(r.Options, r.executor)
	for _, name := range []string{"a", "b", "c"} {
		l := &lane{stage: promote.Stage{Name: name}, name: name, making: newMaking()}
		r.byName[name] = l
		line := `mkdir "$TOWPATH_STARTED_IN/alone"; sleep 0.1; rmdir "$TOWPATH_STARTED_IN/alone"`
		of := engine.Execution{Exec: directives.Exec{Command: []string{"sh", "-ec", line}, Timeout: time.Minute}, Stage: name}
		if _, err := r.executor(t.Context())(t.Context(), of, fstest.MapFS{}); !errors.Is(err, directives.ErrRunning) {
			t.Fatal(err)
		}
	}
	for name, l := range r.byName {
		l.making.own.Wait()
		if steps := l.making.end(); len(steps) != 1 || steps[0].Outcome != "succeeded" {
			t.Errorf("%s: %+v", name, steps)
		}
	}
}

// D6 P14: a slot that somebody pinned is named with what it holds, since asking for the
// newest would free it; one that keeps what it holds for another reason is not.
func TestAskingLeavesPinsAlone(t *testing.T) {
	b := &bringing{lane: &lane{stage: promote.Stage{Name: "prod"}}, progress: promote.Progress{
		Arrival: promote.Arrival{Freight: map[string]string{"app": "a1", "flags": "f1", "rules": "r1"}},
		Reasons: []promote.Reason{{Kind: promote.RunOnly}},
	}}
	s := sighting{}
	s.view.Snapshot.Now = time.Unix(100, 0)
	s.view.Snapshot.Facts.Holds = []promote.Hold{{Stage: "prod", Warehouse: "app", By: "ann", At: time.Unix(1, 0)}}
	next := promote.Verdict{Action: promote.Wait, Freight: map[string]string{"app": "a1", "flags": "f2", "rules": "r1"}}
	if got, want := b.wish(s, next), map[string]string{"app": "a1", "flags": "f2"}; !maps.Equal(got, want) {
		t.Errorf("it asks for %v, not %v", got, want)
	}
}
