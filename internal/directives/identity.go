package directives

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Identity is a hash of everything that a reader of the workspace can see: equal
// identities mean equal trees. What came from git and was not touched counts by
// its git id, without being read.
func (w *Workspace) Identity() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.root.identity()
}

func (n *node) identity() (string, error) {
	if n.origin != nil {
		if known, ok := n.origin.info.Sys().(interface{ GitID() string }); ok && known.GitID() != "" {
			return "git " + known.GitID(), nil
		}
	}
	hash := sha256.New()
	if n.mode.IsDir() {
		if err := n.open(); err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(n.children)) {
			child := n.children[name]
			id, err := child.identity()
			if err != nil {
				return "", err
			}
			fmt.Fprintf(hash, "%s %s %q\n", child.mode, id, name)
		}
		return "tree " + hex.EncodeToString(hash.Sum(nil)), nil
	}
	data, err := n.content()
	if err != nil {
		return "", err
	}
	hash.Write(data)
	return "data " + hex.EncodeToString(hash.Sum(nil)), nil
}

// content is what a file holds, or where a link leads.
func (n *node) content() ([]byte, error) {
	switch {
	case n.origin == nil:
		return n.data, nil
	case n.mode&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(n.origin.tree, n.origin.name)
		return []byte(target), err
	}
	return fs.ReadFile(n.origin.tree, n.origin.name)
}
