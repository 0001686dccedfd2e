package commandline

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

func adoptCommand(c Command) *cobra.Command {
	at := &connection{Command: c}
	var commits []string
	cmd := &cobra.Command{
		ValidArgsFunction: c.stages(false),
		Use:               "adopt STAGE [--commit REPOSITORY=COMMIT]",
		Short:             "Take what others wrote on a stage's branch for an arrival",
		Long: `Find the images and charts that the files of a stage name, and record that their
freight is there and who says so. The stage says "adopt: true" in its update, and
the policy lists its branch under writes.adopt. Promotions go on from there; the
next one replaces the files.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("adopt takes one stage, as stage or pipeline/stage")}
			}
			return nil
		},
	}
	at.addFlags(cmd)
	cmd.Flags().StringArrayVar(&commits, "commit", nil, "`REPOSITORY=COMMIT` that the files were made from; . is the repository itself")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wish := engine.Adoption{Stage: args[0], Commits: map[string]string{}}
		if pipeline, stage, ok := strings.Cut(args[0], "/"); ok {
			wish.Pipeline, wish.Stage = pipeline, stage
		}
		for _, text := range commits {
			repository, id, ok := strings.Cut(text, "=")
			if !ok || repository == "" || id == "" {
				return usageError{fmt.Errorf("--commit %s is not REPOSITORY=COMMIT", text)}
			}
			wish.Commits[promote.NormaliseRepository(repository)] = id
		}
		bench, err := at.open(cmd)
		if err != nil {
			return err
		}
		defer bench.close()
		adopted, err := bench.Engine.Adopt(cmd.Context(), bench.repository, wish)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%s holds this since %s, at %s, says %s:\n", adopted.Arrival.Stage, report.When(adopted.Arrival.At), promote.ShortID(adopted.Arrival.Commit), adopted.Arrival.By)
		for _, f := range adopted.Freight {
			fmt.Fprintf(out, "  %s  %s\n", f.Warehouse, report.Name(f))
		}
		return nil
	}
	return cmd
}
