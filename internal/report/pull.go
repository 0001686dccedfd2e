package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// PullRequest is the text of an open promotion. It holds nothing that changes by
// time alone, so that it is edited only when something happened.
func PullRequest(v View, stage string, changes []directives.ResourceChange) (title, body string) {
	open := v.open(stage)
	if open == nil {
		return "", ""
	}
	p := open.Proposal
	title = fmt.Sprintf("Promote %s to %s", v.title(p.Freight), stage)
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- towpath: %s/%s -->\n", v.Pipeline.Name, stage)
	fmt.Fprintf(&b, "%s → **%s**, %s.\n\n", code(v.aliases(p.Freight)), stage, asked(p.By))
	v.warnings(&b, stage, p)
	v.freightTable(&b, stage, p)
	v.rule(&b, stage, p)
	resources(&b, changes)
	fmt.Fprintf(&b, "### Pipeline\n\n```mermaid\n%s```\n\n", Mermaid(v))
	commands(&b, stage)
	return title, bounded(b.String())
}

func asked(by string) string {
	if by == promote.Automatic {
		return "as soon as it was available"
	}
	return "asked for by " + code(by)
}

// title names what is promoted in one line.
func (v View) title(slots map[string]string) string {
	var out []string
	for _, f := range v.Freight(slots) {
		out = append(out, strings.TrimSpace(what(f)+" ("+f.Alias+")"))
	}
	return strings.Join(out, ", ")
}

func (v View) warnings(b *strings.Builder, stage string, p promote.Proposal) {
	for _, r := range v.verdict(stage).Blocked {
		fmt.Fprintf(b, "> [!CAUTION]\n> Do not merge: %s\n\n", prose(r.String()))
	}
	for _, r := range v.verdict(stage).Reasons {
		if r.Kind == promote.CombinationUnseen {
			fmt.Fprintf(b, "> [!WARNING]\n> %s\n\n", prose(r.String()))
		}
	}
	if arrivals := v.Snapshot.Facts.ArrivalsIn(stage); len(arrivals) > 0 && arrivals[len(arrivals)-1].Manner == promote.ByDrift {
		fmt.Fprintf(b, "> [!WARNING]\n> The stage was changed outside of a promotion at %s; merging replaces that.\n\n", code(promote.ShortID(arrivals[len(arrivals)-1].Commit)))
	}
	if len(p.Unverified) > 0 {
		b.WriteString("> [!WARNING]\n> Not part of what was verified upstream:\n")
		for _, name := range p.Unverified {
			fmt.Fprintf(b, "> - %s\n", code(name))
		}
		b.WriteString("\n")
	}
}

// freightTable shows old → new per artifact.
func (v View) freightTable(b *strings.Builder, stage string, p promote.Proposal) {
	holding, _ := v.Snapshot.Facts.Holding(stage)
	b.WriteString("| artifact | now | new | |\n|---|---|---|---|\n")
	for _, f := range v.Freight(p.Freight) {
		old, _ := v.Snapshot.Facts.FreightByID(holding.Freight[f.Warehouse])
		for _, i := range f.Images {
			before, _ := old.Image(i.Repository)
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", code(i.Repository), image(before), image(i), revisions(before, i))
		}
		for _, c := range f.Commits {
			before, _ := old.Commit(c.Repository)
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", v.source(c.Repository), commit(before), commit(c), v.compare(before, c))
		}
	}
	b.WriteString("\n")
}

func image(i promote.Image) string {
	switch {
	case i.Digest == "":
		return "–"
	case i.Tag == "":
		return code(short(i.Digest))
	}
	return code(i.Tag) + " " + code(short(i.Digest))
}

func short(digest string) string { return "sha256:" + promote.ShortID(digest) }

func revisions(before, after promote.Image) string {
	if before.Revision == "" || after.Revision == "" || before.Revision == after.Revision {
		return ""
	}
	return code(promote.ShortID(before.Revision)) + " → " + code(promote.ShortID(after.Revision))
}

func (v View) source(repository string) string {
	if repository == "." {
		return "sources"
	}
	return code(repository)
}

func commit(c promote.Commit) string {
	if c.ID == "" {
		return "–"
	}
	return code(promote.ShortID(c.ID))
}

func (v View) compare(before, after promote.Commit) string {
	switch {
	case after.Repository != "." || before.ID == after.ID:
		return ""
	case before.ID == "":
		return fmt.Sprintf("[commit](%s/commit/%s)", v.URL, after.ID)
	}
	return fmt.Sprintf("[compare](%s/compare/%s...%s)", v.URL, before.ID, after.ID)
}

// rule says how the upstream rule was met, by which results.
func (v View) rule(b *strings.Builder, stage string, p promote.Proposal) {
	rule := p.Rule
	if rule == "" {
		rule = "nothing new is promoted: the same freight, made again"
	}
	fmt.Fprintf(b, "### Why now\n\n%s\n\n", prose(rule))
	s, _ := v.Pipeline.Stage(stage)
	seen := map[string]bool{}
	for _, r := range s.Requests {
		for _, from := range r.From {
			if !seen[from] {
				seen[from] = true
				v.results(b, from, r, p.Freight[r.Warehouse])
			}
		}
	}
}

func (v View) results(b *strings.Builder, from string, r promote.Request, freight string) {
	upstream, _ := v.Pipeline.Stage(from)
	for _, a := range v.Snapshot.Facts.ArrivalsIn(from) {
		if a.Freight[r.Warehouse] != freight {
			continue
		}
		fmt.Fprintf(b, "- **%s** since %s", from, when(a.Entered()))
		if upstream.OnArrival {
			b.WriteString(", verified on arrival")
		}
		for _, g := range v.Snapshot.Gates(upstream, a) {
			fmt.Fprintf(b, "; %s %s", gateName(g), g.State)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func gateName(g promote.GateResult) string {
	name := code(g.Gate.Name)
	if strings.HasPrefix(g.URL, "https://") && !strings.ContainsAny(g.URL, " ()<>\n\"") {
		name = fmt.Sprintf("[%s](%s)", name, g.URL)
	}
	if !g.Gate.Required {
		name += " (informing)"
	}
	return name
}

// maxChanges is how many changed resources a pull request shows.
const maxChanges = 60

func resources(b *strings.Builder, changes []directives.ResourceChange) {
	if len(changes) == 0 {
		return
	}
	fmt.Fprintf(b, "### Changes\n\n<details%s><summary>%d changed</summary>\n\n", openWhenFew(changes), len(changes))
	b.WriteString("| resource | | field | now | new |\n|---|---|---|---|---|\n")
	for _, c := range changes[:min(len(changes), maxChanges)] {
		name := code(strings.TrimPrefix(c.Kind+" "+strings.TrimPrefix(c.Namespace+"/"+c.Name, "/"), " "))
		if c.Kind == "" {
			name = code(c.Path)
		}
		if len(c.Fields) == 0 {
			fmt.Fprintf(b, "| %s | %s | | | |\n", name, c.Action)
		}
		for _, f := range c.Fields {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", name, c.Action, code(f.Path), value(f.Old), value(f.New))
		}
		if c.More > 0 {
			fmt.Fprintf(b, "| %s | %s | and %d more | | |\n", name, c.Action, c.More)
		}
	}
	if more := len(changes) - maxChanges; more > 0 {
		fmt.Fprintf(b, "\n… and %d more.\n", more)
	}
	b.WriteString("\n</details>\n\n")
}

func openWhenFew(changes []directives.ResourceChange) string {
	if len(changes) <= 10 {
		return " open"
	}
	return ""
}

func value(s string) string {
	if s == "" {
		return "–"
	}
	return code(s)
}

func commands(b *strings.Builder, stage string) {
	fmt.Fprintf(b, "### Commands\n\n| comment | does |\n|---|---|\n"+
		"| `/promote %[1]s` | promotes the newest available freight |\n"+
		"| `/cancel %[1]s` | closes this promotion and rejects its freight |\n"+
		"| `/hold %[1]s reason` | keeps the stage as it is, until `/unhold %[1]s` |\n"+
		"| `/status` | says what every stage holds and waits for |\n", stage)
}

// duration prints 1h, not 1h0m0s.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
