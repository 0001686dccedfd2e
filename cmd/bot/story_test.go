package main

import (
	"cmp"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/towpath/towpath/internal/githubtest/openapi"
	"github.com/towpath/towpath/internal/render"
)

var update = flag.Bool("update", false, "write what stories compare into their files")

// executable is the program that stories start as a process of its own; `bot` is
// a command of theirs.
const executable = "towpath-bot"

func TestMain(m *testing.M) {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	testscript.Main(hermetic{m}, map[string]func(){executable: main, actionExecutable: actionMain})
}

// hermetic runs tests with the tools of scripts/tools.sh, and without what else the
// machine has in its environment: a story must not know whether it runs in CI, at a
// terminal, behind a proxy or from a hook of git.
type hermetic struct{ *testing.M }

func (h hermetic) Run() int {
	bin, err := filepath.Abs(cmp.Or(os.Getenv("TOWPATH_TOOLS"), "../../bin"))
	if err != nil {
		panic(err)
	}
	kept := map[string]string{"PATH": os.Getenv("PATH") + string(os.PathListSeparator) + bin}
	for _, name := range []string{"TMPDIR", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			kept[name] = value
		}
	}
	os.Clearenv()
	for name, value := range kept {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	return h.M.Run()
}

// TestStories drives the bot from outside, as ../../testdata/script/README.md
// says: over webhooks, git and the registry, never through a Go function.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "../../testdata/script",
		Setup:              setup,
		Cmds:               commands(),
		UpdateScripts:      *update,
		RequireUniqueNames: true,
	})
}

type worldKey struct{}

// setup gives every story a world of its own.
func setup(env *testscript.Env) error {
	judge := openapi.New(env.T().(testing.TB))
	w, err := newWorld(judge)
	if err != nil {
		return err
	}
	env.Values[worldKey{}] = w
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	env.Defer(func() { w.close(judge) })
	return nil
}

// command is what a story can say: the words after its name, and whether the
// story expects a refusal, which the command then prints.
type command func(w *world, s *story, args []string) error

// story is one running script.
type story struct{ *testscript.TestScript }

func (s *story) print(text string) { _, _ = s.Stdout().Write([]byte(text)) }

func commands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	all := map[string]command{}
	maps.Copy(all, botCommands())
	maps.Copy(all, actionCommands())
	maps.Copy(all, actCommands())
	maps.Copy(all, peopleCommands())
	maps.Copy(all, serveCommands())
	maps.Copy(all, registryCommands())
	maps.Copy(all, chartCommands())
	maps.Copy(all, crashCommands())
	maps.Copy(all, showCommands())
	maps.Copy(all, quietCommands())
	maps.Copy(all, receiverCommands())
	maps.Copy(all, workflowCommands())
	out := map[string]func(ts *testscript.TestScript, neg bool, args []string){}
	for name, run := range all {
		out[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			w := ts.Value(worldKey{}).(*world)
			s := &story{ts}
			s.print("") // whatever a command printed before is not this one's
			err := run(w, s, args)
			switch {
			case err != nil && neg:
				s.print(w.names().plain(err.Error()) + "\n")
			case err != nil:
				ts.Fatalf("%s: %v\n\nthe bot's log:\n%s", name, err, w.logs.String())
			case neg:
				ts.Fatalf("%s was not refused", name)
			}
		}
	}
	return out
}
