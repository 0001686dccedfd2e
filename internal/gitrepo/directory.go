package gitrepo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// mode is a git file mode. Old repositories hold odd ones, 100664 for example;
// they are kept as they are.
type mode uint32

const (
	modeDir       mode = 0o040000
	modeFile      mode = 0o100644
	modeExec      mode = 0o100755
	modeLink      mode = 0o120000
	modeSubmodule mode = 0o160000
	modeType      mode = 0o170000
)

func (m mode) isDir() bool  { return m&modeType == modeDir }
func (m mode) isLink() bool { return m&modeType == modeLink }

// isBlob says whether the entry's content is a blob of this repository.
func (m mode) isBlob() bool { return !m.isDir() && m&modeType != modeSubmodule }

func (m mode) fsMode() fs.FileMode {
	switch m & modeType {
	case modeDir:
		return fs.ModeDir | 0o755
	case modeLink:
		return fs.ModeSymlink | 0o777
	case modeSubmodule:
		return fs.ModeIrregular
	}
	if m&0o100 != 0 {
		return 0o755
	}
	return 0o644
}

// modeOf is the git mode that an entry of a file system gets.
func modeOf(m fs.FileMode) (mode, error) {
	switch {
	case m.IsDir():
		return modeDir, nil
	case m&fs.ModeSymlink != 0:
		return modeLink, nil
	case m.IsRegular() && m&0o100 != 0:
		return modeExec, nil
	case m.IsRegular():
		return modeFile, nil
	case m&fs.ModeIrregular != 0:
		return modeSubmodule, nil
	}
	return 0, fmt.Errorf("git has no file of mode %s", m)
}

// entry is one line of a git tree.
type entry struct {
	name string
	mode mode
	id   plumbing.Hash
}

// directory is a decoded git tree.
type directory struct {
	entries []entry // in git's order, else byName is there
	byName  map[string]int
}

// find looks a name up. Git's order is that of files and directories apart, so
// in order means looking twice.
func (d *directory) find(name string) (entry, bool) {
	if d.byName != nil {
		i, ok := d.byName[name]
		if !ok {
			return entry{}, false
		}
		return d.entries[i], true
	}
	for _, as := range []mode{modeFile, modeDir} {
		if i, ok := slices.BinarySearchFunc(d.entries, entry{name: name, mode: as}, compareEntries); ok {
			return d.entries[i], true
		}
	}
	return entry{}, false
}

// typicalEntry is about how many bytes an entry takes in a tree object.
const typicalEntry = 36

func decodeDirectory(data []byte) (*directory, error) {
	// Names are parts of one string: a listing may hold thousands.
	text := string(data)
	d := &directory{entries: make([]entry, 0, len(data)/typicalEntry)}
	ordered := true
	for len(text) > 0 {
		head, rest, found := strings.Cut(text, "\x00")
		rawMode, name, split := strings.Cut(head, " ")
		bits, err := strconv.ParseUint(rawMode, 8, 32)
		if !found || !split || err != nil || len(rest) < len(plumbing.ZeroHash) {
			return nil, errors.New("malformed tree")
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		e := entry{name: name, mode: mode(bits), id: plumbing.Hash([]byte(rest[:20]))}
		if n := len(d.entries); n > 0 && compareEntries(d.entries[n-1], e) >= 0 {
			ordered = false
		}
		d.entries = append(d.entries, e)
		text = rest[20:]
	}
	if err := d.index(ordered); err != nil {
		return nil, err
	}
	return d, nil
}

// index refuses names that are there twice, and makes those of a tree that is
// not in order findable, as some old programs left them.
func (d *directory) index(ordered bool) error {
	if !ordered {
		d.byName = make(map[string]int, len(d.entries))
	}
	for i, e := range d.entries {
		double := false
		switch {
		case !ordered:
			_, double = d.byName[e.name]
			d.byName[e.name] = i
		case e.mode.isDir(): // in order, only a file can have the same name
			_, double = slices.BinarySearchFunc(d.entries, entry{name: e.name, mode: modeFile}, compareEntries)
		}
		if double {
			return fmt.Errorf("tree has two entries %q", e.name)
		}
	}
	return nil
}

// encodeDirectory gives the tree object of entries with distinct names, in
// any order.
func encodeDirectory(entries []entry) (object, error) {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, compareEntries)
	data := make([]byte, 0, len(sorted)*typicalEntry)
	for _, e := range sorted {
		if err := checkName(e.name); err != nil {
			return object{}, err
		}
		data = strconv.AppendUint(data, uint64(e.mode), 8)
		data = append(data, ' ')
		data = append(data, e.name...)
		data = append(data, 0)
		data = append(data, e.id[:]...)
	}
	return object{kind: plumbing.TreeObject, data: data}, nil
}

// compareEntries is git's order: bytes, directories as if a slash followed.
func compareEntries(a, b entry) int {
	n := min(len(a.name), len(b.name))
	return cmp.Or(strings.Compare(a.name[:n], b.name[:n]), cmp.Compare(a.byteAt(n), b.byteAt(n)))
}

// byteAt is a byte of the name, or what stands for its end.
func (e entry) byteAt(n int) byte {
	switch {
	case n < len(e.name):
		return e.name[n]
	case e.mode.isDir():
		return '/'
	}
	return 0
}

// checkName refuses names that are no names of files, and those that some
// file system would take for .git, as git itself does when it checks objects.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("tree entry %q: not a file name", name)
	}
	if name[0] != '.' && !strings.ContainsFunc(name, isOdd) {
		return nil // as nearly all are
	}
	seen := strings.Map(dropIgnored, name)
	seen, _, _ = strings.Cut(seen, ":")
	seen, _, _ = strings.Cut(seen, `\`)
	seen = strings.TrimRight(seen, ". ")
	if strings.EqualFold(seen, ".git") || strings.EqualFold(seen, "git~1") {
		return fmt.Errorf("tree entry %q: reserved for git", name)
	}
	return nil
}

// isOdd says whether a name that has it needs a closer look.
func isOdd(r rune) bool { return r == '~' || r >= utf8.RuneSelf }

// dropIgnored removes what macOS ignores in names.
func dropIgnored(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}
