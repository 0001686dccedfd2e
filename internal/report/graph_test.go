package report

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/promote"
)

// The grammar of the DOT that we draw; each line is one of these and nothing else.
var dotLines = regexp.MustCompile(`^(digraph ` + dotText + ` \{|\}` +
	`|  rankdir=LR;|  node \[shape=box\];` +
	`|  w\d+ \[label=` + dotText + `, shape=cylinder\];` +
	`|  s\d+ \[label=` + dotText + `(, (shape=diamond|style=rounded|peripheries=2))?\];` +
	`|  [ws]\d+ -> s\d+( \[(label=` + dotText + `)?(, )?(penwidth=3)?\])?;)$`)

const dotText = `"([^"\\\n]|\\["\\n])*"`

// No name breaks out of its node, neither by the grammar nor before graphviz itself.
func TestDOTOfHostileNames(t *testing.T) {
	dot, missing := exec.LookPath("dot")
	for _, word := range append(evil, `"`, `\`, `a\"b`, `x"]; s0 -> s0; "`, "\\N \\G &amp; <b>", "line\nbreak", `\`+"\n") {
		v := hostile(word)
		path := promote.LongestPath(v.Pipeline, "", v.Snapshot.Pace)
		text := DOT([]Graph{{View: v, Path: &path}})
		for l := range strings.Lines(text) {
			if !dotLines.MatchString(strings.TrimSuffix(l, "\n")) {
				t.Errorf("with %q: not DOT: %q", word, l)
			}
		}
		drawable(t, Mermaid(Graph{View: v, Path: &path}, Graph{View: v}))
		for l := range strings.Lines(PlainPath(Graph{View: v, Path: &path})) {
			oneLine(t, strings.TrimSuffix(l, "\n"), 5000)
		}
		if missing != nil || len(word) > 100 { // those only take long
			continue
		}
		plain := exec.Command(dot, "-Tplain")
		plain.Stdin = strings.NewReader(text)
		out, err := plain.CombinedOutput()
		if nodes := strings.Count("\n"+string(out), "\nnode "); err != nil || nodes != len(v.Pipeline.Stages)+len(v.Pipeline.Warehouses) {
			t.Errorf("with %q: %v, %d nodes:\n%s", word, err, nodes, out)
		}
	}
	if missing != nil {
		t.Log("graphviz is not installed: run scripts/tools.sh")
	}
}
