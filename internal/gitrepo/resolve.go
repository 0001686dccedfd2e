package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrUnknownName says that a clone has nothing of a name.
var ErrUnknownName = errors.New("neither a branch, a tag nor an id of a commit")

// shortest is how many digits of an id are enough to be one, as in git.
const shortest = 4

// Resolve gives the id of the commit that a name stands for in the clone:
// HEAD, a branch, a tag, a remote branch as origin/x, a full ref name, or an
// id, which may be short when no other commit begins so. A branch comes before
// a tag of the same name, and both before an id. ErrUnknownName says that there
// is none of that.
func (c *Local) Resolve(ctx context.Context, name string) (string, error) {
	id, err := c.resolve(ctx, name)
	if err != nil {
		return "", fmt.Errorf("resolve %q in %s: %w", name, c.dir, err)
	}
	return id, nil
}

func (c *Local) resolve(ctx context.Context, name string) (string, error) {
	for _, ref := range []string{name, "refs/heads/" + name, "refs/tags/" + name, "refs/remotes/" + name, "refs/remotes/" + name + "/HEAD"} {
		id, err := c.readRef(ref)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return c.commitAt(ctx, id)
	}
	if h, err := parseID(name); err == nil {
		return c.commitAt(ctx, h)
	}
	if name == "HEAD" {
		return "", errors.New("there is no commit yet")
	}
	if len(name) < shortest || strings.Trim(name, "0123456789abcdef") != "" {
		return "", ErrUnknownName
	}
	return c.byShortID(ctx, name)
}

// commitAt gives the commit behind an id.
func (c *Local) commitAt(ctx context.Context, id plumbing.Hash) (string, error) {
	h, o, err := peel(ctx, c, id)
	if err == nil && o.kind != plumbing.CommitObject {
		err = fmt.Errorf("%s is a %s, not a commit", h, o.kind)
	}
	return h.String(), err
}

// maxSymbolic bounds refs that stand for refs.
const maxSymbolic = 5

// readRef gives what a full ref name stands for, or fs.ErrNotExist.
func (c *Local) readRef(name string) (plumbing.Hash, error) {
	for range maxSymbolic {
		if name != "HEAD" && (!strings.HasPrefix(name, "refs/") || plumbing.ReferenceName(name).Validate() != nil) {
			return plumbing.ZeroHash, fs.ErrNotExist
		}
		at := c.common
		if name == "HEAD" {
			at = c.git
		}
		line, err := readLine(filepath.Join(at, filepath.FromSlash(name)))
		if errors.Is(err, errIrregular) || errors.Is(err, errTooMuch) {
			return plumbing.ZeroHash, err
		}
		if err != nil { // no file, or a folder of refs
			return c.packedRef(name)
		}
		target, symbolic := strings.CutPrefix(line, "ref: ")
		if !symbolic {
			return parseID(line)
		}
		name = strings.TrimSpace(target)
	}
	return plumbing.ZeroHash, errors.New("too many refs that stand for refs")
}

func (c *Local) packedRef(name string) (plumbing.Hash, error) {
	content, err := readRegular(filepath.Join(c.common, "packed-refs"), maxRefsBytes)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	for line := range bytes.Lines(content) {
		id, ref, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if ref == name {
			return parseID(id)
		}
	}
	return plumbing.ZeroHash, fs.ErrNotExist
}

// byShortID gives the one commit whose id begins so. Tags do not count, nor
// other objects.
func (c *Local) byShortID(ctx context.Context, short string) (string, error) {
	c.mu.Lock()
	var ids []string
	for _, d := range c.objects {
		found, err := d.withPrefix(short)
		if err != nil {
			c.mu.Unlock()
			return "", err
		}
		ids = append(ids, found...)
	}
	c.mu.Unlock()
	slices.Sort(ids)
	var commits []string
	for _, id := range slices.Compact(ids) {
		o, err := c.object(ctx, plumbing.NewHash(id))
		if err != nil {
			return "", err
		}
		if o.kind == plumbing.CommitObject {
			commits = append(commits, id)
		}
	}
	switch len(commits) {
	case 0:
		return "", ErrUnknownName
	case 1:
		return commits[0], nil
	}
	return "", fmt.Errorf("%d commits begin so, say more of the id: %s", len(commits), strings.Join(commits[:min(len(commits), 5)], ", "))
}
