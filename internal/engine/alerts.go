package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/notify"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// tellPrefix begins the name under which the inbox calls for telling people of
// what was found out about a repository: apart from looking at it, so that a
// receiver that does not answer holds nothing up.
const tellPrefix = "tell "

// tellFor is how old an alert may be and still be told; tellAgain are the pauses
// between the attempts.
const tellFor = 24 * time.Hour

var tellAgain = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour}

// telling is one alert on its way to one receiver.
type telling struct {
	key      string
	pipeline string
	in       string // the repository of the alert's pull request
	alert    promote.Alert
	to       promote.Notify
	notice   report.Notice
	attempts int
	next     time.Time
}

// outbox is what is on its way, and what has arrived and is not in the ledger yet,
// by key. It can be lost: the ledger knows what was told.
type outbox struct {
	going map[string]*telling
	told  map[string]toldOf
}

type toldOf struct {
	pipeline string
	fact     promote.Told
}

// outbox returns that of a repository. The caller holds the lock.
func (e *Engine) outbox(repository string) *outbox {
	if e.outboxes[repository] == nil {
		e.outboxes[repository] = &outbox{going: map[string]*telling{}, told: map[string]toldOf{}}
	}
	return e.outboxes[repository]
}

// alert records what is new for people, and who was told since.
func (r *round) alert(p config.Pipeline, view report.View) {
	told := r.toldSince(p.Name)
	var lines []string
	for _, t := range told.Told {
		lines = append(lines, fmt.Sprintf("%s/%s: told %s", p.Name, t.Stage, t.Receiver))
	}
	r.record(p.Name, told, lines...)
	snapshot := view.Snapshot
	snapshot.Facts = r.book.Pipelines[p.Name].Merge(r.facts[p.Name])
	news, next := promote.Alerts(p.Pipeline, view.Policy, snapshot, view.Verdicts)
	if !next.IsZero() {
		r.due = soon(r.due, next)
	}
	r.record(p.Name, promote.Facts{Alerts: news}, alertLines(p.Name, news)...)
}

func (r *round) toldSince(pipeline string) promote.Facts {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out promote.Facts
	for _, t := range r.outbox(r.name).told {
		if t.pipeline == pipeline && !r.book.Pipelines[pipeline].WasTold(t.fact.Alert, t.fact.Receiver) {
			out.Told = append(out.Told, t.fact)
		}
	}
	return out
}

// tellPeople puts what nobody was told of yet on its way.
func (l *look) tellPeople() {
	if l.Notify == nil || l.Later == nil {
		return
	}
	l.mu.Lock()
	added := false
	out := l.outbox(l.name)
	for _, v := range l.views {
		facts := l.book.Pipelines[v.Pipeline.Name]
		for _, a := range latest(facts.Alerts) {
			if a.State == promote.AlertWatched || l.now.Sub(a.At) >= tellFor {
				continue
			}
			for _, to := range v.Policy.Receivers(v.Pipeline.Name, a) {
				t := &telling{key: v.Pipeline.Name + " " + a.ID() + " " + to.Receiver(), pipeline: v.Pipeline.Name, in: l.writtenTo(v.Pipeline, a.Stage), alert: a, to: to}
				if facts.WasTold(a.ID(), to.Receiver()) {
					delete(out.told, t.key)
					continue
				}
				_, told := out.told[t.key]
				if told || out.going[t.key] != nil || a.State == promote.AlertOver && to.To != "issue" {
					continue
				}
				t.notice = report.Alert(v, a)
				out.going[t.key], added = t, true
			}
		}
	}
	l.mu.Unlock()
	if added {
		l.Later(tellPrefix + l.name)
	}
}

// latest is what was said last of each thing, in order.
func latest(alerts []promote.Alert) []promote.Alert {
	last := map[string]int{}
	for i, a := range alerts {
		last[a.Thing()] = i
	}
	var out []promote.Alert
	for _, i := range slices.Sorted(maps.Values(last)) {
		out = append(out, alerts[i])
	}
	return out
}

// tell tells everybody who is to be told now. What can not be told is tried
// again some times, and then given up. It returns when there is more to do.
func (e *Engine) tell(ctx context.Context, repository string) (next time.Time, err error) {
	done := false
	for _, t := range e.dueTellings(repository) {
		err := e.tellOne(ctx, repository, t)
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		if err != nil {
			e.Log.Warn("people are not told", "repo", repository, "stage", t.alert.Stage, "alert", t.alert.Kind, "receiver", t.to.Receiver(), "attempt", t.attempts+1, "error", err)
		} else {
			e.Log.Info("told", "repo", repository, "stage", t.alert.Stage, "alert", t.alert.Kind, "receiver", t.to.Receiver())
		}
		e.mu.Lock()
		if t.attempts++; err == nil || t.attempts > len(tellAgain) {
			fact := promote.Told{Stage: t.alert.Stage, Alert: t.alert.ID(), Receiver: t.to.Receiver(), Failed: err != nil, At: e.Now()}
			e.outbox(repository).told[t.key] = toldOf{t.pipeline, fact}
			delete(e.outbox(repository).going, t.key)
			done = true
		} else {
			t.next = e.Now().Add(tellAgain[t.attempts-1])
		}
		e.mu.Unlock()
	}
	if done {
		e.Later(repository) // the next look writes it down
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.outbox(repository).going {
		next = soon(next, t.next)
	}
	return next, nil
}

func (e *Engine) dueTellings(repository string) []*telling {
	e.mu.Lock()
	defer e.mu.Unlock()
	going := e.outbox(repository).going
	var out []*telling
	for _, key := range slices.Sorted(maps.Keys(going)) {
		if t := going[key]; !e.Now().Before(t.next) {
			out = append(out, t)
		}
	}
	return out
}

func (e *Engine) tellOne(ctx context.Context, repository string, t *telling) error {
	switch t.to.To {
	case "issue":
		return e.tellIssue(ctx, repository, t)
	case promote.ToOwner:
		return e.tellOwner(ctx, t)
	}
	return e.Notify.Send(ctx, t.to.To, t.to.Secret, notify.Message{
		ID: strings.ReplaceAll(repository+" "+t.pipeline+" "+t.alert.ID(), " ", "/"), Kind: string(t.alert.Kind), Repository: repository,
		Pipeline: t.pipeline, Stage: t.alert.Stage, Title: t.notice.Title, Text: t.notice.Text, Details: t.notice.Details, URL: t.notice.URL, At: t.alert.At,
	})
}

// tellIssue keeps one open issue per thing: a comment says it again, and it is
// closed when it is over.
func (e *Engine) tellIssue(ctx context.Context, repository string, t *telling) error {
	repo, err := e.Forge.Repository(ctx, repository)
	if err != nil {
		return fmt.Errorf("open %s: %w", repository, err)
	}
	key := "alert " + t.pipeline + " " + t.alert.Thing()
	if t.alert.State == promote.AlertOver {
		return repo.SettleIssues(ctx, key)
	}
	title, body := t.notice.Issue()
	number, err := repo.EnsureIssue(ctx, key, title, body)
	if err != nil || t.alert.State != promote.AlertAgain {
		return err
	}
	_, err = repo.Reply(ctx, number, t.alert.ID(), body)
	return err
}

// tellOwner mentions a gate's owner on the pull request that brought what failed.
func (e *Engine) tellOwner(ctx context.Context, t *telling) error {
	repo, err := e.Forge.Repository(ctx, t.in)
	if err != nil {
		return fmt.Errorf("open %s: %w", t.in, err)
	}
	_, body := t.notice.Issue()
	_, err = repo.Reply(ctx, t.alert.PullRequest, t.pipeline+" "+t.alert.ID(), body)
	return err
}
