package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// commit is the head of the branch when the content of the included paths there
// differs from that at the newest freight's commit, else that commit (F4).
func (g *gathering) commit(ctx context.Context, s promote.GitSubscription) (_ promote.Commit, ok bool, _ error) {
	if name, named := g.given.Commits[s.Repository]; named {
		commit, err := g.namedCommit(ctx, s, name)
		return commit, err == nil, err
	}
	from, err := g.source(ctx, s.Repository)
	if err != nil {
		return promote.Commit{}, false, err
	}
	if s.Tags.Follows() {
		return g.taggedCommit(ctx, s, from)
	}
	branch := cmp.Or(s.Branch, from.branch)
	head, err := from.head(ctx, branch)
	if err != nil {
		return promote.Commit{}, false, err
	}
	commit, err := g.changedCommit(ctx, s, from, promote.Commit{Repository: s.Repository, ID: head}, g.ownedFolders(from, branch))
	if err != nil {
		return promote.Commit{}, false, fmt.Errorf("branch %s of %s: %w", branch, s.Repository, err)
	}
	return commit, true, nil
}

// askCommits looks ahead of time for new commits of the repository itself, which
// reads a way into its tree.
func (l *look) askCommits(t *tasks) {
	for _, p := range l.config.parsed.Pipelines {
		for _, w := range p.Warehouses {
			for _, s := range w.Gits {
				if w.Manual || s.Tags.Follows() || promote.NormaliseRepository(s.Repository) != "." {
					continue
				}
				g := &gathering{look: l, pipeline: p, warehouse: w, newest: newestOf(l.book.Pipelines[p.Name], w)}
				t.add("", onGit, func(ctx context.Context) error {
					_, _, _ = g.commit(ctx, s) // asked again by who needs it
					return nil
				})
			}
		}
	}
}

// changedCommit is the commit that was found when the content of the included
// paths there differs from that at the newest freight's commit, else that one.
func (g *gathering) changedCommit(
	ctx context.Context, s promote.GitSubscription, from *source, found promote.Commit, owned []string,
) (_ promote.Commit, err error) {
	previous, had := g.newest.Commit(s.Repository)
	unchanged := func() (promote.Commit, error) {
		g.pass(promote.Passed{
			Item: s.Repository + "@" + cmp.Or(found.Tag, promote.ShortID(found.ID)), Repository: s.Repository, Version: cmp.Or(found.Tag, found.ID),
			Reason: promote.PassedUnchanged, Detail: "no included path differs from " + cmp.Or(previous.Tag, promote.ShortID(previous.ID)),
		})
		return previous, nil
	}
	switch {
	case had && previous.ID == found.ID && previous.Tag == found.Tag:
		return previous, nil
	case had && previous.ID == found.ID:
		return unchanged()
	}
	if found.Content, err = includedContent(ctx, from.git, found.ID, s, owned); err != nil || !had {
		return found, err
	}
	changed, err := admittedChange(ctx, from.git, previous, found, s, owned)
	switch {
	case gitrepo.IsMissing(err) || err == nil && changed:
		return found, nil // also when the branch was rewritten, and the old commit is gone
	case err != nil:
		return promote.Commit{}, fmt.Errorf("compare %s with %s: %w", promote.ShortID(previous.ID), promote.ShortID(found.ID), err)
	}
	return unchanged()
}

// head is the commit of a branch.
func (s *source) head(ctx context.Context, branch string) (string, error) {
	if s.at(heads+branch) == "" {
		if err := s.ask(ctx, heads+branch); err != nil {
			return "", err
		}
	}
	if commit := s.at(heads + branch); commit != "" {
		return commit, nil
	}
	return "", fmt.Errorf("branch %s does not exist", branch)
}

// admittedChange tells whether something changed that the subscription admits.
func admittedChange(
	ctx context.Context, git *gitrepo.Repo, previous, found promote.Commit, s promote.GitSubscription, owned []string,
) (bool, error) {
	if rule, ok := contentRule(s, owned); ok && strings.HasPrefix(previous.Content, rule+" ") {
		return previous.Content != found.Content, nil
	}
	var under []string // which no glob leaves
	for _, glob := range s.Include {
		base, _ := doublestar.SplitPattern(glob)
		under = append(under, base)
	}
	changed, err := changedPaths(ctx, git, previous.ID, found.ID, under...)
	return slices.ContainsFunc(changed, func(name string) bool {
		return s.Admits(name, matches) && !slices.ContainsFunc(owned, func(folder string) bool { return strings.HasPrefix(name, folder+"/") })
	}), err
}

// contentRule says by which paths the content of a subscription is known without
// looking into them; false where it takes more than the ids of some entries.
func contentRule(s promote.GitSubscription, owned []string) (string, bool) {
	if len(s.Include) == 0 || len(s.Exclude) > 0 {
		return "", false
	}
	for _, glob := range s.Include {
		name := strings.TrimSuffix(glob, "/**")
		if strings.ContainsAny(name, `*?[]{}\ `) || !fs.ValidPath(name) || name == "." {
			return "", false
		}
		for _, folder := range owned {
			if strings.HasPrefix(folder+"/", name+"/") || strings.HasPrefix(name+"/", folder+"/") {
				return "", false
			}
		}
	}
	return strings.Join(s.Include, ","), true
}

// includedContent is the identity of what a subscription includes at a commit; empty
// where that can not be known cheaply. Kept with the freight it spares reading
// the freight's commit again.
func includedContent(ctx context.Context, git *gitrepo.Repo, commit string, s promote.GitSubscription, owned []string) (string, error) {
	content, ok := contentRule(s, owned)
	if !ok {
		return "", nil
	}
	tree, err := git.Tree(ctx, commit)
	if err != nil {
		return "", err
	}
	for _, glob := range s.Include {
		name, folder := strings.CutSuffix(glob, "/**")
		info, err := tree.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() && !folder:
			content += " -"
		case err != nil:
			return "", err
		default:
			content += fmt.Sprintf(" %s:%s", info.Mode(), gitID(info))
		}
	}
	return content, nil
}

// changedPaths lists the files that differ between two commits, at and under some
// paths when there are any.
func changedPaths(ctx context.Context, git *gitrepo.Repo, a, b string, under ...string) ([]string, error) {
	before, err := git.Tree(ctx, a)
	if err != nil {
		return nil, err
	}
	after, err := git.Tree(ctx, b)
	if err != nil {
		return nil, err
	}
	diff, err := git.Diff(ctx, before.ID(), after.ID(), under...)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(diff))
	for i, change := range diff {
		out[i] = change.Path
	}
	return out, nil
}

// ownedFolders are the folders of a branch that promotions write: what changes
// there makes no freight, so that nothing goes round in a circle.
func (l *look) ownedFolders(from *source, branch string) []string {
	var out []string
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if s.Kind == promote.Assembled && l.homeOf(s).git == from.git && s.Target.Branch == branch && s.Target.Path != "." {
				out = append(out, s.Target.Path)
			}
		}
	}
	return out
}
