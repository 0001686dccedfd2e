// Package report turns verdicts and changes into what people read: the text of
// promotion pull requests and commits, checks, replies, the drawn pipeline.
//
// It explains the very values that decided and looks at nothing else: it knows
// no clock, no files and no network, and the time of the snapshot changes no
// text. Every name in those values may have been chosen by somebody hostile;
// whatever comes from outside passes through one function of escape.go.
package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// View is one pipeline as the last look saw it.
type View struct {
	Pipeline promote.Pipeline
	Policy   promote.Policy
	Snapshot promote.Snapshot
	Verdicts []promote.Verdict
	URL      string // web address of the repository
	// Shared are the stages of which another pipeline of the repository has one of
	// the same name.
	Shared map[string]bool
}

// home is the web address of the repository that a stage is written to.
func (v View) home(stage promote.Stage) string {
	if !v.Pipeline.Elsewhere(stage) {
		return v.URL
	}
	server := v.URL
	for range 2 { // owner/name
		server = server[:max(0, strings.LastIndexByte(server, '/'))]
	}
	return server + "/" + stage.Target.Repository
}

// number is a pull request of a stage, by the name that leads there from a text in
// the pipeline's repository.
func (v View) number(stage promote.Stage, number int) string {
	if !v.Pipeline.Elsewhere(stage) {
		return fmt.Sprintf("#%d", number)
	}
	return fmt.Sprintf("%s#%d", stage.Target.Repository, number)
}

// called is the name of a stage that people understand: bare where that is clear,
// and with its place where the stage has several.
func (v View) called(stage string) string {
	name := stage
	if v.Shared[stage] {
		name = v.Pipeline.Name + "/" + stage
	}
	s, _ := v.Pipeline.Stage(stage)
	if len(v.Pipeline.Lanes(promote.StageOf(stage))) < 2 {
		return name
	}
	return name + " (" + strings.TrimSuffix(s.Target.Branch+"/"+s.Target.Path, "/.") + ")"
}

// maxText bounds what is written anywhere, in bytes; GitHub takes 65,535 characters.
const maxText = 60000

// Freight returns the freight of a stage's slots, in the order of its warehouses.
func (v View) Freight(slots map[string]string) []promote.Freight {
	var out []promote.Freight
	for _, w := range v.Pipeline.Warehouses {
		if id := slots[w.Name]; id != "" {
			f, ok := v.Snapshot.Facts.FreightByID(id)
			if !ok {
				f = promote.Freight{ID: id, Alias: promote.ShortID(id), Warehouse: w.Name}
			}
			out = append(out, f)
		}
	}
	return out
}

// verdict finds what was decided for a stage; a view may be narrowed to some.
func (v View) verdict(stage string) (promote.Verdict, bool) {
	for _, verdict := range v.Verdicts {
		if verdict.Stage == stage {
			return verdict, true
		}
	}
	return promote.Verdict{Stage: stage}, false
}

// passesOn tells whether a stage is a control-flow stage.
func (v View) passesOn(stage string) bool {
	s, _ := v.Pipeline.Stage(stage)
	return s.Kind == promote.Control
}

func (v View) open(stage string) *promote.Open { return v.Snapshot.Stages[stage].Open }

// pullURL is where an open promotion is to be seen; empty before it has a number.
func (v View) pullURL(open *promote.Open) string {
	switch {
	case open == nil || open.PullRequest == 0:
		return ""
	case open.URL != "":
		return open.URL
	}
	return fmt.Sprintf("%s/pull/%d", v.URL, open.PullRequest)
}

// names is freight in slots as people say it: "guestbook:1.4.2 (brave-otter)".
func (v View) names(slots map[string]string) string {
	var out []string
	for _, f := range v.Freight(slots) {
		out = append(out, Name(f))
	}
	return strings.Join(out, ", ")
}

// moving narrows slots to those in which the stage holds something else; to all
// of them where nothing moves.
func (v View) moving(stage string, slots map[string]string) map[string]string {
	holding, _ := v.Snapshot.Facts.Holding(stage)
	out := map[string]string{}
	for warehouse, id := range slots {
		if holding.Freight[warehouse] != id {
			out[warehouse] = id
		}
	}
	if len(out) == 0 {
		return slots
	}
	return out
}

// maxNamed is how many artifacts a freight's name lists.
const maxNamed = 3

// Name names freight with the versions that people know it by, and its alias. It
// is not escaped.
func Name(f promote.Freight) string {
	if artifacts := Artifacts(f); artifacts != "" {
		return fmt.Sprintf("%s (%s)", artifacts, f.Alias)
	}
	return f.Alias
}

// Artifacts names what is in freight, whether it was made or not. It is not escaped.
func Artifacts(f promote.Freight) string {
	var out []string
	for _, i := range f.Images {
		version := ":" + i.Tag
		if i.Tag == "" {
			version = "@" + promote.ShortID(i.Digest)
		}
		out = append(out, i.Repository[strings.LastIndex(i.Repository, "/")+1:]+version)
	}
	for _, c := range f.Charts {
		out = append(out, c.KnownAs()+" "+c.Version)
	}
	for _, c := range f.Commits {
		if len(out) == 0 {
			out = append(out, cmp.Or(c.Tag, promote.ShortID(c.ID)))
		}
	}
	if more := len(out) - maxNamed; more > 0 {
		out = append(out[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, " ")
}

// When is a time as every text shows it, in UTC; empty for the zero time.
func When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// fit joins the pieces from the first on for which there is room, in bytes, and
// returns how many are left over. Pieces are never cut, so that nothing that
// was opened in one stays open.
func fit(pieces []string, room int) (text string, left int) {
	var b strings.Builder
	for i, p := range pieces {
		if b.Len()+len(p) > room {
			return b.String(), len(pieces) - i
		}
		b.WriteString(p)
	}
	return b.String(), 0
}
