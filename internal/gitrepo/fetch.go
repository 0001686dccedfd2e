package gitrepo

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// scope is how much comes along with wanted trees and commits.
type scope int

const (
	alone     scope = iota // only the objects named
	withTrees              // and all trees beneath
	withAll                // and all trees and blobs beneath
)

// filters gives what to ask for, the sparest first. Servers allow them one by
// one, and GitHub allows these and nothing deeper. "" is no filter: more comes
// than was asked for.
func (s scope) filters() []string {
	return [...][]string{
		alone:     {"tree:0", "blob:none", ""},
		withTrees: {"blob:none", ""},
		withAll:   {""},
	}[s]
}

const (
	// maxWants bounds the ids in one request.
	maxWants = 10_000
	// maxDifference bounds, in objects and bytes, what is taken as the
	// difference to an earlier commit. Somebody who was away for long is
	// better off with what is needed of the new commit.
	maxDifference      = 10_000
	maxDifferenceBytes = 64 << 20
	// maxPackBytes bounds every other answer.
	maxPackBytes = 2 << 30
)

var (
	errTooMuch = errors.New("the server sends too much")
	errNoPack  = errors.New("the server's answer ended before the objects")
)

// fetchRequest is one fetch of protocol v2.
type fetchRequest struct {
	wants, haves []plumbing.Hash
	depth        int // commits from each wanted one; 0: all that are not behind haves
	scope        scope
	bounded      bool // errTooMuch past maxDifference
}

// Fetch makes commits available: nothing is asked when all are here, else one
// request for those whose ref was followed before, with all that changed, and
// one for the others, with nothing but the commits.
func (r *Repo) Fetch(ctx context.Context, commits ...string) error {
	ids, err := parseIDs(commits)
	if err != nil {
		return err
	}
	if err := r.fetchCommits(ctx, ids); err != nil {
		return fmt.Errorf("fetch from %s: %w", r.url, err)
	}
	return nil
}

func (r *Repo) fetchCommits(ctx context.Context, ids []plumbing.Hash) error {
	if len(r.objects.missing(ids)) > 0 {
		if err := r.takeTurn(ctx); err != nil {
			return err
		}
		defer r.endTurn()
		if err := r.fetchMissingCommits(ctx, r.objects.missing(ids)); err != nil {
			return err
		}
	}
	return r.lines.got(ids)
}

func (r *Repo) fetchMissingCommits(ctx context.Context, missing []plumbing.Hash) error {
	var followed, single []plumbing.Hash
	for _, id := range missing {
		if r.lines.followed(id) && !r.closed {
			followed = append(followed, id)
		} else {
			single = append(single, id)
		}
	}
	if len(followed) > 0 {
		err := r.ask(ctx, fetchRequest{wants: followed, haves: r.lines.haves(followed), scope: withAll, bounded: true})
		if errors.Is(err, errTooMuch) {
			single = append(single, followed...)
		} else if err != nil {
			return err
		}
	}
	if len(single) == 0 {
		return nil
	}
	scope := alone
	if r.closed {
		scope = withAll
	}
	return r.ask(ctx, fetchRequest{wants: single, depth: 1, scope: scope})
}

// ensure makes objects available by id: one request for all that are missing
// (per maxWants).
func (r *Repo) ensure(ctx context.Context, ids []plumbing.Hash, scope scope) error {
	if len(r.objects.missing(ids)) == 0 {
		return nil
	}
	if err := r.takeTurn(ctx); err != nil {
		return err
	}
	defer r.endTurn()
	for missing := range slices.Chunk(r.objects.missing(ids), maxWants) {
		err := r.ask(ctx, fetchRequest{wants: missing, depth: 1, scope: scope})
		if isRefusal(err) {
			err = r.fetchWhole(ctx, missing, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fetchWhole is for servers that give objects by a ref's head only: it takes
// the heads that were followed, whole. It reports the refusal when that does
// not bring what is missing.
func (r *Repo) fetchWhole(ctx context.Context, missing []plumbing.Hash, refusal error) error {
	heads := r.lines.haves(nil)
	if len(heads) == 0 {
		return refusal
	}
	if err := r.ask(ctx, fetchRequest{wants: heads, depth: 1, scope: withAll}); err != nil {
		return err
	}
	if len(r.objects.missing(missing)) > 0 {
		return refusal
	}
	r.closed = true
	return nil
}

func (r *Repo) takeTurn(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Repo) endTurn() { <-r.turn }

// IsMissing says whether an error means that the server understood what was
// asked for and does not have it, or does not give it: asking again does not help.
func IsMissing(err error) bool { return isRefusal(err) }

// isRefusal says whether a server understood that a fetch was asked for and
// did not want it so.
func isRefusal(err error) bool {
	var said *serverError
	return errors.As(err, &said) || errors.Is(err, errNoPack)
}

// ask makes one fetch, with the sparest filter that the server takes. What it
// refuses is learned by trying and not asked for again: this spares the
// request for its capabilities where, as on GitHub, all of it is allowed.
func (r *Repo) ask(ctx context.Context, req fetchRequest) error {
	var first error
	var tried []string
	for _, filter := range req.scope.filters() {
		if r.refused[filter] {
			continue
		}
		err := r.fetchOnce(ctx, req, filter)
		if err == nil {
			for _, refused := range tried {
				r.refused[refused] = true
			}
			return nil
		}
		if errors.Is(err, errTooMuch) {
			return err
		}
		if !isRefusal(err) {
			return &UnreachableError{err}
		}
		if first == nil {
			first = err
		}
		tried = append(tried, filter)
	}
	return first
}

func (req fetchRequest) encode(filter string) []byte {
	var w pktWriter
	w.linef("command=fetch\n")
	w.delim()
	w.linef("ofs-delta\n")
	w.linef("no-progress\n")
	if filter != "" {
		w.linef("filter %s\n", filter)
	}
	if req.depth > 0 {
		w.linef("deepen %d\n", req.depth)
	}
	for _, id := range req.wants {
		w.linef("want %s\n", id)
	}
	for _, id := range req.haves {
		w.linef("have %s\n", id)
	}
	w.linef("done\n")
	w.flush()
	return w.Bytes()
}

func (r *Repo) fetchOnce(ctx context.Context, req fetchRequest, filter string) error {
	body, err := r.remote.post(ctx, uploadPack, req.encode(filter))
	if err != nil {
		return err
	}
	defer body.Close()
	lines := pktReader{r: bufio.NewReader(body)}
	for {
		kind, data, err := lines.next()
		if err == io.EOF {
			return errNoPack
		}
		if err != nil {
			return err
		}
		if kind == pktData && string(data) == "packfile\n" {
			break
		}
	}
	return r.receive(&sideband{pkt: lines}, req.bounded)
}

// receive reads one pack. Its head says how many objects will come.
func (r *Repo) receive(pack io.Reader, bounded bool) error {
	limited := &io.LimitedReader{R: pack, N: maxPackBytes}
	if bounded {
		limited.N = maxDifferenceBytes
	}
	buffered := bufio.NewReaderSize(limited, 1<<16)
	head, err := buffered.Peek(12)
	if err != nil {
		return noEOF(err)
	}
	count := binary.BigEndian.Uint32(head[8:])
	if bounded && count > maxDifference {
		return errTooMuch
	}
	if count == 0 {
		return nil
	}
	err = r.objects.addPack(buffered, count)
	if err != nil && limited.N <= 0 {
		return errTooMuch
	}
	if err != nil {
		return fmt.Errorf("receive objects: %w", err)
	}
	return nil
}
