package directives

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxLinks is how many links one path may lead through, as on Linux.
const maxLinks = 40

// CheckPath says why a path may not be used in a workspace or a source tree
// (D1): it must be relative, clean and made of names that git accepts.
func CheckPath(name string) error {
	switch {
	case name == "":
		return errors.New("the path is empty")
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("the path %q contains a NUL byte", name)
	case path.IsAbs(name):
		return fmt.Errorf("the path %q is absolute", name)
	case strings.Contains(name, `\`):
		return fmt.Errorf("the path %q contains a backslash", name)
	case !fs.ValidPath(name):
		return fmt.Errorf("the path %q is not clean, or leaves the tree", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if isDotGit(part) {
			return fmt.Errorf("the path %q goes through %q, which belongs to git", name, part)
		}
	}
	return nil
}

// isDotGit reports whether some file system takes a name for .git: in any case,
// as NTFS cuts it (git~1, trailing dots and spaces, streams), or with code
// points that HFS+ ignores.
func isDotGit(name string) bool {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(strings.ToLower(name), " .")
	return name == ".git" || name == "git~1"
}

// Resolve follows the links in a path of a tree and returns where it leads. The
// result is clean and goes through no link; the last part need not exist. A link
// that is absolute, leaves the tree or leads in a circle is an error.
func Resolve(tree fs.FS, name string) (string, error) {
	if err := CheckPath(name); err != nil {
		return "", err
	}
	done, todo := ".", name
	for links := 0; todo != ""; {
		part, rest, _ := strings.Cut(todo, "/")
		next := path.Join(done, part)
		info, err := fs.Lstat(tree, next)
		if err != nil || info.Mode().Type() != fs.ModeSymlink {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			done, todo = next, rest
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: the links lead in a circle", name)
		}
		target, err := fs.ReadLink(tree, next)
		if err != nil {
			return "", err
		}
		if next, err = linkTarget(next, target); err != nil {
			return "", err
		}
		done, todo = ".", strings.TrimSuffix(next+"/"+rest, "/")
	}
	return done, nil
}

// linkTarget returns the path in the tree that a link points at, without asking
// whether there is anything.
func linkTarget(link, target string) (string, error) {
	if path.IsAbs(target) || strings.Contains(target, `\`) {
		return "", fmt.Errorf("the link %s leaves the tree: it points at %q", link, target)
	}
	to := path.Join(path.Dir(link), target)
	if to == ".." || strings.HasPrefix(to, "../") {
		return "", fmt.Errorf("the link %s leaves the tree: it points at %q", link, target)
	}
	if err := CheckPath(to); err != nil {
		return "", fmt.Errorf("the link %s: %w", link, err)
	}
	return to, nil
}
