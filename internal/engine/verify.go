package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// mayVerify asks GitHub whether somebody is among those who may say that a manual
// gate passed. It returns "" or the refusal.
func (l *look) mayVerify(ctx context.Context, c command.Command, stage command.Stage, user string) (string, error) {
	gate, refusal := l.manualGate(stage, c.Gate)
	if refusal != "" {
		return refusal, nil
	}
	among, refusal, err := l.among(ctx, l.home, gate.By, user)
	if err != nil || refusal != "" || among {
		return refusal, err
	}
	return fmt.Sprintf("`/verify %s %s` is for %s only.", stage, gate.Name, those(gate.By)), nil
}

// manualGate finds a gate of a stage on which people have the word.
func (l *look) manualGate(stage command.Stage, name string) (promote.Gate, string) {
	var manual []string
	for _, p := range l.config.parsed.Pipelines {
		lanes := p.Lanes(stage.Name)
		if p.Name != stage.Pipeline || len(lanes) == 0 {
			continue
		}
		for _, g := range lanes[0].Gates { // the others have the same
			if g.Source != promote.FromManual {
				continue
			}
			if g.Name == name {
				return g, ""
			}
			manual = append(manual, "`"+g.Name+"`")
		}
	}
	if len(manual) == 0 {
		return promote.Gate{}, fmt.Sprintf("Nothing was done: `%s` has no manual gate, and `/verify` counts for no other.", stage)
	}
	return promote.Gate{}, fmt.Sprintf("Nothing was done: `%s` has no manual gate `%s`; `/verify` counts for %s.", stage, name, strings.Join(manual, ", "))
}

// verify writes down what somebody says of what a stage holds. What came into the
// stage after the comment was not meant (C5).
func (o *order) verify(r *round, p config.Pipeline, c command.Command, at *place) {
	held, reason := saidOf(at.facts, at.stage.Name, o.comment.Created)
	if reason != "" {
		o.lines = append(o.lines, reason)
		return
	}
	result := promote.Result{
		Stage: at.stage.Name, Commit: held.Commit, Source: promote.FromManual, Name: c.Gate, State: promote.State(c.Passed), URL: o.comment.URL,
		At: o.comment.Created.Add(time.Duration(min(c.Line, 999)) * time.Millisecond), By: o.comment.Author, Note: c.Reason, Comment: o.comment.ID,
	}
	for _, known := range at.facts.Results { // of two comments of one second the later one has the last word
		if known.Stage == result.Stage && known.Source == result.Source && known.Name == result.Name && !known.At.Before(result.At) {
			result.At = known.At.Add(time.Millisecond)
		}
	}
	news := promote.Facts{Results: []promote.Result{result}}
	r.record(p.Name, news, arrivalLines(p.Name, news)...)
	o.lines = append(o.lines, report.Verified(result))
}

// saidOf is what a word on a stage was about: what the stage held when it was
// said, and holds still. Otherwise it returns why there is no such thing.
func saidOf(facts promote.Facts, stage string, at time.Time) (promote.Arrival, string) {
	arrivals := facts.ArrivalsIn(stage)
	switch n := len(arrivals); {
	case n == 0:
		return promote.Arrival{}, fmt.Sprintf("`%s` holds nothing yet: nothing was verified.", stage)
	case arrivals[n-1].Manner == promote.ByDrift:
		return promote.Arrival{}, fmt.Sprintf("`%s` was changed outside of a promotion: nothing was verified.", stage)
	case arrivals[n-1].At.Truncate(time.Second).After(at):
		return promote.Arrival{}, fmt.Sprintf("`%s` changed after the comment: nothing was verified. Say it again if it still holds.", stage)
	default:
		return arrivals[n-1], ""
	}
}

// confirmedResults leaves out what nobody is confirmed to have said of a gate. It
// asks for the last arrivals only: older ones decide nothing that is still to come.
func (l *look) confirmedResults(ctx context.Context, pipeline string, facts promote.Facts) ([]promote.Result, error) {
	said := make([]bool, len(facts.Results)) // counts, of those by people
	var t tasks
	for i, r := range facts.Results {
		if r.Source != promote.FromManual || !lately(facts, r) {
			continue
		}
		t.add("", onGitHub, func(ctx context.Context) (err error) {
			if said[i], err = l.confirmedResult(ctx, pipeline, facts, r); err != nil {
				return fmt.Errorf("confirm what was said of gate %s in %s: %w", r.Name, r.Stage, err)
			}
			return nil
		})
	}
	if err := t.all(ctx); err != nil {
		return nil, err
	}
	var kept []promote.Result
	for i, r := range facts.Results {
		if r.Source != promote.FromManual || said[i] {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// lately tells whether a result is of one of the stage's last arrivals.
func lately(facts promote.Facts, r promote.Result) bool {
	arrivals := facts.ArrivalsIn(r.Stage)
	arrivals = arrivals[max(0, len(arrivals)-maxWatched):]
	return slices.ContainsFunc(arrivals, func(a promote.Arrival) bool { return a.Commit == r.Commit })
}

// confirmedResult tells whether the comment of a recorded word says it: of this
// gate, of what the stage held then, by somebody who may.
func (l *look) confirmedResult(ctx context.Context, pipeline string, facts promote.Facts, r promote.Result) (bool, error) {
	var held promote.Arrival
	for _, a := range facts.ArrivalsIn(r.Stage) {
		if !a.At.Truncate(time.Second).After(r.At) {
			held = a
		}
	}
	if held.Commit != r.Commit || held.Manner == promote.ByDrift {
		return false, nil
	}
	at := r.At.UTC().Truncate(time.Second)
	said := saying{
		verb: "verify", stage: command.Stage{Pipeline: pipeline, Name: r.Stage}, by: r.By, comment: r.Comment,
		what: fmt.Sprintf("%q", []string{r.Name, r.State, r.Note, r.Commit, at.String()}),
	}
	return l.confirmed(ctx, said, func(c command.Command, created time.Time) bool {
		return created.Equal(at) && c.Gate == r.Name && promote.State(c.Passed) == r.State && c.Reason == r.Note
	})
}
