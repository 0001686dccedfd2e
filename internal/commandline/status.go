package commandline

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/report"
)

func statusCommand(c Command) *cobra.Command {
	return lookingCommand(c, &cobra.Command{
		Use:   "status",
		Short: "Say what every stage holds and what it waits for, with the whole explanation",
		Args:  noArgs,
	}, telling{
		text: func(out io.Writer, seen *engine.Outlook, _ []string) error {
			for _, v := range seen.Views {
				fmt.Fprintln(out, report.Plain(v))
				for _, verdict := range v.Verdicts {
					fmt.Fprintln(out, report.PlainPoints([]report.Point{report.Explain(v, verdict.Stage)}))
				}
			}
			return nil
		},
		json: asTale,
	})
}
