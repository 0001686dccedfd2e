package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
)

// copyPrefix begins the name under which the inbox calls for copying images: apart
// from looking, which must not wait for it.
const copyPrefix = "copy "

// turnAgain is when somebody comes back who wants to copy while others do.
const turnAgain = 10 * time.Second

// imageCopy is one copy that is to be made.
type imageCopy struct {
	pipeline string
	fact     promote.Publication
	image    promote.Image
}

func (c *imageCopy) key() string {
	return fmt.Sprint(c.pipeline, c.fact.Stage, c.fact.Freight, c.fact.To)
}

// copies are those that are on their way, and those that were tried and are not in
// the ledger yet, by key. They can be lost: what is not in the ledger is done again.
type copies struct {
	going map[string]*imageCopy
	tried map[string]*imageCopy
}

// copiesOf returns those of a repository. The caller holds the lock.
func (e *Engine) copiesOf(repository string) *copies {
	if e.copying[repository] == nil {
		e.copying[repository] = &copies{going: map[string]*imageCopy{}, tried: map[string]*imageCopy{}}
	}
	return e.copying[repository]
}

// publish prepares the refs of what was verified, finds the copies that are to be
// made, and records those that were tried (G7).
func (r *round) publish(ctx context.Context, p config.Pipeline, snapshot promote.Snapshot) error {
	r.recordCopies(p.Name)
	snapshot.Facts = r.book.Pipelines[p.Name].Merge(r.facts[p.Name])
	due, next := p.Unpublished(snapshot)
	if !next.IsZero() {
		r.due = soon(r.due, next)
	}
	if len(due) == 0 {
		return nil
	}
	refs := map[string]string{}
	if slices.ContainsFunc(due, promote.Publication.IsRef) {
		var err error
		if refs, err = r.git.Refs(ctx, promote.VerifiedRefs+p.Name+"/"); err != nil {
			return fmt.Errorf("read what was published: %w", err)
		}
	}
	for _, fact := range due {
		if !fact.IsRef() {
			r.orderCopy(p, snapshot.Facts, fact)
			continue
		}
		if err := r.publishRef(ctx, p, snapshot.Facts, fact, refs[fact.To]); err != nil {
			return fmt.Errorf("publish %s: %w", fact.To, err)
		}
	}
	return nil
}

// publishRef prepares a ref that is nowhere yet. One that is there already stays.
func (r *round) publishRef(ctx context.Context, p config.Pipeline, facts promote.Facts, fact promote.Publication, now string) error {
	commit, err := r.verifiedCommit(ctx, p, facts, fact)
	var unreachable *gitrepo.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		return err
	case err != nil:
		fact.Failed = "commit " + promote.ShortID(fact.Commit) + " can not be read"
	case r.refused[fact.To] != "":
		fact.Failed = "the repository refuses the tag: " + r.refused[fact.To]
	case now == "":
		r.updates = append(r.updates, gitrepo.Update{Ref: fact.To, New: commit})
	case now != commit:
		fact.Failed = "the tag is there already, at " + promote.ShortID(now)
	}
	r.recordPublication(p.Name, fact)
	return nil
}

// verifiedCommit is what the ref points at: the commit that was verified; where
// our repository does not have it, one of ours that holds the freight, always the same.
func (r *round) verifiedCommit(ctx context.Context, p config.Pipeline, facts promote.Facts, fact promote.Publication) (string, error) {
	if stage, ok := p.Stage(fact.Stage); ok && stage.HasBranch() && !p.Elsewhere(stage) {
		found, err := r.git.Commit(ctx, fact.Commit)
		return found.ID, err
	}
	freight, _ := facts.FreightByID(fact.Freight)
	data, err := json.MarshalIndent(freight, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode freight: %w", err)
	}
	tree, err := r.batch.WriteFiles(ctx, "", map[string][]byte{"freight.json": append(data, '\n')})
	if err != nil {
		return "", err
	}
	who := r.signature()
	who.When = fact.Arrived
	return r.batch.WriteCommit(gitrepo.CommitSpec{
		Tree: tree, Author: who, Committer: who,
		Message: fmt.Sprintf("Freight %s was verified in %s\n\nTowpath-Pipeline: %s\nTowpath-Stage: %s\n", freight.Alias, fact.Stage, p.ID(), fact.Stage),
	})
}

// orderCopy finds what is to be copied where. Tags that newer freight has are left
// to it; without any there is nothing to copy.
func (r *round) orderCopy(p config.Pipeline, facts promote.Facts, fact promote.Publication) {
	arrival := slices.IndexFunc(facts.Arrivals, func(a promote.Arrival) bool {
		return a.Stage == fact.Stage && a.Commit == fact.Commit && a.At.Equal(fact.Arrived)
	})
	var slots []promote.Freight
	stage, _ := p.Stage(fact.Stage)
	for _, request := range stage.Requests {
		if f, ok := facts.FreightByID(facts.Arrivals[arrival].Freight[request.Warehouse]); ok {
			slots = append(slots, f)
		}
	}
	tags, err := p.PublishTags(fact.Stage, slots)
	if err != nil {
		fact.Failed = err.Error()
		r.recordPublication(p.Name, fact)
		return
	}
	if fact.Tags = facts.FreeTags(fact, tags); len(fact.Tags) == 0 {
		r.recordPublication(p.Name, fact)
		return
	}
	freight, _ := facts.FreightByID(fact.Freight)
	r.copies = append(r.copies, &imageCopy{pipeline: p.Name, fact: fact, image: freight.Images[0]})
}

func (r *round) recordPublication(pipeline string, fact promote.Publication) {
	if fact.At.IsZero() {
		fact.At = r.now
	}
	line := fmt.Sprintf("%s/%s: freight %s is published to %s", pipeline, fact.Stage, promote.ShortID(fact.Freight), fact.To)
	if fact.Failed != "" {
		line = fmt.Sprintf("%s/%s: freight %s could not be published to %s", pipeline, fact.Stage, promote.ShortID(fact.Freight), fact.To)
	}
	r.record(pipeline, promote.Facts{Published: []promote.Publication{fact}}, line)
}

// recordCopies records what became of copies, and forgets what is in the ledger.
func (r *round) recordCopies(pipeline string) {
	r.mu.Lock()
	tried := r.copiesOf(r.name).tried
	var news []promote.Publication
	for _, key := range slices.Sorted(maps.Keys(tried)) {
		fact := tried[key].fact
		switch {
		case tried[key].pipeline != pipeline:
		case slices.ContainsFunc(r.book.Pipelines[pipeline].Published, func(p promote.Publication) bool {
			return p.Stage == fact.Stage && p.Freight == fact.Freight && p.To == fact.To && p.At.Equal(fact.At)
		}):
			delete(tried, key)
		default:
			news = append(news, fact)
		}
	}
	r.mu.Unlock()
	for _, fact := range news {
		r.recordPublication(pipeline, fact)
	}
}

// orderCopies puts what is to be copied on its way.
func (l *look) orderCopies() {
	if l.Later == nil || len(l.copies) == 0 {
		return
	}
	l.mu.Lock()
	all := l.copiesOf(l.name)
	for _, c := range l.copies {
		if all.tried[c.key()] == nil {
			all.going[c.key()] = c
		}
	}
	l.mu.Unlock()
	l.Later(copyPrefix + l.name)
}

// copyImages makes the copies that were ordered for a repository. One repository
// copies at a time, so that the others' looks go on.
func (e *Engine) copyImages(ctx context.Context, repository string) (next time.Time, err error) {
	if !e.copier.TryLock() {
		return e.Now().Add(turnAgain), nil
	}
	defer e.copier.Unlock()
	e.mu.Lock()
	all := e.copiesOf(repository)
	going := slices.SortedFunc(maps.Values(all.going), func(a, b *imageCopy) int { return a.fact.Arrived.Compare(b.fact.Arrived) })
	e.mu.Unlock()
	for _, c := range going {
		err := e.Registry.For(repository).Copy(ctx, c.image, c.fact.To, c.fact.Tags)
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		tried := *c
		tried.fact.At = e.Now()
		if err != nil {
			e.Log.Warn("not published", "repo", repository, "stage", c.fact.Stage, "freight", c.fact.Freight, "error", err)
			tried.fact.Failed = reading(err)
		} else {
			e.Log.Info("published", "repo", repository, "stage", c.fact.Stage, "freight", c.fact.Freight, "to", c.fact.To)
		}
		e.mu.Lock()
		delete(all.going, c.key())
		all.tried[c.key()] = &tried
		e.mu.Unlock()
	}
	if len(going) > 0 {
		e.Later(repository) // the next look writes it down
	}
	return time.Time{}, nil
}

// reading is what went wrong, in words that name nothing secret.
func reading(err error) string {
	var refused *registry.Error
	if errors.As(err, &refused) {
		return refused.Error()
	}
	return "it could not be copied"
}
