package promote

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	commitForm = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// Complete makes freight of what somebody wrote down: one per slot of the stage,
// in the order of the slots, with ids and aliases, and with everything that its
// warehouse subscribes to. The warehouse may be left out where there is one slot.
func Complete(p Pipeline, stage Stage, given []Freight) ([]Freight, error) {
	bySlot := map[string]Freight{}
	for _, f := range given {
		if f.Warehouse == "" && len(stage.Requests) == 1 {
			f.Warehouse = stage.Requests[0].Warehouse
		}
		if _, ok := stage.Request(f.Warehouse); !ok {
			return nil, fmt.Errorf("stage %s requests no warehouse %q; it requests %s", stage.Name, f.Warehouse, strings.Join(slots(stage), ", "))
		}
		if _, twice := bySlot[f.Warehouse]; twice {
			return nil, fmt.Errorf("there are two of warehouse %s", f.Warehouse)
		}
		f, err := p.warehouse(f.Warehouse).complete(f)
		if err != nil {
			return nil, fmt.Errorf("warehouse %s: %w", f.Warehouse, err)
		}
		bySlot[f.Warehouse] = f
	}
	var out []Freight
	for _, r := range stage.Requests {
		f, ok := bySlot[r.Warehouse]
		if !ok {
			return nil, fmt.Errorf("none for warehouse %s, which stage %s requests", r.Warehouse, stage.Name)
		}
		out = append(out, f)
	}
	return out, nil
}

func slots(stage Stage) []string {
	out := make([]string, len(stage.Requests))
	for i, r := range stage.Requests {
		out[i] = r.Warehouse
	}
	return out
}

func (p Pipeline) warehouse(name string) Warehouse {
	i := slices.IndexFunc(p.Warehouses, func(w Warehouse) bool { return w.Name == name })
	if i < 0 {
		return Warehouse{Name: name}
	}
	return p.Warehouses[i]
}

// complete brings the artifacts into the form in which they are found, and gives
// the freight its id.
func (w Warehouse) complete(f Freight) (Freight, error) {
	f.Images, f.Commits, f.Charts = slices.Clone(f.Images), slices.Clone(f.Commits), slices.Clone(f.Charts)
	for i := range f.Images {
		image := &f.Images[i]
		if image.Digest == "" {
			return f, fmt.Errorf("image %s: the digest is missing", image.Repository)
		}
		if !digestForm.MatchString(image.Digest) {
			return f, fmt.Errorf("image %s: the digest %q is not sha256: and 64 hex digits", image.Repository, image.Digest)
		}
		image.Repository = NormaliseImage(image.Repository)
		image.ByTag = slices.ContainsFunc(w.Images, func(s ImageSubscription) bool { return s.ByTag && s.Repository == image.Repository })
	}
	for i := range f.Commits {
		commit := &f.Commits[i]
		if !commitForm.MatchString(commit.ID) {
			return f, fmt.Errorf("commit of %s: the id %q is not 40 hex digits", commit.Repository, commit.ID)
		}
		commit.Repository = NormaliseRepository(commit.Repository)
	}
	for i := range f.Charts {
		chart := &f.Charts[i]
		if chart.Version == "" {
			return f, fmt.Errorf("chart %s: the version is missing", chart.Repository)
		}
		chart.Repository, chart.Name = NormaliseChart(chart.Repository), chart.KnownAs()
	}
	if lacks := w.lacks(f); len(lacks) > 0 {
		return f, fmt.Errorf("it lacks %s", strings.Join(lacks, ", "))
	}
	f.ID = f.Identify()
	f.Alias = Alias(f.ID, func(string) bool { return false })
	return f, nil
}

// CommitIn is the commit of a repository that the freights hold, in the slot of a
// warehouse where one is named; empty when there is none.
func CommitIn(freight []Freight, repository, warehouse string) (string, error) {
	found := map[string]bool{}
	for _, f := range freight {
		if c, ok := f.Commit(repository); ok && (warehouse == "" || warehouse == f.Warehouse) {
			found[c.ID] = true
		}
	}
	switch commits := slices.Sorted(maps.Keys(found)); len(commits) {
	case 0:
		return "", nil
	case 1:
		return commits[0], nil
	}
	return "", fmt.Errorf("several slots hold a commit of %s: say which with `warehouse:`", repository)
}
