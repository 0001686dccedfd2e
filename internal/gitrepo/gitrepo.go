// Package gitrepo is the only package that speaks git. It knows remote
// repositories over smart HTTP, mirrors of their objects, trees as lazy file
// systems, new commits and the push that publishes them. It knows nothing of
// stages, freight or GitHub, keeps no work tree, starts no program and reads
// no configuration of the host.
//
// A mirror holds whatever objects were needed so far, never a promise of
// completeness: what is missing is asked of the server by id, in batches. So
// the cost of a look does not grow with the repository. The wire is our own
// and thin: protocol v2 for reading (ls-refs with prefixes, fetch of what is
// missing), one POST to receive-pack for writing. Objects, packs and their
// encoding are go-git's, and no go-git type leaves this package.
//
// Ids of commits, trees and blobs are 40 hex digits.
package gitrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// Remote is a repository on a server.
type Remote struct {
	// URL is what one would clone, https://github.com/owner/name.git, without
	// user or password in it.
	URL string
	// Credentials is asked before every request, since tokens live an hour.
	// Nil: anonymous.
	Credentials func(ctx context.Context) (username, password string, err error)
}

// Mirrors owns the mirrors of all remotes.
type Mirrors struct {
	dir    string
	client *http.Client

	mu    sync.Mutex
	repos map[string]*Repo
}

// NewMirrors keeps mirrors under dir, one bare object directory per remote
// URL, or in memory only when dir is "". One process owns dir. A nil client
// is http.DefaultClient; redirects are handled here, whatever the client says.
func NewMirrors(dir string, client *http.Client) (*Mirrors, error) {
	if client == nil {
		client = http.DefaultClient
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("mirrors: %w", err)
		}
		dir = abs
	}
	return &Mirrors{dir: dir, client: &own, repos: map[string]*Repo{}}, nil
}

// Repo gives the mirror of a remote, the same one for the same URL. No
// request is made. The credentials of the latest call are the ones used.
func (m *Mirrors) Repo(remote Remote) (*Repo, error) {
	u, err := url.Parse(remote.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("repository: the URL is not an http(s) URL of a host")
	}
	if u.User != nil {
		return nil, fmt.Errorf("repository %s: credentials do not belong into the URL", u.Redacted())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.repos[remote.URL]; ok {
		r.remote.useCredentials(remote.Credentials) // an App may have been installed anew
		return r, nil
	}
	dir := ""
	if m.dir != "" {
		sum := sha256.Sum256([]byte(remote.URL))
		dir = filepath.Join(m.dir, hex.EncodeToString(sum[:16])+".git")
	}
	objects, err := openStore(dir)
	if err != nil {
		return nil, fmt.Errorf("mirror of %s: %w", remote.URL, err)
	}
	r := &Repo{
		url:     remote.URL,
		remote:  newRemoteConn(m.client, remote),
		objects: objects,
		trees:   newTreeCache(),
		lines:   loadLines(dir),
		turn:    make(chan struct{}, 1),
		refused: map[string]bool{},
	}
	m.repos[remote.URL] = r
	return r, nil
}

// Repo is one remote repository with its mirror. It is safe for parallel use.
type Repo struct {
	url     string
	remote  *remoteConn
	objects *store
	trees   *treeCache
	lines   *lines

	// turn lets one fetch run at a time, so that two readers in want of the
	// same objects ask once. A channel, since waiting must end with the context.
	turn chan struct{}
	// refused are the filters that the server did not take. Guarded by turn.
	refused map[string]bool
	// closed is set when the server gives no objects by id. Guarded by turn.
	closed bool
}

// parseID accepts a full object id and nothing shorter.
func parseID(id string) (plumbing.Hash, error) {
	if len(id) != 40 {
		return plumbing.ZeroHash, fmt.Errorf("object id %q: want 40 hex digits", id)
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("object id %q: want 40 hex digits", id)
	}
	return plumbing.Hash(raw), nil
}

func parseIDs(ids []string) ([]plumbing.Hash, error) {
	hashes := make([]plumbing.Hash, 0, len(ids))
	for _, id := range ids {
		h, err := parseID(id)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}
