package promote

// watch tells of a stage that others write: it holds what they put there, and
// nothing is promoted into it.
func (d *decision) watch(slots []slot) Verdict {
	others := Reason{Kind: WrittenByOthers, Stage: d.stage.Name, Note: d.stage.Target.Name()}
	if d.verdict.Ask != nil {
		d.verdict.Reasons, d.verdict.Refused = []Reason{others}, true
		return d.finish(Wait, nil)
	}
	waiting := map[string]string{}
	for _, sl := range slots {
		if sl.candidate != nil && d.prefers(sl.request, sl.candidate.ID, sl.held) {
			waiting[sl.request.Warehouse] = sl.candidate.ID
		}
	}
	if len(waiting) > 0 || len(d.held) == 0 {
		d.verdict.Reasons = []Reason{others}
		return d.finish(Wait, waiting)
	}
	return d.finish(Current, d.held)
}

// Name is the place as people say it.
func (t Target) Name() string {
	if t.Path == "." || t.Path == "" {
		return t.Branch
	}
	return t.Branch + "/" + t.Path
}
