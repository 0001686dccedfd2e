// Package web is the page at the bot's address: pipelines by stages, what each
// holds and what it waits for, in the words of the verdicts. It shows values that
// were decided elsewhere and decides nothing.
package web

import (
	_ "embed"
	"html/template"
	"net/http"
	"strconv"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// row is one stage as the page shows it.
type row struct {
	Stage, Action, Holds, Since, Until string
	Pull, PullURL                      string
	Reasons                            []string
}

type table struct {
	Title, URL string
	Rows       []row
}

// Page shows what the last looks saw. It never shows more than the repository's
// readers can see in pull requests and checks.
func Page(views func() []report.View) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		var tables []table
		for _, v := range views() {
			tables = append(tables, tableOf(v))
		}
		if err := page.Execute(w, tables); err != nil {
			http.Error(w, "the page could not be made", http.StatusInternalServerError)
		}
	})
}

func tableOf(v report.View) table {
	out := table{Title: v.Pipeline.ID(), URL: v.URL}
	for _, verdict := range v.Verdicts {
		r := row{Stage: verdict.Stage, Action: string(verdict.Action)}
		if held, ok := v.Snapshot.Facts.Holding(verdict.Stage); ok {
			r.Since = held.Entered().UTC().Format("2006-01-02 15:04 UTC")
			for _, f := range v.Freight(held.Freight) {
				r.Holds += f.Alias + " "
			}
		}
		if open := v.Snapshot.Stages[verdict.Stage].Open; open != nil && open.PullRequest != 0 {
			r.Pull, r.PullURL = "#"+strconv.Itoa(open.PullRequest), open.URL
		}
		for _, reason := range append(append([]promote.Reason(nil), verdict.Reasons...), verdict.Blocked...) {
			r.Reasons = append(r.Reasons, reason.String())
		}
		if !verdict.Until.IsZero() {
			r.Until = verdict.Until.UTC().Format("2006-01-02 15:04 UTC")
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}
