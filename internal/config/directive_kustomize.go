package config

import (
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

type rawKustomize struct {
	At
	Path   Text         `yaml:"path" req:"true" is:"path" doc:"The folder with the kustomization file."`
	Images List[rawPin] `yaml:"images" doc:"The images to pin. By default all images of the freight."`
}

type rawPin struct {
	At
	Word      Text `scalar:"repository" is:"image" doc:"The image's repository."`
	Name      Text `yaml:"name" req:"true" doc:"The image as the manifests call it."`
	NewName   Text `yaml:"newName" is:"image" doc:"The image's repository, where the manifests call it otherwise."`
	Pin       Word `yaml:"pin" enum:"digest|tag|both" default:"digest" doc:"What is written."`
	Warehouse Word `yaml:"warehouse" is:"name" doc:"Whose freight holds it, where two slots do."`
}

func (raw *rawKustomize) build(e *evaluator) directives.Directive {
	built := directives.Kustomize{Path: e.path(raw.Path, "."), Images: e.pins(raw.Images)}
	if raw.Images.empty() {
		for _, f := range e.scope.Freight {
			for _, image := range f.Images {
				e.oneImage(raw.Path.At, image.Repository, "")
			}
		}
	}
	return built
}

// pins builds a list of images to pin.
func (e *evaluator) pins(raw List[rawPin]) []directives.ImagePin {
	var out []directives.ImagePin
	for _, pin := range raw.Items {
		name, at := e.text(pin.Word), pin.Word.At
		if !at.Set() {
			name, at = e.text(pin.Name), pin.Name.At
		}
		image := directives.ImagePin{Name: name, NewName: e.text(pin.NewName), Pin: pin.Pin.Value, Warehouse: pin.Warehouse.Value}
		if image.Pin == "" {
			image.Pin = "digest"
		}
		if e.knownWarehouse(pin.Warehouse) && name != "" {
			e.oneImage(at, imageOf(image), image.Warehouse)
		}
		out = append(out, image)
	}
	return out
}

// oneImage reports an image that the freight does not hold, or that two slots
// hold differently: any choice would be a guess.
func (e *evaluator) oneImage(at At, repository, warehouse string) {
	var in []string
	var first promote.Image
	for _, f := range e.slots(warehouse) {
		image, ok := f.Image(repository)
		if !ok || len(in) > 0 && image.Digest == first.Digest && image.Tag == first.Tag {
			continue
		}
		first, in = image, append(in, f.Warehouse)
	}
	switch len(in) {
	case 0:
		e.add(at, "image %s is not in the freight of this stage", repository)
	case 1:
	default:
		e.add(at, "image %s is in the freight of %s and %s; list it under `images` with its `warehouse`", repository, in[0], in[1])
	}
}

// imageOf is the repository of a pinned image.
func imageOf(pin directives.ImagePin) string {
	if pin.NewName != "" {
		return pin.NewName
	}
	return pin.Name
}
