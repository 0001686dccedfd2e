package commandline

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/report"
)

func initCommand(c Command, renderer directives.Renderer) *cobra.Command {
	at := &connection{Command: c}
	d := &drafting{Command: c, renderer: renderer}
	again := false
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first pipeline, policy and workflow; with --ledger make a lost ledger again",
		Long: `Write .towpath/pipeline.yaml, .towpath/policy.yaml and a workflow for a clone, by
what is found in it: kustomizations, charts, manifests, their images, and folders
that are called like stages. It says what it guessed, and what is left to do.
Nothing is overwritten: where one of the files is there, none is written.

With --ledger make the ledger of a repository again that has lost it: which freight
there is, and what came into which stage when, by the trailers of what was merged
and of what was delivered by push. Whatever was merged is believed. What only the
ledger knew is gone: holds, rejections, overrides; who wants them says so again.
A promotion that is open is not taken over: /promote replaces it.`,
		Args: noArgs,
	}
	at.addFlags(cmd)
	cmd.Flags().BoolVar(&again, "ledger", false, "make the ledger again")
	cmd.Flags().BoolVar(&d.example, "example", false, "write an example to be edited, whatever the clone has")
	cmd.Flags().StringVar(&d.at.branch, "default-branch", "", "the default `BRANCH`; by default what the clone says, else main")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !again {
			d.at.dir, d.at.getenv = cmp.Or(at.repo, "."), c.getenv
			return d.run(cmd)
		}
		if d.example {
			return usageError{errors.New("--ledger and --example can not both be meant")}
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
