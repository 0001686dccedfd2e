package towpath_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

var update = flag.Bool("update", false, "write into docs/rules.md what is decided about its examples")

// example is a rule and the table under it.
var example = regexp.MustCompile("(?s)```yaml\n(.*?)```\n\n((?:\\|[^\n]*\n)+)")

// TestRulesAreAsTheDocumentSays decides about every row of docs/rules.md.
func TestRulesAreAsTheDocumentSays(t *testing.T) {
	const name = "docs/rules.md"
	text, rows := read(t, name), 0
	now := example.ReplaceAllStringFunc(text, func(found string) string {
		m := example.FindStringSubmatch(found)
		lines := strings.SplitAfter(m[2], "\n")
		upstreams := cellsOf(lines[0])
		upstreams = upstreams[:len(upstreams)-1]
		for i := 2; i < len(lines)-1; i++ {
			cells := cellsOf(lines[i])[:len(upstreams)]
			said := decided(t, m[1], upstreams, cells)
			lines[i] = "| " + strings.Join(append(cells, said), " | ") + " |\n"
			rows++
		}
		return strings.TrimSuffix(found, m[2]) + strings.Join(lines, "")
	})
	switch {
	case rows < 20:
		t.Errorf("%d rows were found in %s", rows, name)
	case *update:
		if err := os.WriteFile(name, []byte(now), 0o600); err != nil {
			t.Fatal(err)
		}
	case now != text:
		old := strings.Split(text, "\n")
		for i, line := range strings.Split(now, "\n") {
			if line != old[i] {
				t.Errorf("%s:%d: it is\n%s", name, i+1, line)
			}
		}
	}
}

func cellsOf(row string) []string {
	cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC) // a Monday

// decided is what is said of prod, where its upstreams have what the cells say.
func decided(t *testing.T, rule string, upstreams, cells []string) string {
	t.Helper()
	p, policy := pipelineOf(t, rule, upstreams)
	s := promote.Snapshot{Now: noon, Stages: map[string]promote.StageState{}}
	freight := func(version string) string {
		f := promote.Freight{Warehouse: "app", Alias: "brave-otter", Images: []promote.Image{{Repository: "ghcr.io/acme/web", Tag: version, Digest: "sha256:" + strings.Repeat(version[2:3], 64)}}}
		f.ID, f.Selected = f.Identify(), noon.Add(-100*time.Hour+time.Duration(version[2])*time.Hour)
		if _, known := s.Facts.FreightByID(f.ID); !known {
			s.Facts.Freight = append(s.Facts.Freight, f)
		}
		return f.ID
	}
	freight("1.5.0")
	for i, cell := range cells {
		for n, had := range strings.Split(cell, ", then ") {
			if had == "–" {
				continue
			}
			said := strings.Split(had, "; ")
			words := strings.Fields(said[0])
			version, ago := "1.5.0", 3*time.Hour
			if states[words[0]] == nil { // it is of a gate by its name
				words = nil
			} else {
				said[0] = "e2e " + words[0]
			}
			for _, word := range words[min(1, len(words)):] {
				if d, err := time.ParseDuration(word); err == nil {
					ago = d
				} else {
					version = word
				}
			}
			a := promote.Arrival{Stage: upstreams[i], Manner: promote.ByMerge, Freight: map[string]string{"app": freight(version)}, At: noon.Add(-ago + time.Duration(n)*time.Minute)}
			a.Commit = fmt.Sprintf("%040x", 100*i+n+1)
			a.Tree = a.Commit
			s.Facts.Arrivals = append(s.Facts.Arrivals, a)
			s.Stages[a.Stage] = promote.StageState{Head: promote.Head{Commit: a.Commit, Tree: a.Tree}, Results: append(s.Stages[a.Stage].Results, results(t, a, said)...)}
		}
	}
	s.Facts = promote.Facts{}.Merge(s.Facts)
	verdicts := promote.Decide(p, policy, s)
	view := report.View{Pipeline: p, Policy: policy, Snapshot: s, Verdicts: verdicts}
	rows := report.Rows(view)
	row := rows[len(rows)-1]
	said := "**" + row.State + "**"
	if row.Next != "" {
		said += " " + strings.TrimSuffix(row.Next, " (brave-otter)")
	}
	if len(row.Why) > 0 {
		said += ": " + strings.Join(row.Why, "; ")
	}
	return said
}

// states are what GitHub says, by the words of the document; nil is none of those.
var states = map[string]*string{"passed": ptr("success"), "failed": ptr("failure"), "pending": ptr("")}

func ptr(s string) *string { return &s }

// results are those of an arrival, of which each is said as "name word".
func results(t *testing.T, a promote.Arrival, said []string) []promote.Result {
	var out []promote.Result
	for _, text := range said {
		i := strings.LastIndex(text, " ")
		state := states[text[i+1:]]
		if state == nil {
			t.Fatalf("%q is none of passed, failed, pending and –", text)
		}
		if *state != "" {
			out = append(out, promote.Result{Stage: a.Stage, Commit: a.Commit, Source: promote.FromStatus, Name: text[:i], State: *state, At: a.At})
		}
	}
	return out
}

// pipelineOf is a pipeline in which prod has the rule.
func pipelineOf(t *testing.T, rule string, upstreams []string) (promote.Pipeline, promote.Policy) {
	t.Helper()
	const plain = "requests: [{warehouse: app, from: [test]}]\n"
	stage, policy := rule, "auto: true\n"
	gates := "    verification: {gates: [{name: e2e, status: e2e, required: true}]}\n"
	if own, ok := strings.CutPrefix(rule, "# policy\n"); ok {
		stage, policy = plain, own
	}
	if own, ok := strings.CutPrefix(rule, "# gates of test\n"); ok {
		stage, gates = plain, "    verification:\n      gates:\n"+indented(own, "        ")
	}
	const updates = "    updates: [{directives: [{write: {file: a, content: b}}]}]\n"
	text := "apiVersion: towpath/v1\nname: web\nwarehouses: [{name: app, subscriptions: [{image: {repository: ghcr.io/acme/web}}]}]\nstages:\n"
	for _, name := range upstreams {
		text += "  - name: " + name + "\n    requests: [{warehouse: app}]\n" + gates + updates
	}
	text += "  - name: prod\n" + indented(stage, "    ") + gates + updates
	rules := "apiVersion: towpath/v1\nstages:\n  - match: web/prod\n" + indented(policy, "    ")
	parsed, mistakes := config.Parse([]config.File{{Name: config.PipelineFile, Data: []byte(text)}},
		&config.File{Name: config.PolicyFile, Data: []byte(rules)}, config.Context{Repository: "acme/app", DefaultBranch: "main"})
	if len(mistakes) > 0 {
		t.Fatalf("%v\n%s\n%s", mistakes, text, rules)
	}
	i := slices.IndexFunc(parsed.Pipelines, func(p config.Pipeline) bool { return p.Name == "web" })
	return parsed.Pipelines[i].Pipeline, parsed.Policy
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}
