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

func statusCommand(c Command) *cobra.Command {
	return lookingCommand(c, &cobra.Command{
		Use:   "status",
		Short: "Say what every stage holds and what it waits for",
		Args:  noArgs,
	}, func(out io.Writer, seen *engine.Outlook) error {
		for i, v := range seen.Views {
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprint(out, report.Plain(v))
		}
		return nil
	})
}

// lookingCommand is a command that looks at a repository once, writes nothing
// there and prints what it saw: as text, or as JSON.
func lookingCommand(c Command, cmd *cobra.Command, text func(io.Writer, *engine.Outlook) error) *cobra.Command {
	at := &connection{Command: c}
	asJSON := false
	at.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		bench, err := at.open(cmd)
		if err != nil {
			return err
		}
		defer bench.close()
		seen, failed := bench.Engine.Plan(cmd.Context(), bench.repository)
		if seen == nil {
			return failed
		}
		out := cmd.OutOrStdout()
		if asJSON {
			return errors.Join(failed, printJSON(out, report.Told(seen.Repository, seen.Views, seen.Mistakes)))
		}
		for _, line := range seen.Mistakes {
			fmt.Fprintln(out, line)
		}
		if err := errors.Join(failed, text(out, seen)); err != nil {
			return err
		}
		if len(seen.Mistakes) > 0 {
			return errRefused
		}
		return nil
	}
	return cmd
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
