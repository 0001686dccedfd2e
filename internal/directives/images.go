package directives

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// imageSetting sets the images of what was rendered, where a chart offers no
// value for them. It finds and writes them as `images` of a kustomization do, and
// changes only their bytes.
type imageSetting struct {
	pins  []pin
	found []bool          // by pin
	seen  map[string]bool // every image, for errors
}

func newImageSetting(pins []pin) *imageSetting {
	return &imageSetting{pins, make([]bool, len(pins)), map[string]bool{}}
}

// apply returns the stream with the images set.
func (i *imageSetting) apply(s stream) ([]byte, error) {
	if len(i.pins) == 0 {
		return s.data, nil
	}
	var out bytes.Buffer
	at := 0
	for d := range s.documents() {
		data, err := i.document(d)
		if err != nil {
			return nil, err
		}
		out.Write(s.data[at:d.start])
		out.Write(data)
		at = d.start + len(d.data)
	}
	out.Write(s.data[at:])
	return out.Bytes(), nil
}

// document leaves one alone that has none of the images: whether it may be edited
// does not matter then.
func (i *imageSetting) document(d document) ([]byte, error) {
	n, err := d.read()
	if err != nil || n == nil {
		return d.data, err
	}
	var concerned bool
	find := imageWalk{map[*yaml.Node]bool{}, func(image *yaml.Node) error {
		i.seen[image.Value] = true
		concerned = i.pinned(image.Value) != image.Value || concerned
		return nil
	}}
	if err := find.below(n); err != nil || !concerned {
		return d.data, err
	}
	text, err := parseYAML(d.data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.place(), err)
	}
	e := editor{text: text}
	set := imageWalk{map[*yaml.Node]bool{}, func(image *yaml.Node) error {
		return e.replace(image, scalar{"!!str", i.pinned(image.Value)})
	}}
	if err := set.below(text.docs[0].Content[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", d.place(), err)
	}
	if text, err = e.apply(); err != nil {
		return nil, fmt.Errorf("%s: set an image: %w", d.place(), err)
	}
	return text.data, nil
}

// imageVersion is what may stand behind an image's name: a tag, a digest, both.
var imageVersion = regexp.MustCompile(`^(:[a-zA-Z0-9_.{}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?$`)

// pinned is what becomes of an image; each pin sees what those before it made.
func (i *imageSetting) pinned(image string) string {
	for at, p := range i.pins {
		version, is := strings.CutPrefix(image, p.name)
		if !is || !imageVersion.MatchString(version) {
			continue
		}
		i.found[at] = true
		image = cmp.Or(p.set["newName"], p.name)
		if tag := p.set["newTag"]; tag != "" {
			image += ":" + tag
		}
		if digest := p.set["digest"]; digest != "" {
			image += "@" + digest
		}
	}
	return image
}

// missing reports an image that nothing has: it would never be promoted.
func (i *imageSetting) missing() error {
	at := slices.Index(i.found, false)
	if at < 0 {
		return nil
	}
	there := slices.Sorted(maps.Keys(i.seen))
	for k, image := range there {
		there[k] = shorten(image)
	}
	if len(there) > 10 {
		there = append(there[:10], "…")
	}
	return fmt.Errorf("nothing has the image %s, which must be named as there; the images are: %s", i.pins[at].name, cmp.Or(strings.Join(there, ", "), "none"))
}

// imageLists are the lists of images in a resource, and where each item has its own.
var imageLists = map[string][]string{
	"containers": {"image"}, "initContainers": {"image"}, "ephemeralContainers": {"image"},
	"volumes": {"image", "reference"},
}

// imageWalk visits every image once, at the anchor where it is an alias. Custom
// resource definitions, which describe lists of the same names, and Secrets have none.
type imageWalk struct {
	walked map[*yaml.Node]bool
	visit  func(image *yaml.Node) error
}

func (w imageWalk) below(n *yaml.Node) error {
	n = followed(n)
	if len(n.Content) == 0 || w.walked[n] {
		return nil
	}
	w.walked[n] = true
	if n.Kind == yaml.MappingNode {
		if field(n, "kind") == "CustomResourceDefinition" || holdsSecret(n) {
			return nil
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if err := w.list(n.Content[i+1], imageLists[n.Content[i].Value]); err != nil {
				return err
			}
		}
	}
	for _, child := range n.Content {
		if err := w.below(child); err != nil {
			return err
		}
	}
	return nil
}

func (w imageWalk) list(n *yaml.Node, path []string) error {
	if n = followed(n); n.Kind != yaml.SequenceNode || path == nil {
		return nil
	}
	for _, image := range n.Content {
		for _, name := range path {
			if image != nil {
				image = valueOf(image, name)
			}
		}
		if image == nil || image.Kind != yaml.ScalarNode || image.ShortTag() != "!!str" || w.walked[image] {
			continue
		}
		w.walked[image] = true
		if err := w.visit(image); err != nil {
			return err
		}
	}
	return nil
}
