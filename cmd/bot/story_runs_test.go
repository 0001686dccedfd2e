package main

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/githubtest"
)

// finishAct ends the oldest run of a workflow that has not ended yet; jobs that
// are not named end as the run does.
func (w *world) finishAct(_ *story, args []string) error {
	if len(args) < 2 {
		return usage("finish gate.yml success [job=failure]…")
	}
	jobs := map[string]string{}
	for _, word := range args[2:] {
		job, conclusion, _ := strings.Cut(word, "=")
		jobs[job] = conclusion
	}
	for _, run := range w.hub.WorkflowRuns(w.repo) {
		if path.Base(run.Workflow) == args[0] && run.Status != "completed" {
			return w.hub.FinishRun(w.repo, run.ID, args[1], jobs)
		}
	}
	return fmt.Errorf("no run of %s is going on", args[0])
}

// showRuns lists the workflow runs, oldest first:
//
//	gate.yml: queued: web/test/e2e-1-<hash>: image=…
func (w *world) showRuns() string {
	var out strings.Builder
	for _, run := range w.hub.WorkflowRuns(w.repo) {
		fmt.Fprintf(&out, "%s: %s: %s:%s\n", path.Base(run.Workflow), cmp.Or(run.Conclusion, run.Status), run.Title, inputsOf(run))
	}
	return out.String()
}

func inputsOf(run githubtest.WorkflowRun) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(run.Inputs)) {
		fmt.Fprintf(&out, " %s=%s", name, run.Inputs[name])
	}
	return out.String()
}
