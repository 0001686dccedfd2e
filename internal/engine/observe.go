package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

const (
	heads         = "refs/heads/"
	maxPulls      = 20 // pull requests of one promotion branch that are looked at
	parallelCalls = 8
)

// look is one look at one repository: what was read, and what was decided.
type look struct {
	*Engine
	name      string
	repo      *forge.Repo
	git       *gitrepo.Repo
	now       time.Time
	branch    string // the default branch
	refs      map[string]string
	config    *configuration
	book      *ledger.Book
	pulls     map[string][]forge.PullRequest // by promotion branch
	observed  map[string][]forge.Observation // by commit and sources
	comments  []forge.Comment
	postponed map[int64]error              // comments whose author's rights could not be asked in this look
	found     map[string]*discovery        // by pipeline
	fresh     map[string][]promote.Freight // found, and not in the ledger yet
	refused   map[string]string            // refs that the repository refused to move, with its words
	stuck     map[int]bool                 // pull requests that could not be merged in this look
	views     []report.View
	failed    error // of pipelines that could not be read; the others go on
}

// configuration is the parsed configuration at a commit.
type configuration struct {
	commit   string
	branch   string // the default branch, which policies name
	folder   string // id of its .towpath folder; empty where there is none
	touched  string // the last commit that changed .towpath, where people look for what waits (P5)
	parsed   *config.Config
	mistakes config.Mistakes
	settled  bool // no issue tells of mistakes any more
}

// observe reads everything that does not depend on a decision.
func (e *Engine) observe(ctx context.Context, name string) (*look, error) {
	repo, err := e.Forge.Repository(ctx, name)
	if err != nil {
		return nil, err
	}
	info := repo.Info()
	git, err := e.Git.Repo(gitrepo.Remote{URL: info.CloneURL, Credentials: repo.GitCredentials})
	if err != nil {
		return nil, err
	}
	l := &look{Engine: e, name: strings.ToLower(info.FullName), repo: repo, git: git, now: e.Now(), branch: info.DefaultBranch,
		found: map[string]*discovery{}, fresh: map[string][]promote.Freight{}, refused: map[string]string{}, stuck: map[int]bool{}, postponed: map[int64]error{}, observed: map[string][]forge.Observation{}}
	if err := l.readAll(ctx); err != nil {
		return nil, err
	}
	if l.mergedMeanwhile() {
		// The refs are older than a merge that the pull requests tell of; judged
		// by them, the stage would look as if people had changed it.
		if err := l.readGit(ctx); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// readAll reads git and GitHub. What is asked of GitHub does not wait for the
// objects: the pull requests are listed by the last configuration, and once more
// when that has changed. They are read after the refs in any case.
func (l *look) readAll(ctx context.Context) error {
	if err := l.readRefs(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	before := l.configs[l.name]
	l.mu.Unlock()
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error { return l.readObjects(ctx) }) // trees are read later with the context they were opened with
	group.Go(func() error { return l.readComments(within) })
	if before != nil {
		group.Go(func() error { return l.readPulls(within, before) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if before != nil && before.folder == l.config.folder {
		return nil
	}
	return l.readPulls(ctx, l.config)
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
	if err := l.git.Fetch(ctx, l.wanted()...); err != nil {
		return err
	}
	if err := l.readConfig(ctx); err != nil {
		return err
	}
	return l.readLedger(ctx)
}

// wanted are the commits that a look reads in any case, so that one request
// brings all that is new: the configuration, the ledger, and the branches of the
// stages as far as the last look knew them.
func (l *look) wanted() []string {
	branches := []string{l.branch, ledger.Branch}
	l.mu.Lock()
	if known := l.configs[l.name]; known != nil {
		for _, p := range known.parsed.Pipelines {
			for _, s := range p.Stages {
				branches = append(branches, s.Target.Branch, s.Target.PromotionBranch())
			}
		}
	}
	l.mu.Unlock()
	var out []string
	for _, b := range branches {
		if commit := l.refs[heads+b]; commit != "" && !slices.Contains(out, commit) {
			out = append(out, commit)
		}
	}
	return out
}

// readConfig parses the configuration at the head of the default branch, once
// per commit.
func (l *look) readConfig(ctx context.Context) error {
	commit := l.refs[heads+l.branch]
	l.mu.Lock()
	known := l.configs[l.name]
	l.mu.Unlock()
	if known != nil && known.commit == commit && known.branch == l.branch {
		l.config = known
		return nil
	}
	c := &configuration{commit: commit, branch: l.branch, parsed: &config.Config{}}
	if commit != "" {
		tree, err := l.git.Tree(ctx, commit)
		if err != nil {
			return fmt.Errorf("read configuration commit: %w", err)
		}
		if info, err := tree.Lstat(".towpath"); err == nil {
			c.folder = gitID(info)
		}
		pipelines, policy, err := config.Read(tree)
		if err != nil {
			return fmt.Errorf("read configuration: %w", err)
		}
		if c.touched, err = l.touched(ctx, c, known); err != nil {
			return err
		}
		c.parsed, c.mistakes = config.Parse(pipelines, policy, config.Context{Repository: l.name, DefaultBranch: l.branch, Tree: tree})
	}
	l.config = c
	l.mu.Lock()
	defer l.mu.Unlock()
	l.configs[l.name] = c
	l.topics[strings.ToLower(l.name)] = c.images()
	return nil
}

// touched is the last commit that changed the configuration. A head with the
// same configuration as before did not.
func (l *look) touched(ctx context.Context, c, before *configuration) (string, error) {
	if before != nil && before.touched != "" && before.folder == c.folder {
		return before.touched, nil
	}
	return l.repo.LastCommit(ctx, c.commit, ".towpath")
}

func (c *configuration) images() []string {
	var out []string
	for _, p := range c.parsed.Pipelines {
		for _, w := range p.Warehouses {
			for _, s := range w.Images {
				out = append(out, strings.ToLower(s.Repository))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
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
	if err := tree.Prefetch(ctx, "."); err != nil {
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

// readPulls lists the newest pull requests of every promotion branch.
func (l *look) readPulls(ctx context.Context, c *configuration) error {
	found := map[string][]forge.PullRequest{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	var mu sync.Mutex
	for _, p := range c.parsed.Pipelines {
		for _, s := range p.Stages {
			branch := s.Target.PromotionBranch()
			group.Go(func() error {
				pulls, err := l.repo.PullRequests(ctx, branch, maxPulls)
				if err != nil {
					return fmt.Errorf("list pull requests of %s: %w", branch, err)
				}
				// A fork may have a branch of the same name, and people may open another
				// pull request from ours, or point ours at another base.
				pulls = slices.DeleteFunc(pulls, func(p forge.PullRequest) bool {
					return !strings.EqualFold(p.HeadRepo, l.name) || p.BaseRef != s.Target.Branch
				})
				mu.Lock()
				defer mu.Unlock()
				found[branch] = pulls
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	l.pulls = found
	return nil
}

// mergedMeanwhile tells whether some pull request was merged that the ledger
// does not know yet.
func (l *look) mergedMeanwhile() bool {
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			recorded := arrivedPulls(l.book.Pipelines[p.Name], s.Name)
			for _, pull := range l.pulls[s.Target.PromotionBranch()] {
				if pull.Merged && !recorded[pull.Number] {
					return true
				}
			}
		}
	}
	return false
}
