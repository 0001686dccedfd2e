package commandline

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/promote"
)

// stages completes words by the stages of the clone that the command is about: the
// first one, or all of them. Where there is no clone there is nothing to offer.
func (c Command) stages(all bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && !all {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.stageNames(cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

func (c Command) stageNames(cmd *cobra.Command) []string {
	at := clone{dir: ".", getenv: c.getenv}
	if repo, err := cmd.Flags().GetString("repo"); err == nil && repo != "" {
		at.dir = repo
	}
	if at.find() != nil {
		return nil
	}
	parsed, _, err := at.configuration(os.DirFS(at.dir))
	if err != nil {
		return nil
	}
	lanes := map[string]int{}
	for _, p := range parsed.Pipelines {
		for _, s := range p.Stages {
			lanes[promote.BareStage(s.Name)]++
		}
	}
	var out []string
	for _, p := range parsed.Pipelines {
		for _, s := range p.Stages {
			bare := promote.BareStage(s.Name)
			for _, name := range []string{bare, promote.StageOf(s.Name)} { // all stamps, and one
				if lanes[bare] > len(p.Lanes(bare)) { // other pipelines have one of the name
					name = p.Name + "/" + name
				}
				if !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}
