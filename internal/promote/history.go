package promote

import (
	"slices"
	"time"
)

// History is how a stage did so far, from what is recorded (G9).
type History struct {
	Stage string        `json:"stage"`
	Gates []GateHistory `json:"gates"`
	Lead  []Lead        `json:"lead"` // of the freight that came last, the newest first; bounded

	// The medians of Lead: from being selected until it arrived, and from then until
	// it was verified; nil where nothing did.
	SecondsToArrive *int64 `json:"secondsToArrive,omitempty"`
	SecondsToVerify *int64 `json:"secondsToVerify,omitempty"`
}

// GateHistory is how one gate of a stage went. What has no final word yet, is not
// in it.
type GateHistory struct {
	Gate     string `json:"gate"`
	Required bool   `json:"required"`
	Owner    string `json:"owner,omitempty"`
	Runs     int    `json:"runs"`
	Failures int    `json:"failures"` // timed out and refused ones, too
	Flakes   int    `json:"flakes"`   // passes of what had failed on the same commit
	Last     []Run  `json:"last"`     // the last first; bounded

	Rate *float64 `json:"rate,omitempty"` // the share of runs that passed; nil where nothing ran
}

// Lead is how one freight came to a stage: when it was selected, when it arrived
// for the first time, and when the results were there that count now. Zero times
// have not come, or are not known.
type Lead struct {
	Warehouse string    `json:"warehouse"`
	Freight   string    `json:"freight"`
	Selected  time.Time `json:"selected,omitzero"`
	Arrived   time.Time `json:"arrived"`
	Verified  time.Time `json:"verified,omitzero"`
}

// maxLeads is how many arrivals of freight a history goes back.
const maxLeads = 50

// History tells how a stage did so far.
func (s Snapshot) History(stage Stage) History {
	out := History{Stage: stage.Name, Gates: []GateHistory{}, Lead: s.leads(stage)}
	for _, g := range stage.Gates {
		out.Gates = append(out.Gates, s.gateHistory(stage, g))
	}
	var arrived, verified []int64
	for _, l := range out.Lead {
		if !l.Selected.IsZero() {
			arrived = append(arrived, int64(l.Arrived.Sub(l.Selected)/time.Second))
		}
		if !l.Verified.IsZero() {
			verified = append(verified, int64(l.Verified.Sub(l.Arrived)/time.Second))
		}
	}
	out.SecondsToArrive, out.SecondsToVerify = median(arrived), median(verified)
	return out
}

func (s Snapshot) gateHistory(stage Stage, g Gate) GateHistory {
	runs := s.runs(stage, g)
	out := GateHistory{Gate: g.Name, Required: g.Required, Owner: g.Owner, Runs: len(runs), Last: append([]Run{}, runs[:min(len(runs), shownRuns)]...)}
	for _, r := range runs {
		switch {
		case !r.Passed:
			out.Failures++
		case r.Flaky:
			out.Flakes++
		}
	}
	if out.Runs > 0 {
		rate := float64(out.Runs-out.Failures) / float64(out.Runs)
		out.Rate = &rate
	}
	return out
}

// leads are the first arrivals of each freight, the last first.
func (s Snapshot) leads(stage Stage) []Lead {
	var came []Arrival
	out := []Lead{}
	seen := map[string]bool{}
	for _, a := range s.Facts.ArrivalsIn(stage.Name) {
		if a.Manner == ByDrift {
			continue
		}
		for _, r := range stage.Requests {
			f, known := s.Facts.FreightByID(a.Freight[r.Warehouse])
			if !known || seen[f.ID] {
				continue
			}
			seen[f.ID] = true
			l := Lead{Warehouse: f.Warehouse, Freight: f.ID, Arrived: a.At}
			if !f.Selected.After(a.At) { // what is selected again is selected later
				l.Selected = f.Selected
			}
			out, came = append(out, l), append(came, a)
		}
	}
	old := max(0, len(out)-maxLeads)
	out, came = out[old:], came[old:]
	for i, a := range came {
		out[i].Verified = s.judge(stage, a).VerifiedAt
	}
	slices.Reverse(out)
	return out
}

// median is nil where there is nothing.
func median(d []int64) *int64 {
	if len(d) == 0 {
		return nil
	}
	slices.Sort(d)
	middle := (d[(len(d)-1)/2] + d[len(d)/2]) / 2
	return &middle
}
