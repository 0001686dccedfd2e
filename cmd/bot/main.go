// Command bot is Towpath as a GitHub App: it hears of image pushes and results
// and promotes along the pipelines of the repositories it is installed on. It
// wires the parts together and holds no rule of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/render"
)

func main() {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// usageError are settings that can not be meant; the exit code is 2.
type usageError struct{ error }

func run(args, environ []string, stdout, stderr io.Writer) int {
	log.SetOutput(io.Discard) // Helm prints values through it, Secrets' among them (R4)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:           "bot",
		Short:         "Towpath: git-based promotion without a cluster",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	understood := false // until then, whatever is wrong is the command line
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	root.AddCommand(serveCommand(environ), demoCommand())
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "bot: %v\n", err)
	var usage usageError
	if !understood || errors.As(err, &usage) {
		return 2
	}
	return 1
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && info.Main.Version == "(devel)" {
			return s.Value
		}
	}
	return info.Main.Version
}
