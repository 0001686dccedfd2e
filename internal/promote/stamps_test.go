package promote

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// stamped is a pipeline of uat@eu (with a second update), uat@us, and what takes
// from them.
func stamped(downstream ...Stage) Pipeline {
	gates := []Gate{{Name: "e2e", Source: FromStatus, Match: "e2e", Required: true}}
	p := Pipeline{Name: "web", Warehouses: []Warehouse{{Name: "app"}}}
	for _, lane := range []struct{ name, stamp string }{{"uat@eu", "eu"}, {"uat@eu.2", "eu"}, {"uat@us", "us"}} {
		p.Stages = append(p.Stages, Stage{Name: lane.name, Stamp: lane.stamp, Requests: []Request{{Warehouse: "app"}}, Gates: gates})
	}
	p.Stages = append(p.Stages, downstream...)
	return p
}

// verifiedIn are arrivals of freight "f", a minute apart, and the results that
// verify it there; a lane that begins with ! fails.
func verifiedIn(lanes ...string) Facts {
	facts := Facts{Freight: []Freight{{ID: "f", Alias: "bold-otter", Warehouse: "app", Selected: nine}}}
	for i, lane := range lanes {
		name := strings.TrimLeft(lane, "!?")
		at := nine.Add(time.Duration(i) * time.Minute)
		facts.Arrivals = append(facts.Arrivals, Arrival{Stage: name, Manner: ByMerge, Freight: map[string]string{"app": "f"}, Commit: name, Tree: name, At: at})
		state := map[byte]string{'!': "failure", '?': ""}[lane[0]]
		if lane[0] != '!' && lane[0] != '?' {
			state = "success"
		}
		if state != "" {
			facts.Results = append(facts.Results, Result{Stage: name, Commit: name, Source: FromStatus, Name: "e2e", State: state, At: at.Add(time.Second)})
		}
	}
	return facts
}

func TestWhatNamesMean(t *testing.T) {
	p := stamped(Stage{Name: "prod"}, Stage{Name: "prod.2"})
	for name, want := range map[string]string{
		"uat": "uat@eu uat@eu.2 uat@us", "uat@eu": "uat@eu uat@eu.2", "uat@eu.2": "uat@eu.2", "uat@us": "uat@us",
		"prod": "prod prod.2", "prod.2": "prod.2", "ua": "", "uat@": "", "uat@e": "",
	} {
		var got []string
		for _, lane := range p.Lanes(name) {
			got = append(got, lane.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s means %v, not %s", name, got, want)
		}
	}
	if got := strings.Join(p.Stamps("uat"), " "); got != "uat@eu uat@us" {
		t.Errorf("the stamps of uat are %s", got)
	}
	if got := append(p.Stamps("prod"), p.Stamps("uat@eu")...); got != nil {
		t.Errorf("there are the stamps %v", got)
	}
}

// A pattern over bare stages means all lanes, one with a stamp those of the stamp;
// the first that matches wins.
func TestPolicyOfALane(t *testing.T) {
	policy := Policy{Stages: []StagePolicy{{Match: "web/prod@eu", Position: "eu"}, {Match: "*/prod@*", Position: "stamps"}, {Match: "web/prod", Position: "prod"}, {Match: "web/*", Position: "rest"}}}
	for lane, want := range map[string]string{
		"prod@eu": "eu", "prod@eu.2": "eu", "prod@us": "stamps", "prod": "prod", "prod.2": "prod", "uat@eu": "rest", "uat": "rest",
	} {
		if got := policy.For("web", lane).Position; got != want {
			t.Errorf("%s is under %q, not %q", lane, got, want)
		}
	}
	bare := Policy{Stages: []StagePolicy{{Match: "*/prod", Position: "prod"}}}
	for lane, want := range map[string]string{"prod@eu": "prod", "prod@us.2": "prod", "prod": "prod", "prod-x@eu": ""} {
		if got := bare.For("web", lane).Position; got != want {
			t.Errorf("%s is under %q, not %q", lane, got, want)
		}
	}
}

// S3: all stamps, any stamp (as a whole), or the same one.
func TestAvailabilityOverStamps(t *testing.T) {
	all, any, pair := Request{Warehouse: "app", From: []string{"uat"}, Stamps: AllStamps}, Request{Warehouse: "app", From: []string{"uat"}, Stamps: AnyStamp}, Request{Warehouse: "app", From: []string{"uat@us"}}
	for name, c := range map[string]struct {
		request Request
		lanes   []string
		want    string // the rule, or the reasons
	}{
		"all, in all":                {all, []string{"uat@eu", "uat@eu.2", "uat@us"}, "any of uat (all stamps): uat (1 of 1 verified)"},
		"all, one lacks":             {all, []string{"uat@eu", "uat@eu.2"}, "waiting for uat (all stamps) (0 of 1 verified); not in uat@us yet"},
		"all, an update lacks":       {all, []string{"uat@eu", "uat@us"}, "waiting for uat (all stamps) (0 of 1 verified); not in uat@eu.2 yet"},
		"any, the second":            {any, []string{"uat@us"}, "any of uat (any stamp): uat@us (1 of 1 verified)"},
		"any, the first as a whole":  {any, []string{"uat@eu", "uat@eu.2"}, "any of uat (any stamp): uat@eu (1 of 1 verified)"},
		"any, half of the first":     {any, []string{"uat@eu"}, "waiting for uat (any stamp) (0 of 1 verified); not in uat@eu.2 yet; not in uat@us yet"},
		"any, although one fails":    {any, []string{"!uat@eu", "uat@eu.2", "uat@us"}, "any of uat (any stamp): uat@us (1 of 1 verified)"},
		"pair, the same":             {pair, []string{"uat@us"}, "any of uat@us: uat@us (1 of 1 verified)"},
		"pair, another":              {pair, []string{"uat@eu", "uat@eu.2"}, "waiting for uat@us (0 of 1 verified); not in uat@us yet"},
		"pair, although one's fails": {pair, []string{"uat@us", "!uat@eu"}, "any of uat@us: uat@us (1 of 1 verified)"},
	} {
		t.Run(name, func(t *testing.T) {
			stage := Stage{Name: "prod", Requests: []Request{c.request}, OnArrival: true}
			p := stamped(stage)
			snapshot := Snapshot{Now: nine.Add(time.Hour), Facts: verifiedIn(c.lanes...)}
			got := Weigh(p, Policy{}, snapshot, stage, c.request, snapshot.Facts.Freight[0])
			text := got.Rule
			for i, r := range got.Reasons {
				text += map[bool]string{true: "", false: "; "}[i == 0] + r.String()
			}
			if text != c.want || got.OK != (len(got.Reasons) == 0) {
				t.Errorf("%v: %s\nwant %s", got.OK, text, c.want)
			}
		})
	}
}

// Verified in one stamp and soaked in another is nothing, and the look comes again
// when the first of them has soaked.
func TestSoakInAnyStamp(t *testing.T) {
	request := Request{Warehouse: "app", From: []string{"uat"}, Stamps: AnyStamp, Soak: time.Hour}
	stage := Stage{Name: "prod", Requests: []Request{request}, OnArrival: true}
	facts := verifiedIn("?uat@eu", "?uat@eu.2", "uat@us") // us came two minutes later, and is verified alone
	at := func(minutes int) Weighed {
		return Weigh(stamped(stage), Policy{}, Snapshot{Now: nine.Add(time.Duration(minutes) * time.Minute), Facts: facts}, stage, request, facts.Freight[0])
	}
	if got := at(61); got.OK || !got.Until.Equal(nine.Add(62*time.Minute)) {
		t.Errorf("after 61 minutes: %v until %s, %v", got.OK, got.Until, got.Reasons)
	}
	if got := at(62); !got.OK {
		t.Errorf("after 62 minutes: %v", got.Reasons)
	}
	facts = verifiedIn("uat@us", "uat@eu", "uat@eu.2") // both are verified; us is the first to have soaked
	if got := at(30); got.OK || !got.Until.Equal(nine.Add(time.Hour)) {
		t.Errorf("after 30 minutes: %v until %s, %v", got.OK, got.Until, got.Reasons)
	}
}

// A strict stage takes what one stamp verified together, where any is enough.
func TestStrictOverStamps(t *testing.T) {
	both := func(rule StampRule) []Request {
		return []Request{{Warehouse: "app", From: []string{"uat"}, Stamps: rule}, {Warehouse: "flags", From: []string{"uat"}, Stamps: rule}}
	}
	for rule, want := range map[StampRule]Action{AnyStamp: Promote, AllStamps: Wait} {
		p := Pipeline{Name: "web", Warehouses: []Warehouse{{Name: "app"}, {Name: "flags"}}, Stages: []Stage{
			{Name: "uat@eu", Stamp: "eu", Requests: both(""), OnArrival: true},
			{Name: "uat@us", Stamp: "us", Requests: both(""), OnArrival: true},
			{Name: "prod", Requests: both(rule), OnArrival: true, Strict: true},
		}}
		for i := range 2 {
			for k := range p.Stages[i].Requests {
				p.Stages[i].Requests[k].From = nil
			}
		}
		arrive := func(stage string, minute int, app, flags string) Arrival {
			return Arrival{Stage: stage, Manner: ByMerge, Commit: stage + app + flags, Tree: stage + app + flags, At: nine.Add(time.Duration(minute) * time.Minute), Freight: map[string]string{"app": app, "flags": flags}}
		}
		facts := Facts{
			Freight:  []Freight{{ID: "a", Alias: "a", Warehouse: "app", Selected: nine}, {ID: "g", Alias: "g", Warehouse: "flags", Selected: nine}, {ID: "f", Alias: "f", Warehouse: "flags", Selected: nine.Add(-time.Hour)}},
			Arrivals: []Arrival{arrive("uat@us", 0, "a", "f"), arrive("uat@eu", 1, "a", "g"), arrive("uat@us", 2, "b", "g")},
		}
		got := Decide(p, Policy{Stages: []StagePolicy{{Match: "*", Auto: true}, {Match: "web/*", Auto: true}}}, Snapshot{Now: nine.Add(time.Hour), Facts: facts})[2]
		if got.Action != want {
			t.Errorf("%s: %s, %v", rule, got.Action, got.Reasons)
		}
	}
}

// S1: with failFast freight that failed in one lane waits in the others.
func TestFailFast(t *testing.T) {
	for name, c := range map[string]struct {
		lanes    []string
		failFast bool
		reason   string
	}{
		"fails":                {[]string{"!uat@eu"}, true, "freight bold-otter waits: it failed in uat@eu (gate e2e: failure), and `failFast` keeps it from the other lanes"},
		"fails in an update":   {[]string{"!uat@eu.2"}, true, "freight bold-otter waits: it failed in uat@eu.2 (gate e2e: failure), and `failFast` keeps it from the other lanes"},
		"fails, and may":       {[]string{"!uat@eu"}, false, ""},
		"is not there yet":     {nil, true, ""},
		"is pending":           {[]string{"?uat@eu"}, true, ""},
		"passes":               {[]string{"uat@eu", "uat@eu.2"}, true, ""},
		"is here, fails there": {[]string{"uat@us", "!uat@eu"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := stamped()
			for i := range p.Stages {
				p.Stages[i].FailFast = c.failFast
			}
			snapshot := Snapshot{Now: nine.Add(time.Hour), Facts: verifiedIn(c.lanes...)}
			got := Weigh(p, Policy{}, snapshot, p.Stages[2], p.Stages[2].Requests[0], snapshot.Facts.Freight[0])
			if got.OK != (c.reason == "") || !got.OK && got.Reasons[0].String() != c.reason {
				t.Errorf("%v: %v", got.OK, got.Reasons)
			}
		})
	}
}

// Who may go past verification goes past failFast, for the lane that is named.
func TestFailFastOverridden(t *testing.T) {
	p := stamped()
	for i := range p.Stages {
		p.Stages[i].FailFast = true
	}
	facts := verifiedIn("!uat@eu")
	facts.Overrides = []Override{{Stage: "uat@us", Warehouse: "app", Freight: "f", By: "ann", At: nine}}
	for over, want := range map[Rule]bool{OverVerification: true, OverSoak: false} {
		policy := Policy{Stages: []StagePolicy{{Match: "web/uat", Override: Exemption{People: 1, Over: []Rule{over}}}}}
		got := Weigh(p, policy, Snapshot{Now: nine.Add(time.Hour), Facts: facts}, p.Stages[2], p.Stages[2].Requests[0], facts.Freight[0])
		if got.OK != want {
			t.Errorf("past %s: %v, %v", over, got.OK, got.Reasons)
		}
	}
}

// A notification for the bare stage is about all lanes, one with a stamp about one.
func TestWhoIsToldOfALane(t *testing.T) {
	policy := Policy{Notify: []Notify{{On: []string{AllFailures}, Match: "web/prod", To: "slack", Secret: "ALL"}, {On: []string{AllFailures}, Match: "*/prod@eu", To: "slack", Secret: "EU"}}}
	for lane, want := range map[string]string{"prod@eu": "slack ALL, slack EU", "prod@us.2": "slack ALL", "uat@eu": ""} {
		var got []string
		for _, n := range policy.Receivers("web", Alert{Stage: lane, Kind: AlertKind(RenderFailed)}) {
			got = append(got, n.Receiver())
		}
		if slices.Sort(got); strings.Join(got, ", ") != want {
			t.Errorf("of %s are told %v", lane, got)
		}
	}
}
