package directives

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
)

// checkPins refuses images that a directive lists and that no manifest has, where
// it is known what a kustomization comes to: nobody would see that the promotion
// changes nothing that runs.
func (r *Result) checkPins(ctx context.Context, p Program, env *Env) error {
	if !slices.ContainsFunc(p.Render, func(a App) bool { return a.Kustomize != nil }) {
		return nil
	}
	for _, s := range p.Steps {
		k, ok := s.Directive.(Kustomize)
		if !ok {
			continue
		}
		pins, err := pinsOf(k.Images, env.Freight)
		if err != nil {
			return err
		}
		for _, pin := range pins {
			there, err := r.Tree.contains(ctx, pin.text())
			if err == nil && !there {
				err = fmt.Errorf("no manifest that was rendered has the image %s", pin.name)
			}
			if err != nil {
				return &StepError{Index: s.Index, Kind: k.Kind(), Path: k.Path, Position: s.Position, Err: err}
			}
		}
	}
	return nil
}

// text is what an image ends with that was set so, but for a suffix of the tag.
func (p pin) text() string {
	if digest := p.set["digest"]; digest != "" {
		return "@" + digest
	}
	return ":" + p.set["newTag"]
}

// contains tells whether a file has a text.
func (w *Workspace) contains(ctx context.Context, text string) (found bool, _ error) {
	err := fs.WalkDir(w, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(w, name)
		if err == nil && bytes.Contains(data, []byte(text)) {
			err = fs.SkipAll
			found = true
		}
		return err
	})
	return found, err
}
