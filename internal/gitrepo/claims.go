package gitrepo

import (
	"context"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// claims are the objects that are being fetched, so that two readers in want
// of the same ones ask once, while others are fetched side by side.
type claims struct {
	mu   sync.Mutex
	held map[plumbing.Hash]chan struct{} // closed when the fetch is over
}

// take claims those of ids that nobody else is fetching. The rest is the
// others', one channel each.
func (c *claims) take(ids []plumbing.Hash) (mine, rest []plumbing.Hash, others []<-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	over := make(chan struct{})
	for _, id := range ids {
		if other, taken := c.held[id]; taken {
			rest, others = append(rest, id), append(others, other)
			continue
		}
		c.held[id] = over
		mine = append(mine, id)
	}
	return mine, rest, others
}

// drop ends a claim.
func (c *claims) drop(mine []plumbing.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.held[mine[0]])
	for _, id := range mine {
		delete(c.held, id)
	}
}

// fetchMissing calls fetch with those of ids that are missing and that nobody
// else is fetching, and waits for the others. What they failed to get, perhaps
// since their look was cancelled, is fetched then.
func (r *Repo) fetchMissing(ctx context.Context, ids []plumbing.Hash, fetch func([]plumbing.Hash) error) error {
	for {
		ids = r.objects.missing(ids)
		mine, rest, others := r.claims.take(ids)
		if err := r.fetchMine(mine, fetch); err != nil {
			return err
		}
		for _, over := range others {
			select {
			case <-over:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if ids = rest; len(ids) == 0 {
			return nil
		}
	}
}

func (r *Repo) fetchMine(mine []plumbing.Hash, fetch func([]plumbing.Hash) error) error {
	if len(mine) == 0 {
		return nil
	}
	defer r.claims.drop(mine)
	// Another fetch may have ended between looking and claiming.
	if missing := r.objects.missing(mine); len(missing) > 0 {
		return fetch(missing)
	}
	return nil
}
