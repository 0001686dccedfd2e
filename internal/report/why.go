package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Subject is what somebody asks the way of: a stage, an artifact by the name of its
// repository or chart, a commit, or freight by its alias or id; and a version of it.
type Subject struct {
	Stage    string `json:"stage,omitempty"`    // empty: it is none
	Pipeline string `json:"pipeline,omitempty"` // of the stage; empty: whichever has one of the name
	Name     string `json:"name,omitempty"`     // when it is no stage
	Version  string `json:"version,omitempty"`  // tag, version, digest, commit or alias; empty: all of them
}

// SubjectOf reads what somebody wrote: a stage where there is one of the name.
func SubjectOf(views []View, name, version string) Subject {
	for _, v := range views {
		for _, s := range v.Pipeline.Stages {
			if promote.Means(name, s.Name) {
				return Subject{Stage: name, Version: version}
			}
			if bare, ok := strings.CutPrefix(name, v.Pipeline.Name+"/"); ok && promote.Means(bare, s.Name) {
				return Subject{Pipeline: v.Pipeline.Name, Stage: bare, Version: version}
			}
		}
	}
	return Subject{Name: name, Version: version}
}

// WhyReply answers /why.
func WhyReply(views []View, asked Subject) string {
	answer := Why(views, asked)
	if len(answer) == 0 {
		return prose(Unknown(views, asked)) + ".\n"
	}
	head := "the way of " + code(strings.TrimSpace(cmp.Or(asked.Stage, asked.Name)+" "+asked.Version)) + ":\n\n"
	return head + fitted(answer, maxText-len(head))
}

// Unknown says that nothing goes by a name, and what there is to ask for.
func Unknown(views []View, asked Subject) string {
	var stages, artifacts []string
	for _, v := range views {
		for _, s := range v.Pipeline.Stages {
			stages = append(stages, v.Pipeline.Name+"/"+promote.StageOf(s.Name))
		}
		for _, w := range v.Pipeline.Warehouses {
			for _, s := range subscriptions(w) {
				artifacts = append(artifacts, cmp.Or(s.name, v.full(s.repository)))
			}
		}
	}
	return fmt.Sprintf("nothing here goes by the name %s; there are the stages %s, and %s",
		cmp.Or(asked.Name, asked.Stage), strings.Join(unique(stages), ", "), strings.Join(unique(artifacts), ", "))
}

// Bounds of an answer.
const (
	maxWays       = 3  // freight of the same name
	maxPassedWays = 10 // things that were not taken
)

// Why tells the way of one thing: seen, taken or not and by which rule, where it
// is, and what it waits for. It is empty when nothing here goes by that name.
func Why(views []View, asked Subject) []Point {
	var out []Point
	for _, v := range views {
		switch {
		case asked.Stage == "":
			out = append(out, v.ways(asked.Name, asked.Version)...)
		case asked.Pipeline == "" || asked.Pipeline == v.Pipeline.Name:
			for _, lane := range v.Pipeline.Lanes(asked.Stage) {
				out = append(out, v.whyStage(lane, asked.Version))
			}
		}
	}
	return out
}

// whyStage explains a stage, or how one freight stands before it.
func (v View) whyStage(s promote.Stage, version string) Point {
	if version == "" {
		return Explain(v, s.Name)
	}
	out := Point{Text: fmt.Sprintf("`%s` and %s", v.called(s.Name), version)}
	for _, f := range slices.Backward(v.Snapshot.Facts.Freight) {
		if _, requested := s.Request(f.Warehouse); requested && len(out.Below) < maxWays && isCalled(f, "", version) {
			out.Below = append(out.Below, v.inStage(s, f))
		}
	}
	if len(out.Below) == 0 {
		out.Below = append(v.passedWays("", version), points([]string{"there is no freight " + version + " that `" + s.Name + "` takes"})...)
	}
	return out
}

// ways is what became of everything in a pipeline that goes by a name.
func (v View) ways(name, version string) []Point {
	if base, tag, ok := cutVersion(name); version == "" && ok {
		if out := v.ways(base, tag); len(out) > 0 {
			return out
		}
	}
	var out []Point
	for _, f := range slices.Backward(v.Snapshot.Facts.Freight) {
		if isCalled(f, name, version) {
			if out = append(out, Way(v, f)); version == "" || len(out) == maxWays {
				break
			}
		}
	}
	out = append(out, v.passedWays(name, version)...)
	for _, w := range v.Pipeline.Warehouses {
		for _, subscription := range subscriptions(w) {
			if subscription.isCalled(name) {
				out = append(out, v.subscribed(w, subscription, version, len(out) > 0))
			}
		}
	}
	return out
}

// cutVersion takes name:version and name@version apart.
func cutVersion(name string) (base, version string, ok bool) {
	i := strings.LastIndexAny(name, ":@")
	if i <= 0 || i == len(name)-1 || strings.Contains(name[i:], "/") {
		return name, "", false
	}
	base, version = name[:i], name[i+1:]
	return strings.TrimSuffix(base, "@sha256"), version, true // repository@sha256:…
}

// Way is where one freight is, stage by stage, in the order of the pipeline.
func Way(v View, f promote.Freight) Point {
	out := Point{Text: fmt.Sprintf("%s is freight %s of %s/%s, selected %s", Name(f), f.Short(), v.Pipeline.Name, f.Warehouse, When(f.Selected))}
	for _, i := range f.Images {
		out.Below = append(out.Below, Point{Text: fmt.Sprintf("image %s:%s is %s", i.Repository, i.Tag, i.Digest)})
	}
	for _, c := range f.Charts {
		out.Below = append(out.Below, Point{Text: fmt.Sprintf("chart %s %s of %s", c.KnownAs(), c.Version, c.Repository)})
	}
	for _, c := range f.Commits {
		out.Below = append(out.Below, Point{Text: fmt.Sprintf("commit %s of %s", promote.ShortID(c.ID), v.full(c.Repository))})
	}
	for _, s := range v.Pipeline.Stages {
		if _, ok := s.Request(f.Warehouse); ok {
			out.Below = append(out.Below, v.inStage(s, f))
		}
	}
	return out
}

func (v View) full(repository string) string {
	if repository == "." {
		return v.Pipeline.Repository
	}
	return repository
}

// inStage is how one freight stands before one stage: there now, there before,
// proposed, or what keeps it out. The last is decided, as if it were asked for.
func (v View) inStage(s promote.Stage, f promote.Freight) Point {
	request, _ := s.Request(f.Warehouse)
	verdict, _ := v.verdict(s.Name)
	stay, found := v.stay(s, f.Warehouse, f.ID)
	held := v.held(s.Name, f.Warehouse)
	name := "`" + v.called(s.Name) + "`: "
	switch {
	case found && stay.left.IsZero():
		return Point{Text: name + "there since " + When(stay.entered), Below: points(gateTexts(s, stay.gates))}
	case found:
		return Point{Text: fmt.Sprintf("%sthere from %s to %s, and now %s", name, When(stay.entered), When(stay.left), orNone(held)), Below: points(gateTexts(s, stay.gates))}
	case v.open(s.Name) != nil && v.open(s.Name).Proposal.Freight[f.Warehouse] == f.ID:
		return Point{Text: fmt.Sprintf("%sproposed, %s is open", name, v.pull(s.Name, "")), Below: points(v.why(verdict))}
	case verdict.Action != promote.Current && verdict.Freight[f.Warehouse] == f.ID:
		return Point{Text: name + string(verdict.Action), Below: append(points(v.why(verdict)), v.weighed(s, request, f))}
	}
	answer := promote.WhatIf(v.Pipeline, v.Policy, v.Snapshot, s.Name, f)
	if answer.Refused {
		return Point{Text: name + "not there, and " + orNone(held) + " is", Below: append(points(sentencesPlain(important(answer.Reasons))), v.weighed(s, request, f))}
	}
	text := fmt.Sprintf("%snot there, and %s is; `/promote %s %s=%s` would bring it", name, orNone(held), v.called(s.Name), f.Warehouse, f.Alias)
	return Point{Text: text, Below: []Point{v.weighed(s, request, f)}}
}

func orNone(f promote.Freight) string {
	if f.ID == "" {
		return "nothing"
	}
	return Name(f)
}

func sentencesPlain(reasons []promote.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.String())
	}
	return unique(out)
}

// passedWays is what was seen by that name and never taken, and why.
func (v View) passedWays(name, version string) []Point {
	var out []Point
	for _, p := range v.Snapshot.Passed {
		named := name == "" || called(p.Repository, name) || p.Item == name
		taken := slices.ContainsFunc(v.Snapshot.Facts.Freight, func(f promote.Freight) bool { return p.Version != "" && isCalled(f, p.Repository, p.Version) })
		if !named || taken || version != "" && p.Version != version && !isPrefix(version, p.Version) || len(out) == maxPassedWays {
			continue
		}
		text := fmt.Sprintf("%s was seen by %s/%s and not taken: %s", p.Item, v.Pipeline.Name, p.Warehouse, p.Reason)
		if p.Detail != "" {
			text += ": " + p.Detail
		}
		out = append(out, Point{Text: text})
	}
	return out
}

// subscription is one thing that a warehouse follows.
type subscription struct{ kind, repository, name, rule string }

func (s subscription) isCalled(name string) bool { return called(s.repository, name) || s.name == name }

func subscriptions(w promote.Warehouse) []subscription {
	var out []subscription
	for _, s := range w.Images {
		out = append(out, subscription{"image", s.Repository, "", strings.TrimSpace(string(cmp.Or(s.Select, promote.SelectSemver)) + " " + s.Constraint)})
	}
	for _, s := range w.Charts {
		out = append(out, subscription{"chart", s.Repository, s.Name, cmp.Or(s.Constraint, "any release")})
	}
	for _, s := range w.Gits {
		out = append(out, subscription{"commits", s.Repository, "", "branch " + cmp.Or(s.Branch, "by default")})
	}
	return out
}

// subscribed says who follows a thing, by which rule, and what went wrong there;
// where nothing of the name was seen, that.
func (v View) subscribed(w promote.Warehouse, s subscription, version string, seen bool) Point {
	out := Point{Text: fmt.Sprintf("%s/%s follows %s %s by %s", v.Pipeline.Name, w.Name, s.kind, v.full(s.repository), s.rule)}
	if !seen && version != "" {
		out.Below = points([]string{version + " was not seen there at the last look"})
	}
	for _, r := range v.Snapshot.Trouble {
		if r.Warehouse == w.Name {
			out.Below = append(out.Below, Point{Text: r.String()})
		}
	}
	return out
}

// called tells whether a repository goes by a name: in full, or by its last parts.
func called(repository, name string) bool {
	repository = strings.TrimPrefix(repository, "oci://")
	return name != "" && (repository == name || strings.HasSuffix(repository, "/"+name) || promote.NormaliseImage(name) == repository)
}

// isCalled tells whether freight is meant: by its alias or id, or because it holds
// an artifact of that name and version, either of which may be empty.
func isCalled(f promote.Freight, name, version string) bool {
	if alone := name + version; name == "" || version == "" {
		if f.Alias == alone || isPrefix(alone, f.ID) {
			return true
		}
	}
	if version == f.Alias || isPrefix(version, f.ID) {
		version = ""
	}
	for _, i := range f.Images {
		if (name == "" || called(i.Repository, name)) && isVersion(version, i.Tag, i.Digest) {
			return true
		}
	}
	for _, c := range f.Charts {
		if (name == "" || called(c.Repository, name) || c.KnownAs() == name) && isVersion(version, c.Version, c.Digest) {
			return true
		}
	}
	for _, c := range f.Commits {
		if (name == "" || called(c.Repository, name)) && isVersion(version, c.Tag, c.ID) || version == "" && isPrefix(name, c.ID) {
			return true
		}
	}
	return false
}

func isVersion(version, tag, id string) bool {
	return version == "" || version == tag || isPrefix(strings.TrimPrefix(version, "sha256:"), strings.TrimPrefix(id, "sha256:"))
}

var hexDigits = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// isPrefix tells whether text is the beginning of an id that people would write.
func isPrefix(text, id string) bool {
	return hexDigits.MatchString(text) && strings.HasPrefix(id, text)
}
