package commandline

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/report"
)

func whyCommand(c Command) *cobra.Command {
	return lookingCommand(c, &cobra.Command{
		ValidArgsFunction: c.stages(false),
		Use:               "why STAGE|ARTIFACT [VERSION]",
		Short:             "Tell the way of one thing: seen, taken or not, where it is, what it waits for",
		Long: `Tell the way of one thing: of a stage, of an image or a chart by its name or
repository, of a commit, or of freight by its alias; and of one version of it.

  action why prod
  action why prod 1.4.2
  action why guestbook 1.4.2
  action why 3f2a91c`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{errors.New("why takes a stage or an artifact, and perhaps a version: action why prod, action why guestbook 1.4.2")}
			}
			return nil
		},
	}, telling{
		text: func(out io.Writer, seen *engine.Outlook, args []string) error {
			asked := subject(seen, args)
			answer := report.Why(seen.Views, asked)
			if len(answer) == 0 {
				return errors.New(report.Unknown(seen.Views, asked))
			}
			_, err := fmt.Fprint(out, report.PlainPoints(answer))
			return err
		},
		json: func(seen *engine.Outlook, args []string) any {
			asked := subject(seen, args)
			return whyTale{report.JSONVersion, seen.Repository, asked, append([]report.Point{}, report.Why(seen.Views, asked)...)}
		},
	})
}

// whyTale is the answer for programs; it is empty when nothing goes by the name.
type whyTale struct {
	Version    int            `json:"version"`
	Repository string         `json:"repository"`
	Asked      report.Subject `json:"asked"`
	Answer     []report.Point `json:"answer"`
}

func subject(seen *engine.Outlook, args []string) report.Subject {
	return report.SubjectOf(seen.Views, args[0], append(args, "")[1])
}
