// Package commandline is Towpath without a server: commands that work in a clone,
// and commands that look at a repository on GitHub once. It wires the parts
// together, prints what they say, and holds no rule of its own.
package commandline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/render"
)

// Command is one run of the command line, with all that it can see of the world.
type Command struct {
	Args           []string // without the program's name
	Environ        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time
	Pace           forge.Pace // of writes to GitHub; zero: what GitHub asks for

	progress *progress // nil: nobody waits at a terminal
}

// Process is the command line that this process was started with.
func Process(now func() time.Time) Command {
	return Command{Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: now}
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

// getenv returns a variable; of several of the name the last, as shells do.
func (c Command) getenv(name string) string {
	value := ""
	for _, line := range c.Environ {
		if key, v, _ := strings.Cut(line, "="); key == name {
			value = v
		}
	}
	return value
}

// noArgs refuses words that are meant for a flag.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s takes flags only, and %q is none; --repo says where the clone is", cmd.Name(), args[0])}
}

// Main runs the command and returns its exit code: 0 done or nothing to do, 1
// refused or failed, 2 used wrongly.
func (c Command) Main() int {
	c.progress = c.watch()
	defer c.progress.clear()
	c.Stdout, c.Stderr = c.progress.around(c.Stdout), c.progress.around(c.Stderr)
	renderer := render.NewPool(render.Limits{})
	defer renderer.Close()
	root := c.root(renderer)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root.ExecuteContext(ctx)
	var usage usageError
	var inner exit
	switch {
	case errors.As(err, &inner):
		return int(inner)
	case err == nil:
		return exitDone
	case errors.Is(err, errRefused):
		return exitRefused
	}
	fmt.Fprintf(c.Stderr, "action: %v\n", err)
	if errors.As(err, &usage) {
		return exitMisused
	}
	return exitRefused
}

func (c Command) root(renderer *render.Pool) *cobra.Command {
	root := &cobra.Command{
		Use:           "action",
		Short:         "Towpath without a server",
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
	root.SetArgs(c.Args)
	root.SetIn(c.Stdin)
	root.SetOut(c.Stdout)
	root.SetErr(c.Stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		validateCommand(c), renderCommand(c, renderer), graphCommand(c), statusCommand(c), planCommand(c), whyCommand(c), historyCommand(c),
		promoteCommand(c), freightCommand(c), verifyCommand(c), adoptCommand(c), initCommand(c, renderer), runCommand(c), workflowCommand(c),
		cleanupCommand(c),
	)
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// strict makes wrong arguments of the library's own commands what those of ours are:
// a command line that can not be meant.
func strict(cmd *cobra.Command) {
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			return usageError{fmt.Errorf("%s takes one of its commands, and %q is none; `action %s --help` lists them", cmd.Name(), strings.Join(args, " "), cmd.Name())}
		}
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if usage := (usageError{}); err == nil || errors.As(err, &usage) {
				return err
			}
			return usageError{err}
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}
