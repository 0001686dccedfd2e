package commandline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// localSources are the clones that sources are read from.
type localSources struct{ clones map[string]*gitrepo.Local }

// openSources opens the clone, and those of other repositories: owner/name=DIR.
func openSources(at clone, others []string) (*localSources, error) {
	out := &localSources{clones: map[string]*gitrepo.Local{}}
	own, err := gitrepo.Open(at.dir)
	if err != nil {
		return nil, err
	}
	out.clones["."] = own
	for _, other := range others {
		name, dir, ok := strings.Cut(other, "=")
		if !ok || dir == "" {
			return nil, usageError{fmt.Errorf("--source %s is not of the form owner/name=DIR", other)}
		}
		if out.clones[promote.NormaliseRepository(name)], err = gitrepo.Open(topOf(dir)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *localSources) clone(repository string) (*gitrepo.Local, error) {
	if found := s.clones[promote.NormaliseRepository(repository)]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("there is no clone of %s: `--source %s=DIR` says where", repository, repository)
}

func (s *localSources) resolve(ctx context.Context, repository, name string) (string, error) {
	clone, err := s.clone(repository)
	if err != nil {
		return "", err
	}
	return clone.Resolve(ctx, name)
}

func (s *localSources) tree(ctx context.Context, repository, name string) (*gitrepo.Tree, error) {
	commit, err := s.resolve(ctx, repository, name)
	if err != nil {
		return nil, err
	}
	return s.clones[promote.NormaliseRepository(repository)].Tree(ctx, commit)
}

// source opens the tree that a directive asks for: at its ref, at the commit in
// the freight, or at HEAD.
func (s *localSources) source(ctx context.Context, freight []promote.Freight, ref directives.SourceRef) (fs.FS, error) {
	name := ref.Ref
	if name == "" {
		var err error
		if name, err = promote.CommitIn(freight, ref.Repository, ref.Warehouse); err != nil {
			return nil, err
		}
	}
	if name == "" || name == "head" {
		name = "HEAD"
	}
	return s.tree(ctx, ref.Repository, name)
}

// stageFolder is what the stage's branch holds now, as far as the clone knows;
// nil when it knows of no such branch.
func (s *localSources) stageFolder(ctx context.Context, target promote.Target) (fs.FS, error) {
	for _, name := range []string{"refs/remotes/origin/" + target.Branch, "refs/heads/" + target.Branch} {
		commit, err := s.resolve(ctx, ".", name)
		if errors.Is(err, gitrepo.ErrUnknownName) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tree, err := s.clones["."].Tree(ctx, commit)
		if err != nil {
			return nil, err
		}
		folder, err := fs.Sub(tree, target.Path)
		if err != nil {
			return nil, err
		}
		if _, err := fs.Stat(folder, "."); err == nil {
			return folder, nil
		}
	}
	return nil, nil
}
