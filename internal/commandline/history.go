package commandline

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/report"
)

func historyCommand(c Command) *cobra.Command {
	return lookingCommand(c, &cobra.Command{
		Use:   "history",
		Short: "Tell how gates and stages did so far: runs, failures, flakes, and how long freight takes",
		Args:  noArgs,
	}, telling{
		text: func(out io.Writer, seen *engine.Outlook, _ []string) error {
			for _, v := range seen.Views {
				fmt.Fprintln(out, report.PlainHistory(v))
			}
			return nil
		},
		json: func(seen *engine.Outlook, _ []string) any {
			return report.History(seen.Repository, seen.Views, seen.Mistakes)
		},
	})
}
