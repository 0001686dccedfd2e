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
	Overridden bool
	Standings  map[string]Standing // by upstream stage; others never matter (A3)
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
	if q.Overridden {
		return Availability{OK: true, Rule: "overridden"}, nil
	}
	return q.count(need), nil
}

// count sorts the upstreams into those that are verified and soaked, those that
// will be by time alone, and the rest.
func (q Question) count(need int) Availability {
	var met, missing []string
	var soaking []Reason
	var causes []Reason
	var changes time.Time
	for _, name := range q.Request.From {
		standing := q.Standings[name]
		switch {
		case !standing.Verified:
			missing = append(missing, name)
			causes = append(causes, standing.Reasons...)
			changes = earliest(changes, standing.Until)
		case q.Request.Soak > 0 && standing.Soaked(q.Now) < q.Request.Soak:
			missing = append(missing, name)
			soaking = append(soaking, q.soak(name, standing))
		default:
			met = append(met, name)
		}
	}
	if len(met) >= need {
		return Availability{OK: true, Rule: fmt.Sprintf("%s of %s: %s (%d of %d verified)",
			q.Request.Availability, strings.Join(q.Request.From, ", "), strings.Join(met, ", "), len(met), len(q.Request.From))}
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

func (q Question) soak(stage string, standing Standing) Reason {
	if standing.Since.IsZero() {
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
