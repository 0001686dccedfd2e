package commandline

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
)

func validateCommand(c Command) *cobra.Command {
	v := &validation{Command: c}
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check .towpath and print every mistake as file:line:col: message",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return v.run(cmd) },
	}
	v.at.getenv = c.getenv
	v.at.addFlags(cmd)
	cmd.Flags().BoolVar(&v.expand, "expand", false, "print what `each`, defaults and expressions come to")
	return cmd
}

type validation struct {
	Command
	at     clone
	expand bool
}

func (v *validation) run(cmd *cobra.Command) error {
	if err := v.at.find(); err != nil {
		return err
	}
	parsed, mistakes, err := v.at.configuration(os.DirFS(v.at.dir))
	if err != nil {
		return err
	}
	for _, line := range mistakes.Lines() {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	v.annotate(mistakes.Lines())
	if len(mistakes) > 0 {
		return errRefused
	}
	if !v.expand {
		return nil
	}
	text, err := config.Expand(parsed)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}
