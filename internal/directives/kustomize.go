package directives

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/towpath/towpath/internal/promote"
)

// Kind implements Directive.
func (Kustomize) Kind() string { return "kustomize" }

// Target is the directory that the directive changes, for errors.
func (k Kustomize) Target() string { return k.Path }

// Apply pins the images in the one kustomization file of the directory (D3).
// Entries that are there are changed in place, all of them where a name has
// several; a missing one is added at the end.
func (k Kustomize) Apply(_ context.Context, ws *Workspace, env *Env) error {
	name, err := kustomizationFile(ws, k.Path)
	if err != nil {
		return err
	}
	pins, err := k.pins(env.Freight)
	if err != nil {
		return err
	}
	return ws.edit(name, func(data []byte) ([]byte, []Edit, error) { return pinImages(data, pins) })
}

// KustomizationFiles are the names that kustomize looks for.
func KustomizationFiles() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

func kustomizationFile(ws *Workspace, dir string) (string, error) {
	if err := CheckPath(dir); err != nil {
		return "", err
	}
	var found []string
	for _, name := range KustomizationFiles() {
		switch _, err := ws.Stat(path.Join(dir, name)); {
		case err == nil:
			found = append(found, path.Join(dir, name))
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no kustomization file in %s", dir)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several kustomization files in %s: %s", dir, strings.Join(found, ", "))
}

// pin is what one image's entries must say.
type pin struct {
	name  string
	auto  bool // every image of the freight: entries are found by what the name means
	image promote.Image
	set   map[string]string // newName, newTag, digest; empty: must not be there
}

// The fields of an entry, in the order in which they are written.
var pinFields = []string{"newName", "newTag", "digest"}

func (k Kustomize) pins(freight []promote.Freight) ([]pin, error) {
	pins, err := pinsOf(k.Images, freight)
	if err != nil || len(pins) > 0 {
		return pins, err
	}
	for _, f := range freight {
		for _, image := range f.Images {
			p, err := ImagePin{Name: image.Repository}.pin(freight)
			if err != nil {
				return nil, err
			}
			p.auto = true
			pins = append(pins, p)
		}
	}
	if len(pins) == 0 {
		return nil, errors.New("the freight has no image to pin")
	}
	return pins, nil
}

// pinsOf are the pins of images that are listed, in order.
func pinsOf(images []ImagePin, freight []promote.Freight) ([]pin, error) {
	var pins []pin
	for _, want := range images {
		p, err := want.pin(freight)
		if err != nil {
			return nil, err
		}
		pins = append(pins, p)
	}
	return pins, nil
}

var digestText = regexp.MustCompile(`^[a-z0-9]+:[0-9a-f]{32,128}$`)

func (w ImagePin) pin(freight []promote.Freight) (pin, error) {
	if strings.Contains(w.Name, "@") || strings.Contains(w.Name[strings.LastIndex(w.Name, "/")+1:], ":") {
		return pin{}, fmt.Errorf("the image name %q must have neither tag nor digest", w.Name)
	}
	image, err := findImage(freight, w)
	if err != nil {
		return pin{}, err
	}
	if !digestText.MatchString(image.Digest) {
		return pin{}, fmt.Errorf("the digest %q of the image %s is none", image.Digest, image.Repository)
	}
	p := pin{name: w.Name, image: image, set: map[string]string{"newTag": image.Tag, "digest": image.Digest}}
	switch w.Pin {
	case "", "digest":
		p.set["newTag"] = ""
	case "tag":
		p.set["digest"] = ""
	case "both":
	default:
		return pin{}, fmt.Errorf("the image %s is pinned by %q: digest, tag or both", w.Name, w.Pin)
	}
	if w.Pin != "" && w.Pin != "digest" && image.Tag == "" {
		return pin{}, fmt.Errorf("the image %s has no tag to pin", w.Name)
	}
	if w.NewName != "" {
		p.set["newName"] = w.NewName
	}
	return p, nil
}

// findImage looks for the image by its name in the manifests, then by its new
// name. The same image from two warehouses needs a choice.
func findImage(freight []promote.Freight, w ImagePin) (promote.Image, error) {
	var found []promote.Image
	var warehouses []string
	for _, name := range []string{w.Name, w.NewName} {
		for _, f := range freight {
			if w.Warehouse != "" && f.Warehouse != w.Warehouse {
				continue
			}
			if image, ok := f.Image(name); ok && name != "" {
				found, warehouses = append(found, image), append(warehouses, f.Warehouse)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		return promote.Image{}, fmt.Errorf("the freight has no image %s", w.Name)
	case 1:
		return found[0], nil
	}
	return promote.Image{}, fmt.Errorf("the image %s comes from the warehouses %s: `warehouse` must choose one", w.Name, strings.Join(warehouses, " and "))
}

// pinImages edits a kustomization file.
func pinImages(data []byte, pins []pin) ([]byte, []Edit, error) {
	text, err := parseYAML(data)
	if err != nil {
		return nil, nil, err
	}
	k := kustomization{text: text}
	for _, p := range pins {
		if err := k.pin(p); err != nil {
			return nil, nil, fmt.Errorf("image %s: %w", p.name, err)
		}
	}
	return k.text.data, k.edits, nil
}

// kustomization is a kustomization file under edit.
type kustomization struct {
	text  *yamlText
	edits []Edit
}

func (k *kustomization) pin(p pin) error {
	names, err := k.entries(p)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		for _, name := range p.names() {
			if err := k.add(name, p); err != nil {
				return err
			}
		}
		return nil
	}
	for _, at := range names {
		for _, name := range pinFields {
			if value, wanted := p.set[name]; wanted {
				if err := k.setField(at, name, value, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// names are the names under which an image is added. An image of Docker Hub has
// two in manifests; an entry that matches nothing does no harm.
func (p pin) names() []string {
	if short, hub := strings.CutPrefix(p.name, "docker.io/"); hub && p.auto {
		return []string{strings.TrimPrefix(short, "library/"), p.name}
	}
	return []string{p.name}
}

// images returns the list of entries, nil when there is none yet.
func (k *kustomization) images() (root, list *yaml.Node, err error) {
	if len(k.text.docs) != 1 {
		return nil, nil, fmt.Errorf("a kustomization file has one document, this one has %d", len(k.text.docs))
	}
	root = k.text.docs[0].Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, nil, errors.New("the kustomization file is no mapping")
	}
	for i := 0; i < len(root.Content); i += 2 {
		switch name := root.Content[i].Value; {
		case name == "images":
			list = root.Content[i+1]
		case strings.EqualFold(name, "images"), strings.EqualFold(name, "imageTags"):
			return nil, nil, fmt.Errorf("line %d: write %s as `images`", root.Content[i].Line, name)
		}
	}
	if list != nil && list.Kind == yaml.AliasNode {
		list = list.Alias
	}
	if list != nil && list.Kind != yaml.SequenceNode && !isNull(list) {
		return nil, nil, fmt.Errorf("line %d: images is %s, not a list", list.Line, kindName(list))
	}
	return root, list, nil
}

// entries returns the indexes of the entries that are about the image.
func (k *kustomization) entries(p pin) ([]int, error) {
	_, list, err := k.images()
	if err != nil || list == nil {
		return nil, err
	}
	var exact, alike []int
	for i, item := range list.Content {
		name := field(item, "name")
		if name == p.name {
			exact = append(exact, i)
		}
		if name != "" && promote.NormaliseImage(name) == promote.NormaliseImage(p.name) {
			alike = append(alike, i)
		}
	}
	if p.auto || len(exact) == 0 {
		return alike, nil
	}
	return exact, nil
}

// setField sets or removes one field of an entry. A tag that gives way to a
// digest, or the reverse, leaves its line to it.
func (k *kustomization) setField(at int, name, value string, p pin) error {
	_, list, err := k.images()
	if err != nil {
		return err
	}
	entry := list.Content[at]
	if entry.Kind == yaml.AliasNode {
		entry = entry.Alias
	}
	_, old, err := stepKey(entry, name)
	if err != nil || old == nil && value == "" {
		return err
	}
	e := editor{text: k.text}
	edit := Edit{Key: fmt.Sprintf("images[name=%s].%s", field(entry, "name"), name), New: value}
	if old != nil {
		edit.Old = old.Value
	}
	switch other := opposite[name]; {
	case old != nil && value != "":
		err = e.replace(old, scalar{"!!str", value})
	case old != nil && p.set[other] != "" && field(entry, other) == "":
		return k.swap(entry, name, other, p.set[other])
	case old != nil:
		err = e.remove(entry, name)
	default:
		err = e.addPair(entry, []string{name}, scalar{"!!str", value})
	}
	if err != nil {
		return err
	}
	return k.done(e, edit)
}

// opposite names the field that takes the place of another.
var opposite = map[string]string{"newTag": "digest", "digest": "newTag"}

// swap turns one field of an entry into another.
func (k *kustomization) swap(entry *yaml.Node, from, to, value string) error {
	key, old, err := stepKey(entry, from)
	if err != nil {
		return err
	}
	edit := Edit{Key: fmt.Sprintf("images[name=%s].%s", field(entry, "name"), to), Old: old.Value, New: value}
	e := editor{text: k.text}
	if err := e.rename(key, to); err != nil {
		return err
	}
	if err := e.replace(old, scalar{"!!str", value}); err != nil {
		return err
	}
	return k.done(e, edit)
}

// add writes a new entry.
func (k *kustomization) add(name string, p pin) error {
	root, list, err := k.images()
	if err != nil {
		return err
	}
	pairs := [][2]string{{"name", name}}
	var edits []Edit
	for _, f := range pinFields {
		if p.set[f] != "" {
			pairs = append(pairs, [2]string{f, p.set[f]})
			edits = append(edits, Edit{Key: fmt.Sprintf("images[name=%s].%s", name, f), New: p.set[f]})
		}
	}
	e := editor{text: k.text}
	switch {
	case list == nil:
		err = e.addList(root, "images", pairs)
	case isNull(list):
		err = e.fillList(root, list, pairs)
	default:
		err = e.addItem(list, pairs)
	}
	if err != nil {
		return err
	}
	return k.done(e, edits...)
}

func (k *kustomization) done(e editor, edits ...Edit) error {
	if len(e.splices) == 0 {
		return nil
	}
	text, err := e.apply()
	if err != nil {
		return err
	}
	k.text = text
	k.edits = append(k.edits, slices.Clone(edits)...)
	return nil
}
