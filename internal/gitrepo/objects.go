package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// treeCache keeps decoded trees and remembers which objects the server has:
// all that a tree of the server's names. Only those may be used in new trees
// without sending them.
type treeCache struct {
	mu      sync.Mutex
	decoded map[plumbing.Hash]*directory
	size    int // entries in decoded
	vouched map[plumbing.Hash]struct{}
}

const (
	maxCachedEntries = 100_000
	// maxVouched bounds memory. Forgetting costs reading what could have been
	// reused unread.
	maxVouched = 500_000
)

func newTreeCache() *treeCache {
	return &treeCache{decoded: map[plumbing.Hash]*directory{}, vouched: map[plumbing.Hash]struct{}{}}
}

func (c *treeCache) get(id plumbing.Hash) (*directory, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.decoded[id]
	return d, ok
}

func (c *treeCache) put(id plumbing.Hash, d *directory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+len(d.entries) > maxCachedEntries {
		clear(c.decoded)
		c.size = 0
	}
	c.decoded[id] = d
	c.size += len(d.entries)
	if len(c.vouched) > maxVouched {
		clear(c.vouched)
	}
	for _, e := range d.entries {
		if e.mode&modeType != modeSubmodule {
			c.vouched[e.id] = struct{}{}
		}
	}
}

// vouch remembers that the server has an object.
func (c *treeCache) vouch(id plumbing.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vouched[id] = struct{}{}
}

func (c *treeCache) vouches(id plumbing.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.vouched[id]
	return ok
}

func (c *treeCache) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.decoded)
	clear(c.vouched)
	c.size = 0
}

// maxAttempts is how often an object is asked for that went missing again:
// others may find the mirror damaged, or clean it up, at the same time.
const maxAttempts = 3

// object gives an object, asking the server for it when it is missing. A
// damaged mirror is thrown away and filled again by need; an object that still
// can not be read then is an error.
func (r *Repo) object(ctx context.Context, id plumbing.Hash) (object, error) {
	o, err := r.objects.get(id)
	for n := 0; err != nil && n < maxAttempts; n++ {
		var damage *damageError
		if errors.As(err, &damage) {
			if err := r.startOver(damage.era); err != nil {
				return object{}, err
			}
		}
		if err := r.ensure(ctx, []plumbing.Hash{id}, alone); err != nil {
			return object{}, fmt.Errorf("read %s of %s: %w", id, r.url, err)
		}
		o, err = r.objects.get(id)
	}
	if err != nil {
		return object{}, fmt.Errorf("read %s of %s: %w", id, r.url, err)
	}
	return o, nil
}

// startOver throws the mirror of an era away.
func (r *Repo) startOver(era int) error {
	r.trees.reset()
	if err := r.lines.forget(); err != nil {
		return err
	}
	if err := r.objects.reset(era); err != nil {
		return fmt.Errorf("start the mirror of %s over: %w", r.url, err)
	}
	return nil
}

// serverHas says whether an object may be named in a new tree unsent.
func (r *Repo) serverHas(id plumbing.Hash) bool {
	return r.trees.vouches(id) || r.objects.has(id)
}

func (r *Repo) directory(ctx context.Context, id plumbing.Hash) (*directory, error) {
	return readDirectory(ctx, r, r.trees, id)
}

func readDirectory(ctx context.Context, from reader, trees *treeCache, id plumbing.Hash) (*directory, error) {
	if d, ok := trees.get(id); ok {
		return d, nil
	}
	o, err := from.object(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.kind != plumbing.TreeObject {
		return nil, fmt.Errorf("%s is a %s, not a tree", id, o.kind)
	}
	d, err := decodeDirectory(o.data)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", id, err)
	}
	trees.put(id, d)
	return d, nil
}

func readBlob(ctx context.Context, from reader, id plumbing.Hash) ([]byte, error) {
	o, err := from.object(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.kind != plumbing.BlobObject {
		return nil, fmt.Errorf("%s is a %s, not a file", id, o.kind)
	}
	return o.data, nil
}

// maxBeside bounds the blobs of one directory that come along with a missing one.
const maxBeside = 500

func (r *Repo) blob(ctx context.Context, id plumbing.Hash, beside *directory) ([]byte, error) {
	if !r.objects.has(id) && beside != nil {
		ids := []plumbing.Hash{id}
		for _, e := range beside.entries {
			if e.mode.isBlob() && len(ids) < maxBeside {
				ids = append(ids, e.id)
			}
		}
		err := r.ensure(ctx, ids, alone)
		if errors.Is(err, errTooMuch) {
			err = r.ensure(ctx, ids[:1], alone)
		}
		if err != nil {
			return nil, fmt.Errorf("read files of %s: %w", r.url, err)
		}
	}
	return readBlob(ctx, r, id)
}

func (r *Repo) missing(ids []plumbing.Hash) []plumbing.Hash { return r.objects.missing(ids) }
