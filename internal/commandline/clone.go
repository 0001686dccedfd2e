package commandline

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
)

// clone is where a command line works: a folder, and what it goes by.
type clone struct {
	dir    string // as given, and from find on the top of the clone that it is in
	branch string // the default branch, as given; empty: what the clone says
	getenv func(string) string
}

// addFlags adds what says where the clone is.
func (c *clone) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.dir, "repo", ".", "the clone's `DIR`, or a folder in it")
	cmd.Flags().StringVar(&c.branch, "default-branch", "", "the default `BRANCH`; by default what the clone says, else main")
}

// find refuses what is no folder, and goes up to the top of the clone.
func (c *clone) find() error {
	if info, err := os.Stat(c.dir); err != nil || !info.IsDir() {
		return usageError{fmt.Errorf("--repo %s is not a folder", c.dir)}
	}
	c.dir = topOf(c.dir)
	return nil
}

// topOf goes up from a folder to the one that has .git or .towpath, or is a bare
// repository; where there is none it stays where it is.
func topOf(dir string) string {
	at, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for {
		for _, mark := range [][]string{{".git"}, {".towpath"}, {"HEAD", "objects", "refs"}} {
			missing := slices.ContainsFunc(mark, func(name string) bool {
				_, err := os.Stat(filepath.Join(at, name))
				return err != nil
			})
			if !missing {
				return at
			}
		}
		up := filepath.Dir(at)
		if up == at {
			return dir
		}
		at = up
	}
}

// repository is the name the clone goes by: in a workflow GitHub says it, elsewhere
// the remote that it comes from.
func (c clone) repository() string {
	if name := c.getenv("GITHUB_REPOSITORY"); name != "" {
		return name
	}
	if local, err := gitrepo.Open(c.dir); err == nil {
		if _, name, ok := remoteName(local.Remote("origin")); ok {
			return name
		}
	}
	dir, err := filepath.Abs(c.dir)
	if err != nil {
		return "local/repository"
	}
	return "local/" + filepath.Base(dir)
}

// defaultBranch is what origin's HEAD pointed at when the clone was made.
func (c clone) defaultBranch() string {
	if c.branch != "" {
		return c.branch
	}
	data, err := os.ReadFile(filepath.Join(c.dir, ".git/refs/remotes/origin/HEAD"))
	if branch, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "ref: refs/remotes/origin/"); ok && err == nil {
		return branch
	}
	return "main"
}

// configuration reads the two files of a tree of the clone. Mistakes are an
// error of their own kind.
func (c clone) configuration(tree fs.FS) (*config.Config, config.Mistakes, error) {
	pipelines, policy, err := config.Read(tree)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(pipelines) == 0 {
		return nil, nil, fmt.Errorf("%s has neither %s nor %s", c.dir, config.PipelineFile, config.PipelineGlob)
	}
	parsed, mistakes := config.Parse(pipelines, policy, config.Context{Repository: c.repository(), DefaultBranch: c.defaultBranch(), Tree: tree})
	return parsed, mistakes, nil
}

// edited tells whether the files in the work tree are other ones than those of a
// commit. A bare repository has none.
func (c clone) edited(head fs.FS) bool {
	now, nowPolicy, err := config.Read(os.DirFS(c.dir))
	if err != nil || len(now) == 0 {
		return err != nil
	}
	then, thenPolicy, err := config.Read(head)
	return err == nil && !reflect.DeepEqual([]any{now, nowPolicy}, []any{then, thenPolicy})
}
