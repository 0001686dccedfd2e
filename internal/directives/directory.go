package directives

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"unicode/utf8"
)

// Directory is a folder of plain manifests.
type Directory struct{ Path string }

// read returns the manifests under the folder, in the order of a directory walk.
// As for kubectl these are the files .yaml, .yml and .json, links to files too.
func (d Directory) read(tree *Workspace) ([]stream, error) {
	root, err := Resolve(tree, d.Path)
	if err != nil {
		return nil, err
	}
	if info, err := tree.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no folder %s in the workspace", d.Path)
	}
	var found []stream
	size := 0
	err = fs.WalkDir(tree, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			return err
		}
		data, err := tree.ReadFile(name)
		if err != nil {
			return err
		}
		if size += len(data); size > maxYAML {
			return fmt.Errorf("the manifests have more than %d bytes", maxYAML)
		}
		if !utf8.Valid(data) {
			return fmt.Errorf("%s is not UTF-8", name)
		}
		found = append(found, stream{name, bytes.TrimPrefix(data, utf8BOM)})
		return nil
	})
	return found, err
}
