package commandline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/report"
)

// telling is how a command that looks once tells what it saw: as text, and as
// JSON. An error of the text ends the command; errRefused without another word.
type telling struct {
	see  func(cmd *cobra.Command, at *connection) (*engine.Outlook, error) // nil: by one look
	text func(out io.Writer, seen *engine.Outlook, args []string) error
	json func(seen *engine.Outlook, args []string) any
}

// asTale is the JSON of commands that tell everything.
func asTale(seen *engine.Outlook, _ []string) any {
	return report.Told(seen.Repository, seen.Views, seen.Mistakes)
}

// lookingCommand is a command that looks at a repository once, writes nothing
// there and tells what it saw.
func lookingCommand(c Command, cmd *cobra.Command, tell telling) *cobra.Command {
	at := &connection{Command: c}
	asJSON := false
	if tell.see == nil {
		tell.see = func(cmd *cobra.Command, at *connection) (*engine.Outlook, error) { return at.look(cmd) }
	}
	at.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		seen, err := tell.see(cmd, at)
		if seen == nil {
			return err
		}
		c.annotate(seen.Mistakes)
		if summarised := c.summarise(seen); err == nil {
			err = summarised
		}
		out := cmd.OutOrStdout()
		if asJSON {
			err = errors.Join(err, printJSON(out, tell.json(seen, args)))
			out = io.Discard // what is an error in words, is one in JSON
		}
		for _, line := range seen.Mistakes {
			fmt.Fprintln(out, line)
		}
		if told := tell.text(out, seen, args); err == nil {
			err = told
		}
		if err == nil && len(seen.Mistakes) > 0 {
			return errRefused
		}
		return err
	}
	return cmd
}

// look looks once. What could be seen comes with the error, if there is anything.
func (c *connection) look(cmd *cobra.Command) (*engine.Outlook, error) {
	bench, err := c.open(cmd)
	if err != nil {
		return nil, err
	}
	defer bench.close()
	return bench.Engine.Plan(cmd.Context(), bench.repository)
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
