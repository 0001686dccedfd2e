package commandline

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
)

func verifyCommand(c Command) *cobra.Command {
	at := &connection{Command: c}
	var wish engine.Verification
	cmd := &cobra.Command{
		ValidArgsFunction: c.stages(false),
		Use:               "verify STAGE GATE pass|fail",
		Short:             "Report the result of a gate",
		Long: `Report a gate's result where the gate looks for it: as the commit status or the
check run of its name, on the head of the stage's branch, or in a workflow on that
branch on the commit it runs for. It takes "contents: read", and
"statuses: write" or "checks: write"; a token of a person may write statuses only.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 || args[2] != "pass" && args[2] != "fail" {
				return usageError{fmt.Errorf("verify takes a stage, one of its gates, and pass or fail")}
			}
			return nil
		},
	}
	at.addFlags(cmd)
	cmd.Flags().StringVar(&wish.Commit, "commit", "", "the full `ID` of the stage's commit that was verified; by default the head of its branch")
	cmd.Flags().StringVar(&wish.Text, "text", "", "one `LINE` that people see beside the result")
	cmd.Flags().StringVar(&wish.URL, "url", "", "`ADDRESS` of details; in a workflow that of the run")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wish.Stage, wish.Gate, wish.Passed = args[0], args[1], args[2] == "pass"
		if pipeline, stage, ok := strings.Cut(args[0], "/"); ok {
			wish.Pipeline, wish.Stage = pipeline, stage
		}
		if run := c.getenv("GITHUB_RUN_ID"); wish.URL == "" && run != "" {
			wish.URL = fmt.Sprintf("%s/%s/actions/runs/%s", c.getenv("GITHUB_SERVER_URL"), c.getenv("GITHUB_REPOSITORY"), run)
		}
		wish.Ref, wish.RefCommit = c.getenv("GITHUB_REF"), c.getenv("GITHUB_SHA")
		bench, err := at.open(cmd)
		if err != nil {
			return err
		}
		defer bench.close()
		commit, err := bench.Engine.Verify(cmd.Context(), bench.repository, wish)
		if err == nil {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s is %s on %s.\n", args[0], wish.Gate, args[2], promote.ShortID(commit))
		}
		return err
	}
	return cmd
}
