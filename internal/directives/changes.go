package directives

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Action is what happened to a resource or a file.
type Action string

// The actions.
const (
	Added   Action = "added"
	Removed Action = "removed"
	Changed Action = "changed"
)

// ResourceChange is one resource that differs between two trees, or, with an
// empty Kind, a file that holds no manifests.
type ResourceChange struct {
	Group     string // API group; empty for the core group
	Kind      string
	Namespace string
	Name      string
	Path      string // of the file, in the new tree where it is there
	Action    Action
	Fields    []FieldChange // of a changed resource, by path, at most [MaxFields]
	More      int           // how many fields there are besides
}

// FieldChange is one value that differs. Old is empty when the field is new, New
// when it is gone; values are cut to [MaxValue] characters, and those of Secrets
// are never here.
type FieldChange struct {
	Path string // spec.containers[name=web].image
	Old  string
	New  string
}

// Bounds of what Changes returns for one resource.
const (
	MaxFields = 20
	MaxValue  = 200
)

// Changes returns what differs between two trees (nil: an empty one), sorted by
// kind, namespace, name and path. Only files whose git ids differ are read. A
// resource is known by group, kind, namespace and name, so a manifest that moved
// to another file unchanged is no change.
func Changes(old, new fs.FS) ([]ResourceChange, error) {
	paths := map[string]bool{}
	if err := differing(old, new, ".", paths); err != nil {
		return nil, err
	}
	before, err := readSide(old, paths)
	if err != nil {
		return nil, err
	}
	after, err := readSide(new, paths)
	if err != nil {
		return nil, err
	}
	changes := append(compareFiles(before, after), compareResources(before, after)...)
	slices.SortFunc(changes, func(a, b ResourceChange) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group, b.Group),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path))
	})
	return changes, nil
}

// differing collects the paths of files that are not the same in both trees.
func differing(old, new fs.FS, dir string, paths map[string]bool) error {
	before, err := listing(old, dir)
	if err != nil {
		return err
	}
	after, err := listing(new, dir)
	if err != nil {
		return err
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	for name := range names {
		a, b, full := before[name], after[name], path.Join(dir, name)
		if a != nil && b != nil && sameGitID(a, b) {
			continue
		}
		if (a == nil || !a.IsDir()) && (b == nil || !b.IsDir()) {
			paths[full] = true
			continue
		}
		for _, side := range []fs.FileInfo{a, b} {
			if side != nil && !side.IsDir() {
				paths[full] = true
			}
		}
		left, right := old, new
		if a == nil || !a.IsDir() {
			left = nil
		}
		if b == nil || !b.IsDir() {
			right = nil
		}
		if err := differing(left, right, full, paths); err != nil {
			return err
		}
	}
	return nil
}

func listing(tree fs.FS, dir string) (map[string]fs.FileInfo, error) {
	infos := map[string]fs.FileInfo{}
	if tree == nil {
		return infos, nil
	}
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if infos[e.Name()], err = e.Info(); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

func sameGitID(a, b fs.FileInfo) bool {
	type known interface{ GitID() string }
	x, ok := a.Sys().(known)
	y, too := b.Sys().(known)
	return ok && too && a.Mode() == b.Mode() && x.GitID() == y.GitID()
}

// side is one of the two trees, as far as it differs.
type side struct {
	files     map[string][]byte // every file that differs
	modes     map[string]fs.FileMode
	resources map[resourceID]resource
	manifests map[string]bool // the files that hold nothing but manifests
}

type resourceID struct{ group, kind, namespace, name string }

type resource struct {
	path   string
	fields map[string]leaf
}

func readSide(tree fs.FS, paths map[string]bool) (*side, error) {
	s := &side{files: map[string][]byte{}, modes: map[string]fs.FileMode{}, resources: map[resourceID]resource{}, manifests: map[string]bool{}}
	if tree == nil {
		return s, nil
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		info, err := fs.Lstat(tree, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.modes[name] = info.Mode()
		switch info.Mode().Type() {
		case fs.ModeSymlink:
			target, err := fs.ReadLink(tree, name)
			if err != nil {
				return nil, err
			}
			s.files[name] = []byte(target)
		case 0:
			if s.files[name], err = fs.ReadFile(tree, name); err != nil {
				return nil, err
			}
			s.readManifests(name)
		default:
			s.files[name] = fmt.Append(nil, info.Sys())
		}
	}
	return s, nil
}

// readManifests takes a file as manifests if all of it can be read so.
func (s *side) readManifests(name string) {
	data := s.files[name]
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" && ext != ".json" || len(data) > maxYAML {
		return
	}
	found, ok := readResources(data)
	if !ok {
		return
	}
	for id := range found {
		if _, twice := s.resources[id]; twice {
			return
		}
	}
	s.manifests[name] = true
	for id, fields := range found {
		s.resources[id] = resource{name, fields}
	}
}

// compareFiles reports the files that are not manifests on both sides.
func compareFiles(before, after *side) []ResourceChange {
	var changes []ResourceChange
	names := maps.Clone(before.modes)
	maps.Copy(names, after.modes)
	for name := range names {
		_, was := before.modes[name]
		_, is := after.modes[name]
		change := ResourceChange{Path: name, Action: actionOf(was, is)}
		if (!was || before.manifests[name]) && (!is || after.manifests[name]) {
			continue
		}
		if was && is && before.modes[name] == after.modes[name] && bytes.Equal(before.files[name], after.files[name]) {
			continue
		}
		changes = append(changes, change)
	}
	return changes
}

func compareResources(before, after *side) []ResourceChange {
	var changes []ResourceChange
	ids := map[resourceID]bool{}
	for id := range before.resources {
		ids[id] = true
	}
	for id := range after.resources {
		ids[id] = true
	}
	for id := range ids {
		a, was := before.resources[id]
		b, is := after.resources[id]
		change := ResourceChange{
			Group: id.group, Kind: id.kind, Namespace: id.namespace, Name: id.name,
			Path: cmp.Or(b.path, a.path), Action: actionOf(was, is),
		}
		if was && is {
			change.Fields = fieldChanges(a.fields, b.fields)
			if len(change.Fields) == 0 {
				continue
			}
			if extra := len(change.Fields) - MaxFields; extra > 0 {
				change.Fields, change.More = change.Fields[:MaxFields], extra
			}
		}
		changes = append(changes, change)
	}
	return changes
}

func actionOf(was, is bool) Action {
	switch {
	case !was:
		return Added
	case !is:
		return Removed
	}
	return Changed
}

func fieldChanges(a, b map[string]leaf) []FieldChange {
	paths := maps.Clone(a)
	maps.Copy(paths, b)
	var changes []FieldChange
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		x, was := a[p]
		y, is := b[p]
		if was && is && x.text == y.text {
			continue
		}
		changes = append(changes, FieldChange{Path: p, Old: x.shown(was), New: y.shown(is)})
	}
	return changes
}

// leaf is one value of a resource.
type leaf struct {
	text   string
	hidden bool
}

// shown is what a reader may see of it.
func (l leaf) shown(exists bool) string {
	switch {
	case !exists:
		return ""
	case l.hidden:
		return "(hidden)"
	}
	text := strings.ToValidUTF8(l.text, "�")
	if runes := []rune(text); len(runes) > MaxValue {
		return string(runes[:MaxValue]) + "…"
	}
	return text
}
