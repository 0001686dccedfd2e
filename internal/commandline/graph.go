package commandline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

func graphCommand(c Command) *cobra.Command {
	g := graphing{Command: c}
	cmd := &cobra.Command{
		Use:   "graph [STAGE]",
		Short: "Draw the pipeline; with --explain say what takes longest on the way to a stage",
		Long: `Draw the pipelines of a clone, as .towpath in the work tree says, with what every
stage holds where the clone has the branch towpath/ledger. Nobody is asked.

With --explain the way of freight that takes longest is told: through each stage by
the upstream that lets its rule be met, the last one of all, the quickest one of any;
how long that takes by soak and by the medians of what the ledger records; and the
edge that binds, which would make the whole faster. It leads to STAGE, or to
whichever stage freight reaches last. In a drawing it is thick.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !g.explain {
				return usageError{errors.New("graph takes one stage, and only with --explain")}
			}
			return nil
		},
		ValidArgsFunction: c.stages(false),
		RunE:              func(cmd *cobra.Command, args []string) error { return g.run(cmd, append(args, "")[0]) },
	}
	g.at.addFlags(cmd)
	cmd.Flags().StringVar(&g.format, "format", "", "mermaid, dot or json; by default mermaid, and words with --explain")
	cmd.Flags().BoolVar(&g.asJSON, "json", false, "print JSON, as --format json")
	cmd.Flags().BoolVar(&g.explain, "explain", false, "tell the longest path, and the edge that binds")
	cmd.Flags().StringVar(&g.pipeline, "pipeline", "", "only the pipeline of this `NAME`")
	g.at.getenv = c.getenv
	return cmd
}

// graphing is one run of the command.
type graphing struct {
	Command
	at       clone
	format   string
	pipeline string
	asJSON   bool
	explain  bool
}

func (g *graphing) run(cmd *cobra.Command, to string) error {
	switch {
	case g.asJSON && g.format != "" && g.format != "json":
		return usageError{fmt.Errorf("--json and --format %s can not both be meant", g.format)}
	case g.asJSON:
		g.format = "json"
	case g.format == "" && !g.explain:
		g.format = "mermaid"
	case !slices.Contains([]string{"", "mermaid", "dot", "json"}, g.format):
		return usageError{fmt.Errorf("--format %s is none of mermaid, dot, json", g.format)}
	}
	if err := g.at.find(); err != nil {
		return err
	}
	parsed, mistakes, err := g.at.configuration(os.DirFS(g.at.dir))
	if err != nil {
		return err
	}
	for _, line := range mistakes.Lines() {
		fmt.Fprintln(cmd.ErrOrStderr(), line)
	}
	if len(mistakes) > 0 {
		return errRefused
	}
	book, err := g.ledger(cmd.Context())
	if err != nil {
		return err
	}
	graphs, err := g.graphs(parsed, book, to)
	if err != nil {
		return err
	}
	if book == nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: this clone has no branch "+ledger.Branch+", so what stages hold and how long they take is not known; "+
			"`git fetch origin "+ledger.Branch+":refs/remotes/origin/"+ledger.Branch+"` gets it")
	}
	switch g.format {
	case "mermaid":
		_, err = fmt.Fprint(cmd.OutOrStdout(), report.Mermaid(graphs...))
	case "dot":
		_, err = fmt.Fprint(cmd.OutOrStdout(), report.DOT(graphs))
	case "json":
		err = printJSON(cmd.OutOrStdout(), report.Graphs(g.at.repository(), book != nil, graphs))
	default:
		for i, graph := range graphs {
			if i > 0 {
				fmt.Fprintln(cmd.OutOrStdout())
			}
			fmt.Fprint(cmd.OutOrStdout(), report.PlainPath(graph))
		}
	}
	return err
}

// ledger reads the ledger as the clone knows it; nil where it does not.
func (g *graphing) ledger(ctx context.Context) (*ledger.Book, error) {
	local, err := gitrepo.Open(g.at.dir)
	if err != nil {
		return nil, nil // the folder is no clone: it has the files only
	}
	for _, name := range []string{"refs/remotes/origin/" + ledger.Branch, "refs/heads/" + ledger.Branch} {
		commit, err := local.Resolve(ctx, name)
		if errors.Is(err, gitrepo.ErrUnknownName) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tree, err := local.Tree(ctx, commit)
		if err != nil {
			return nil, err
		}
		return ledger.Read(tree)
	}
	return nil, nil
}

// graphs are the pipelines that are meant, with the longest path where it is asked
// for.
func (g *graphing) graphs(parsed *config.Config, book *ledger.Book, to string) ([]report.Graph, error) {
	pipeline, stage, qualified := strings.Cut(to, "/")
	if !qualified {
		pipeline, stage = g.pipeline, to
	}
	var out []report.Graph
	var names, stages []string
	for _, p := range parsed.Pipelines {
		names = append(names, p.Name)
		if pipeline != "" && pipeline != p.Name {
			continue
		}
		graph := report.Graph{View: report.View{Pipeline: p.Pipeline, Policy: parsed.Policy, Snapshot: promote.Snapshot{Now: g.Now()}}}
		if book != nil {
			graph.Snapshot.Facts = book.Pipelines[p.Name]
		}
		if g.explain {
			path := promote.LongestPath(p.Pipeline, stage, graph.Snapshot.Pace)
			graph.Path = &path
		}
		for _, s := range p.Stages {
			stages = append(stages, p.Name+"/"+s.Name)
		}
		if stage == "" || len(graph.Path.Legs) > 0 {
			out = append(out, graph)
		}
	}
	switch {
	case len(stages) == 0:
		return nil, usageError{fmt.Errorf("there is no pipeline %q; there are %s", pipeline, strings.Join(names, ", "))}
	case len(out) == 0:
		return nil, usageError{fmt.Errorf("there is no stage %q; there are %s", to, strings.Join(stages, ", "))}
	}
	return out, nil
}
