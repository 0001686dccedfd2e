package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// HistoryTale is how the stages of a repository did so far, for programs. Names in
// it are as they came.
type HistoryTale struct {
	Version    int               `json:"version"`
	Repository string            `json:"repository"`
	Mistakes   []string          `json:"mistakes,omitempty"`
	Pipelines  []PipelineHistory `json:"pipelines"`
}

// PipelineHistory is one pipeline of a [HistoryTale].
type PipelineHistory struct {
	Pipeline string            `json:"pipeline"` // owner/name#pipeline
	Stages   []promote.History `json:"stages"`
}

// History tells how the stages did so far to programs (G9).
func History(repository string, views []View, mistakes []string) HistoryTale {
	out := HistoryTale{Version: JSONVersion, Repository: repository, Mistakes: mistakes, Pipelines: []PipelineHistory{}}
	for _, v := range views {
		p := PipelineHistory{Pipeline: v.Pipeline.ID(), Stages: []promote.History{}}
		for _, stage := range v.Pipeline.Stages {
			p.Stages = append(p.Stages, v.Snapshot.History(stage))
		}
		out.Pipelines = append(out.Pipelines, p)
	}
	return out
}

// HistoryRow is one stage, or one gate of it, in words. Nothing in it is escaped.
type HistoryRow struct {
	Stage, Gate              string // the gate is empty for a stage without any
	Runs, Failures, Flakes   int
	Rate                     string // empty: nothing ran
	ToArrive, ToVerify, Last string // of the stage, and the gate's last word
	URL                      string // of that
}

// HistoryRows tells how the stages of a pipeline did so far, in its order; a stage
// has a row per gate, and one in any case.
func HistoryRows(v View) []HistoryRow {
	var out []HistoryRow
	for _, stage := range v.Pipeline.Stages {
		h := v.Snapshot.History(stage)
		arrive, verify := seconds(h.SecondsToArrive), seconds(h.SecondsToVerify)
		if len(h.Gates) == 0 {
			out = append(out, HistoryRow{Stage: v.called(stage.Name), ToArrive: arrive, ToVerify: verify})
		}
		for _, g := range h.Gates {
			row := HistoryRow{
				Stage: v.called(stage.Name), Gate: g.Gate, Runs: g.Runs, Failures: g.Failures, Flakes: g.Flakes, ToArrive: arrive, ToVerify: verify,
			}
			if g.Rate != nil {
				row.Rate = fmt.Sprintf("%.0f %%", *g.Rate*100)
				row.Last, row.URL = g.Last[0].State+" "+When(g.Last[0].At), g.Last[0].URL
			}
			out = append(out, row)
		}
	}
	return out
}

func seconds(n *int64) string {
	if n == nil {
		return ""
	}
	return promote.Span(time.Duration(*n) * time.Second)
}

// PlainHistory is the history of a pipeline for terminals: per gate how often it
// ran, failed and was flaky, and the share that passed; per stage the medians of how
// long freight took to arrive, and then to be verified (G9).
func PlainHistory(v View) string {
	var out strings.Builder
	fmt.Fprintln(&out, word(v.Pipeline.ID()))
	// A strings.Builder takes every write.
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")) }
	row("STAGE", "ARRIVES IN", "VERIFIED IN", "GATE", "RUNS", "FAILED", "FLAKY", "PASSED", "LAST")
	for _, r := range HistoryRows(v) {
		counts := []string{"", "", ""}
		if r.Gate != "" {
			counts = []string{fmt.Sprint(r.Runs), fmt.Sprint(r.Failures), fmt.Sprint(r.Flakes)}
		}
		row(word(r.Stage), r.ToArrive, r.ToVerify, word(r.Gate), counts[0], counts[1], counts[2], r.Rate, word(r.Last))
	}
	table.Flush()
	return trimmed(out.String())
}
