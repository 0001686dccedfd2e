package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// others finds out what the people or tools that write a stage have put there:
// per slot the newest freight that is recognised on the branch (P20).
func (l *look) others(ctx context.Context, p config.Pipeline, at *place) error {
	held, err := l.recognise(ctx, p, at)
	if err != nil {
		return fmt.Errorf("look for freight in %s: %w", at.stage.Target.Branch, err)
	}
	found := promote.Arrival{Stage: at.stage.Name, Manner: promote.ByOthers, Freight: held, Commit: at.head.Commit, Tree: at.head.Tree}
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	if len(arrivals) == 0 {
		if len(held) == 0 {
			return nil
		}
		commit, err := l.git.Commit(ctx, at.head.Commit)
		if err != nil {
			return err
		}
		found.At, found.By = l.now, commit.Author.Name
		if commit.Committer.When.Before(l.now) {
			found.At = commit.Committer.When
		}
		found.At = at.afterSelection(found)
		at.learn(promote.Facts{Arrivals: []promote.Arrival{found}})
		return nil
	}
	last := arrivals[len(arrivals)-1]
	switch {
	case last.Tree == at.head.Tree && maps.Equal(last.Freight, held):
		return nil
	case at.head.Commit == "": // the branch is gone
		found.Commit, found.At = last.Commit, at.after(l.now)
	default:
		if found.At, found.By, err = l.changed(ctx, at, last); err != nil {
			return err
		}
		at.rewritten = false // it is theirs to rewrite
		found.At = at.afterSelection(found)
	}
	at.learn(promote.Facts{Arrivals: []promote.Arrival{found}})
	return nil
}

// afterSelection is when something came, but not before there was such freight:
// committers choose their dates, and soak counts from there.
func (at *place) afterSelection(a promote.Arrival) time.Time {
	out := a.At
	for _, id := range a.Freight {
		if freight, ok := at.facts.FreightByID(id); ok && freight.Selected.After(out) {
			out = freight.Selected
		}
	}
	return out
}

// maxRecognised is how many freights of a warehouse are looked for.
const maxRecognised = 50

// recognised is what was recognised at a commit, among the freight up to a time.
type recognised struct {
	commit string
	newest time.Time
	held   map[string]string
}

// recognise finds the newest freight of each slot of which everything is there: a
// commit of this repository is in the history of the branch, or what it included is
// there unchanged, as after a squash; an image or a chart is named by the files of
// the stage. A commit of another repository is nowhere to be seen. It is done once
// for as long as neither the branch nor the freight changes.
func (l *look) recognise(ctx context.Context, p config.Pipeline, at *place) (map[string]string, error) {
	out := map[string]string{}
	if at.head.Commit == "" || len(at.facts.Freight) == 0 {
		return out, nil
	}
	key := fmt.Sprint(l.name, " ", at.pipeline, "/", at.stage)
	newest := at.facts.Freight[len(at.facts.Freight)-1].Selected
	l.mu.Lock()
	known := l.theirs[key]
	l.mu.Unlock()
	if known.commit == at.head.Commit && known.newest.Equal(newest) {
		return known.held, nil
	}
	named, err := l.artifactsOf(ctx, at)
	if err != nil {
		return nil, err
	}
	for _, request := range at.stage.Requests {
		left := maxRecognised
		for _, freight := range slices.Backward(at.facts.Freight) {
			if freight.Warehouse != request.Warehouse || freight.Channel != "" { // the same image may be released, too
				continue
			}
			if left--; left < 0 {
				break
			}
			there, err := l.isThere(ctx, p, at, named, freight)
			if err != nil {
				return nil, err
			}
			if there {
				out[request.Warehouse] = freight.ID
				break
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.theirs[key] = recognised{at.head.Commit, newest, out}
	return out, nil
}

func (l *look) isThere(ctx context.Context, p config.Pipeline, at *place, named directives.Artifacts, freight promote.Freight) (bool, error) {
	if !has(named, freight) {
		return false, nil
	}
	for _, commit := range freight.Commits {
		if there, err := l.hasCommit(ctx, p, at, freight.Warehouse, commit); err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

func (l *look) hasCommit(ctx context.Context, p config.Pipeline, at *place, warehouse string, commit promote.Commit) (bool, error) {
	if name := promote.NormaliseRepository(commit.Repository); name != "." && name != l.name {
		return false, nil
	}
	there, err := l.git.IsAncestor(ctx, commit.ID, at.head.Commit)
	if err != nil && !gitrepo.IsMissing(err) {
		return false, err
	}
	if there || commit.Content == "" {
		return there, nil
	}
	for _, w := range p.Warehouses {
		for _, s := range w.Gits {
			if w.Name != warehouse || promote.NormaliseRepository(s.Repository) != promote.NormaliseRepository(commit.Repository) {
				continue
			}
			own, err := l.source(ctx, s.Repository)
			if err != nil {
				return false, err
			}
			content, err := includedContent(ctx, l.git, at.head.Commit, s, l.ownedFolders(own, at.stage.Target.Branch))
			return err == nil && content == commit.Content, err
		}
	}
	return false, nil
}

// has tells whether all images and charts of freight are named: an image by its
// digest or, where none is written, by its tag.
func has(named directives.Artifacts, freight promote.Freight) bool {
	for _, image := range freight.Images {
		if !slices.ContainsFunc(named.Images, func(i promote.Image) bool {
			return i.Repository == image.Repository && (i.Digest == image.Digest || i.Digest == "" && i.Tag != "" && i.Tag == image.Tag)
		}) {
			return false
		}
	}
	for _, chart := range freight.Charts {
		if !slices.ContainsFunc(named.Charts, func(c promote.Chart) bool { return c.Name == chart.KnownAs() && c.Version == chart.Version }) {
			return false
		}
	}
	return true
}

// artifactsOf is what the files of a stage name.
func (l *look) artifactsOf(ctx context.Context, at *place) (directives.Artifacts, error) {
	folder, err := l.folder(ctx, at, at.head.Commit)
	if err != nil || folder == nil {
		return directives.Artifacts{}, err
	}
	return directives.FindArtifacts(folder)
}
