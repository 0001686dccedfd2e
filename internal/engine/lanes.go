package engine

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// leaveAlone marks the stages that this look is not to bring freight into.
func (l *look) leaveAlone(p config.Pipeline, states map[string]promote.StageState) {
	for name, state := range states {
		state.Left = l.lanes != nil && !l.lanes[p.Name+"/"+name]
		states[name] = state
	}
}

// Folder is a stage's folder at a commit; nil where there is nothing. It goes on
// being readable for as long as the engine's mirrors are.
func (e *Engine) Folder(ctx context.Context, target promote.Target, commit string) (fs.FS, error) {
	repo, err := e.Forge.Repository(ctx, target.Repository)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", target.Repository, err)
	}
	info := repo.Info()
	git, err := e.Git.Repo(gitrepo.Remote{URL: info.CloneURL, Credentials: repo.GitCredentials, ID: info.ID, Size: info.Size})
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(target.Path, "/")
	if err := git.Prefetch(ctx, gitrepo.Need{Commit: commit, Paths: []string{name}}); err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", target.Name(), promote.ShortID(commit), err)
	}
	tree, err := git.Tree(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", target.Name(), promote.ShortID(commit), err)
	}
	return subfolder(tree, name)
}
