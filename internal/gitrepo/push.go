package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// Update moves one ref, if it still is where we think.
type Update struct {
	Ref string
	Old string // "" : must not exist
	New string // "" : delete
}

// Push moves all refs or none, in one request with exactly the new objects.
//
// A *StaleError says that a ref is elsewhere than expected, a *RefusedError
// that the server does not want it; after any other error the push may be
// tried again: it is not known to have been applied. A push whose answer was
// lost is a success when the refs are as wanted.
//
// After success the objects are part of the mirror.
func (b *Batch) Push(ctx context.Context, updates ...Update) error {
	if len(updates) == 0 {
		return nil
	}
	if err := checkUpdates(updates); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	objects, err := b.newObjects(updates)
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	if err := b.repo.push(ctx, updates, encodePush(updates, objects)); err != nil {
		return err
	}
	if err := b.repo.objects.add(objects, none); err != nil {
		return fmt.Errorf("keep what was pushed: %w", err)
	}
	return b.repo.lines.pushed(updates)
}

func checkUpdates(updates []Update) error {
	seen := map[string]bool{}
	for _, u := range updates {
		if !strings.HasPrefix(u.Ref, "refs/") || plumbing.ReferenceName(u.Ref).Validate() != nil {
			return fmt.Errorf("ref name %q is not allowed", u.Ref)
		}
		if seen[u.Ref] {
			return fmt.Errorf("%s is named twice", u.Ref)
		}
		seen[u.Ref] = true
		for _, id := range []string{u.Old, u.New} {
			if _, err := parseID(id); id != "" && err != nil {
				return fmt.Errorf("%s: %w", u.Ref, err)
			}
		}
		if u.Old == u.New {
			return fmt.Errorf("%s: nothing to change", u.Ref)
		}
	}
	return nil
}

// newObjects are the objects of the batch that the new commits need and the
// server is not known to have.
func (b *Batch) newObjects(updates []Update) (map[plumbing.Hash]object, error) {
	found := map[plumbing.Hash]object{}
	var queue []plumbing.Hash
	for _, u := range updates {
		if u.New != "" {
			queue = append(queue, plumbing.NewHash(u.New))
		}
	}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		o, ok := b.get(id)
		if _, seen := found[id]; seen || !ok || b.repo.serverHas(id) {
			continue
		}
		found[id] = o
		needs, err := o.needs(id)
		if err != nil {
			return nil, err
		}
		queue = append(queue, needs...)
	}
	return found, nil
}

// needs are the objects that one names.
func (o object) needs(id plumbing.Hash) ([]plumbing.Hash, error) {
	switch o.kind {
	case plumbing.CommitObject:
		c, err := decodeCommit(id, o)
		if err != nil {
			return nil, err
		}
		needs, err := parseIDs(c.Parents)
		return append(needs, plumbing.NewHash(c.Tree)), err
	case plumbing.TreeObject:
		d, err := decodeDirectory(o.data)
		if err != nil {
			return nil, err
		}
		needs := make([]plumbing.Hash, 0, len(d.entries))
		for _, e := range d.entries {
			needs = append(needs, e.id)
		}
		return needs, nil
	}
	return nil, nil
}

func encodePush(updates []Update, objects map[plumbing.Hash]object) []byte {
	var w pktWriter
	deletesOnly := true
	for i, u := range updates {
		capabilities := ""
		if i == 0 {
			capabilities = "\x00 report-status side-band-64k atomic agent=git/towpath"
		}
		w.linef("%s %s %s%s", orZero(u.Old), orZero(u.New), u.Ref, capabilities)
		deletesOnly = deletesOnly && u.New == ""
	}
	w.flush()
	if !deletesOnly {
		encodePack(&w.Buffer, objects)
	}
	return w.Bytes()
}

func orZero(id string) string {
	if id == "" {
		return plumbing.ZeroHash.String()
	}
	return id
}

// push sends the request and makes sure of what came of it.
func (r *Repo) push(ctx context.Context, updates []Update, request []byte) error {
	era := r.objects.now()
	err := r.pushOnce(ctx, request)
	var status *statusError
	if errors.As(err, &status) && wantsAdvertisement(status.code) {
		if err := r.greet(ctx); err != nil {
			return fmt.Errorf("push to %s: %w", r.url, err)
		}
		err = r.pushOnce(ctx, request)
	}
	if err == nil {
		return nil
	}
	return r.settle(ctx, updates, err, era)
}

// wantsAdvertisement says whether a server may have minded that nobody asked
// for its advertisement first. Git's own and GitHub do not.
func wantsAdvertisement(code int) bool {
	return code == http.StatusBadRequest || code == http.StatusMethodNotAllowed || code == http.StatusPreconditionRequired
}

// greet reads the advertisement. What matters in it is whether all or nothing
// can be promised.
func (r *Repo) greet(ctx context.Context) error {
	body, err := r.remote.advertisement(ctx, receivePack)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxRefsBytes))
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(" atomic")) {
		return errors.New("the server can not move several refs at once")
	}
	return nil
}

// pushOnce gives nil, the *RefusedError of the first ref that was not moved
// for a reason of its own, or what went wrong on the way.
func (r *Repo) pushOnce(ctx context.Context, request []byte) error {
	body, err := r.remote.post(ctx, receivePack, request)
	if err != nil {
		return err
	}
	defer body.Close()
	answer := &sideband{pkt: pktReader{r: body}}
	report := packp.NewReportStatus()
	if err := report.Decode(answer); err != nil {
		return fmt.Errorf("the server's report: %w", err)
	}
	if _, err := io.Copy(io.Discard, answer); err != nil { // what hooks said comes before the end
		return fmt.Errorf("the server's report: %w", err)
	}
	return refusalIn(report, serverText(answer.text.String()))
}

// refusalIn gives the refusal in a report, with what hooks said.
func refusalIn(report *packp.ReportStatus, said string) error {
	refused := firstRefusal(report.CommandStatuses)
	if refused == nil {
		if report.UnpackStatus == "ok" {
			return nil
		}
		return fmt.Errorf("the server could not unpack: %s", serverText(report.UnpackStatus))
	}
	if report.UnpackStatus != "ok" {
		refused.Reason += "\n" + serverText(report.UnpackStatus)
	}
	if said != "" {
		refused.Reason += "\n" + said
	}
	return refused
}

// firstRefusal prefers a ref that failed for a reason of its own to those that
// under "atomic" failed with it.
func firstRefusal(statuses []*packp.CommandStatus) *RefusedError {
	var first *RefusedError
	for _, s := range statuses {
		if s.Status == "ok" {
			continue
		}
		refused := &RefusedError{Ref: s.ReferenceName.String(), Reason: serverText(s.Status)}
		if !strings.Contains(s.Status, "atomic") {
			return refused
		}
		if first == nil {
			first = refused
		}
	}
	return first
}

// lostObjects says whether new objects name others that the server does not
// have: it dropped, as no ref led to them, what the mirror still has. These
// are git's words for it, the second when it checks objects as they come.
func (e *RefusedError) lostObjects() bool {
	return strings.Contains(e.Reason, "missing necessary objects") ||
		strings.Contains(e.Reason, "object of unexpected type")
}

// settle finds out, after a failure, where the refs are. If all are as wanted,
// the push was applied and only its answer was lost.
func (r *Repo) settle(ctx context.Context, updates []Update, cause error, era int) error {
	names := make([]string, 0, len(updates))
	for _, u := range updates {
		names = append(names, u.Ref)
	}
	refs, err := r.Refs(ctx, names...)
	if err != nil {
		return fmt.Errorf("push to %s: %w", r.url, errors.Join(cause, err))
	}
	applied := true
	var stale *StaleError
	for _, u := range updates {
		actual := refs[u.Ref]
		applied = applied && actual == u.New
		if actual != u.Old && stale == nil {
			stale = &StaleError{Ref: u.Ref, Expected: u.Old, Actual: actual}
		}
	}
	if applied {
		return nil
	}
	if stale != nil {
		return fmt.Errorf("push to %s: %w", r.url, stale)
	}
	var refused *RefusedError
	if errors.As(cause, &refused) && refused.lostObjects() {
		if err := r.startOver(era); err != nil {
			return err
		}
		return fmt.Errorf("push to %s: the server no longer has what the mirror has; the mirror starts over", r.url)
	}
	var status *statusError
	if errors.As(cause, &status) && status.code == http.StatusForbidden {
		cause = &RefusedError{Ref: updates[0].Ref, Reason: status.Error()}
	}
	return fmt.Errorf("push to %s: %w", r.url, cause)
}
