package report

import (
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// Row is one stage in words, the same for every medium. Nothing in it is escaped.
type Row struct {
	Stage   string
	Kind    string // what it is, where promotions write no files; empty for the others
	State   string // the action that was decided
	Holds   string // freight by name; empty: nothing yet
	Since   time.Time
	Next    string   // freight that is promoted, proposed or waits; empty: none
	Why     []string // the whole explanation of the verdict, the most important first
	Until   time.Time
	Pull    int    // number of the open pull request; 0: none
	PullAs  string // what leads to it from a text in the pipeline's repository: #3, owner/name#3
	PullURL string
}

// shortKinds are short words for stages in which promotions write no files.
var shortKinds = map[promote.Kind]string{promote.Control: "control flow", promote.Fileless: "without files", promote.Observed: "written by others"}

// Rows explains every verdict of the view, in the pipeline's order.
func Rows(v View) []Row {
	out := make([]Row, len(v.Verdicts))
	for i, verdict := range v.Verdicts {
		out[i] = v.row(verdict)
	}
	return out
}

func (v View) row(verdict promote.Verdict) Row {
	s, _ := v.Pipeline.Stage(verdict.Stage)
	r := Row{Stage: verdict.Stage, Kind: shortKinds[s.Kind], State: string(verdict.Action), Until: verdict.Until, Why: v.why(verdict)}
	if holding, ok := v.Snapshot.Facts.Holding(verdict.Stage); ok {
		r.Holds, r.Since = v.names(holding.Freight), holding.Entered()
	}
	if verdict.Action != promote.Current && len(verdict.Freight) > 0 {
		r.Next = v.names(v.moving(verdict.Stage, verdict.Freight))
	}
	if open := v.open(verdict.Stage); open != nil {
		r.Pull, r.PullAs, r.PullURL = open.PullRequest, v.number(s, open.PullRequest), v.pullURL(open)
	}
	return r
}

// colon stands between the next freight and what is said of it.
func (r Row) colon() string {
	if len(r.Why) == 0 {
		return ""
	}
	return ":"
}

func (v View) why(verdict promote.Verdict) []string {
	var out []string
	for _, r := range important(verdict.Blocked) {
		out = append(out, "must not be merged: "+r.String())
	}
	for _, r := range important(verdict.Reasons) {
		if !slices.Contains(verdict.Blocked, r) {
			out = append(out, r.String())
		}
	}
	if r, ok := v.drift(verdict.Stage); ok {
		out = append(out, r.String())
	}
	if verdict.Rule != "" {
		out = append(out, ruleWords(verdict.Back)+verdict.Rule)
	}
	return unique(out)
}

// ruleWords stand before how the rule was met, or why it was not asked.
func ruleWords(back *promote.Back) string {
	if back != nil {
		return "rule "
	}
	return "rule met: "
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// drift says that people changed the stage since its last arrival of freight.
func (v View) drift(stage string) (promote.Reason, bool) {
	arrivals := v.Snapshot.Facts.ArrivalsIn(stage)
	if len(arrivals) == 0 || arrivals[len(arrivals)-1].Manner != promote.ByDrift {
		return promote.Reason{}, false
	}
	return promote.Reason{Kind: promote.Drifted, Stage: stage, Note: promote.ShortID(arrivals[len(arrivals)-1].Commit)}, true
}

// important puts what went wrong before what a person decided, and both before
// what is only not there yet. Where time is all that is missing, the time comes
// before the count of upstreams.
func important(reasons []promote.Reason) []promote.Reason {
	out := slices.Clone(reasons)
	onlyTime := !slices.ContainsFunc(out, func(r promote.Reason) bool { return r.Kind != promote.Soaking && r.Kind != promote.WaitingFor })
	slices.SortStableFunc(out, func(a, b promote.Reason) int {
		if onlyTime && a.Kind != b.Kind {
			return strings.Compare(string(a.Kind), string(b.Kind)) // soaking, waiting-for
		}
		return weight(a.Kind) - weight(b.Kind)
	})
	return out
}

// weight orders reasons by what a reader has to know first.
func weight(kind promote.ReasonKind) int {
	switch kind {
	case promote.LedgerLost, promote.ForeignBranch, promote.ForeignHead, promote.DiscoveryFailed, promote.RenderFailed,
		promote.PromotionFailed, promote.Conflict, promote.GateFailed, promote.GateTimedOut, promote.Drifted:
		return failed
	case promote.Frozen, promote.HeldBy, promote.WindowClosed, promote.TakenOver, promote.Capped, promote.ResourceTaken, promote.LaneFailed,
		promote.NotAccepted, promote.NotAllowed, promote.PolicyBroken, promote.OtherRepository:
		return stopped
	case promote.CombinationUnseen:
		return remark
	}
	return missing
}

// The weights of reasons, the heaviest first.
const (
	failed = iota
	stopped
	missing
	remark
)
