package promote

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Availability is the answer to "may this stage have this freight?", with the
// way it was met or what is missing.
type Availability struct {
	OK      bool
	Rule    string    // how it is met: "all of uat-a, uat-b (2 of 2 verified)"
	Reasons []Reason  // what is missing
	Until   time.Time // when it will be met without any event; zero: not by time alone
}

// Question is one freight before one request.
type Question struct {
	Stage      string
	Request    Request
	Freight    Freight
	Past       []Rule              // the rules that people let the freight past (H2)
	Overriders []string            // who they are
	Standings  map[string]Standing // by upstream stage, and by stamp of it; others never matter (A3)
	Stamps     map[string][]string // of the upstream stages that have some
	Now        time.Time
}

// Available is the one function that decides: for automatic and manual
// promotion, for every entry, and for the text that explains it (A1). An error
// is a rule that can not be met at all, which a valid configuration never has.
func Available(q Question) (Availability, error) {
	if q.Freight.Warehouse != q.Request.Warehouse {
		return Availability{Reasons: []Reason{{Kind: OtherWarehouse, Stage: q.Stage, Warehouse: q.Freight.Warehouse, Freight: q.Freight.Alias}}}, nil
	}
	if kind := q.Request.Availability.Kind; len(q.Request.From) == 0 && (kind == "" || kind == Any) {
		return Availability{OK: true, Rule: "straight from warehouse " + q.Request.Warehouse}, nil
	}
	need, err := q.Request.Availability.Needed(len(q.Request.From))
	if err != nil {
		return Availability{}, err
	}
	if q.past(OverVerification) && (q.past(OverSoak) || q.Request.Soak == 0) {
		return Availability{OK: true, Rule: q.overridden("verification")}, nil
	}
	return q.count(need), nil
}

func (q Question) past(rule Rule) bool { return slices.Contains(q.Past, rule) }

// overridden says what was not asked for, and who said so.
func (q Question) overridden(what string) string {
	rule := "overridden, without " + what
	if len(q.Overriders) > 0 {
		rule = "overridden by " + strings.Join(q.Overriders, ", ") + ", without " + what
	}
	return rule
}

// count sorts the upstreams into those that are verified and soaked, those that
// will be by time alone, and the rest.
func (q Question) count(need int) Availability {
	var met, missing []string
	var soaking, causes []Reason
	var changes time.Time
	for _, from := range q.Request.From {
		w := q.word(from)
		changes = earliest(changes, w.changes)
		if w.met != "" {
			met = append(met, w.met)
			continue
		}
		missing = append(missing, q.Request.upstreamName(from, q.Stamps[from]))
		soaking, causes = append(soaking, w.soaking...), append(causes, w.causes...)
	}
	if len(met) >= need {
		return Availability{OK: true, Rule: q.met(met)}
	}
	out := Availability{Until: changes}
	waiting := Reason{Kind: WaitingFor, Stage: strings.Join(missing, ", "), Have: len(met), Need: need}
	if lacking := need - len(met); lacking < len(missing) {
		waiting.Stage = fmt.Sprintf("%d of %s", lacking, waiting.Stage)
	}
	if q.Request.Soak > 0 {
		waiting.Note = " and soaked"
	}
	out.Reasons = append(out.Reasons, waiting)
	out.Reasons = append(append(out.Reasons, soaking...), causes...)
	if end := enoughSoaked(soaking, need-len(met)); !end.IsZero() {
		out.Until = earliest(out.Until, end)
	}
	return out
}

// word is what one upstream comes to: met by itself or by one of its stamps, or
// what is missing.
type word struct {
	met     string   // who is verified and soaked; empty: nobody
	soaking []Reason // of the one that will be first by time alone
	causes  []Reason
	changes time.Time
}

// word asks an upstream stage, or each of its stamps where any of them is enough.
func (q Question) word(from string) word {
	if q.Request.Stamps != AnyStamp || len(q.Stamps[from]) == 0 {
		return q.standing(from)
	}
	var out word
	for _, stamp := range q.Stamps[from] {
		w := q.standing(stamp)
		if w.met != "" {
			return w
		}
		out.soaking = soonest(out.soaking, w.soaking)
		out.causes, out.changes = append(out.causes, w.causes...), earliest(out.changes, w.changes)
	}
	return out
}

// standing says whether one standing is enough.
func (q Question) standing(name string) word {
	standing := q.Standings[name]
	switch {
	case !standing.Verified && !q.past(OverVerification):
		return word{causes: standing.Reasons, changes: standing.Until}
	case q.Request.Soak > 0 && !q.past(OverSoak) && standing.Soaked(q.Now) < q.Request.Soak:
		return word{soaking: []Reason{q.soak(name, standing)}}
	}
	return word{met: name}
}

// soonest is the one of two that ends first; what has no end comes last.
func soonest(a, b []Reason) []Reason {
	if len(a) == 0 || len(b) > 0 && !b[0].Until.IsZero() && (a[0].Until.IsZero() || b[0].Until.Before(a[0].Until)) {
		return b
	}
	return a
}

// met says how the rule is met, by which upstreams.
func (q Question) met(by []string) string {
	word, besides := "verified", ""
	switch {
	case q.past(OverVerification):
		word, besides = "soaked", "; "+q.overridden("verification")
	case q.past(OverSoak) && q.Request.Soak > 0:
		besides = "; " + q.overridden("soak")
	}
	var from []string
	for _, name := range q.Request.From {
		from = append(from, q.Request.upstreamName(name, q.Stamps[name]))
	}
	return fmt.Sprintf("%s of %s: %s (%d of %d %s)", q.Request.Availability, strings.Join(from, ", "),
		strings.Join(by, ", "), len(by), len(q.Request.From), word) + besides
}

func (q Question) soak(stage string, standing Standing) Reason {
	switch {
	case standing.Since.IsZero() && standing.Longest == 0 && !standing.Verified:
		return Reason{Kind: NotThere, Stage: stage}
	case standing.Since.IsZero():
		return Reason{Kind: LeftEarly, Stage: stage, Note: Span(q.Request.Soak)}
	}
	return Reason{Kind: Soaking, Stage: stage, Until: standing.Since.Add(q.Request.Soak)}
}

// enoughSoaked returns when enough of the soaking stages will have soaked.
func enoughSoaked(soaking []Reason, lacking int) time.Time {
	var ends []time.Time
	for _, r := range soaking {
		if !r.Until.IsZero() {
			ends = append(ends, r.Until)
		}
	}
	if len(ends) < lacking {
		return time.Time{}
	}
	slices.SortFunc(ends, time.Time.Compare)
	return ends[lacking-1]
}
