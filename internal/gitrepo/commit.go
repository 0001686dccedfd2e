package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
)

// Signature says who did something and when, to the second.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is a git commit.
type Commit struct {
	ID, Tree          string
	Parents           []string
	Author, Committer Signature
	Message           string
}

// Commit reads a commit, also through an annotated tag.
func (r *Repo) Commit(ctx context.Context, id string) (Commit, error) {
	h, err := parseID(id)
	if err != nil {
		return Commit{}, err
	}
	if err := r.fetchCommits(ctx, []plumbing.Hash{h}); err != nil {
		return Commit{}, fmt.Errorf("fetch from %s: %w", r.url, err)
	}
	return r.commit(ctx, h)
}

// maxTags bounds tags of tags.
const maxTags = 8

func (r *Repo) commit(ctx context.Context, id plumbing.Hash) (Commit, error) {
	id, o, err := peel(ctx, r, id)
	if err != nil {
		return Commit{}, err
	}
	if o.kind != plumbing.CommitObject {
		return Commit{}, fmt.Errorf("%s of %s is a %s, not a commit", id, r.url, o.kind)
	}
	c, err := decodeCommit(id, o)
	if err == nil {
		r.trees.vouch(plumbing.NewHash(c.Tree))
	}
	return c, err
}

// reader reads objects.
type reader interface {
	object(ctx context.Context, id plumbing.Hash) (object, error)
}

// peel looks through annotated tags.
func peel(ctx context.Context, from reader, id plumbing.Hash) (plumbing.Hash, object, error) {
	for range maxTags {
		o, err := from.object(ctx, id)
		if err != nil || o.kind != plumbing.TagObject {
			return id, o, err
		}
		var tag gitobject.Tag
		if err := tag.Decode(o.encoded()); err != nil {
			return id, object{}, fmt.Errorf("tag %s: %w", id, err)
		}
		id = tag.Target
	}
	return id, object{}, fmt.Errorf("tag %s: too many tags of tags", id)
}

// treeID gives the tree of a commit, a tag or a tree.
func (r *Repo) treeID(ctx context.Context, id string) (plumbing.Hash, error) {
	h, err := parseID(id)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if r.trees.vouches(h) && !r.objects.has(h) {
		return h, nil // a tree or blob by what names it; reading tells which
	}
	if err := r.fetchCommits(ctx, []plumbing.Hash{h}); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("fetch from %s: %w", r.url, err)
	}
	h, o, err := peel(ctx, r, h)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	switch o.kind {
	case plumbing.TreeObject:
		return h, nil
	case plumbing.CommitObject:
		c, err := r.commit(ctx, h)
		return plumbing.NewHash(c.Tree), err
	}
	return plumbing.ZeroHash, fmt.Errorf("%s of %s is a %s, it has no tree", id, r.url, o.kind)
}

func decodeCommit(id plumbing.Hash, o object) (Commit, error) {
	var c gitobject.Commit
	if err := c.Decode(o.encoded()); err != nil {
		return Commit{}, fmt.Errorf("commit %s: %w", id, err)
	}
	commit := Commit{
		ID:        id.String(),
		Tree:      c.TreeHash.String(),
		Author:    Signature(c.Author),
		Committer: Signature(c.Committer),
		Message:   c.Message,
	}
	for _, parent := range c.ParentHashes {
		commit.Parents = append(commit.Parents, parent.String())
	}
	return commit, nil
}

// encodeCommit writes what git commit-tree writes: names without what would
// break the line, a message that ends its last line.
func encodeCommit(spec CommitSpec) (object, error) {
	tree, err := parseID(spec.Tree)
	if err != nil {
		return object{}, fmt.Errorf("tree: %w", err)
	}
	parents, err := parseIDs(spec.Parents)
	if err != nil {
		return object{}, fmt.Errorf("parent: %w", err)
	}
	author, err := spec.Author.clean()
	if err != nil {
		return object{}, fmt.Errorf("author: %w", err)
	}
	committer, err := spec.Committer.clean()
	if err != nil {
		return object{}, fmt.Errorf("committer: %w", err)
	}
	if strings.ContainsRune(spec.Message, 0) {
		return object{}, errors.New("the message has a NUL byte")
	}
	message := spec.Message
	if !strings.HasSuffix(message, "\n") {
		message += "\n"
	}
	c := gitobject.Commit{
		TreeHash:     tree,
		ParentHashes: parents,
		Author:       gitobject.Signature(author),
		Committer:    gitobject.Signature(committer),
		Message:      message,
	}
	encoded := &plumbing.MemoryObject{}
	if err := c.Encode(encoded); err != nil {
		return object{}, err
	}
	r, err := encoded.Reader()
	if err != nil {
		return object{}, err
	}
	data, err := io.ReadAll(r)
	return object{kind: plumbing.CommitObject, data: data}, err
}

// clean is git's own cleaning of names (ident.c): no line end and angle
// bracket anywhere, no "crud" at the ends.
func (s Signature) clean() (Signature, error) {
	s.Name, s.Email = withoutCrud(s.Name), withoutCrud(s.Email)
	if s.Name == "" {
		return s, errors.New("no name")
	}
	if s.When.Unix() < 0 {
		return s, errors.New("no time")
	}
	return s, nil
}

func withoutCrud(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`.,:;<>"\'`, r) })
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '<' || r == '>' || r == 0 {
			return -1
		}
		return r
	}, s)
}
