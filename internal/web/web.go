// Package web is the page at the bot's address: pipelines by stages, what each
// holds and what it waits for, in the words of the verdicts, and the last freight
// of each warehouse. It shows values that were decided elsewhere and decides
// nothing; it has no state and no clock.
package web

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

//go:embed page.html
var source string

// page escapes every value for the place that it stands in; an address that is
// not one of the web becomes "#ZgotmplZ".
var page = template.Must(template.New("page").Funcs(template.FuncMap{"when": report.When}).Parse(source))

// pipeline is what the page shows of one.
type pipeline struct {
	ID, URL string
	Rows    []row
	Freight []freight
	Passed  []promote.Passed
	History []report.HistoryRow
}

// row is a stage, with the whole explanation of its verdict.
type row struct {
	report.Row
	Full []report.Point
}

// freight is one freight with the stages that hold it.
type freight struct {
	Warehouse, Name string
	Selected        time.Time
	Stages          []string
	Way             []report.Point
}

// Page shows what the last looks saw, every reason and every name in it: whoever
// may see the page sees what readers of all its repositories can see.
func Page(views func() []report.View) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var pipelines []pipeline
		for _, v := range views() {
			pipelines = append(pipelines, pipeline{ID: v.Pipeline.ID(), URL: v.URL, Rows: rows(v), Freight: lastFreight(v), Passed: v.Snapshot.Passed, History: report.HistoryRows(v)})
		}
		var text bytes.Buffer
		if err := page.Execute(&text, pipelines); err != nil {
			http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		_, _ = text.WriteTo(w) // whoever asked has gone away: there is nobody to tell
	})
}

func rows(v report.View) []row {
	var out []row
	for _, r := range report.Rows(v) {
		out = append(out, row{r, report.Explain(v, r.Stage).Below})
	}
	return out
}

// maxFreight is how many of a warehouse's freight the page lists, besides those
// that a stage holds.
const maxFreight = 5

// lastFreight lists, by warehouse, the newest first.
func lastFreight(v report.View) []freight {
	var out []freight
	for _, w := range v.Pipeline.Warehouses {
		shown := 0
		for _, f := range slices.Backward(v.Snapshot.Facts.Freight) {
			if f.Warehouse != w.Name {
				continue
			}
			stages := holders(v, f)
			if shown++; shown <= maxFreight || len(stages) > 0 {
				out = append(out, freight{Warehouse: w.Name, Name: report.Name(f), Selected: f.Selected, Stages: stages, Way: report.Way(v, f).Below})
			}
		}
	}
	return out
}

func holders(v report.View, f promote.Freight) []string {
	var out []string
	for _, s := range v.Pipeline.Stages {
		if holding, ok := v.Snapshot.Facts.Holding(s.Name); ok && holding.Freight[f.Warehouse] == f.ID {
			out = append(out, s.Name)
		}
	}
	return out
}
