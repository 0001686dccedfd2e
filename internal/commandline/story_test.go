package commandline

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/towpath/towpath/internal/render"
)

func TestMain(m *testing.M) {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	testscript.Main(m, map[string]func(){"action": func() { os.Exit(Process(time.Now).Main()) }})
}

// TestStories drives the program from outside, in clones that real git made.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/action",
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			for key, value := range map[string]string{
				"EXAMPLES": examples, "HOME": env.WorkDir, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull,
				"GIT_AUTHOR_NAME": "dev", "GIT_AUTHOR_EMAIL": "dev@example.org", "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
				"GIT_COMMITTER_NAME": "dev", "GIT_COMMITTER_EMAIL": "dev@example.org", "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
			} {
				env.Setenv(key, value)
			}
			return nil
		},
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
	})
}
