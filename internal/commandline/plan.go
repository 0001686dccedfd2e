package commandline

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

func planCommand(c Command) *cobra.Command {
	return lookingCommand(c, &cobra.Command{
		Use:   "plan",
		Short: "Say what would be promoted where now, and why not",
		Long: `Look at a repository as the next look would, decide, assemble and render, and
write nothing.`,
		Args: noArgs,
	}, telling{json: asTale, text: func(out io.Writer, seen *engine.Outlook, _ []string) error {
		promotions := 0
		for _, v := range seen.Views {
			fmt.Fprintln(out, report.Plain(v))
			for _, verdict := range v.Verdicts {
				if verdict.Action == promote.Promote {
					promotions++
				}
			}
		}
		_, err := fmt.Fprintf(out, "%d to promote.\n", promotions)
		return err
	}})
}
