package engine

import (
	"fmt"

	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
)

// pruned is what a commit of the ledger takes out of it.
type pruned struct {
	kept    map[string]promote.Facts // of pipelines of which something goes
	handled []int64
}

// prune removes what nobody needs any more from the ledger's files, along with
// what is written anyway: it is worth no commit of its own (L3). History keeps it.
func (r *round) prune(files map[string][]byte) error {
	r.pruned = pruned{kept: map[string]promote.Facts{}, handled: promote.PruneHandled(r.book.Handled, r.now)}
	var names []string
	for _, v := range r.views {
		kept, gone := r.book.Pipelines[v.Pipeline.Name].Merge(r.facts[v.Pipeline.Name]).Prune(r.now, v.Verdicts)
		if gone.Empty() {
			continue
		}
		encoded, err := ledger.Files(v.Pipeline.Name, gone)
		if err != nil {
			return err
		}
		for name := range encoded {
			names = append(names, name)
		}
		r.pruned.kept[v.Pipeline.Name] = kept
	}
	for _, id := range r.pruned.handled {
		name, _, err := ledger.HandledFile(r.book.Handled[id])
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	for _, name := range names {
		files[name] = nil
	}
	if len(names) > 0 {
		r.log = append(r.log, fmt.Sprintf("prune %d old files", len(names)))
	}
	return nil
}

// forgetPruned takes the same out of the book.
func (r *round) forgetPruned() {
	for name, kept := range r.pruned.kept {
		r.book.Pipelines[name] = kept
	}
	for _, id := range r.pruned.handled {
		delete(r.book.Handled, id)
	}
}
