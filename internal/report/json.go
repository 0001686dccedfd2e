package report

import (
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// JSONVersion is the version of everything that is told as JSON. It changes when
// a reader of the last one would misunderstand.
const JSONVersion = 1

// Tale is what a look saw, for programs. Names in it are as they came.
type Tale struct {
	Version    int            `json:"version"`
	Repository string         `json:"repository"`
	Mistakes   []string       `json:"mistakes,omitempty"` // file:line:column: message
	Pipelines  []PipelineTale `json:"pipelines"`
}

// PipelineTale is one pipeline of a [Tale].
type PipelineTale struct {
	Pipeline string            `json:"pipeline"` // owner/name#pipeline
	URL      string            `json:"url,omitempty"`
	Stages   []StageTale       `json:"stages"`
	Freight  []promote.Freight `json:"freight,omitempty"` // what the verdicts name, by id
	Passed   []promote.Passed  `json:"passed,omitempty"`
}

// StageTale is a verdict and what people are told of it.
type StageTale struct {
	promote.Verdict
	Since       time.Time `json:"since,omitzero"` // of what it holds
	PullRequest int       `json:"pullRequest,omitempty"`
	URL         string    `json:"url,omitempty"` // of the pull request
	Why         []string  `json:"why"`           // the verdict in words, the most important first
}

// Told tells views to programs.
func Told(repository string, views []View, mistakes []string) Tale {
	out := Tale{Version: JSONVersion, Repository: repository, Mistakes: mistakes, Pipelines: []PipelineTale{}}
	for _, v := range views {
		p := PipelineTale{Pipeline: v.Pipeline.ID(), URL: v.URL, Stages: []StageTale{}, Passed: v.Snapshot.Passed}
		named := map[string]bool{}
		for _, verdict := range v.Verdicts {
			row := v.row(verdict)
			p.Stages = append(p.Stages, StageTale{Verdict: verdict, Since: row.Since, PullRequest: row.Pull, URL: row.PullURL, Why: append([]string{}, row.Why...)})
			for _, slots := range []map[string]string{verdict.Freight, verdict.Holds} {
				for _, id := range slots {
					named[id] = true
				}
			}
		}
		for _, f := range v.Snapshot.Facts.Freight {
			if named[f.ID] {
				p.Freight = append(p.Freight, f)
			}
		}
		out.Pipelines = append(out.Pipelines, p)
	}
	return out
}
