package report

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/towpath/towpath/internal/promote"
)

// freight shows what every slot holds now and what it gets, artifact by artifact.
func (v View) freight(stage string, p promote.Proposal) string {
	holding, _ := v.Snapshot.Facts.Holding(stage)
	room := maxFreight
	var b strings.Builder
	for _, f := range v.Freight(p.Freight) {
		if holding.Freight[f.Warehouse] == f.ID {
			fmt.Fprintf(&b, "Slot %s keeps %s.\n\n", code(f.Warehouse), code(Name(f)))
			continue
		}
		old := v.held(stage, f.Warehouse)
		b.WriteString(tableHead("slot "+code(f.Warehouse), "now "+orNothing(old.Alias), "new "+code(f.Alias), ""))
		rows, left := fit(v.artifacts(old, f), room)
		b.WriteString(rows)
		if left > 0 {
			b.WriteString(tableRow(fmt.Sprintf("and %d more", left)))
		}
		room -= len(rows)
		b.WriteString("\n")
	}
	return b.String()
}

// held is the freight that a slot of the stage holds; empty when it holds none.
func (v View) held(stage, warehouse string) promote.Freight {
	holding, _ := v.Snapshot.Facts.Holding(stage)
	old := v.Freight(map[string]string{warehouse: holding.Freight[warehouse]})
	if len(old) == 0 {
		return promote.Freight{}
	}
	return old[0]
}

// artifacts is one row per artifact, with those at the end that are gone.
func (v View) artifacts(old, f promote.Freight) []string {
	var out []string
	row := func(kind, name, before, after, note string) {
		out = append(out, tableRow(kind+" "+name, before, after, note))
	}
	for _, i := range f.Images {
		before, _ := old.Image(i.Repository)
		row("image", code(i.Repository), image(before), image(i), revisions(before, i))
	}
	for _, c := range f.Charts {
		before, _ := old.Chart(c.KnownAs())
		row("chart", code(c.KnownAs()), chart(before), chart(c), moved(before, c))
	}
	for _, c := range f.Commits {
		before, _ := old.Commit(c.Repository)
		row("commit", v.repository(c.Repository), commit(before), commit(c), v.compare(c.Repository, before.ID, c.ID))
	}
	for _, i := range old.Images {
		if _, kept := f.Image(i.Repository); !kept {
			row("image", code(i.Repository), image(i), "–", "not in it any more")
		}
	}
	for _, c := range old.Charts {
		if _, kept := f.Chart(c.KnownAs()); !kept {
			row("chart", code(c.KnownAs()), chart(c), "–", "not in it any more")
		}
	}
	for _, c := range old.Commits {
		if _, kept := f.Commit(c.Repository); !kept {
			row("commit", v.repository(c.Repository), commit(c), "–", "not in it any more")
		}
	}
	return out
}

func image(i promote.Image) string {
	switch {
	case i.Digest == "":
		return "–"
	case i.Tag == "":
		return digest(i.Digest)
	}
	return code(i.Tag) + " " + digest(i.Digest)
}

func digest(full string) string { return code("sha256:" + promote.ShortID(full)) }

func chart(c promote.Chart) string {
	switch {
	case c.Version == "":
		return "–"
	case c.Digest == "":
		return code(c.Version)
	}
	return code(c.Version) + " " + digest(c.Digest)
}

// moved says that a chart of the same name comes from elsewhere now.
func moved(before, after promote.Chart) string {
	if before.Version == "" || before.Repository == after.Repository {
		return ""
	}
	return "from " + code(after.Repository) + ", not from " + code(before.Repository) + " any more"
}

// revisions says from which source an image was built; it is only known by its
// id, not by its repository, so there is nothing to link to.
func revisions(before, after promote.Image) string {
	switch {
	case after.Revision == "" || before.Revision == after.Revision:
		return ""
	case before.Revision == "":
		return "built from " + code(promote.ShortID(after.Revision))
	}
	return "built from " + code(promote.ShortID(before.Revision)) + " → " + code(promote.ShortID(after.Revision))
}

func (v View) repository(name string) string {
	if name == "." {
		name = v.Pipeline.Repository
	}
	return code(name)
}

func commit(c promote.Commit) string {
	if c.Tag == "" {
		return orNothing(promote.ShortID(c.ID))
	}
	return code(c.Tag) + " " + code(promote.ShortID(c.ID))
}

func orNothing(word string) string {
	if word == "" {
		return "–"
	}
	return code(word)
}

// compare links to what changed between two commits of the own repository; where
// others are to be seen is not known here.
func (v View) compare(repository, before, after string) string {
	switch {
	case repository != "." || before == after || after == "":
		return ""
	case before == "":
		return link("commit", v.URL+"/commit/"+after)
	}
	return link("compare", v.URL+"/compare/"+before+"..."+after)
}

// backwards says where a promotion takes an artifact to an older version, or the
// slot to freight that was selected earlier (F6). The texts are safe already.
func (v View) backwards(stage string, f promote.Freight) []string {
	old := v.held(stage, f.Warehouse)
	var out []string
	for _, i := range f.Images {
		before, ok := old.Image(i.Repository)
		if ok && older(i, before) {
			out = append(out, fmt.Sprintf("image %s goes back from %s to %s", code(i.Repository), image(before), image(i)))
		}
	}
	for _, c := range f.Charts {
		before, ok := old.Chart(c.KnownAs())
		if lower, _ := lower(c.Version, before.Version); ok && lower {
			out = append(out, fmt.Sprintf("chart %s goes back from %s to %s", code(c.KnownAs()), chart(before), chart(c)))
		}
	}
	for _, c := range f.Commits {
		before, ok := old.Commit(c.Repository)
		if ok && before.Tag != "" && c.Tag != "" && promote.OlderTag(c.Tag, before.Tag) {
			out = append(out, fmt.Sprintf("commit of %s goes back from %s to %s", v.repository(c.Repository), commit(before), commit(c)))
		}
	}
	if len(out) == 0 && f.ID != old.ID && f.Selected.Before(old.Selected) {
		out = append(out, fmt.Sprintf("slot %s goes back: %s was selected after %s", code(f.Warehouse), code(old.Alias), code(f.Alias)))
	}
	return out
}

// older compares by version, and by build time where the tags are no versions.
func older(a, b promote.Image) bool {
	if lower, known := lower(a.Tag, b.Tag); known {
		return lower
	}
	return !a.Created.IsZero() && a.Created.Before(b.Created)
}

// lower compares two versions; known is false where one of them is none.
func lower(a, b string) (lower, known bool) {
	x, errA := semver.NewVersion(a)
	y, errB := semver.NewVersion(b)
	if errA != nil || errB != nil {
		return false, false
	}
	return x.LessThan(y), true
}

// configuration says at which commits the configuration was read, now and for
// what the stage holds (P17).
func (v View) configuration(stage string, p promote.Proposal) string {
	before, held := v.Snapshot.Facts.Holding(stage)
	if !held || before.Config == "" || p.Config == "" || before.Config == p.Config {
		return ""
	}
	text := fmt.Sprintf("The configuration was read at %s; what the stage holds was made with that of %s", code(promote.ShortID(p.Config)), code(promote.ShortID(before.Config)))
	if compare := v.compare(".", before.Config, p.Config); compare != "" {
		text += " (" + compare + ")"
	}
	return text + ".\n\n"
}
