package commandline

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/report"
)

func initCommand(c Command) *cobra.Command {
	at := &connection{Command: c}
	again := false
	cmd := &cobra.Command{
		Use:   "init --ledger",
		Short: "Make a lost ledger again, from git and merged pull requests",
		Long: `Make the ledger of a repository again that has lost it: which freight there is,
and what came into which stage when, by the trailers of what was merged and of
what was delivered by push. Whatever was merged is believed. What only the
ledger knew is gone: holds, rejections, overrides; who wants them says so again.
A promotion that is open is not taken over: /promote replaces it.`,
		Args: noArgs,
	}
	at.addFlags(cmd)
	cmd.Flags().BoolVar(&again, "ledger", false, "make the ledger again")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !again {
			return usageError{errors.New("init makes a lost ledger again, when it is told to: action init --ledger")}
		}
		bench, err := at.open(cmd)
		if err != nil {
			return err
		}
		defer bench.close()
		found, err := bench.Engine.Rebuild(cmd.Context(), bench.repository)
		if err != nil {
			return err
		}
		tellRebuilt(cmd.OutOrStdout(), found)
		return nil
	}
	return cmd
}

func tellRebuilt(out io.Writer, found []engine.Rebuilt) {
	for _, s := range found {
		if len(s.Arrivals) == 0 {
			fmt.Fprintf(out, "%s/%s: nothing was found\n", s.Pipeline, s.Stage)
			continue
		}
		last := s.Arrivals[len(s.Arrivals)-1]
		var what []string
		for _, f := range s.Freight {
			what = append(what, report.Name(f))
		}
		if missing := len(last.Freight) - len(s.Freight); missing > 0 {
			what = append(what, fmt.Sprintf("%d that is not told in full", missing))
		}
		fmt.Fprintf(out, "%s/%s: holds %s since %s; arrivals found: %d\n", s.Pipeline, s.Stage, strings.Join(what, ", "), report.When(last.At), len(s.Arrivals))
	}
	fmt.Fprintln(out, "Holds, rejections and overrides are not in git: say again what is to count.")
}
