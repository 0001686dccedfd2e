package commandline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

func promoteCommand(c Command) *cobra.Command {
	return doingCommand(c, &cobra.Command{
		ValidArgsFunction: c.stages(false),
		Use:               "promote [STAGE [WAREHOUSE=FREIGHT]...]",
		Short:             "Do what is to be done, once; with a stage, ask for its promotion",
		Long: `Look at a repository once and do what is to be done there, as the bot does when it
hears of something: make freight, promote, answer comments, write checks.

With a stage its promotion is asked for as well, as by /promote in a comment: by
whoever the token is of, who needs the right to, and only when the rule is met. In
a workflow that is who started it.

Nothing keeps the time here: soak, windows and schedules need somebody who looks
again, such as a workflow with a schedule.`,
	})
}

// doingCommand is a command that looks once and does what is to be done, after what
// its words ask for as in a comment.
func doingCommand(c Command, cmd *cobra.Command) *cobra.Command {
	at := &connection{Command: c, writes: true}
	asJSON := false
	at.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wish := &engine.Wish{}
		if len(args) > 0 {
			wish.Words = append([]string{cmd.Name()}, args...)
		}
		if c.inWorkflow() {
			wish.By = c.actor()
		}
		bench, err := at.open(cmd)
		if err != nil {
			return err
		}
		defer bench.close()
		done, err := bench.Engine.Once(cmd.Context(), bench.repository, wish)
		if err == nil {
			err = bench.finish(cmd.Context())
		}
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(cmd.OutOrStdout(), deed(done))
		} else {
			tellDeed(cmd, done)
		}
		if self, asked := bench.Hub.Self(cmd.Context()); asked == nil && self == forge.Workflows && opened(done) {
			fmt.Fprintln(c.Stderr, "::notice::Pull requests opened with the workflow's own token start no workflows: give `token` one of an App or of a person if they should.")
		}
		c.annotate(done.Mistakes)
		if err = errors.Join(err, c.summarise(&done.Outlook), c.output(done, append(args, "")[0])); err != nil {
			return err
		}
		if done.Refused || len(done.Mistakes) > 0 {
			return errRefused
		}
		return nil
	}
	return cmd
}

// opened tells whether a promotion was put on its branch, for a pull request.
func opened(done *engine.Done) bool {
	return slices.ContainsFunc(done.Pushed, func(branch string) bool { return strings.HasPrefix(branch, promote.PromotionPrefix) })
}

// Deed is the JSON of what was done.
type Deed struct {
	report.Tale
	Changed bool     `json:"changed"` // something was promoted or proposed
	Pushed  []string `json:"pushed"`  // the branches that were written, but for the ledger
	Refused bool     `json:"refused"` // what was asked for
	Reply   string   `json:"reply,omitempty"`
}

func deed(done *engine.Done) Deed {
	return Deed{
		Tale: asTale(&done.Outlook, nil).(report.Tale), Changed: len(done.Pushed) > 0, Pushed: append([]string{}, done.Pushed...),
		Refused: done.Refused, Reply: done.Reply,
	}
}

func tellDeed(cmd *cobra.Command, done *engine.Done) {
	out := cmd.OutOrStdout()
	for _, line := range done.Mistakes {
		fmt.Fprintln(out, line)
	}
	if done.Reply != "" {
		fmt.Fprintf(out, "%s\n\n", done.Reply)
	}
	for _, v := range done.Views {
		fmt.Fprintln(out, report.Plain(v))
	}
	if len(done.Pushed) == 0 {
		fmt.Fprintln(out, "Nothing to promote.")
	}
	for _, branch := range done.Pushed {
		fmt.Fprintf(out, "Pushed %s.\n", branch)
	}
}
