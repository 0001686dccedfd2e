package commandline

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/report"
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
	cmd.Flags().BoolVar(&v.json, "json", false, "print the mistakes as JSON")
	cmd.Flags().BoolVar(&v.expand, "expand", false, "print what `each`, defaults and expressions come to")
	return cmd
}

type validation struct {
	Command
	at     clone
	expand bool
	json   bool
}

func (v *validation) run(cmd *cobra.Command) error {
	if v.json && v.expand {
		return usageError{errors.New("--json tells mistakes, --expand prints YAML: one of them")}
	}
	if err := v.at.find(); err != nil {
		return err
	}
	parsed, mistakes, err := v.at.configuration(os.DirFS(v.at.dir))
	if err != nil {
		return err
	}
	if v.json {
		if err := printJSON(cmd.OutOrStdout(), judged(v.at.repository(), mistakes)); err != nil {
			return err
		}
	} else {
		for _, line := range mistakes.Lines() {
			fmt.Fprintln(cmd.OutOrStdout(), line)
		}
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

// Judgement is the JSON of what is wrong in a configuration.
type Judgement struct {
	Version    int           `json:"version"`
	Repository string        `json:"repository"`
	Valid      bool          `json:"valid"`
	Mistakes   []MistakeTale `json:"mistakes"`
}

// MistakeTale is one mistake, and where it is, from 1.
type MistakeTale struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func judged(repository string, mistakes config.Mistakes) Judgement {
	out := Judgement{Version: report.JSONVersion, Repository: repository, Valid: len(mistakes) == 0, Mistakes: []MistakeTale{}}
	for _, m := range mistakes {
		out.Mistakes = append(out.Mistakes, MistakeTale{m.File, m.Line, m.Col, m.Message})
	}
	return out
}
