// Command action is Towpath without a server: a command line for a clone. It
// wires the parts together and holds no rule of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/render"
)

func main() {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes of every command.
const (
	exitDone    = 0 // done, or nothing to do
	exitRefused = 1 // refused or failed
	exitMisused = 2 // used wrongly
)

// usageError is a command line that can not be meant.
type usageError struct{ error }

// errRefused ends a command whose output says already what is wrong.
var errRefused = errors.New("refused")

// noArgs refuses words that are meant for a flag.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s takes flags only, and %q is none; --repo says where the clone is", cmd.Name(), args[0])}
}

func run(args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	renderer := render.NewPool(render.Limits{})
	defer renderer.Close()
	root := &cobra.Command{
		Use:           "action",
		Short:         "Towpath in a clone",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usageError{fmt.Errorf("there is no command %q; `action --help` lists them", args[0])}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(validateCommand(getenv), renderCommand(getenv, renderer))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errRefused):
		return exitRefused
	}
	fmt.Fprintf(stderr, "action: %v\n", err)
	if errors.As(err, &usage) {
		return exitMisused
	}
	return exitRefused
}
