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
// An object may have 100 MiB, as on GitHub, and all that one fetch brings 256 MiB
// unpacked; more is refused, with an error that says how much.
//
// A clone that somebody has on disk can be read as well, without any network.
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
	// ID is the server's number of the repository, 0 when nobody said. Another
	// repository under the same name has another one, and another mirror.
	ID int64
	// Credentials is asked before every request, since tokens live an hour.
	// Nil: anonymous.
	Credentials func(ctx context.Context) (username, password string, err error)
	// Size is about how many bytes the server keeps of the repository, 0 when
	// nobody said. A small one is fetched whole, which takes fewer requests.
	Size int64
}

// Mirrors owns the mirrors of all remotes.
type Mirrors struct {
	dir    string
	client *http.Client

	mu    sync.Mutex
	repos map[string]*Repo
}

// key tells mirrors apart.
func (r Remote) key() string {
	if r.ID == 0 {
		return r.URL
	}
	return fmt.Sprintf("%s\n%d", r.URL, r.ID)
}

// NewMirrors keeps mirrors under dir, one bare object directory per remote
// repository, or in memory only when dir is "". One process owns dir. A nil client
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

// Repo gives the mirror of a remote, the same one for the same URL and
// ID. No request is made. The credentials of the latest call are the ones used.
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
	if r, ok := m.repos[remote.key()]; ok {
		r.remote.useCredentials(remote.Credentials) // an App may have been installed anew
		r.server.setSize(remote.Size)
		touch(r.objects.dir)
		return r, nil
	}
	dir := ""
	if m.dir != "" {
		sum := sha256.Sum256([]byte(remote.key()))
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
		claims:  claims{held: map[plumbing.Hash]chan struct{}{}},
		server:  server{refused: map[string]bool{}, size: remote.Size},
	}
	m.repos[remote.key()] = r
	touch(dir)
	return r, nil
}

// Repo is one remote repository with its mirror. It is safe for parallel use.
type Repo struct {
	url     string
	remote  *remoteConn
	objects *store
	trees   *treeCache
	lines   *lines
	claims  claims
	server  server
	held    sync.RWMutex // read by those who must not lose the mirror to Clean
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
