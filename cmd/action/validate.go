package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
)

func validateCommand(getenv func(string) string) *cobra.Command {
	v := validation{}
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check .towpath and print every mistake as file:line:col: message",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return v.run(cmd, getenv) },
	}
	cmd.Flags().StringVar(&v.dir, "repo", ".", "the clone")
	cmd.Flags().BoolVar(&v.expand, "expand", false, "print what `each`, defaults and expressions come to")
	cmd.Flags().StringVar(&v.branch, "default-branch", "", "the default branch; by default what the clone says, else main")
	return cmd
}

type validation struct {
	dir, branch string
	expand      bool
}

func (v validation) run(cmd *cobra.Command, getenv func(string) string) error {
	if info, err := os.Stat(v.dir); err != nil || !info.IsDir() {
		return usageError{fmt.Errorf("--repo %s is not a folder", v.dir)}
	}
	tree := os.DirFS(v.dir)
	pipelines, policy, err := config.Read(tree)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if len(pipelines) == 0 {
		return fmt.Errorf("%s has neither %s nor %s", v.dir, config.PipelineFile, config.PipelineGlob)
	}
	parsed, mistakes := config.Parse(pipelines, policy, config.Context{
		Repository: v.repository(getenv), DefaultBranch: v.defaultBranch(), Tree: tree,
	})
	for _, line := range mistakes.Lines() {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
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

// repository is the name the clone goes by; in a workflow GitHub says it.
func (v validation) repository(getenv func(string) string) string {
	if name := getenv("GITHUB_REPOSITORY"); name != "" {
		return name
	}
	dir, err := filepath.Abs(v.dir)
	if err != nil {
		return "local/repository"
	}
	return "local/" + filepath.Base(dir)
}

// defaultBranch is what origin's HEAD pointed at when the clone was made.
func (v validation) defaultBranch() string {
	if v.branch != "" {
		return v.branch
	}
	data, err := os.ReadFile(filepath.Join(v.dir, ".git/refs/remotes/origin/HEAD"))
	if branch, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "ref: refs/remotes/origin/"); ok && err == nil {
		return branch
	}
	return "main"
}
