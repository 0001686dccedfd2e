package gitrepo

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxHaves bounds what one fetch tells of what is already here.
const maxHaves = 256

// lines remembers, per ref, where the server said it is and which of its
// commits the mirror got last. A new commit of a ref that we followed before
// is fetched as the difference to that one, everything else as a single
// commit: without such a tie the difference could be the whole history.
//
// It only saves requests and bytes. Forgotten or wrong, fetches are larger.
type lines struct {
	mu       sync.Mutex
	file     string // "" : not kept
	seen     map[string]plumbing.Hash
	held     map[string]plumbing.Hash
	headRef  string
	headRead bool
}

const linesFile = "towpath-lines"

// loadLines reads what an earlier process kept. A file that can not be read
// or understood is as good as none.
func loadLines(dir string) *lines {
	l := &lines{seen: map[string]plumbing.Hash{}, held: map[string]plumbing.Hash{}}
	if dir == "" {
		return l
	}
	l.file = filepath.Join(dir, linesFile)
	content, err := os.ReadFile(l.file)
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(content)) {
		id, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if h, err := parseID(id); err == nil && ref != "" {
			l.held[ref] = h
		}
	}
	return l
}

// listed takes what the server said of the refs under the prefixes (none:
// all). Refs that are gone are forgotten.
func (l *lines) listed(list refList, prefixes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := func(ref string, _ plumbing.Hash) bool {
		if _, there := list.refs[ref]; there {
			return false
		}
		return len(prefixes) == 0 ||
			slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(ref, prefix) })
	}
	maps.DeleteFunc(l.seen, gone)
	maps.DeleteFunc(l.held, gone)
	maps.Copy(l.seen, list.refs)
	l.headRef, l.headRead = list.head, true
}

func (l *lines) head() (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.headRef, l.headRead
}

// refsOf are the refs that the server said are at id.
func (l *lines) refsOf(id plumbing.Hash) []string {
	var refs []string
	for ref, h := range l.seen {
		if h == id {
			refs = append(refs, ref)
		}
	}
	slices.Sort(refs)
	return refs
}

// followed says whether id is the head of a ref of which the mirror has an
// earlier commit.
func (l *lines) followed(id plumbing.Hash) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ref := range l.refsOf(id) {
		if _, ok := l.held[ref]; ok {
			return true
		}
	}
	return false
}

// haves are commits that are here, those of the wanted ids' own refs first.
func (l *lines) haves(wants []plumbing.Hash) []plumbing.Hash {
	l.mu.Lock()
	defer l.mu.Unlock()
	var refs []string
	for _, id := range wants {
		refs = append(refs, l.refsOf(id)...)
	}
	others := make([]string, 0, len(l.held))
	for ref := range l.held {
		others = append(others, ref)
	}
	slices.Sort(others)
	var ids []plumbing.Hash
	given := map[plumbing.Hash]bool{}
	for _, ref := range append(refs, others...) {
		id, ok := l.held[ref]
		if ok && !given[id] && len(ids) < maxHaves {
			given[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// got records that the mirror has these commits.
func (l *lines) got(ids []plumbing.Hash) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := false
	for _, id := range ids {
		for _, ref := range l.refsOf(id) {
			changed = changed || l.held[ref] != id
			l.held[ref] = id
		}
	}
	if !changed {
		return nil
	}
	return l.save()
}

// pushed records where we moved refs.
func (l *lines) pushed(updates []Update) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range updates {
		if u.New == "" {
			delete(l.seen, u.Ref)
			delete(l.held, u.Ref)
			continue
		}
		id := plumbing.NewHash(u.New)
		l.seen[u.Ref], l.held[u.Ref] = id, id
	}
	return l.save()
}

func (l *lines) forget() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.held)
	return l.save()
}

func (l *lines) save() error {
	if l.file == "" {
		return nil
	}
	var content bytes.Buffer
	refs := make([]string, 0, len(l.held))
	for ref := range l.held {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	for _, ref := range refs {
		fmt.Fprintf(&content, "%s %s\n", l.held[ref], ref)
	}
	draft := l.file + ".new"
	if err := os.WriteFile(draft, content.Bytes(), 0o600); err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	if err := os.Rename(draft, l.file); err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	return nil
}
