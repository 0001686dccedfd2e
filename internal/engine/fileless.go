package engine

import (
	"maps"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// arrive records what comes into a stage without files by its rule alone: there
// is nothing to assemble, to propose or to push. Such an arrival passes on which
// sources its upstream used, so that what was verified is what is promoted behind
// it (P19).
func (w *stageWork) arrive() {
	if w.verdict.Action != promote.Promote {
		w.recordHolds()
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
