package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// Batch collects the new objects of one write in memory until they are pushed.
// Nobody else sees them before. It is safe for parallel use.
type Batch struct {
	repo *Repo

	mu      sync.Mutex
	objects map[plumbing.Hash]object
	copied  map[string]plumbing.Hash // what other repositories name by an id, by that id
}

// NewBatch starts a write.
func (r *Repo) NewBatch() *Batch {
	return &Batch{repo: r, objects: map[plumbing.Hash]object{}, copied: map[string]plumbing.Hash{}}
}

// CommitSpec is a commit to be made.
type CommitSpec struct {
	Tree              string
	Parents           []string
	Author, Committer Signature
	Message           string
}

// WriteCommit makes a commit, byte for byte the one that git would make. Names
// are cleaned as git does, and a message without final line end gets one.
func (b *Batch) WriteCommit(spec CommitSpec) (string, error) {
	o, err := encodeCommit(spec)
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	return b.put(o).String(), nil
}

// WriteTree gives base ("": the empty tree) with the subtree at path (".": all
// of it) replaced by content; nil or empty content removes it, and a directory
// left empty by that goes as well. What content names by GitID is used unread
// where the server is known to have it, and copied otherwise, so content may
// come from another repository. More than 500,000 files and directories, each
// id counted once, are refused.
func (b *Batch) WriteTree(ctx context.Context, base, path string, content fs.FS) (string, error) {
	if !fs.ValidPath(path) {
		return "", fmt.Errorf("write a tree: path %q is not allowed", path)
	}
	var subtree entry
	if content != nil {
		id, err := (&copying{Batch: b, content: content}).dir(".")
		if err != nil {
			return "", fmt.Errorf("write a tree for %s: %w", b.repo.url, err)
		}
		if id != emptyTree {
			subtree = entry{mode: modeDir, id: id}
		}
	}
	if path == "." {
		return b.rootOf(subtree), nil
	}
	return b.edit(ctx, base, []change{{path: strings.Split(path, "/"), to: subtree}})
}

// WriteFiles gives base ("": the empty tree) with files, path → content, added
// or replaced; nil removes what is there.
func (b *Batch) WriteFiles(ctx context.Context, base string, files map[string][]byte) (string, error) {
	changes := make([]change, 0, len(files))
	for path, content := range files {
		if !fs.ValidPath(path) || path == "." {
			return "", fmt.Errorf("write a file: path %q is not allowed", path)
		}
		var to entry
		if content != nil {
			to = entry{mode: modeFile, id: b.put(object{kind: plumbing.BlobObject, data: bytes.Clone(content)})}
		}
		changes = append(changes, change{path: strings.Split(path, "/"), to: to})
	}
	return b.edit(ctx, base, changes)
}

// Tree opens a tree that may hold objects of the batch.
func (b *Batch) Tree(ctx context.Context, tree string) (*Tree, error) {
	root, err := b.baseID(ctx, tree)
	if err != nil {
		return nil, err
	}
	return &Tree{ctx: ctx, src: b, root: root}, nil
}

// put keeps an object.
func (b *Batch) put(o object) plumbing.Hash {
	id := o.id()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[id] = o
	return id
}

func (b *Batch) get(id plumbing.Hash) (object, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[id]
	return o, ok
}

// The methods of source look into the batch first.

func (b *Batch) directory(ctx context.Context, id plumbing.Hash) (*directory, error) {
	if o, ok := b.get(id); ok && o.kind == plumbing.TreeObject {
		return decodeDirectory(o.data)
	}
	return b.repo.directory(ctx, id)
}

func (b *Batch) blob(ctx context.Context, id plumbing.Hash, _ *directory) ([]byte, error) {
	if o, ok := b.get(id); ok && o.kind == plumbing.BlobObject {
		return o.data, nil
	}
	return b.repo.blob(ctx, id, nil)
}

func (b *Batch) missing(ids []plumbing.Hash) []plumbing.Hash {
	return b.repo.missing(b.foreign(ids))
}

func (b *Batch) ensure(ctx context.Context, ids []plumbing.Hash, scope scope) error {
	return b.repo.ensure(ctx, b.foreign(ids), scope)
}

// foreign gives those of ids that are not objects of the batch.
func (b *Batch) foreign(ids []plumbing.Hash) []plumbing.Hash {
	var foreign []plumbing.Hash
	for _, id := range ids {
		if _, ok := b.get(id); !ok {
			foreign = append(foreign, id)
		}
	}
	return foreign
}

// baseID gives a tree of the batch or the repository, of a commit too.
func (b *Batch) baseID(ctx context.Context, id string) (plumbing.Hash, error) {
	h, err := parseID(id)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	o, ok := b.get(h)
	if !ok {
		return b.repo.treeID(ctx, id)
	}
	switch o.kind {
	case plumbing.TreeObject:
		return h, nil
	case plumbing.CommitObject:
		c, err := decodeCommit(h, o)
		return plumbing.NewHash(c.Tree), err
	}
	return plumbing.ZeroHash, fmt.Errorf("%s is a %s, it has no tree", id, o.kind)
}
