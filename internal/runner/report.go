package runner

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
	"github.com/towpath/towpath/internal/schedule"
)

// Report is how a run went.
type Report struct {
	Version    int       `json:"version"`
	Repository string    `json:"repository"`
	Outcome    string    `json:"outcome"` // the worst of the stages'
	Started    time.Time `json:"started"`
	Seconds    float64   `json:"seconds"`
	Stages     []Lane    `json:"stages"`
	Longest    *Longest  `json:"longest,omitempty"`
	Mistakes   []string  `json:"mistakes,omitempty"` // of the configuration: nothing was done
	Pushed     []string  `json:"pushed"`             // the branches that were written, but for the ledger

	Seen *engine.Outlook `json:"-"` // by the last look; nil: there was none
}

// Lane is how it went with one stage.
type Lane struct {
	Stage   string    `json:"stage"`
	Outcome string    `json:"outcome"`         // succeeded, failed, skipped or cancelled
	Why     string    `json:"why,omitempty"`   // it failed
	Cause   string    `json:"cause,omitempty"` // the stage for which it was skipped
	Freight string    `json:"freight,omitempty"`
	Commit  string    `json:"commit,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds"`
	Waited  float64   `json:"waited"` // seconds of those without a command of its own
	Steps   []Step    `json:"steps,omitempty"`
	Gates   []Gate    `json:"gates,omitempty"`
}

// Step is how it went with one command of a directive.
type Step struct {
	Command []string  `json:"command"`
	Outcome string    `json:"outcome"` // succeeded, failed or cancelled
	Note    string    `json:"note,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds"`
}

// Gate is how it went with one gate.
type Gate struct {
	Name     string    `json:"name"`
	Required bool      `json:"required"`
	Outcome  string    `json:"outcome"` // succeeded, failed, cancelled, timed out or pending
	Note     string    `json:"note,omitempty"`
	URL      string    `json:"url,omitempty"`
	Ran      bool      `json:"ran"` // its command ran now
	Started  time.Time `json:"started,omitzero"`
	Seconds  float64   `json:"seconds,omitempty"`
}

// Longest is the path of stages that the whole took its time from, each of which
// began when the one before it ended.
type Longest struct {
	Path    []string `json:"path"`
	Seconds float64  `json:"seconds"`
	Binding []string `json:"binding,omitempty"` // of its edges the last: who waited, and for whom
}

// The words for how a run ended, from the best to the worst.
var worse = []schedule.Outcome{schedule.Succeeded, schedule.Skipped, schedule.Cancelled, schedule.Failed}

// report puts together what is known of every stage.
func (r *run) report(repository string, nodes []schedule.Node, results []schedule.Result) *Report {
	out := &Report{Version: 1, Repository: repository, Outcome: string(schedule.Succeeded), Started: r.begun.UTC(), Seconds: time.Since(r.begun).Seconds(), Stages: []Lane{}}
	rank := 0
	for _, result := range results {
		l := r.tales[result.Name]
		l.Stage, l.Outcome, l.Cause = result.Name, string(result.Outcome), result.Cause
		if !result.Started.IsZero() {
			l.Started, l.Seconds = result.Started.UTC(), result.Ended.Sub(result.Started).Seconds()
		}
		if result.Err != nil && result.Outcome == schedule.Failed {
			l.Why = result.Err.Error()
		}
		for i, g := range l.Gates {
			if ran, ok := r.ran[result.Name+"/"+g.Name]; ok {
				ran.URL = g.URL
				l.Gates[i] = ran
			}
		}
		l.Waited = l.Seconds - busy(l)
		out.Stages = append(out.Stages, l)
		for i, outcome := range worse {
			if outcome == result.Outcome && i > rank {
				rank, out.Outcome = i, l.Outcome
			}
		}
	}
	out.Longest = longest(nodes, results)
	out.Pushed, out.Seen = r.looks.pushed, r.looks.seen
	return out
}

// busy is for how many seconds some command of a stage ran while it was on its way.
func busy(l Lane) float64 {
	var total float64
	at, end := l.Started, l.Started.Add(seconds(l.Seconds))
	for {
		var until, next time.Time
		for _, c := range l.commands() {
			switch {
			case !c.to.After(at):
			case !c.from.After(at):
				if c.to.After(until) {
					until = c.to
				}
			case next.IsZero() || c.from.Before(next):
				next = c.from
			}
		}
		switch {
		case !until.IsZero():
			if until.After(end) {
				until = end
			}
			total += until.Sub(at).Seconds()
			at = until
		case !next.IsZero():
			at = next
		default:
			return total
		}
		if !at.Before(end) {
			return total
		}
	}
}

type interval struct{ from, to time.Time }

// commands are when commands of a stage ran.
func (l Lane) commands() []interval {
	var out []interval
	for _, c := range l.Steps {
		out = append(out, interval{c.Started, c.Started.Add(seconds(c.Seconds))})
	}
	for _, g := range l.Gates {
		if g.Ran {
			out = append(out, interval{g.Started, g.Started.Add(seconds(g.Seconds))})
		}
	}
	return out
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// longest goes back from the stage that ended last, each time to the one that the
// stage began after.
func longest(nodes []schedule.Node, results []schedule.Result) *Longest {
	at, after := map[string]schedule.Result{}, map[string][]string{}
	var last schedule.Result
	for i, result := range results {
		at[result.Name], after[result.Name] = result, nodes[i].WaitsFor()
		if !result.Started.IsZero() && result.Ended.After(last.Ended) {
			last = result
		}
	}
	if last.Name == "" {
		return nil
	}
	out := &Longest{}
	end := last.Ended
	for {
		out.Path = append([]string{last.Name}, out.Path...)
		out.Seconds = end.Sub(last.Started).Seconds()
		var before schedule.Result
		for _, name := range after[last.Name] {
			if r := at[name]; !r.Started.IsZero() && r.Ended.After(before.Ended) {
				before = r
			}
		}
		if before.Name == "" {
			return out
		}
		if out.Binding == nil {
			out.Binding = []string{last.Name, before.Name}
		}
		last = before
	}
}

// Markdown writes the report for a job's summary.
func (r *Report) Markdown() string {
	var rows [][]string
	for _, l := range r.Stages {
		started, took, waited := l.times(r.Started)
		rows = append(rows, []string{l.Stage, l.Outcome, started, took, waited, l.because()})
	}
	return report.Words([]string{"stage", "outcome", "started", "took", "waited", ""}, rows)
}

// times are when a stage began and how long it took, in words.
func (l Lane) times(begin time.Time) (started, took, waited string) {
	if l.Started.IsZero() {
		return "–", "–", "–"
	}
	return "+" + span(l.Started.Sub(begin)), span(seconds(l.Seconds)), span(seconds(l.Waited))
}

// Text writes the report for people.
func (r *Report) Text(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "stage\toutcome\tstarted\ttook\twaited\t")
	for _, l := range r.Stages {
		started, took, waited := l.times(r.Started)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Stage, l.Outcome, started, took, waited, l.because())
	}
	w.Flush()
	if r.Longest != nil {
		fmt.Fprintf(to, "\nLongest path: %s (%s)", strings.Join(r.Longest.Path, " → "), span(seconds(r.Longest.Seconds)))
		if b := r.Longest.Binding; len(b) > 0 {
			fmt.Fprintf(to, "; %s began when %s was done", b[0], b[1])
		}
		fmt.Fprintln(to, ".")
	}
}

func (l Lane) because() string {
	switch {
	case l.Why != "":
		return l.Why
	case l.Cause != "":
		return l.Cause + " did not succeed"
	}
	return l.Freight
}

func span(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return promote.Span(d.Round(time.Second))
}
