package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bounds of what is looked at.
const (
	maxEntries = 200_000
	maxBytes   = 1 << 20 // of one file
)

// seen is a tree as it was walked through.
type seen struct {
	tree     fs.FS
	files    []string // regular ones with usable names, sorted
	kustom   []string // folders with one kustomization
	chartsAt []string // folders with a Chart.yaml
	left     []string
}

// passedOver are folders that are not looked into; hidden ones are not either.
var passedOver = []string{"node_modules", "vendor", "testdata"}

func survey(tree fs.FS) (*seen, error) {
	s := &seen{tree: tree}
	n := 0
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if n++; n > maxEntries {
			s.leave("what comes after the first %d files", maxEntries)
			return fs.SkipAll
		}
		switch base := path.Base(name); {
		case name == ".":
			return err
		case err != nil && errors.Is(err, fs.ErrPermission):
			s.leave("%s: it can not be read", show(name))
			return fs.SkipDir
		case err != nil:
			return err
		case entry.IsDir() && (base[0] == '.' || slices.Contains(passedOver, base)):
			return fs.SkipDir
		case !usable(name) && (entry.IsDir() || path.Ext(name) == ".yaml"):
			s.leave("%s: its name has characters that mean something in configurations", show(name))
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular() && usable(name):
			s.add(name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look through the files: %w", err)
	}
	return s, nil
}

func (s *seen) add(name string) {
	s.files = append(s.files, name)
	switch path.Base(name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		s.kustom = append(s.kustom, path.Dir(name))
	case "Chart.yaml":
		s.chartsAt = append(s.chartsAt, path.Dir(name))
	}
}

func (s *seen) leave(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(s.left, line) {
		s.left = append(s.left, line)
	}
}

func (s *seen) isFile(name string) bool {
	_, found := slices.BinarySearch(s.files, name)
	return found
}

// in are the files in a folder and below it.
func (s *seen) in(dir string) []string {
	var out []string
	for _, name := range s.files {
		if within(name, dir) {
			out = append(out, name)
		}
	}
	return out
}

// documents are those of a YAML file as far as they can be read.
func (s *seen) documents(name string) []*yaml.Node {
	info, err := fs.Stat(s.tree, name)
	if err != nil || info.Size() > maxBytes {
		return nil
	}
	data, err := fs.ReadFile(s.tree, name)
	if err != nil {
		return nil
	}
	var out []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var node yaml.Node
		if decoder.Decode(&node) != nil {
			return out
		}
		out = append(out, &node)
	}
}

// reference takes an image apart: its name, tag and digest.
var reference = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9./_-]*(?::[0-9]+/[A-Za-z0-9./_-]+)?)(?::([A-Za-z0-9_][A-Za-z0-9._-]*))?(?:@sha256:[0-9a-f]{64})?$`)

// imagesIn are the images that the manifests of some files name; of each the first
// tag.
func (s *seen) imagesIn(files []string) []image {
	var out []image
	var walk func(node *yaml.Node)
	walk = func(node *yaml.Node) {
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			m := reference.FindStringSubmatch(node.Content[i+1].Value)
			if node.Content[i].Value == "image" && node.Content[i+1].Kind == yaml.ScalarNode && m != nil {
				out = addImage(out, image{name: m[1], tag: m[2]})
			}
		}
		for _, below := range node.Content {
			walk(below)
		}
	}
	for _, name := range files {
		if !isYAML(name) {
			continue
		}
		for _, node := range s.documents(name) {
			walk(node)
		}
	}
	return out
}

func addImage(to []image, i image) []image {
	at := slices.IndexFunc(to, func(o image) bool { return o.name == i.name })
	if at < 0 {
		return append(to, i)
	}
	if to[at].tag == "" {
		to[at].tag = i.tag
	}
	return to
}

func isYAML(name string) bool { return path.Ext(name) == ".yaml" || path.Ext(name) == ".yml" }

// pick takes the images that are to be promoted: the only one, else those of the
// repository's owner, else those that are nobody's everywhere.
func (s *seen) pick(a *app, repository string) {
	owner, _, _ := strings.Cut(strings.ToLower(repository), "/")
	ours := func(i image) bool { return slices.Contains(strings.Split(i.repository(), "/"), owner) }
	someones := func(i image) bool {
		name := strings.TrimPrefix(strings.TrimPrefix(i.repository(), "docker.io/"), "library/")
		return strings.Contains(name, "/")
	}
	found := a.images
	for _, wanted := range []func(image) bool{ours, someones} {
		if len(found) > 1 && slices.ContainsFunc(found, wanted) {
			found = slices.DeleteFunc(slices.Clone(found), func(i image) bool { return !wanted(i) })
			break
		}
	}
	if len(found) > 1 && !slices.ContainsFunc(found, someones) {
		found = nil
	}
	for _, i := range a.images {
		if !slices.Contains(found, i) {
			s.leave("image %s: it does not look like one of this repository's; it stays as the files have it", i.repository())
		}
	}
	a.images = found
}
