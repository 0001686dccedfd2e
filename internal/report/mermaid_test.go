package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/promote"
)

// The grammar of what we draw; each line is one of these and nothing else.
var mermaidLines = regexp.MustCompile(`^(flowchart LR` +
	`|  subgraph p\d+\["` + labelText + `"\]|  end` +
	`|  (?:p\d+)?w\d+\[\("` + labelText + `"\)\]` +
	`|  (?:p\d+)?s\d+(?:\[|\{|\(\[|\[\[)"` + labelText + `(<br/>` + labelText + `){0,2}"(?:\]|\}|\]\)|\]\])(:::(current|open|wait|held))?` +
	`|  (?:p\d+)?[ws]\d+ (?:-->|==>)(\|"` + labelText + `"\|)? (?:p\d+)?s\d+` +
	`|  classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6})$`)

const labelText = `(?:[\pL\pN _.:/+(),…–-]|#35;|[a-z0-9](?:@[A-Za-z0-9_-])+)+`

func drawable(t *testing.T, drawing string) {
	t.Helper()
	defined := map[string]bool{}
	for l := range strings.Lines(drawing) {
		l = strings.TrimSuffix(l, "\n")
		if !mermaidLines.MatchString(l) {
			t.Errorf("not drawable: %q", l)
		}
		if m := regexp.MustCompile(`^  ((?:p\d+)?[ws]\d+)[\[{(]`).FindStringSubmatch(l); m != nil {
			defined[m[1]] = true
		}
		for _, node := range regexp.MustCompile(`^  ((?:p\d+)?[ws]\d+) (?:--|==)>.* ((?:p\d+)?s\d+)$`).FindStringSubmatch(l) {
			if !strings.HasPrefix(node, " ") && !defined[node] {
				t.Errorf("%s is not drawn: %q", node, l)
			}
		}
	}
}

func TestMermaidShowsEveryState(t *testing.T) {
	w := proposed()
	for stage, want := range map[string]struct {
		view View
		text string
	}{
		"uat-b":    {halfway().view(), `s2["uat-b<br/>guestbook:1.4.1 (calm-heron)<br/>#35;11 open"]:::open`},
		"prod":     {w.view(), `s3["prod<br/>guestbook:1.4.1 (calm-heron)<br/>#35;12 open"]:::open`},
		"test":     {w.view(), `s0["test<br/>guestbook:1.4.2 (brave-otter)"]:::current`},
		"waiting":  {halfway().view(), `s3["prod<br/>guestbook:1.4.1 (calm-heron)<br/>waiting for uat-b (1 of 2 verified)"]:::wait`},
		"blocked":  {withdrawn().view(), `<br/>#35;12 must not be merged"]:::held`},
		"drift":    {drifted().view(), `<br/>uat-b was changed outside of a promotion (drift at bbbbbbbbbb)"]:::held`},
		"held":     {held().view(), `<br/>held by octo: release party, see #35;7`},
		"failed":   {renderFailed(), `<br/>render failed: directive 2`},
		"empty":    {newWorld().view(), `s3["prod<br/>waiting for uat-a, uat-b (0 of 2 verified)"]:::wait`},
		"narrowed": {narrow(halfway(), "prod"), "s0[\"test<br/>guestbook:1.4.2 (brave-otter)\"]\n"},
		"rule":     {soaking().view(), `s1 -->|"all, soak 1h"| s3`},
	} {
		t.Run(stage, func(t *testing.T) {
			got := Mermaid(Graph{View: want.view})
			drawable(t, got)
			if !strings.Contains(got, want.text) {
				t.Errorf("no %q in\n%s", want.text, got)
			}
		})
	}
}

// A stage is drawn, and told, by what it is.
func TestEveryKindOfStage(t *testing.T) {
	cron, err := promote.ParseCron("15 3 * * *", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	v := newWorld().view()
	for i, want := range []struct{ drawn, short, told string }{
		{`s0{"test`, "control flow", "control flow, without files and gates: passes on what its rule lets through"},
		{`s1(["uat-a`, "without files", "without files: takes freight as soon as it is available"},
		{`s2(["uat-b`, "without files", "without files: takes the newest freight at 15 3 * * * (Europe/Berlin)"},
		{`s3[["prod`, "written by others", "written by others, on live/env"},
	} {
		s := &v.Pipeline.Stages[i]
		s.Kind = []promote.Kind{promote.Control, promote.Fileless, promote.Fileless, promote.Observed}[i]
		if i == 2 {
			s.Schedule = &promote.Schedule{Cron: cron}
		}
		s.Target = promote.Target{Branch: "live", Path: "env"}
		drawing := Mermaid(Graph{View: v})
		drawable(t, drawing)
		if !strings.Contains(drawing, want.drawn) {
			t.Errorf("no %q in\n%s", want.drawn, drawing)
		}
		if row := Rows(v)[i]; row.Kind != want.short {
			t.Errorf("%s is %q", row.Stage, row.Kind)
		}
		if told := Explain(v, s.Name).Below[0].Text; told != want.told {
			t.Errorf("%s: told %q", s.Name, told)
		}
	}
}

// What is too large to be read is not drawn, and nothing is cut in the middle.
func TestMermaidOfAVeryLargePipeline(t *testing.T) {
	w := newWorld()
	for i := range 300 {
		s := w.pipeline.Stages[0]
		s.Name = fmt.Sprintf("region-%d", i)
		s.Requests = []promote.Request{{Warehouse: "app", From: []string{"test"}}}
		w.pipeline.Stages = append(w.pipeline.Stages, s)
	}
	w.propose("test", first, promote.Automatic, 3, 1)
	_, body := PullRequest(w.view(), "test", nil)
	wellFormed(t, body)
	if !strings.Contains(body, "304 stages, too many to draw") {
		t.Error("does not say why nothing is drawn")
	}
	status := Status([]View{w.view(), w.view()}, nil, nil)
	wellFormed(t, status)
}

// A promotion's text does not change when others get their numbers: of many that
// are opened together each would be written again.
func TestTextsOfPromotionsDoNotNumberEachOther(t *testing.T) {
	texts := map[string]bool{}
	for _, number := range []int{0, 7, 8} {
		w := newWorld()
		w.propose("uat-a", first, promote.Automatic, 3, 1)
		w.propose("test", first, promote.Automatic, number, 1)
		_, body := PullRequest(w.view(), "uat-a", nil)
		if !strings.Contains(body, "promotion open") {
			t.Errorf("it is not said that another one is open:\n%s", body)
		}
		texts[body] = true
	}
	if len(texts) != 1 {
		t.Errorf("%d different texts", len(texts))
	}
}
