package gitrepo

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

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
	// maxPackBytes bounds every other answer on the wire.
	maxPackBytes = maxUnpackedBytes
	// maxAncestors is how many commits come with one that is new to the mirror:
	// what is compared with a head is mostly a little behind it.
	// maxAncestorsInAll bounds them for all commits of a request.
	maxAncestors      = 50
	maxAncestorsInAll = 500
)

var errNoPack = errors.New("the server's answer ended before the objects")

// fetchRequest is one fetch of protocol v2.
type fetchRequest struct {
	wants, haves []plumbing.Hash
	depth        int // commits from each wanted one; 0: all that are not behind haves
	scope        scope
	ancestors    int  // depth instead, where that brings commits and nothing else
	bounded      bool // errTooMuch past maxDifference
}

// fetchCommits makes commits available, and those of whole with all that is
// in them: nothing is asked when all are here, else one request for those whose
// ref was followed before, with all that changed, and one for the others, with
// nothing but the commits. What can not be asked for together is asked for in
// parallel.
func (r *Repo) fetchCommits(ctx context.Context, ids []plumbing.Hash, whole ...plumbing.Hash) error {
	all := append(slices.Clip(ids), whole...)
	err := r.fetchMissing(ctx, all, func(missing []plumbing.Hash) error {
		return r.fetchNew(ctx, missing, whole)
	})
	if err != nil {
		return err
	}
	return r.lines.got(all)
}

// fetchNew fetches commits that are not here.
func (r *Repo) fetchNew(ctx context.Context, missing, whole []plumbing.Hash) error {
	var followed, single, entire []plumbing.Hash
	small, closed := r.server.isSmall(), r.server.isClosed()
	for _, id := range missing {
		switch {
		case !closed && r.lines.followed(id):
			followed = append(followed, id)
		case small, closed, slices.Contains(whole, id):
			entire = append(entire, id)
		default:
			single = append(single, id)
		}
	}
	depth := 1
	if small {
		depth = maxAncestors
	}
	group, ctx := errgroup.WithContext(ctx)
	if len(followed) > 0 {
		group.Go(func() error { return r.fetchDifference(ctx, followed) })
	}
	if len(single) > 0 {
		group.Go(func() error { return r.fetchSingle(ctx, single) })
	}
	if len(entire) > 0 {
		group.Go(func() error { return r.orSingle(ctx, fetchRequest{wants: entire, depth: depth, scope: withAll}) })
	}
	return group.Wait()
}

// fetchDifference fetches commits with all that changed in them. It does not
// ask for deltas to what is here: a spare mirror may lack what the server takes
// for their base, and a second request costs more than the bytes.
func (r *Repo) fetchDifference(ctx context.Context, ids []plumbing.Hash) error {
	return r.orSingle(ctx, fetchRequest{wants: ids, haves: r.lines.haves(ids), scope: withAll, bounded: true})
}

// orSingle fetches commits with what is in them, and without where that is too
// much: what of it is needed may be little.
func (r *Repo) orSingle(ctx context.Context, req fetchRequest) error {
	err := r.ask(ctx, req)
	if errors.Is(err, errTooMuch) {
		return r.fetchSingle(ctx, req.wants)
	}
	return err
}

// fetchSingle fetches commits and nothing that is in them.
func (r *Repo) fetchSingle(ctx context.Context, ids []plumbing.Hash) error {
	return r.ask(ctx, fetchRequest{wants: ids, depth: 1, ancestors: min(maxAncestors, maxAncestorsInAll/len(ids))})
}

// ensure makes objects available by id: one request for all that are missing
// (per maxWants).
func (r *Repo) ensure(ctx context.Context, ids []plumbing.Hash, scope scope) error {
	return r.fetchMissing(ctx, ids, func(missing []plumbing.Hash) error {
		for chunk := range slices.Chunk(missing, maxWants) {
			err := r.ask(ctx, fetchRequest{wants: chunk, depth: 1, scope: scope})
			if lacks(err) {
				err = r.fetchWhole(ctx, chunk, err)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
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
	r.server.close()
	return nil
}

// IsMissing says whether an error means that the server does not have what was
// asked for, or does not give it: asking again does not help.
func IsMissing(err error) bool { return lacks(err) }

// isRefusal says whether a server may have minded the filter of a fetch.
func isRefusal(err error) bool {
	var said *serverError
	return errors.As(err, &said) || errors.Is(err, errNoPack)
}

// lacking words are what servers say of objects that they do not have or do
// not show: git and GitHub, then git of old, then JGit.
var (
	lackingWords = []string{"not our ref", "unadvertised object"}
	jgitLacks    = regexp.MustCompile(`want [0-9a-f]{40} not valid`)
)

// lacks says whether a server refused since it does not have, or does not
// show, one of the objects.
func lacks(err error) bool {
	var said *serverError
	return errors.As(err, &said) && (jgitLacks.MatchString(said.text) ||
		slices.ContainsFunc(lackingWords, func(words string) bool { return strings.Contains(said.text, words) }))
}

// ask makes one fetch, with the sparest filter that the server takes. What it
// refuses is learned by trying and not asked for again: this spares the
// request for its capabilities where, as on GitHub, all of it is allowed.
func (r *Repo) ask(ctx context.Context, req fetchRequest) error {
	var first error
	var tried []string
	for _, filter := range req.scope.filters() {
		if r.server.refuses(filter) {
			continue
		}
		err := r.fetchOnce(ctx, req, filter)
		if err == nil {
			r.server.learn(tried)
			return nil
		}
		if errors.Is(err, errTooMuch) {
			return err
		}
		if !isRefusal(err) {
			return &UnreachableError{err}
		}
		if lacks(err) {
			return err // with whatever filter
		}
		if first == nil {
			first = err
		}
		tried = append(tried, filter)
	}
	return &UnreachableError{first} // whatever it minds, it said nothing of the objects
}

// barely says whether wanted commits come without their trees.
func barely(filter string) bool { return filter == "tree:0" }

func (req fetchRequest) encode(filter string) []byte {
	depth := req.depth
	if barely(filter) {
		depth = max(depth, req.ancestors)
	}
	var w pktWriter
	w.linef("command=fetch\n")
	w.delim()
	w.linef("ofs-delta\n")
	w.linef("no-progress\n")
	if filter != "" {
		w.linef("filter %s\n", filter)
	}
	if depth > 0 {
		w.linef("deepen %d\n", depth)
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
	return r.receive(&sideband{pkt: lines}, req, filter)
}

// receive reads one pack. Its head says how many objects will come.
func (r *Repo) receive(pack io.Reader, req fetchRequest, filter string) error {
	most := int64(maxPackBytes)
	if req.bounded {
		most = maxDifferenceBytes
	}
	limited := &io.LimitedReader{R: pack, N: most}
	buffered := bufio.NewReaderSize(limited, 1<<16)
	head, err := buffered.Peek(12)
	if err != nil {
		return noEOF(err)
	}
	count := binary.BigEndian.Uint32(head[8:])
	if req.bounded && count > maxDifference {
		return fmt.Errorf("%w: %d objects changed", errTooMuch, count)
	}
	if count == 0 {
		return nil
	}
	passing := none
	if req.ancestors > 0 && barely(filter) {
		passing = func(id plumbing.Hash, o object) bool {
			return o.kind == plumbing.CommitObject && !slices.Contains(req.wants, id)
		}
	}
	err = r.objects.addPack(buffered, count, passing)
	if err != nil && limited.N <= 0 {
		return fmt.Errorf("%w: more than %d bytes in one answer", errTooMuch, most)
	}
	if err != nil {
		return fmt.Errorf("receive objects: %w", err)
	}
	return nil
}
