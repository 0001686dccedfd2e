package engine

import (
	"testing"
	"time"

	"github.com/towpath/towpath/internal/forge"
)

// G3: a gate's result is that of its run, or of its job in it: of every leg of a
// matrix. A job has the word as soon as it has ended.
func TestConclusion(t *testing.T) {
	job := func(name, state string) forge.Job { return forge.Job{Name: name, State: state, URL: name} }
	ended := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, job, run string
		jobs           []forge.Job
		state, url     string
	}{
		{"the run", "", "failure", []forge.Job{job("e2e", "success")}, "failure", "run"},
		{"the run goes on", "", "", nil, "", "run"},
		{"a job that passed, of a run that goes on", "e2e", "", []forge.Job{job("e2e", "success"), job("report", "")}, "success", "e2e"},
		{"a job that passed, of a run that failed", "e2e", "failure", []forge.Job{job("e2e", "success"), job("report", "failure")}, "success", "e2e"},
		{"a job that was skipped", "e2e", "success", []forge.Job{job("e2e", "skipped")}, "skipped", "e2e"},
		{"all legs passed", "e2e", "success", []forge.Job{job("e2e (a)", "success"), job("e2e (b)", "success")}, "success", "e2e (b)"},
		{"a leg goes on", "e2e", "", []forge.Job{job("e2e (a)", "success"), job("e2e (b)", "")}, "", "run"},
		{"a leg failed, another goes on", "e2e", "", []forge.Job{job("e2e (a)", ""), job("e2e (b)", "failure")}, "failure", "e2e (b)"},
		{"a job that is only called alike", "e2e", "success", []forge.Job{job("e2e-more", "success")}, noSuchJob, "run"},
		{"not there yet", "e2e", "", []forge.Job{job("build", "")}, "", "run"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range test.jobs {
				test.jobs[i].Completed = ended
			}
			state, url, _ := conclusion(test.job, forge.WorkflowRun{State: test.run, URL: "run", Updated: ended, Jobs: test.jobs})
			if state == "" {
				url = "run"
			}
			if state != test.state || url != test.url {
				t.Errorf("%q at %s, want %q at %s", state, url, test.state, test.url)
			}
		})
	}
}
