// Package engine looks at a repository and does what is to be done there: it
// reads, decides, prepares and writes, in that order, and nothing else in the
// program writes anything.
//
// An event only says "look again", so a look never asks what happened. It finds
// the state of the world, lets the domain decide, and repeats until nothing
// changes; what a crash left behind is finished by the next look.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/notify"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/report"
)

// Config is what an engine works with.
type Config struct {
	Forge    *forge.Forge
	Git      *gitrepo.Mirrors
	Registry *registry.Client
	Renderer directives.Renderer
	Notify   *notify.Client    // nil: nobody is told
	Later    func(name string) // asks for Look to be called by that name, soon
	Now      func() time.Time
	Log      *slog.Logger
	Outside  Outside // may be nil: nobody calls
	// Doing hears what is being done now, for somebody who waits; several at once may
	// tell it. Nil: nobody waits.
	Doing func(what string)
}

// Engine looks at repositories. It is safe for parallel use, one look at a time
// per repository. All it keeps in memory is a cache.
type Engine struct {
	Config
	mu       sync.Mutex
	views    map[string][]report.View     // the last look, by repository
	topics   map[string][]string          // what a repository listens to besides itself
	replied  *memory[int64, bool]         // comments whose reply was seen to be there
	unheard  *memory[int64, bool]         // comments of people who said too much
	listed   map[string]time.Time         // from when the next look lists comments, by repository
	ledgers  map[string]ledgerAt          // by repository
	configs  map[string]*configuration    // by repository
	mirrors  map[string]*gitrepo.Repo     // by repository
	expected map[string]map[string]string // by repository: refs and where somebody said they are
	vouched  map[string]bool              // what the ledger says of comments, where they confirmed it
	outboxes map[string]*outbox           // by repository
	copying  map[string]*copies           // by repository
	copier   sync.Mutex                   // held by the one who copies
	seen     *memory[string, time.Time]   // heads that no pull request explained, when they were first met
	judged   *memory[string, string]      // what the check on a promotion's head said last, by commit
	gone     map[string]map[string]bool   // heads of promotions whose stage is gone, where their check says so, by repository
	boards   map[string]string            // what the issue that shows everything says, by repository
	losses   map[string]bool              // repositories whose issue tells of a lost ledger
	theirs   map[string]recognised        // what is in stages that others write, by stage
	shown    *memory[string, mirrorOf]    // by repository, commit and name
	edits    map[string]map[string]bool   // heads of pull requests that were told what their edit means, by repository
	refusals map[string]time.Time         // until when a repository keeps another one's pipelines out
	compared map[string]comparisons       // of open promotions, by repository
}

// New makes an engine.
func New(cfg Config) *Engine {
	return &Engine{
		Config:   cfg,
		views:    map[string][]report.View{},
		topics:   map[string][]string{},
		replied:  newMemory[int64, bool](maxRemembered),
		unheard:  newMemory[int64, bool](maxRemembered),
		listed:   map[string]time.Time{},
		ledgers:  map[string]ledgerAt{},
		configs:  map[string]*configuration{},
		mirrors:  map[string]*gitrepo.Repo{},
		expected: map[string]map[string]string{},
		outboxes: map[string]*outbox{},
		copying:  map[string]*copies{},
		seen:     newMemory[string, time.Time](maxRemembered),
		judged:   newMemory[string, string](maxRemembered),
		vouched:  map[string]bool{},
		gone:     map[string]map[string]bool{},
		boards:   map[string]string{},
		losses:   map[string]bool{},
		theirs:   map[string]recognised{},
		refusals: map[string]time.Time{},
		compared: map[string]comparisons{},
		edits:    map[string]map[string]bool{},
		shown:    newMemory[string, mirrorOf](maxRemembered),
	}
}

// doing tells what is being done now.
func (e *Engine) doing(what string) {
	if e.Doing != nil {
		e.Doing(what)
	}
}

// maxRaces bounds how often a look starts again because somebody else wrote first.
const maxRaces = 8

// Look finds out what is to be done in a repository and does it. The time it
// returns is when the next look is due without any event; zero: never. An error
// means that something could not be found out or written, and that the look is
// to be tried again; everything that was written is whole. A limit of GitHub's is
// no error: the next look is due when it ends.
func (e *Engine) Look(ctx context.Context, repository string) (time.Time, error) {
	if name, ok := strings.CutPrefix(repository, tellPrefix); ok {
		return e.tell(ctx, name)
	}
	if name, ok := strings.CutPrefix(repository, copyPrefix); ok {
		return e.copyImages(ctx, name)
	}
	next, err := e.look(ctx, repository, &errand{})
	var limited *forge.LimitedError
	switch {
	case errors.Is(err, forge.ErrNotFound):
		e.forget(repository)
		return time.Time{}, nil // gone, renamed, or the App was removed from it
	case errors.As(err, &limited):
		e.Log.Warn("looking again when GitHub's limit ends", "repo", repository, "until", limited.Until, "error", err)
		return limited.Until, nil
	}
	return next, err
}

// look looks until nobody else is faster.
func (e *Engine) look(ctx context.Context, repository string, errand *errand) (time.Time, error) {
	for range maxRaces {
		next, err := e.lookAsIs(ctx, repository, errand)
		var stale *gitrepo.StaleError
		if !errors.As(err, &stale) {
			return next, err
		}
		e.Log.Info("lost a race, looking again", "repo", repository, "ref", stale.Ref)
	}
	return time.Time{}, fmt.Errorf("somebody else was faster %d times in a row", maxRaces)
}

func (e *Engine) lookAsIs(ctx context.Context, repository string, errand *errand) (time.Time, error) {
	l, err := e.observe(ctx, repository)
	if err != nil {
		return time.Time{}, err
	}
	defer l.hold()()
	if errand.wish != nil {
		l.lanes, l.exec = errand.wish.Lanes, errand.wish.Exec
	}
	if l.name != repository {
		e.forget(repository)
	}
	done := false
	for n := l.rounds(); n > 0 && !done; n-- {
		r, err := l.round(ctx, errand)
		if err != nil {
			return time.Time{}, err
		}
		done = !r.changed
	}
	errand.saw(l)
	l.tellPeople()
	l.orderCopies()
	if err := errors.Join(l.report(ctx), l.stillPostponed(), l.vain.failed); err != nil {
		return time.Time{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(l.vain.postponed) == 0 { // else they are listed again
		e.listed[l.name] = l.now.Add(-commentOverlap)
	}
	if !done {
		return soon(l.next(), l.now.Add(time.Second)), nil
	}
	return l.next(), nil
}

// forget drops what was kept of a repository that does not go by this name.
func (e *Engine) forget(repository string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.views, repository)
	delete(e.topics, repository)
	delete(e.configs, repository)
	delete(e.mirrors, repository)
	delete(e.expected, repository)
	delete(e.ledgers, repository)
	delete(e.listed, repository)
	delete(e.boards, repository)
	delete(e.edits, repository)
	delete(e.compared, repository)
}

// Expect takes somebody's word that a ref of a repository is at a commit now. The
// next look fetches it while it asks where the refs really are: a lie costs a
// request and has no other effect.
func (e *Engine) Expect(repository, ref, commit string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mirrors[repository] == nil || !slices.Contains(e.branches(repository), strings.TrimPrefix(ref, heads)) {
		return // no look would read it
	}
	if e.expected[repository] == nil {
		e.expected[repository] = map[string]string{}
	}
	e.expected[repository][ref] = commit
}

// Views returns what the last looks saw, by repository, for the page.
func (e *Engine) Views() []report.View {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []report.View
	for _, views := range e.views {
		out = append(out, views...)
	}
	slices.SortFunc(out, func(a, b report.View) int { return strings.Compare(a.Pipeline.ID(), b.Pipeline.ID()) })
	return out
}

// Resolve narrows a topic of a delivery to the repositories that listen to it:
// "repo:owner/name" is itself and whoever subscribes to its commits, "image:…"
// whoever subscribes to the image. The index is a cache that the sweep rebuilds. A
// repository itself is looked at in any case: the delivery may tell of its first
// pipeline.
func (e *Engine) Resolve(_ context.Context, topic string) ([]string, error) {
	var out []string
	if name, ok := strings.CutPrefix(topic, "repo:"); ok {
		out = append(out, name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for repository, topics := range e.topics {
		if slices.Contains(topics, topic) && !slices.Contains(out, repository) {
			out = append(out, repository)
		}
	}
	slices.Sort(out)
	if !slices.ContainsFunc(out, e.mayHavePipelines) {
		e.Log.Info("delivery matched no pipeline", "topic", topic)
	}
	return out, nil
}

// mayHavePipelines tells whether a repository has a pipeline, a broken one
// included, or was never looked at. The caller holds the lock.
func (e *Engine) mayHavePipelines(repository string) bool {
	known := e.configs[repository]
	return known == nil || len(known.parsed.Pipelines)+len(known.mistakes) > 0
}

// Repositories lists every repository that is to be looked at by a sweep.
func (e *Engine) Repositories(ctx context.Context) ([]string, error) {
	repositories, err := e.Forge.Repositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	var out []string
	for _, r := range repositories {
		if !r.Archived {
			out = append(out, strings.ToLower(r.FullName))
		}
	}
	return out, nil
}
