package config

import (
	"regexp"

	"github.com/towpath/towpath/internal/promote"
)

// publish is what a stage gives away of verified freight, apart from the tags,
// which depend on the freight. Of several images nobody could say which is copied.
func (e *evaluator) publish(raw rawStage, freight []promote.Freight) *promote.Publish {
	p := raw.Publish
	if p == nil {
		return nil
	}
	out := &promote.Publish{Refs: !p.Refs.Set() || p.Refs.Value}
	if image := e.text(p.Image); image != "" {
		out.Image = promote.NormaliseImage(image)
	}
	switch {
	case raw.kind() == promote.Control:
		e.add(p.At, "stage %q is a control-flow stage, which verifies nothing that could be published", raw.Name.Value)
	case !out.Refs && !p.Image.Set():
		e.add(p.At, "`publish` has neither `refs` nor `image`")
	case p.Tags.Set() && !p.Image.Set():
		e.add(p.Tags.At, "`publish.tags` needs `image`")
	case p.Image.Set() && p.Tags.empty():
		e.add(p.Image.At, "`publish.image` needs `tags`")
	}
	if !p.Image.Set() || freight == nil {
		return out
	}
	var images []string
	for _, f := range freight {
		for _, i := range f.Images {
			images = append(images, i.Repository)
			if i.Repository == out.Image {
				e.add(p.Image.At, "the image comes from %s; the copy goes to another repository", i.Repository)
			}
		}
	}
	if len(images) != 1 {
		e.add(p.Image.At, "`publish.image` copies the one image that the stage holds, and stage %q holds %d", raw.Name.Value, len(images))
	}
	return out
}

var imageTag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// publishTags evaluates the tags of the copy.
func (e *evaluator) publishTags(p *rawPublish) []string {
	if p == nil {
		return nil
	}
	var out []string
	for _, t := range p.Tags.Items {
		before := len(e.entries)
		tag := e.text(t)
		switch {
		case len(e.entries) > before, e.when == standIn && !t.template.Static():
			continue // reported, or not known yet
		case !imageTag.MatchString(tag):
			e.add(t.At, "%q is no tag of an image", tag)
		}
		out = append(out, tag)
	}
	return out
}

// PublishTags are the tags that the copy of a stage's image gets. The error is of
// type [Mistakes]: what an expression names may be missing in this very freight.
func (p Pipeline) PublishTags(stage string, freight []promote.Freight) ([]string, error) {
	e := &evaluator{collector: &collector{}, scope: p.Scope(stage, freight), when: actual}
	tags := e.publishTags(p.publish[stage])
	if mistakes := e.sorted(); len(mistakes) > 0 {
		return nil, mistakes
	}
	return tags, nil
}
