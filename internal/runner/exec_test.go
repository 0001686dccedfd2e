package runner

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
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
