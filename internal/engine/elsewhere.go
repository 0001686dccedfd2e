package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// source is a repository that files and commits come from: the pipeline's own,
// or another one.
type source struct {
	git    *gitrepo.Repo
	repo   *forge.Repo
	branch string            // the default branch
	heads  map[string]string // all branches of our own repository; never written
	mu     *sync.Mutex       // guards refs
	refs   map[string]string // what was asked for besides
}

// askError is a question that was not answered, rather than a "no": nobody's
// mistake, and tried again.
type askError struct{ error }

func (e askError) Unwrap() error { return e.error }

// source opens a repository once per look. Another one than the pipeline's own
// must be public, or its owners must share it with this one (H3): whoever may
// edit a pipeline must not borrow the bot's rights.
func (l *look) source(ctx context.Context, repository string) (*source, error) {
	name := promote.NormaliseRepository(repository)
	if name == "." || name == l.name {
		return &source{git: l.git, repo: l.repo, branch: l.branch, heads: l.refs, mu: &l.found.mu, refs: l.found.tags}, nil
	}
	l.found.mu.Lock()
	known := l.found.sources[name]
	l.found.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if l.now.Before(l.Engine.refusal(l.name, name)) {
		return nil, l.unshared(name)
	}
	found, err := l.openSource(ctx, name)
	if errors.Is(err, errUnshared) {
		l.Engine.refuse(l.name, name, l.now)
	}
	if err != nil {
		return nil, err
	}
	l.found.mu.Lock()
	defer l.found.mu.Unlock()
	l.found.sources[name] = found
	return found, nil
}

func (l *look) openSource(ctx context.Context, name string) (*source, error) {
	repo, err := l.Forge.Repository(ctx, name)
	if errors.Is(err, forge.ErrNotFound) {
		repo, err = l.repo.Public(ctx, name)
	}
	var refused *forge.APIError
	switch {
	case errors.As(err, &refused) && slices.Contains(theirNo, refused.Status):
		l.Log.Warn("a source is not readable", "repo", l.name, "source", name, "error", err)
		return nil, l.unshared(name)
	case errors.Is(err, forge.ErrNotFound):
		return nil, l.unshared(name)
	case err != nil:
		return nil, askError{err}
	}
	info := repo.Info()
	git, err := l.Git.Repo(gitrepo.Remote{URL: info.CloneURL, Credentials: repo.GitCredentials, ID: info.ID, Size: info.Size})
	if err != nil {
		return nil, err
	}
	out := &source{git: git, repo: repo, branch: info.DefaultBranch, mu: &l.found.mu, refs: map[string]string{}}
	if err := out.ask(ctx, heads+info.DefaultBranch); err != nil {
		return nil, err
	}
	if info.Private {
		return out, l.shared(ctx, name, out)
	}
	return out, nil
}

// shared asks a private repository's policy whether our pipelines may read it.
func (l *look) shared(ctx context.Context, name string, from *source) error {
	head := from.at(heads + from.branch)
	if head == "" {
		return l.unshared(name)
	}
	tree, err := from.git.Tree(ctx, head)
	if err != nil {
		return fmt.Errorf("read the policy of %s: %w", name, err)
	}
	share, err := config.Shares(tree)
	var unreachable *gitrepo.UnreachableError
	if errors.As(err, &unreachable) {
		return err
	}
	if err != nil { // it would tell outsiders what is in a private file
		l.Log.Warn("the policy of a source is broken", "repo", l.name, "source", name, "error", err)
		return l.unshared(name)
	}
	if !slices.ContainsFunc(share, func(s string) bool { return promote.NormaliseRepository(s) == l.name }) {
		return l.unshared(name)
	}
	return nil
}

var errUnshared = errors.New("can not be read")

// theirNo are the answers of GitHub by which another repository keeps us out: its
// owners' decision, and no reason to ask again and again.
var theirNo = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnavailableForLegalReasons}

// refusedFor is how long a "no" is believed: asking costs the other owner's quota.
const refusedFor = 2 * time.Minute

func (e *Engine) refusal(asker, name string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refusals[asker+" "+name]
}

func (e *Engine) refuse(asker, name string, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.refusals, func(_ string, until time.Time) bool { return !now.Before(until) })
	e.refusals[asker+" "+name] = now.Add(refusedFor)
}

// unshared is the same answer whether there is such a repository or not: who may
// edit a pipeline must not learn the names of private ones.
func (l *look) unshared(name string) error {
	return fmt.Errorf("%s %w: it is not public, and no %s on its default branch names %s under `share`", name, errUnshared, config.PolicyFile, l.name)
}

// ask reads refs of which the full names begin so.
func (s *source) ask(ctx context.Context, prefixes ...string) error {
	found, err := s.git.Refs(ctx, prefixes...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.refs, found)
	return nil
}

// at is where a ref is, as far as was asked; empty: not known.
func (s *source) at(ref string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.heads[ref], s.refs[ref])
}

// called is the name of a repository that the configuration may write as ".".
func (l *look) called(repository string) string {
	if repository == "." {
		return l.name
	}
	return repository
}

// isCommit tells the full id of a commit from a name.
func isCommit(name string) bool {
	return len(name) == 40 && strings.Trim(name, "0123456789abcdef") == ""
}

// named resolves a branch, a tag or a commit id.
func (s *source) named(ctx context.Context, name string) (string, error) {
	if isCommit(name) {
		return name, nil
	}
	for range 2 {
		for _, full := range []string{heads + name, "refs/tags/" + name} {
			if commit := s.at(full); commit != "" {
				return commit, nil
			}
		}
		if err := s.ask(ctx, heads+name, "refs/tags/"+name); err != nil {
			return "", fmt.Errorf("ref %s: %w", name, err)
		}
	}
	return "", fmt.Errorf("ref %q is neither a branch nor a tag", name)
}
