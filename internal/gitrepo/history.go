package gitrepo

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// firstDeepening is how many commits a history fetch gets first.
const firstDeepening = 64

// Log gives the first-parent history of from, newest first: at most limit
// commits, ending before stopAt ("": at the root).
func (r *Repo) Log(ctx context.Context, from, stopAt string, limit int) ([]Commit, error) {
	id, err := parseID(from)
	if err != nil {
		return nil, err
	}
	var log []Commit
	for from != stopAt && len(log) < limit {
		if err := r.deepen(ctx, from, id, len(log), limit); err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", r.url, err)
		}
		c, err := r.commit(ctx, id)
		if err != nil {
			return nil, err
		}
		log = append(log, c)
		if len(c.Parents) == 0 || c.Parents[0] == stopAt {
			break
		}
		id = plumbing.NewHash(c.Parents[0])
	}
	return log, nil
}

// deepen makes commit next, which is seen commits behind from, available, with
// more of what follows. It always asks for from: a server that gives heads of
// refs only gives that.
func (r *Repo) deepen(ctx context.Context, from string, next plumbing.Hash, seen, limit int) error {
	if seen == 0 {
		return r.fetchCommits(ctx, []plumbing.Hash{next})
	}
	if r.objects.has(next) {
		return nil
	}
	depth := min(limit, max(firstDeepening, 4*seen))
	return r.ask(ctx, fetchRequest{wants: []plumbing.Hash{plumbing.NewHash(from)}, depth: depth})
}

// IsAncestor says whether descendant has ancestor in its history. A commit is
// its own ancestor.
func (r *Repo) IsAncestor(ctx context.Context, ancestor, descendant string) (bool, error) {
	ids, err := parseIDs([]string{ancestor, descendant})
	if err != nil {
		return false, err
	}
	found, complete, err := r.reaches(ctx, ids[1], ids[0])
	if err != nil || found || complete {
		return found, err
	}
	// One request for what is behind descendant and not behind ancestor. Now
	// every parent that is still missing is behind ancestor; and if ancestor is
	// behind descendant, the commit after it on the way came along and names it.
	if err := r.ask(ctx, fetchRequest{wants: ids[1:], haves: ids[:1]}); err != nil {
		return false, fmt.Errorf("read the history of %s: %w", r.url, err)
	}
	found, _, err = r.reaches(ctx, ids[1], ids[0])
	return found, err
}

// reaches walks back from a commit through what the mirror has. It is complete
// when it met no missing commit.
func (r *Repo) reaches(ctx context.Context, from, to plumbing.Hash) (found, complete bool, err error) {
	complete = true
	seen := map[plumbing.Hash]bool{from: true}
	for queue := []plumbing.Hash{from}; len(queue) > 0; queue = queue[1:] {
		id := queue[0]
		if id == to {
			return true, complete, nil
		}
		if !r.objects.has(id) {
			complete = false
			continue
		}
		c, err := r.commit(ctx, id)
		if err != nil {
			return false, false, err
		}
		for _, parent := range c.Parents {
			if h := plumbing.NewHash(parent); !seen[h] {
				seen[h] = true
				queue = append(queue, h)
			}
		}
	}
	return false, complete, nil
}
