package gitrepo

import (
	"context"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/errgroup"
)

// maxAhead bounds the listings that come ahead of one root. Where there are
// more, most of them are not on the way to anything.
const maxAhead = 64

// walk goes to paths of several trees at once, level by level.
type walk struct {
	src   source
	steps []step
	ends  []entry         // what was reached and is wanted whole
	roots []plumbing.Hash // whose directories' listings are wanted
	asked map[plumbing.Hash]bool
}

// step is a place on the way to a path. Without a rest it is a listing that is
// wanted for itself.
type step struct {
	at   plumbing.Hash
	rest []string
}

func newWalk(src source) *walk { return &walk{src: src, asked: map[plumbing.Hash]bool{}} }

// to adds paths of a tree.
func (w *walk) to(root plumbing.Hash, paths []string) {
	if slices.Contains(paths, ".") {
		w.ends = append(w.ends, entry{name: ".", mode: modeDir, id: root})
		return
	}
	for _, p := range paths {
		w.steps = append(w.steps, step{at: root, rest: strings.Split(p, "/")})
	}
}

// aheadOf adds the listings of the directories in a root.
func (w *walk) aheadOf(root plumbing.Hash) {
	w.steps = append(w.steps, step{at: root})
	w.roots = append(w.roots, root)
}

// run asks for what is missing, once: what the server does not send then is
// for the reader to find out.
func (w *walk) run(ctx context.Context) error {
	for {
		listings, err := w.advance(ctx)
		if err != nil {
			return err
		}
		onTheWay := len(listings) > 0
		ahead, err := w.ahead(ctx)
		if err != nil {
			return err
		}
		listings = append(listings, ahead...)
		var whole []plumbing.Hash
		if !onTheWay { // all that is wanted whole comes in the last request
			if whole, err = lacking(ctx, w.src, w.ends); err != nil {
				return err
			}
			whole = w.notAsked(whole)
		}
		if len(listings)+len(whole) == 0 {
			return nil
		}
		group, within := errgroup.WithContext(ctx)
		group.Go(func() error { return w.src.ensure(within, listings, alone) })
		group.Go(func() error { return w.src.ensure(within, whole, withAll) })
		if err := group.Wait(); err != nil {
			return err
		}
	}
}

// notAsked gives those of ids that are asked for the first time.
func (w *walk) notAsked(ids []plumbing.Hash) []plumbing.Hash {
	var first []plumbing.Hash
	for _, id := range ids {
		if !w.asked[id] {
			first = append(first, id)
		}
		w.asked[id] = true
	}
	return first
}

// advance takes each step as far as the mirror goes, and gives the listings
// that are missing then.
func (w *walk) advance(ctx context.Context) ([]plumbing.Hash, error) {
	var blocked []step
	var missing []plumbing.Hash
	for _, s := range w.steps {
		for going := true; going; {
			if first := w.notAsked(w.src.missing([]plumbing.Hash{s.at})); len(first) > 0 {
				missing = append(missing, first...)
			}
			if slices.Contains(missing, s.at) {
				blocked = append(blocked, s)
				break
			}
			d, err := w.src.directory(ctx, s.at)
			if err != nil {
				return nil, err
			}
			s, going = w.enter(s, d)
		}
	}
	w.steps = blocked
	return missing, nil
}

// enter takes a step in a directory, and says whether there is a next one.
func (w *walk) enter(s step, d *directory) (step, bool) {
	if len(s.rest) == 0 {
		return s, false
	}
	e, ok := d.find(s.rest[0])
	switch {
	case !ok:
	case len(s.rest) == 1:
		w.ends = append(w.ends, e)
	case e.mode.isDir():
		return step{at: e.id, rest: s.rest[1:]}, true
	}
	return s, false
}

// ahead gives the missing listings of directories in the roots that are here.
// What comes whole is not among them.
func (w *walk) ahead(ctx context.Context) ([]plumbing.Hash, error) {
	var listings, later []plumbing.Hash
	for _, root := range w.roots {
		if len(w.src.missing([]plumbing.Hash{root})) > 0 {
			later = append(later, root)
			continue
		}
		d, err := w.src.directory(ctx, root)
		if err != nil {
			return nil, err
		}
		var dirs []plumbing.Hash
		for _, e := range d.entries {
			if e.mode.isDir() && len(dirs) < maxAhead && !slices.ContainsFunc(w.ends, func(end entry) bool { return end.id == e.id }) {
				dirs = append(dirs, e.id)
			}
		}
		listings = append(listings, w.notAsked(w.src.missing(dirs))...)
	}
	w.roots = later
	return listings, nil
}

// lacking gives what is missing at and under the entries, as far as can be
// seen: a missing tree hides what is beneath.
func lacking(ctx context.Context, src source, entries []entry) ([]plumbing.Hash, error) {
	var blobs, missing []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for len(entries) > 0 {
		var trees []plumbing.Hash
		for _, e := range entries {
			switch {
			case seen[e.id]:
			case e.mode.isDir():
				trees = append(trees, e.id)
			case e.mode.isBlob():
				blobs = append(blobs, e.id)
			}
			seen[e.id] = true
		}
		absent := map[plumbing.Hash]bool{}
		for _, id := range src.missing(trees) {
			absent[id] = true
			missing = append(missing, id)
		}
		entries = nil
		for _, id := range trees {
			if absent[id] {
				continue
			}
			d, err := src.directory(ctx, id)
			if err != nil {
				return nil, err
			}
			entries = append(entries, d.entries...)
		}
	}
	return append(missing, src.missing(blobs)...), nil
}
