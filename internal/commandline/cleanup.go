package commandline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

func cleanupCommand(c Command) *cobra.Command {
	at := &connection{Command: c}
	wish := engine.Cleaning{}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Close and delete what stages left behind that are gone from the configuration",
		Long: `Close the pull requests and delete the promotion branches (towpath/to/...) of stages,
lanes and pipelines that are gone from the configuration, or that write another
place now. With --stage-branches the branches that the stages had go as well, where
nothing but promotions wrote them and nothing else needs them.

What others wrote is left, and named. A broken configuration or a lost ledger
cleans up nothing.`,
		Args: noArgs,
	}
	at.addFlags(cmd)
	cmd.Flags().BoolVar(&wish.DryRun, "dry-run", false, "only say what would be done")
	cmd.Flags().BoolVar(&wish.StageBranches, "stage-branches", false, "delete the branches that the stages had, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		bench, err := at.open(cmd)
		if err != nil {
			return err
		}
		defer bench.close()
		cleaned, failed := bench.Engine.CleanUp(cmd.Context(), bench.repository, wish)
		if failed != nil && len(cleaned.Closed)+len(cleaned.Deleted) == 0 {
			return failed
		}
		tale := CleanupTale{Version: report.JSONVersion, DryRun: wish.DryRun, Cleaned: *cleaned}
		var text strings.Builder
		tellCleaned(&text, cleaned, wish.DryRun)
		if asJSON {
			err = printJSON(cmd.OutOrStdout(), tale)
		} else {
			_, err = io.WriteString(cmd.OutOrStdout(), text.String())
		}
		return errors.Join(failed, err, c.stepCleaned(tale, text.String()))
	}
	return cmd
}

// stepCleaned writes the summary and the outputs of a workflow's step. Names are
// shown as they are, whatever is in them.
func (c Command) stepCleaned(tale CleanupTale, text string) error {
	result, err := json.Marshal(tale)
	if err != nil {
		return err
	}
	changed := !tale.DryRun && len(tale.Closed)+len(tale.Deleted) > 0
	return errors.Join(
		c.appendTo("GITHUB_STEP_SUMMARY", "### Towpath in "+tale.Repository+"\n\n    "+strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")+"\n"),
		c.outputs([][2]string{{"changed", strconv.FormatBool(changed)}, {"result", string(result)}}),
	)
}

// CleanupTale is the JSON of what was cleaned up.
type CleanupTale struct {
	Version int  `json:"version"`
	DryRun  bool `json:"dryRun"`
	engine.Cleaned
}

func tellCleaned(out io.Writer, cleaned *engine.Cleaned, dryRun bool) {
	closed, deleted := "closed", "deleted"
	if dryRun {
		closed, deleted = "would close", "would delete"
	}
	in := func(r engine.Remnant) string {
		if r.Repository == promote.NormaliseRepository(cleaned.Repository) {
			return ""
		}
		return " in " + r.Repository
	}
	for _, r := range cleaned.Closed {
		fmt.Fprintf(out, "%s #%d%s, from %s: %s\n", closed, r.PullRequest, in(r), r.Branch, r.Why)
	}
	for _, r := range cleaned.Deleted {
		fmt.Fprintf(out, "%s %s%s at %s: %s\n", deleted, r.Branch, in(r), promote.ShortID(r.Commit), r.Why)
	}
	for _, r := range cleaned.Left {
		what := r.Branch
		if r.PullRequest != 0 {
			what = fmt.Sprintf("#%d", r.PullRequest)
		}
		if r.Stage != "" {
			what += " of " + r.Stage
		}
		fmt.Fprintf(out, "left %s%s: %s\n", what, in(r), strings.Join(strings.Fields(r.Why), " ")) // some say what a server said
	}
	if len(cleaned.Closed)+len(cleaned.Deleted) == 0 {
		fmt.Fprintln(out, "Nothing to clean up.")
	}
}
