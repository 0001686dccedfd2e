package commandline

import (
	"fmt"

	"github.com/spf13/cobra"
)

func freightCommand(c Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "freight WAREHOUSE [REPOSITORY@VERSION]...",
		Short: "Make freight by hand, of what is named and of the newest of the rest",
		Long: `Make freight as /freight in a comment does, by the right of whoever the token is of:
of the images, charts and commits that are named, each by tag, digest, version,
branch or id, and of the newest of the warehouse's other subscriptions. Then what
follows is done, as by promote.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("freight takes a warehouse, and what is to be in the freight: image@1.4.2")}
			}
			return nil
		},
	}
	return doingCommand(c, cmd)
}
