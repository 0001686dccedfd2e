package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// abroad is what there is to know of a home that is not the pipelines' own.
type abroad struct {
	asked  string // the name that pipelines write
	number int64  // GitHub's
	owners *config.Owners
	out    map[string][]promote.Reason // by pipeline/lane: why nothing is written there
}

// elsewhere lists the other repositories that stages are written to.
func (c *configuration) elsewhere() []string {
	var out []string
	for _, p := range c.parsed.Pipelines {
		for _, s := range p.Stages {
			if p.Elsewhere(s) {
				out = append(out, s.Target.Repository)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// openHomes opens the other repositories that stages are written to, all of them
// side by side, and asks their owners' policies. What is not open to us holds up
// its own stages only.
func (l *look) openHomes(ctx context.Context) error {
	names := l.config.elsewhere()
	if len(names) == 0 {
		return nil
	}
	opened := make([]*home, len(names))
	var t tasks
	for i, name := range names {
		t.add("", onGitHub, func(ctx context.Context) (err error) {
			if opened[i] = l.homes[name]; opened[i] == nil {
				opened[i], err = l.openHome(ctx, name)
			}
			return err
		})
	}
	err := t.all(ctx)
	for i, name := range names {
		if opened[i] != nil && l.homes[name] == nil {
			l.homes[name] = opened[i]
			if opened[i].git != nil {
				l.kept = append(l.kept, opened[i].git.Hold())
			}
		}
	}
	if err != nil {
		return err
	}
	l.askOwners()
	return l.readHomes(ctx)
}

// openHome asks for a repository, its refs and its policy. Without a way to it
// the home has no git.
func (l *look) openHome(ctx context.Context, name string) (*home, error) {
	h := newHome()
	h.name, h.abroad = name, &abroad{asked: name, out: map[string][]promote.Reason{}}
	repo, err := l.Forge.Repository(ctx, name)
	var refused *forge.APIError
	switch {
	case errors.Is(err, forge.ErrNotFound), errors.As(err, &refused) && slices.Contains(theirNo, refused.Status):
		l.Log.Warn("a repository that is written to is not open to us", "repo", l.name, "home", name, "error", err)
		return h, nil
	case err != nil:
		return nil, fmt.Errorf("open %s, which stages are written to: %w", name, err)
	}
	info := repo.Info()
	h.repo, h.name, h.branch, h.abroad.number = repo, strings.ToLower(info.FullName), info.DefaultBranch, info.ID
	git, err := l.Git.Repo(gitrepo.Remote{URL: info.CloneURL, Credentials: repo.GitCredentials, ID: info.ID, Size: info.Size})
	if err != nil {
		return nil, err
	}
	h.git = git
	return h, l.readElsewhere(ctx, h)
}

// readElsewhere reads refs, what a look needs of them, and the policy of another
// repository.
func (l *look) readElsewhere(ctx context.Context, h *home) (err error) {
	if h.refs, err = h.git.Refs(ctx, heads); err != nil {
		return fmt.Errorf("read refs of %s: %w", h.name, err)
	}
	if err := h.git.Prefetch(ctx, l.needsOf(h)...); err != nil {
		return fmt.Errorf("read %s: %w", h.name, err)
	}
	head := h.refs[heads+h.branch]
	if head == "" {
		return nil // an empty repository has no policy, and accepts nobody
	}
	tree, err := h.git.Tree(ctx, head)
	if err != nil {
		return fmt.Errorf("read the policy of %s: %w", h.name, err)
	}
	if h.abroad.owners, err = config.ReadOwners(tree, h.abroad.asked, h.branch); err != nil {
		return fmt.Errorf("read the policy of %s: %w", h.name, err)
	}
	return nil
}

// needsOf is what a look reads of another repository in any case.
func (l *look) needsOf(h *home) []gitrepo.Need {
	out := []gitrepo.Need{{Commit: h.refs[heads+h.branch], Paths: []string{config.PolicyFile}, Optional: true}}
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if !h.holds(p, s) {
				continue
			}
			for _, branch := range []string{s.Target.Branch, s.Target.PromotionBranch()} {
				out = append(out, gitrepo.Need{Commit: h.refs[heads+branch], Optional: true})
			}
		}
	}
	return slices.DeleteFunc(out, func(n gitrepo.Need) bool { return n.Commit == "" })
}

// askOwners holds every stage that is written elsewhere against the policy there,
// and makes that policy the stage's (H3).
func (l *look) askOwners() {
	policies := map[string]promote.Policy{}
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			h := l.homeOf(s)
			if h.abroad == nil {
				continue
			}
			lane := p.Name + "/" + s.Name
			h.abroad.out[lane] = l.keptOut(p, s, h)
			policies[lane] = promote.Policy{}
			if h.abroad.owners != nil {
				policies[lane] = h.abroad.owners.Policy()
			}
		}
	}
	parsed, known := *l.config.parsed, *l.config
	parsed.Policy.Elsewhere = policies
	known.parsed = &parsed
	l.config = &known
}

// keptOut says why a stage is not written to another repository.
func (l *look) keptOut(p config.Pipeline, s promote.Stage, h *home) []promote.Reason {
	no := func(kind promote.ReasonKind, note string) []promote.Reason {
		return []promote.Reason{{Kind: kind, Stage: s.Name, Note: note}}
	}
	if h.git == nil || h.abroad.owners == nil || !h.abroad.owners.Accepts(p.Pipeline, s.Name) {
		// The same answer whether there is such a repository or not: who may edit a
		// pipeline must not learn the names of private ones.
		return no(promote.NotAccepted, fmt.Sprintf(
			"Towpath's App must be installed on %s, and %s on its default branch must say `accept: [{from: %s, stages: [\"%s/%s\"]}]`",
			h.abroad.asked, config.PolicyFile, p.Repository, p.Name, promote.StageOf(s.Name)))
	}
	for _, other := range append(l.otherHomes(h), l.home) {
		if other.git == h.git && h.name != h.abroad.asked {
			return no(promote.OtherRepository, fmt.Sprintf("%s is called %s now; say so under `repository`", h.abroad.asked, h.name))
		}
	}
	if len(h.abroad.owners.Mistakes) > 0 {
		return no(promote.PolicyBroken, fmt.Sprintf("%s of %s has a mistake, and so allows nothing; an issue there says which", config.PolicyFile, h.name))
	}
	if mistakes := h.abroad.owners.Refuses(p, s.Name); len(mistakes) > 0 {
		return no(promote.NotAllowed, mistakes[0].Error())
	}
	return nil
}

// keptOut says why nothing is to be read or written for a stage: its owners keep
// it out, or the name means another repository than the one that it was written
// to, of which nothing that we know is true (S5).
func (at *place) keptOut() []promote.Reason {
	if at.home.abroad != nil {
		if out := at.home.abroad.out[at.pipeline+"/"+at.stage.Name]; len(out) > 0 {
			return out
		}
	}
	moved := false
	for _, a := range at.facts.ArrivalsIn(at.stage.Name) {
		moved = moved || a.Repository != at.home.number()
	}
	for _, p := range at.facts.Proposals {
		moved = moved || p.Stage == at.stage.Name && p.Repository != at.home.number()
	}
	if !moved || !at.stage.HasBranch() {
		return nil
	}
	return []promote.Reason{{Kind: promote.OtherRepository, Stage: at.stage.Name, Note: fmt.Sprintf(
		"%s is not the repository that %s was written to before; a stage is its name, so give it another one to begin anew there", at.home.name, at.stage.Name)}}
}

// otherHomes are the homes besides our own and one of them, in the order of their names.
func (l *look) otherHomes(than *home) []*home {
	var out []*home
	for _, name := range l.config.elsewhere() {
		if h := l.homes[name]; h != nil && h != than {
			out = append(out, h)
		}
	}
	return out
}

// lets tells whether another repository lets a stage in.
func (h *home) lets(p config.Pipeline, s promote.Stage) bool {
	return h.holds(p, s) && h.open(p.Name, s.Name)
}

// letsAny tells whether another repository lets any stage in: only then its pull
// requests and comments are our business.
func (h *home) letsAny() bool {
	for _, reasons := range h.abroad.out {
		if len(reasons) == 0 {
			return true
		}
	}
	return false
}

// readHomes lists pull requests and comments of the other repositories.
func (l *look) readHomes(ctx context.Context) error {
	var t tasks
	var took []func()
	for _, h := range l.otherHomes(nil) {
		if !h.letsAny() || h.pulls != nil {
			continue
		}
		took = append(took, l.listPulls(&t, h, l.config))
		t.add("", onGitHub, func(ctx context.Context) error { return l.readComments(ctx, h) })
	}
	err := t.all(ctx)
	for _, take := range took {
		if err == nil {
			take()
		}
	}
	return err
}

// hold keeps the mirrors of a look from being cleaned, until the returned function
// is called.
func (l *look) hold() func() {
	release := l.git.Hold()
	return func() {
		release()
		l.release()
	}
}

// release ends that the mirrors of other repositories are kept from being cleaned.
func (l *look) release() {
	for _, release := range l.kept {
		release()
	}
	l.kept = nil
}
