// Command action is Towpath without a server: a command line for a clone. It
// wires the parts together and holds no rule of its own.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

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

func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "action",
		Short:         "Towpath in a clone",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(validateCommand(getenv))
	err := root.Execute()
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
