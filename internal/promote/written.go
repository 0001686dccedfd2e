package promote

import "slices"

// Written lists the places that the ledger knows promotions to have written, or
// to have been proposed for, each as a stage of that name and target and nothing
// else. A stage that was moved has several. What is in the pipeline's own
// repository is so whatever that was called then.
func (f Facts) Written(own string) []Stage {
	var out []Stage
	add := func(stage string, t Target) {
		known := func(s Stage) bool { return s.Name == stage && s.Target == t }
		if t.Branch != "" && !slices.ContainsFunc(out, known) {
			out = append(out, Stage{Name: stage, Kind: Assembled, Target: t})
		}
	}
	for _, p := range f.Proposals {
		add(p.Stage, p.Target.placeOf(p.Repository, own))
	}
	for _, a := range f.Arrivals {
		if a.Manner != ByOthers {
			add(a.Stage, a.Target.placeOf(a.Repository, own))
		}
	}
	return out
}

// At are the proposals and arrivals of one of the places of [Facts.Written].
func (f Facts) At(place Stage, own string) Facts {
	var out Facts
	for _, p := range f.Proposals {
		if p.Stage == place.Name && p.Target.placeOf(p.Repository, own) == place.Target {
			out.Proposals = append(out.Proposals, p)
		}
	}
	for _, a := range f.Arrivals {
		if a.Stage == place.Name && a.Target.placeOf(a.Repository, own) == place.Target {
			out.Arrivals = append(out.Arrivals, a)
		}
	}
	return out
}

// Place is the target without the way of delivery.
func (t Target) Place() Target {
	t.Push = false
	return t
}

// placeOf is the place of a recorded target; number is that of a repository other
// than our own.
func (t Target) placeOf(number int64, own string) Target {
	if number == 0 {
		t.Repository = own
	}
	return t.Place()
}
