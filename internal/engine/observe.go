package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/report"
)

const (
	heads    = "refs/heads/"
	maxPulls = 20 // pull requests of one promotion branch that are looked at
)

// look is one look at one repository: what was read, and what was decided.
type look struct {
	*Engine
	*home                     // the pipelines' own repository
	homes    map[string]*home // the others that stages are written to, by the name that pipelines write
	kept     []func()         // end that mirrors of others are kept
	registry *registry.Client // with the logins of the repository
	now      time.Time
	config   *configuration
	book     *ledger.Book
	hub      onHub
	found    finds
	vain     vain
	views    []report.View
	due      time.Time // when there will be something to tell people, or to publish, by time alone
	copies   []*imageCopy
	again    time.Time        // when to look again, whatever was decided; zero: no need
	lanes    map[string]bool  // see [Wish.Lanes]
	exec     Executor         // see [Wish.Exec]
	ahead    map[string]*plan // of stages that are rendered ahead of time, as pipeline/stage; nothing of it is written

	comparisons comparisons
}

// onHub is what GitHub was asked in a look.
type onHub struct {
	calls    []Call                         // of outside systems
	observed map[string][]forge.Observation // by commit and sources
	runs     map[string]forge.WorkflowRun   // by repository and id
	started  started
	// workshops are the other repositories whose workflows gates start.
	workshops *workshops
}

// finds is what the pipelines' sources were found to hold in a look.
type finds struct {
	artifacts artifacts
	pulls     answers[forge.PullRequest]   // of takeovers, by repository and number
	mu        sync.Mutex                   // guards sources, their refs, and tags
	tags      map[string]string            // of our own repository, as far as they were asked for
	sources   map[string]*source           // other repositories, by name
	by        map[string]*discovery        // by pipeline
	fresh     map[string][]promote.Freight // not in the ledger yet
}

// vain is what a look tried without success and does not try again.
type vain struct {
	postponed map[int64]error // comments whose author's rights could not be asked
	unmade    map[string]bool // promotions that could not be made, by pipeline and stage; others may take their turn
	failed    error           // of pipelines that could not be read; the others go on
}

// observe reads everything that does not depend on a decision.
func (e *Engine) observe(ctx context.Context, name string) (*look, error) {
	l := &look{
		Engine: e, home: newHome(), homes: map[string]*home{}, registry: e.Registry.For(strings.ToLower(name)), now: e.Now(),
		hub:   onHub{observed: map[string][]forge.Observation{}, runs: map[string]forge.WorkflowRun{}, started: started{}, workshops: &workshops{by: map[string]*home{}}},
		found: finds{sources: map[string]*source{}, tags: map[string]string{}, by: map[string]*discovery{}, fresh: map[string][]promote.Freight{}},
		vain:  vain{postponed: map[int64]error{}, unmade: map[string]bool{}},

		comparisons: comparisons{},
	}
	e.doing("reading " + name)
	if err := l.readEverything(ctx, name); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (l *look) readEverything(ctx context.Context, name string) error {
	if err := l.readAll(ctx, name); err != nil {
		return err
	}
	for _, h := range append(l.otherHomes(nil), l.home) {
		if !l.mergedMeanwhile(h) {
			continue
		}
		// The refs are older than a merge that the pull requests tell of; judged
		// by them, the stage would look as if people had changed it.
		if err := l.readHome(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// Tasks of reading that others wait for.
const (
	theRepository = "repository"
	theLastRefs   = "refs as last known"
	theRefs       = "refs"
)

// readAll reads git and GitHub, and asks ahead for what a look will most likely
// need, by what the last one knew: the commits that somebody said were pushed,
// what registries have, pull requests and results. What was not guessed right is
// asked for again. Everything but registries is read after the refs.
func (l *look) readAll(ctx context.Context, name string) error {
	l.mu.Lock()
	known, expected := l.mirrors[name], l.expected[name]
	before, book := l.configs[name], l.ledgers[name].book
	delete(l.expected, name)
	l.mu.Unlock()
	var t tasks
	l.readRepository(&t, name, known)
	for ref, commit := range expected {
		t.add("", onGit, func(ctx context.Context) error {
			_ = known.Expect(ctx, ref, commit) // where the refs really are is fetched in any case
			return nil
		})
	}
	if before != nil && book != nil {
		l.askRegistries(&t, before, book)
	}
	// Trees are read later with the context that they were opened with.
	t.add("", onGit, func(context.Context) error { return l.readObjects(ctx) }, theRefs)
	t.add("", onGitHub, func(ctx context.Context) error { return l.readComments(ctx, l.home) }, theRefs)
	t.add("", onGitHub, l.readCalls, theRefs)
	t.add("", onGitHub, func(ctx context.Context) error {
		_, err := l.Forge.Self(ctx)
		return err
	})
	take := func() {}
	if before != nil {
		take = l.listPulls(&t, l.home, before, theRefs)
		if book != nil {
			l.askResults(&t, before, book, theRefs)
		}
	}
	if err := t.all(ctx); err != nil {
		return err
	}
	take()
	l.mu.Lock()
	now := l.configs[l.name]
	l.mu.Unlock()
	if before != nil && before.parsed == now.parsed {
		return nil
	}
	t = tasks{}
	take = l.listPulls(&t, l.home, l.config)
	l.askRegistries(&t, l.config, l.book)
	l.askResults(&t, l.config, l.book)
	l.askCommits(&t)
	if err := t.all(ctx); err != nil {
		return err
	}
	take()
	return nil
}

// readRepository asks GitHub for the repository, and where it was the last time
// for its refs meanwhile: when it is still there, they count.
func (l *look) readRepository(t *tasks, name string, known *gitrepo.Repo) {
	var refs map[string]string
	var refused error
	t.add(theRepository, onGitHub, func(ctx context.Context) (err error) {
		l.repo, err = l.Forge.Repository(ctx, name)
		return err
	})
	t.add(theLastRefs, onGit, func(ctx context.Context) error {
		if known != nil {
			refs, refused = known.Refs(ctx, heads)
		}
		return nil
	})
	t.add(theRefs, onGit, func(ctx context.Context) (err error) {
		info := l.repo.Info()
		l.name, l.branch = strings.ToLower(info.FullName), info.DefaultBranch
		if l.git, err = l.Git.Repo(gitrepo.Remote{URL: info.CloneURL, Credentials: l.repo.GitCredentials, ID: info.ID, Size: info.Size}); err != nil {
			return err
		}
		if l.git == known && refused == nil {
			l.refs = refs
			return nil
		}
		l.mu.Lock()
		l.mirrors[l.name] = l.git
		l.mu.Unlock()
		return l.readRefs(ctx)
	}, theRepository, theLastRefs)
}

// readGit reads git again within a look.
func (l *look) readGit(ctx context.Context) error {
	if err := l.readRefs(ctx); err != nil {
		return err
	}
	return l.readObjects(ctx)
}

func (l *look) readRefs(ctx context.Context) (err error) {
	if l.refs, err = l.git.Refs(ctx, heads); err != nil {
		return fmt.Errorf("read refs: %w", err)
	}
	return nil
}

func (l *look) readObjects(ctx context.Context) error {
	if err := l.git.Prefetch(ctx, l.needs()...); err != nil {
		return err
	}
	if err := l.readConfig(ctx); err != nil {
		return err
	}
	if err := l.openHomes(ctx); err != nil {
		return err
	}
	return l.readLedger(ctx)
}

// needs is what a look reads in any case, so that few requests bring all that is
// new: the configuration, the ledger, and the branches of the stages as far as the
// last look knew them. The first one guesses those by their usual names.
func (l *look) needs() []gitrepo.Need {
	l.mu.Lock()
	branches := l.branches(l.name)
	first := l.configs[l.name] == nil
	l.mu.Unlock()
	if first {
		branches = append(branches, l.usualBranches()...)
	}
	var out []gitrepo.Need
	for _, branch := range append(branches, l.branch) {
		need := gitrepo.Need{Commit: l.refs[heads+branch], Ahead: first, Optional: true}
		switch {
		case need.Commit == "" || slices.ContainsFunc(out, func(n gitrepo.Need) bool { return n.Commit == need.Commit && branch != l.branch }):
			continue
		case branch == ledger.Branch:
			need.Paths, need.Ahead, need.Optional = []string{"."}, false, false
		case branch == l.branch:
			need.Paths, need.Optional = []string{".towpath"}, false
		}
		out = append(out, need)
	}
	return out
}

// maxUsual bounds how many branches are guessed to be those of stages.
const maxUsual = 64

func (l *look) usualBranches() []string {
	var out []string
	for _, ref := range slices.Sorted(maps.Keys(l.refs)) {
		branch := strings.TrimPrefix(ref, heads)
		if strings.HasPrefix(branch, "stage/") || strings.HasPrefix(branch, promote.PromotionPrefix) {
			out = append(out, branch)
		}
	}
	return out[:min(len(out), maxUsual)]
}

// branches are those that a look at a repository reads in any case, as far as the
// last one knew. The caller holds the lock.
func (e *Engine) branches(repository string) []string {
	out := []string{ledger.Branch}
	if known := e.configs[repository]; known != nil {
		out = append(out, known.branch)
		for _, p := range known.parsed.Pipelines {
			for _, s := range p.Stages {
				if s.HasBranch() && !p.Elsewhere(s) {
					out = append(out, s.Target.Branch, s.Target.PromotionBranch())
				}
			}
		}
	}
	return out
}

func (l *look) readLedger(ctx context.Context) error {
	l.book = &ledger.Book{Pipelines: map[string]promote.Facts{}, Handled: map[int64]promote.Handled{}}
	head := l.refs[heads+ledger.Branch]
	if head == "" {
		return nil
	}
	l.mu.Lock()
	known := l.ledgers[l.name]
	l.mu.Unlock()
	if known.head == head {
		l.book = known.book
		return nil
	}
	tree, err := l.git.Tree(ctx, head)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if l.book, err = ledger.Read(tree); err != nil {
		return err
	}
	if err := l.confirm(ctx); err != nil {
		return err
	}
	l.keepLedger()
	return nil
}

// keepLedger remembers what was read, or written, at the ledger's head.
func (l *look) keepLedger() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ledgers[l.name] = ledgerAt{l.refs[heads+ledger.Branch], l.book}
}

// ledgerAt is the ledger at a commit.
type ledgerAt struct {
	head string
	book *ledger.Book
}

// mergedMeanwhile tells whether some pull request of a repository was merged that
// the ledger does not know yet.
func (l *look) mergedMeanwhile(h *home) bool {
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if !h.holds(p, s) {
				continue
			}
			recorded := arrivedPulls(l.book.Pipelines[p.Name], s.Name)
			for _, pull := range h.pulls[s.Target.PromotionBranch()] {
				if pull.Merged && !recorded[pull.Number] {
					return true
				}
			}
		}
	}
	return false
}
