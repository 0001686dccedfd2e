package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"github.com/towpath/towpath/internal/promote"
)

// ownersFiles are where GitHub looks for code owners; the first that is there counts.
var ownersFiles = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// maxOwnersFile is the size from which on GitHub passes over such a file.
const maxOwnersFile = 3 << 20

// owns tells whether somebody is a code owner of all places that promotions into
// lanes write, by the branches that they are merged into. why says why nobody
// could be, and refusal that GitHub does not let us ask.
func (l *look) owns(ctx context.Context, lanes []promote.Stage, user string) (is bool, why, refusal string, err error) {
	for _, lane := range lanes {
		places, why, err := l.codeOwners(ctx, lane)
		if why != "" || err != nil {
			return false, why, "", err
		}
		for _, owners := range places {
			is, refusal, err = l.among(ctx, l.homeOf(lane), owners, user)
			if !is || err != nil {
				return false, "", refusal, err
			}
		}
	}
	return is, "", "", nil
}

// codeOwners reads who owns what a stage's promotions write: manifests in its
// folder, and in folders of it. Both must be owned, since the one does not follow
// from the other in GitHub's syntax.
func (l *look) codeOwners(ctx context.Context, stage promote.Stage) (owners []promote.Right, why string, err error) {
	if !stage.HasBranch() {
		return nil, "promotions write no files there", nil
	}
	at := l.homeOf(stage)
	name, text, err := readOwners(ctx, at, stage.Target.Branch)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("read the code owners of %s: %w", stage.Target.Branch, err)
	case text == nil:
		return nil, "branch `" + stage.Target.Branch + "` has no CODEOWNERS", nil
	case len(text) > maxOwnersFile:
		return nil, "GitHub passes over the " + name + " of branch `" + stage.Target.Branch + "`: it is too large", nil
	}
	for _, file := range []string{"manifest.yaml", "folder/manifest.yaml"} {
		found, line := ownersOf(text, path.Join(stage.Target.Path, file))
		switch {
		case line > 0:
			return nil, fmt.Sprintf("line %d of %s on branch `%s` can not be read", line, name, stage.Target.Branch), nil
		case len(found.Users)+len(found.Teams) == 0:
			return nil, fmt.Sprintf("%s on branch `%s` names no users or teams for it", name, stage.Target.Branch), nil
		}
		owners = append(owners, found)
	}
	return owners, "", nil
}

// readOwners reads the file that tells the code owners on a branch; nil: there is
// none.
func readOwners(ctx context.Context, at *home, branch string) (name string, text []byte, err error) {
	head := at.refs[heads+branch]
	if head == "" {
		return "", nil, nil
	}
	tree, err := at.git.Tree(ctx, head)
	if err != nil {
		return "", nil, err
	}
	for _, name := range ownersFiles {
		text, err := tree.ReadFile(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return name, text, err
		}
	}
	return "", nil, nil
}

// ownersOf finds who owns a file: the last line that matches it says so. A line
// that can not be read might match it, so with one of those after all that do,
// nobody is known to own the file; its number is returned. People who are named by
// an address are passed over: nothing says whose it is.
func ownersOf(text []byte, file string) (owners promote.Right, unread int) {
	lines := slices.Collect(bytes.Lines(text))
	for i, line := range slices.Backward(lines) {
		rules, err := codeowners.ParseFile(bytes.NewReader(line))
		if err != nil {
			return promote.Right{}, i + 1
		}
		rule, err := rules.Match(file)
		if err != nil {
			return promote.Right{}, i + 1
		}
		if rule == nil {
			continue
		}
		for _, o := range rule.Owners {
			switch o.Type {
			case codeowners.UsernameOwner:
				owners.Users = append(owners.Users, o.Value)
			case codeowners.TeamOwner:
				owners.Teams = append(owners.Teams, strings.ToLower(o.Value))
			}
		}
		return owners, 0
	}
	return promote.Right{}, 0
}
