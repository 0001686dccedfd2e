package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
)

// These are the rules that a walk is held against. They say what must be there at
// the least, in the simplest words that are true, and share nothing with the code
// that decides.

// wanted is a request of the walk's pipeline, as its file says it.
type wanted struct {
	warehouse string
	from      []string
	needed    int
	soak      time.Duration
}

var walkRequests = map[string][]wanted{
	"test":  {{warehouse: "app"}, {warehouse: "flags"}},
	"uat-a": {{"app", []string{"test"}, 1, 0}, {"flags", []string{"test"}, 1, 0}},
	"uat-b": {{"app", []string{"test"}, 1, 30 * time.Minute}, {"flags", []string{"test"}, 1, 0}},
	"gate":  {{"app", []string{"uat-a", "uat-b"}, 2, 0}},
	"prod":  {{"app", []string{"gate"}, 1, 0}, {"flags", []string{"uat-a", "uat-b"}, 1, time.Hour}},
	"edge":  {{"app", []string{"prod", "uat-b"}, 2, 0}, {"flags", []string{"prod"}, 1, 0}},

	"site@eu": {{"app", []string{"uat-a"}, 1, 0}, {"flags", []string{"test"}, 1, 0}},
	"site@us": {{"app", []string{"uat-a"}, 1, 0}, {"flags", []string{"test"}, 1, 0}},
	"last":    {{"app", []string{"site@eu", "site@us"}, 2, 10 * time.Minute}, {"flags", []string{"site@eu", "site@us"}, 1, 0}},
}

// check holds what is there after a step against all rules.
func (w *walk) check() error {
	now, err := w.facts()
	if err != nil {
		return err
	}
	failed := errors.Join(w.onlyAppended(now), w.onePerTarget(), w.historyKept())
	for _, p := range now.Proposals[len(w.before.Proposals):] {
		failed = errors.Join(failed, w.mayPropose(now, p))
	}
	for _, a := range now.Arrivals {
		failed = errors.Join(failed, proposed(now, a))
	}
	if !w.lost && !w.imagesDown.Load() {
		for _, stage := range walkStages {
			failed = errors.Join(failed, w.whatItSays(now, stage))
		}
	}
	w.before = now
	return failed
}

// facts reads the ledger as anybody could.
func (w *walk) facts() (promote.Facts, error) {
	tree := fstest.MapFS{}
	if w.hub.Refs(w.repo)["refs/heads/"+ledger.Branch] != "" {
		archive, err := exec.Command("git", "--git-dir", w.hub.GitDir(w.repo), "archive", ledger.Branch).Output()
		if err != nil {
			return promote.Facts{}, err
		}
		files := tar.NewReader(strings.NewReader(string(archive)))
		for {
			head, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return promote.Facts{}, err
			}
			if head.Typeflag != tar.TypeReg {
				continue
			}
			data, err := io.ReadAll(files)
			if err != nil {
				return promote.Facts{}, err
			}
			tree[head.Name] = &fstest.MapFile{Data: data}
		}
	}
	book, err := ledger.Read(tree)
	if err != nil {
		return promote.Facts{}, err
	}
	return book.Pipelines["web"], nil
}

// onlyAppended: what the ledger once said, it says (L1). Proposals keep their order.
func (w *walk) onlyAppended(now promote.Facts) error {
	if len(now.Proposals) < len(w.before.Proposals) || len(now.Arrivals) < len(w.before.Arrivals) {
		return fmt.Errorf("the ledger forgot: %d proposals and %d arrivals became %d and %d",
			len(w.before.Proposals), len(w.before.Arrivals), len(now.Proposals), len(now.Arrivals))
	}
	for i, p := range w.before.Proposals {
		if q := now.Proposals[i]; q.Stage != p.Stage || q.Tree != p.Tree || !q.At.Equal(p.At) {
			return fmt.Errorf("proposal %d changed from %+v to %+v", i, p, q)
		}
	}
	return nil
}

// onePerTarget: at most one open promotion for a stage (P4).
func (w *walk) onePerTarget() error {
	open := map[string]int{}
	for _, p := range w.hub.Pulls(w.repo) {
		if p.State == "open" && strings.HasPrefix(p.Head, "towpath/to/") {
			if open[p.Base]++; open[p.Base] > 1 {
				return fmt.Errorf("%s has two open promotions", p.Base)
			}
		}
	}
	return nil
}

// historyKept: a stage branch only ever goes on (P2); nobody rewrites one in a walk.
func (w *walk) historyKept() error {
	refs := w.hub.Refs(w.repo)
	for ref, before := range w.heads {
		if refs[ref] == before {
			continue
		}
		if _, err := w.git("merge-base", "--is-ancestor", before, refs[ref]); refs[ref] == "" || err != nil {
			return fmt.Errorf("%s was at %s and is at %q", ref, before, refs[ref])
		}
	}
	for ref, commit := range refs {
		if strings.HasPrefix(ref, "refs/heads/stage/") || strings.HasSuffix(ref, ledger.Branch) {
			w.heads[ref] = commit
		}
	}
	return nil
}

// mayPropose: what is proposed is what the rule lets in, or what the stage holds
// already, or what people were entitled to ask for (A, H, P14).
func (w *walk) mayPropose(now promote.Facts, p promote.Proposal) error {
	what := fmt.Sprintf("%s was proposed for %s by %s", p.Freight, p.Stage, p.By)
	switch {
	case w.frozen:
		return errors.New(what + " while everything was frozen")
	case p.By == "stranger":
		return errors.New(what + ", who has no right to")
	case p.Back != nil && !w.wentBack[p.Stage]:
		return errors.New(what + " to go back, which nobody asked for")
	case p.Stage == "prod" && p.Back == nil && w.asked["prod"].IsZero():
		return errors.New(what + ", and nobody asked for it")
	case p.Back != nil:
		return nil
	}
	held := heldBefore(now, p)
	for _, r := range walkRequests[p.Stage] {
		id := p.Freight[r.warehouse]
		if id == "" || id == held[r.warehouse] {
			continue
		}
		closed, rejected := w.rejected[p.Stage+" "+id]
		if rejected && w.asked[p.Stage].Before(closed) {
			return fmt.Errorf("%s, whose %s was rejected at %s", what, id, closed)
		}
		if !w.allowed(now, p.Stage, r.warehouse, id) {
			return fmt.Errorf("%s, whose %s is not available", what, id)
		}
	}
	return nil
}

// heldBefore is what the stage held when something was proposed.
func heldBefore(now promote.Facts, p promote.Proposal) map[string]string {
	var held map[string]string
	for _, a := range now.ArrivalsIn(p.Stage) {
		if a.Manner != promote.ByDrift && !a.At.After(p.At) && a.Tree != p.Tree {
			held = a.Freight
		}
	}
	return held
}

// moving are the freights that the last proposal of a stage would bring.
func (w *walk) moving(stage string) []string {
	var out []string
	for _, p := range w.before.Proposals {
		if p.Stage != stage {
			continue
		}
		out = nil
		held := heldBefore(w.before, p)
		for warehouse, id := range p.Freight {
			if held[warehouse] != id {
				out = append(out, id)
			}
		}
	}
	return out
}

// allowed is what a rule needs at the least: so many upstreams that have a good
// result of it, and had it for long enough.
func (w *walk) allowed(now promote.Facts, stage, warehouse, id string) bool {
	if w.overridden[stage+" "+id] {
		return true
	}
	for _, r := range walkRequests[stage] {
		if r.warehouse != warehouse {
			continue
		}
		met := 0
		for _, upstream := range r.from {
			if upstream == "gate" && w.allowed(now, "gate", warehouse, id) || w.verified(now, upstream, warehouse, id, r.soak) {
				met++
			}
		}
		return met >= r.needed
	}
	return false
}

func (w *walk) verified(now promote.Facts, stage, warehouse, id string, soak time.Duration) bool {
	arrivals := now.ArrivalsIn(stage)
	good, stayed := false, false
	for i, a := range arrivals {
		if a.Freight[warehouse] != id {
			continue
		}
		good = good || w.states[a.Commit] == "success"
		end := w.clock.Now()
		for _, next := range arrivals[i+1:] {
			if next.Freight[warehouse] != id {
				end = next.At
				break
			}
		}
		stayed = stayed || end.Sub(a.Entered()) >= soak
	}
	return good && stayed
}

// proposed: what came into a stage is what a proposal names (L1).
func proposed(now promote.Facts, a promote.Arrival) error {
	switch a.Manner {
	case promote.ByMerge, promote.ByDelivery, promote.ByPush:
		if !slices.ContainsFunc(now.Proposals, func(p promote.Proposal) bool { return p.Stage == a.Stage && p.Tree == a.Tree }) {
			return fmt.Errorf("nobody proposed what came into %s at %s", a.Stage, a.Commit)
		}
	case promote.ByRevert, promote.ByUnchanged:
		if !slices.ContainsFunc(now.ArrivalsIn(a.Stage), func(b promote.Arrival) bool {
			return b.Tree == a.Tree && !b.At.After(a.At) && b.Manner != promote.ByDrift
		}) {
			return fmt.Errorf("%s into %s at %s is of a tree that was not there", a.Manner, a.Stage, a.Commit)
		}
	}
	return nil
}

// emptyTree is git's id of a folder without files.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// whatItSays: the ledger's last arrival is what is on the branch.
func (w *walk) whatItSays(now promote.Facts, stage string) error {
	arrivals := now.ArrivalsIn(stage)
	if len(arrivals) == 0 {
		return nil
	}
	tree, err := w.git("rev-parse", "stage/"+stage+"^{tree}")
	tree = strings.TrimSuffix(tree, "\n")
	if tree == emptyTree {
		tree = ""
	}
	if last := arrivals[len(arrivals)-1]; err == nil && last.Tree != tree {
		return fmt.Errorf("%s holds tree %s, and the ledger says %s (%s at %s)", stage, tree, last.Tree, last.Manner, last.At)
	}
	return err
}
