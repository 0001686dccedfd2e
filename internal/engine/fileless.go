package engine

import (
	"fmt"
	"maps"
	"time"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// arrive records what comes into a stage without files by its rule alone: there
// is nothing to assemble, to propose or to push. Such an arrival passes on which
// sources its upstream used, so that what was verified is what is promoted behind
// it (P19).
func (w *stageWork) arrive() {
	if w.verdict.Action != promote.Promote {
		w.recordHolds()
		w.recordTick()
		return
	}
	passes := w.verdict.Passes
	if len(passes) == 0 {
		passes = []map[string]string{w.verdict.Freight}
	}
	news := promote.Facts{Holds: w.holds()}
	at := w.at.after(w.now)
	for i, slots := range passes {
		arrival := promote.Arrival{
			Stage: w.at.stage.Name, Manner: promote.ByRule, Freight: maps.Clone(slots), Commit: promote.SetID(slots), Tree: promote.SetID(slots),
			At: at.Add(time.Duration(i) * time.Millisecond), By: w.by(),
		}
		from := &sources{work: w, freight: w.view.Freight(slots)}
		if upstream, ok := from.upstream(); ok {
			arrival.Sources, arrival.Config = upstream.Sources, upstream.Config
		}
		news.Arrivals = append(news.Arrivals, arrival)
	}
	w.record(w.pipeline.Name, news, arrivalLines(w.pipeline.Name, news)...)
}

// recordTick writes down that a time of the schedule brought nothing. An arrival
// says by itself that its time has come.
func (w *stageWork) recordTick() {
	if tick := w.verdict.Tick; !tick.IsZero() {
		news := promote.Facts{Ticks: []promote.Tick{{Stage: w.at.stage.Name, At: tick}}}
		w.record(w.pipeline.Name, news, fmt.Sprintf("%s/%s: nothing to take at %s", w.pipeline.Name, w.at.stage.Name, report.When(tick)))
	}
}
