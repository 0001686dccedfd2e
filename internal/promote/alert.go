package promote

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// AlertKind is what people can be told about.
type AlertKind string

// The kinds besides those of failures, which are called as their reasons (P15).
const (
	AlertStale    AlertKind = "stale"    // nothing was promoted here for long (G8)
	AlertStreak   AlertKind = "streak"   // a gate failed several times in a row (G8)
	AlertReversed AlertKind = "reversed" // a pass turned into a failure after the downstream was merged (A7)

	// AlertOwner is a failure of a gate for its owner. Nobody asks to be told of it,
	// and nobody else is (G2).
	AlertOwner AlertKind = "owner"
)

// ToOwner is where owners are told: on the pull request that brought what failed.
const ToOwner = "owner"

// failures are the reasons that people can be told about: each is a state of its
// own, with a text of its own (P15).
var failures = []ReasonKind{DiscoveryFailed, RenderFailed, PromotionFailed, PushRefused, Conflict, PublishFailed, GateFailed, GateTimedOut}

// AlertKinds are all kinds, in the order in which they are listed.
func AlertKinds() []string {
	out := []string{string(AlertStale), string(AlertStreak), string(AlertReversed)}
	for _, k := range failures {
		out = append(out, string(k))
	}
	return out
}

// AllFailures is how a notification means all kinds of failures, [AlertReversed]
// among them.
const AllFailures = "failed"

// Notify is who is told about what.
type Notify struct {
	On     []string // alert kinds, or [AllFailures]
	Match  string   // glob over pipeline/stage[@stamp], see [Matches]
	To     string   // slack | webhook | issue
	Secret string   // the name of what the server knows; not for issues
}

// Receiver names who is told, for the ledger and the log.
func (n Notify) Receiver() string { return strings.TrimSpace(n.To + " " + n.Secret) }

// wants tells whether the entry is about an alert.
func (n Notify) wants(pipeline string, a Alert) bool {
	failed := a.Kind != AlertStale && a.Kind != AlertStreak
	if !slices.Contains(n.On, string(a.Kind)) && !(failed && slices.Contains(n.On, AllFailures)) {
		return false
	}
	for _, stage := range append([]string{a.Stage}, a.Touches...) {
		if Matches(n.Match, pipeline, stage) {
			return true
		}
	}
	return false
}

// Receivers are those who are told of an alert, each once. What nobody asked to
// be told of, and nothing else shows, is told in an issue.
func (p Policy) Receivers(pipeline string, a Alert) []Notify {
	switch {
	case a.Kind == AlertOwner && a.PullRequest == 0:
		return []Notify{{To: "issue"}}
	case a.Kind == AlertOwner:
		return []Notify{{To: ToOwner}}
	}
	var out []Notify
	for _, n := range p.Notify {
		if n.wants(pipeline, a) && !slices.ContainsFunc(out, func(o Notify) bool { return o.Receiver() == n.Receiver() }) {
			out = append(out, n)
		}
	}
	if len(out) == 0 && (a.Kind == AlertStale || a.Kind == AlertStreak || a.Kind == AlertReversed) {
		return []Notify{{To: "issue"}}
	}
	return out
}

// AlertState is what is recorded of an alert.
type AlertState string

// The states. An alert is told when it is raised, and again; it may be raised anew
// after it was over.
const (
	AlertRaised  AlertState = "raised"
	AlertAgain   AlertState = "again"
	AlertOver    AlertState = "over"
	AlertWatched AlertState = "watched" // from now on staleness is counted
)

// Alert is one thing that people are told about once, and what became of it.
type Alert struct {
	Stage   string            `json:"stage"`
	Kind    AlertKind         `json:"kind"`
	Subject string            `json:"subject,omitempty"` // which one of the kind
	State   AlertState        `json:"state"`
	Freight map[string]string `json:"freight,omitempty"`
	Touches []string          `json:"touches,omitempty"` // further stages that it is about
	Reason  Reason            `json:"reason,omitzero"`
	Runs    []Run             `json:"runs,omitempty"` // of a streak, the last first
	URL     string            `json:"url,omitempty"`
	At      time.Time         `json:"at"`

	PullRequest int `json:"pullRequest,omitempty"` // of an [AlertOwner]: it brought the freight
}

// Run is one final word of a gate.
type Run struct {
	Freight map[string]string `json:"freight,omitempty"`
	State   string            `json:"state"`
	Passed  bool              `json:"passed,omitempty"`
	Flaky   bool              `json:"flaky,omitempty"` // it had failed on the same commit
	URL     string            `json:"url,omitempty"`
	At      time.Time         `json:"at"`
}

// Told says that a receiver was told of an alert, or could not be.
type Told struct {
	Stage    string    `json:"stage"`
	Alert    string    `json:"alert"` // see [Alert.ID]
	Receiver string    `json:"receiver"`
	Failed   bool      `json:"failed,omitempty"` // given up
	At       time.Time `json:"at"`
}

// ID names what was said once: raised, again or over.
func (a Alert) ID() string {
	return fmt.Sprintf("%s %s %s %s %s", a.Stage, a.Kind, a.Subject, a.State, a.At.UTC().Format(time.RFC3339Nano))
}

// Thing names what an alert is about, the same for all that is said of it.
func (a Alert) Thing() string { return fmt.Sprintf("%s %s %s", a.Stage, a.Kind, a.Subject) }

// againAfter is how often staleness is told.
const againAfter = 24 * time.Hour

// Alerts says what is new for people: alerts to raise, to say again, and those
// that are over; and when there will be more by time alone. It looks at what was
// said before, so each thing is told once, whoever looks and how often.
func Alerts(p Pipeline, policy Policy, s Snapshot, verdicts []Verdict) (news []Alert, next time.Time) {
	said := map[string]Alert{}
	for _, a := range s.Facts.Alerts {
		said[a.Thing()] = a
	}
	var there []Alert
	for i, stage := range p.Stages {
		there = append(there, s.failing(stage, verdicts[i], there)...)
		there = append(there, s.streaks(stage)...)
		there = append(there, p.reversed(s, stage)...)
		stale, watch, due := s.stale(stage)
		there, news, next = append(there, stale...), append(news, watch...), earliest(next, due)
	}
	for i, a := range there {
		before, known := said[a.Thing()]
		there[i].At = s.Now
		switch {
		case (!known || before.State == AlertOver) && len(policy.Receivers(p.Name, a)) > 0:
			there[i].State = AlertRaised
			news = append(news, there[i])
		case known && a.Kind == AlertStale && !s.Now.Before(before.At.Add(againAfter)):
			there[i].State = AlertAgain
			news = append(news, there[i])
		}
	}
	for _, a := range news {
		said[a.Thing()] = a
	}
	return append(news, over(there, said, s)...), earliest(next, again(there, said))
}

// over are the alerts that were raised about what is not so any more.
func over(there []Alert, said map[string]Alert, s Snapshot) []Alert {
	var out []Alert
	for _, a := range s.Facts.Alerts {
		last := said[a.Thing()]
		gone := !slices.ContainsFunc(there, func(b Alert) bool { return b.Thing() == a.Thing() })
		if gone && (last.State == AlertRaised || last.State == AlertAgain) {
			last.State, last.At = AlertOver, s.Now
			said[a.Thing()] = last
			out = append(out, last)
		}
	}
	return out
}

// again is when the first of what is still stale is told again.
func again(there []Alert, said map[string]Alert) time.Time {
	var next time.Time
	for _, a := range there {
		if before, known := said[a.Thing()]; known && a.Kind == AlertStale {
			next = earliest(next, before.At.Add(againAfter))
		}
	}
	return next
}

// failing are the failures of a stage: of its promotion, by its verdict, and of
// the gates of what it holds: the required ones, and for their owners all. A warehouse fails once, not in every stage
// that takes from it.
func (s Snapshot) failing(stage Stage, verdict Verdict, before []Alert) []Alert {
	var out []Alert
	for _, r := range slices.Concat(verdict.Reasons, verdict.Blocked) {
		a := Alert{Stage: stage.Name, Kind: AlertKind(r.Kind), Subject: subject(verdict.Freight), Freight: verdict.Freight, Reason: r}
		if open := s.Stages[stage.Name].Open; open != nil {
			a.URL = open.URL
		}
		same := func(b Alert) bool { return b.Thing() == a.Thing() }
		switch {
		case r.Kind == GateFailed || r.Kind == GateTimedOut || !slices.Contains(failures, r.Kind):
			continue
		case r.Kind == DiscoveryFailed:
			a.Subject, a.Freight, a.URL = r.Warehouse, nil, ""
			same = func(b Alert) bool { return b.Kind == a.Kind && b.Subject == a.Subject }
		case r.Kind == PublishFailed:
			a.Subject, a.Freight, a.URL = ShortID(r.Freight)+" "+r.By, map[string]string{r.Warehouse: r.Freight}, ""
		}
		if !slices.ContainsFunc(slices.Concat(before, out), same) {
			out = append(out, a)
		}
	}
	held, ok := s.Facts.Holding(stage.Name)
	if !ok || stage.OnArrival {
		return out
	}
	for _, g := range s.Gates(stage, held) {
		if g.State != GateBroken && g.State != GateTooLate {
			continue
		}
		r := g.reason(stage.Name)
		a := Alert{
			Stage: stage.Name, Kind: AlertKind(r.Kind), Subject: g.Gate.Name + " " + ShortID(held.Commit), Freight: held.Freight, Reason: r, URL: g.URL,
		}
		if g.Gate.Required {
			out = append(out, a)
		}
		if g.Gate.Owner != "" {
			a.Kind, a.PullRequest = AlertOwner, held.PullRequest
			out = append(out, a)
		}
	}
	return out
}

func subject(freight map[string]string) string {
	var out []string
	for _, id := range freight {
		out = append(out, ShortID(id))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
