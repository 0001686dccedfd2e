package commandline

import (
	"os"

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
	var out []string
	pipelines := map[string]int{}
	for _, p := range parsed.Pipelines {
		for _, s := range p.Stages {
			pipelines[promote.StageOf(s.Name)]++
		}
	}
	for _, p := range parsed.Pipelines {
		for _, s := range p.Stages {
			if s.Name != promote.StageOf(s.Name) { // lanes go by the name of their stage
				continue
			}
			if pipelines[s.Name] > len(p.Lanes(s.Name)) {
				out = append(out, p.Name+"/"+s.Name)
			} else {
				out = append(out, s.Name)
			}
		}
	}
	return out
}
