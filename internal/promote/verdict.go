package promote

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Action is what was decided for a stage.
type Action string

// The actions. Only Promote leads to writing.
const (
	Promote Action = "promote" // make or renew the promotion
	Opened  Action = "open"    // the promotion is there and waits for people
	Current Action = "current" // the stage holds what it should
	Wait    Action = "wait"    // something is still missing
	Held    Action = "held"    // somebody or something keeps it
)

// Verdict is what was decided for one stage, and why. Texts are made from this
// very value, never from a second look.
type Verdict struct {
	Stage   string            `json:"stage"`
	Action  Action            `json:"action"`
	Freight map[string]string `json:"freight,omitempty"` // what is to be promoted, is proposed, or waits; per slot
	Holds   map[string]string `json:"holds,omitempty"`   // what the stage holds now
	Rule    string            `json:"rule,omitempty"`    // how the upstream rule is met
	Reasons []Reason          `json:"reasons,omitempty"`
	Blocked []Reason          `json:"blocked,omitempty"` // why the open promotion must not be merged (A7)
	Until   time.Time         `json:"until,omitzero"`    // when this verdict will change by itself (A5)
	Ask     *Ask              `json:"ask,omitempty"`     // the wish that this verdict answers
	Refused bool              `json:"refused,omitempty"` // the wish is refused, for the Reasons
	Pins    []string          `json:"pins,omitempty"`    // slots held from now on (P14)
	Frees   []string          `json:"frees,omitempty"`   // slots no longer held
	Back    *Back             `json:"back,omitempty"`    // the promotion goes back, without the upstream rule (P14)
	Merge   bool              `json:"merge,omitempty"`   // the open promotion is ours to merge now (P7)
	Due     []Due             `json:"due,omitempty"`     // attempts at the stage's gates that are to be made now (G3)
	// Retested is what becomes of the wish to run gates again, which is in Due (G4).
	Retested []Retested `json:"retested,omitempty"`
	// Passes is what a control-flow stage is to hold, one after the other: each
	// passes on one freight, and the last is what it holds from then on.
	Passes []map[string]string `json:"passes,omitempty"`
	// Tick is the time of the schedule that this verdict answers; zero: none.
	Tick time.Time `json:"tick,omitzero"`
}

// ReasonKind is the type of a reason.
type ReasonKind string

// The reasons. What each one fills in is said by [Reason.String].
const (
	WaitingFor        ReasonKind = "waiting-for"
	Soaking           ReasonKind = "soaking"
	LeftEarly         ReasonKind = "left-early"
	GatePending       ReasonKind = "gate-pending"
	GateFailed        ReasonKind = "gate-failed"
	GateTimedOut      ReasonKind = "gate-timed-out"
	LaneFailed        ReasonKind = "lane-failed"
	NotThere          ReasonKind = "not-there"
	Drifted           ReasonKind = "drifted"
	FirstFreight      ReasonKind = "first-freight"
	OtherWarehouse    ReasonKind = "other-warehouse"
	Incomplete        ReasonKind = "incomplete"
	UnknownFreight    ReasonKind = "unknown-freight"
	Rejected          ReasonKind = "rejected"
	ByHand            ReasonKind = "by-hand"
	HeldBy            ReasonKind = "held-by"
	Frozen            ReasonKind = "frozen"
	WindowClosed      ReasonKind = "window-closed"
	Capped            ReasonKind = "capped"
	ResourceTaken     ReasonKind = "resource-taken"
	Approved          ReasonKind = "approved"
	ApprovalsMissing  ReasonKind = "approvals-missing"
	Queued            ReasonKind = "queued"
	BaseMoved         ReasonKind = "base-moved"
	OutOfDate         ReasonKind = "out-of-date"
	Unopened          ReasonKind = "unopened"
	ForeignHead       ReasonKind = "foreign-head"
	ForeignBranch     ReasonKind = "foreign-branch"
	LedgerLost        ReasonKind = "ledger-lost"
	DiscoveryFailed   ReasonKind = "discovery-failed"
	RenderFailed      ReasonKind = "render-failed"
	PromotionFailed   ReasonKind = "promotion-failed"
	PushRefused       ReasonKind = "push-refused"
	Conflict          ReasonKind = "conflict"
	MergeWaits        ReasonKind = "merge-waits"
	MovedSince        ReasonKind = "moved-since"
	NotAccepted       ReasonKind = "not-accepted"
	NotAllowed        ReasonKind = "not-allowed"
	PolicyBroken      ReasonKind = "policy-broken"
	OtherRepository   ReasonKind = "other-repository"
	Unpushed          ReasonKind = "unpushed"
	CombinationUnseen ReasonKind = "combination-unseen"
	TakenOver         ReasonKind = "taken-over"
	PreRelease        ReasonKind = "pre-release"
	NoPreRelease      ReasonKind = "no-pre-release"
	PublishFailed     ReasonKind = "publish-failed"
	Stale             ReasonKind = "stale"
	FailedInARow      ReasonKind = "failed-in-a-row"
	FailedAfter       ReasonKind = "failed-after"
	NothingBefore     ReasonKind = "nothing-before"
	NothingWritten    ReasonKind = "nothing-written"
	NotVerified       ReasonKind = "not-verified"
	NeverThere        ReasonKind = "never-there"
	ArrivedSince      ReasonKind = "arrived-since"
	NotTogether       ReasonKind = "not-together"
	Scheduled         ReasonKind = "scheduled"
	WrittenByOthers   ReasonKind = "written-by-others"
	LeftAlone         ReasonKind = "left-alone"
	Unmerged          ReasonKind = "unmerged"
	RunOnly           ReasonKind = "run-only"
	Executing         ReasonKind = "executing"
)

// Reason is one typed "no", or "not yet", with the names, the numbers and, where
// there is one, the time (A10).
type Reason struct {
	Kind      ReasonKind `json:"kind"`
	Stage     string     `json:"stage,omitempty"`
	Warehouse string     `json:"warehouse,omitempty"`
	Freight   string     `json:"freight,omitempty"`
	Gate      string     `json:"gate,omitempty"`
	By        string     `json:"by,omitempty"`
	Note      string     `json:"note,omitempty"`
	Have      int        `json:"have,omitempty"`
	Need      int        `json:"need,omitempty"`
	Until     time.Time  `json:"until,omitzero"`
	// PullRequest is what a hold lasts until, written owner/repo#n.
	PullRequest string `json:"pullRequest,omitempty"`
}

// String is the reason in words, the same in the check, the comment, the page
// and the plan.
func (r Reason) String() string {
	if text, ok := fixed[r.Kind]; ok {
		return text
	}
	switch r.Kind {
	case WaitingFor:
		return fmt.Sprintf("waiting for %s (%d of %d verified%s)", r.Stage, r.Have, r.Need, r.Note)
	case Soaking:
		return fmt.Sprintf("soaking in %s until %s", r.Stage, clock(r.Until))
	case LeftEarly:
		return fmt.Sprintf("left %s before it had soaked for %s", r.Stage, r.Note)
	case GatePending:
		return fmt.Sprintf("gate %s in %s %s", r.Gate, r.Stage, cmp.Or(r.Note, "has no result yet"))
	case GateFailed:
		return fmt.Sprintf("gate %s in %s failed: %s", r.Gate, r.Stage, r.Note)
	case GateTimedOut:
		return fmt.Sprintf("gate %s in %s timed out: no result within %s", r.Gate, r.Stage, r.Note)
	case LaneFailed:
		return fmt.Sprintf("freight %s waits: it failed in %s (gate %s: %s), and `failFast` keeps it from the other lanes", r.Freight, r.Stage, r.Gate, r.Note)
	case NotThere:
		return fmt.Sprintf("not in %s yet", r.Stage)
	case Drifted:
		return fmt.Sprintf("%s was changed outside of a promotion (drift at %s)", r.Stage, r.Note)
	case TakenOver:
		return takenText(r)
	case PreRelease:
		return fmt.Sprintf("freight %s is of %s: only a stage that is taken over for that gets it", r.Freight, r.Note)
	case NoPreRelease:
		return fmt.Sprintf("warehouse %s has no image of %s yet", r.Warehouse, r.Note)
	case FirstFreight:
		return "waiting for first freight of " + r.Warehouse
	case OtherWarehouse:
		return fmt.Sprintf("freight %s is of warehouse %s, which %s does not request", r.Freight, r.Warehouse, r.Stage)
	case Incomplete:
		return fmt.Sprintf("freight %s lacks %s, which warehouse %s subscribes to now", r.Freight, r.Note, r.Warehouse)
	case UnknownFreight:
		return fmt.Sprintf("no freight %q in warehouse %s", r.Freight, r.Warehouse)
	case Rejected:
		return fmt.Sprintf("freight %s was rejected for %s by %s: `/promote %s` brings it back", r.Freight, r.Stage, r.By, r.Stage)
	case ByHand:
		return "available: /promote " + r.Stage
	case HeldBy:
		return heldText(r)
	case WindowClosed:
		return windowText(r)
	case ResourceTaken:
		return fmt.Sprintf("%s (%d of %d)", r.Note, r.Have, r.Need)
	case Capped:
		return fmt.Sprintf("%d of %d promotions are open: %s", r.Have, r.Need, r.Note)
	case ApprovalsMissing:
		return approvalsText(r)
	case Queued:
		return fmt.Sprintf("newer freight %s waits for the open promotion", r.Freight)
	case Approved:
		return fmt.Sprintf("newer freight %s waits: the open promotion has an approving review", r.Freight)
	case ForeignBranch:
		return fmt.Sprintf("%s holds files that no promotion wrote; it is left alone", r.Note)
	case LedgerLost:
		return fmt.Sprintf("ledger lost: %s was written by promotions that the ledger does not know", r.Stage)
	case DiscoveryFailed:
		return fmt.Sprintf("discovery failed for warehouse %s: %s", r.Warehouse, r.Note)
	case RenderFailed:
		return "render failed: " + r.Note
	case PromotionFailed:
		return "verified but promotion failed: " + r.Note
	case PushRefused:
		return "verified, but a rule of the repository refused the push to " + r.Note + "; put Towpath on the rule's bypass list"
	case NotAccepted:
		return "not accepted: " + r.Note
	case NotAllowed:
		return "not allowed: " + r.Note
	case PolicyBroken:
		return "policy broken: " + r.Note
	case OtherRepository:
		return "another repository: " + r.Note
	case MergeWaits:
		return "merge waits: GitHub says " + cmp.Or(r.Note, "unknown")
	case MovedSince:
		return fmt.Sprintf("newer freight %s came after the comment: `/promote %s %s=%s` takes it", r.Freight, r.Stage, r.Warehouse, r.Freight)
	case PublishFailed:
		return fmt.Sprintf("verified but not published to %s: %s", r.By, r.Note)
	case Stale:
		return fmt.Sprintf("stale: nothing was promoted into %s for %s (since %s)", r.Stage, r.Note, clock(r.Until))
	case FailedInARow:
		return fmt.Sprintf("gate %s in %s failed %d times in a row", r.Gate, r.Stage, r.Have)
	case FailedAfter:
		return fmt.Sprintf("gate %s in %s failed (%s) after the freight was merged into %s: nothing is undone", r.Gate, r.Stage, r.By, r.Note)
	case NothingBefore:
		return fmt.Sprintf("nothing to go back to: no verified arrival in %s before this one", r.Stage)
	case NothingWritten:
		return fmt.Sprintf("nothing to go back to: promotions write no files in %s", r.Stage)
	case NotVerified:
		return fmt.Sprintf("%s, which came to %s at %s, is not verified there: %s", r.Freight, r.Stage, clock(r.Until), r.Note)
	case NeverThere:
		return fmt.Sprintf("freight %s was never in %s: `/rollback` goes back only%s", r.Freight, r.Stage, r.Note)
	case ArrivedSince:
		return fmt.Sprintf("%s came to %s after the comment: say it again if it still holds", r.Freight, r.Stage)
	case NotTogether:
		return fmt.Sprintf("waiting for %s to verify %s together (%d of %d)", r.Stage, r.Freight, r.Have, r.Need)
	case Scheduled:
		return fmt.Sprintf("%s takes the newest available freight at %s", r.Stage, clock(r.Until))
	case WrittenByOthers:
		return fmt.Sprintf("%s is written by others: it holds what they put on %s", r.Stage, r.Note)
	case RunOnly:
		return fmt.Sprintf("%s is promoted by `action run %s` only: commands make its files", r.Stage, r.Stage)
	case Executing:
		return fmt.Sprintf("a command that makes the files of %s goes on", r.Stage)
	case Unmerged:
		return fmt.Sprintf("#%d waits to be merged", r.Have)
	case CombinationUnseen:
		return "this combination of freight was not verified together upstream"
	}
	return string(r.Kind)
}

// Because tells whether a reason of the kind is among those of the verdict.
func (v Verdict) Because(kind ReasonKind) bool {
	return slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Kind == kind })
}

var fixed = map[ReasonKind]string{
	Frozen:      "frozen by policy: nothing is promoted",
	BaseMoved:   "the stage branch moved: the promotion is made again on its new head",
	OutOfDate:   "a rule of the repository wants what is merged up to date: the promotion is made again on the head of its branch",
	Unopened:    "the pull request is still to be opened",
	Unpushed:    "a later promotion is in the ledger, and still to be pushed here",
	ForeignHead: "the promotion branch has commits not written by Towpath: `/promote` replaces them",
	Conflict:    "the pull request has a merge conflict",
	LeftAlone:   "`action run` was not asked for this stage: the next look of anybody goes on",
}

func takenText(r Reason) string {
	text := fmt.Sprintf("%s is taken over by %s for %s", r.Stage, r.By, r.Note)
	if !r.Until.IsZero() {
		text += " (until " + clock(r.Until) + ")"
	}
	return text
}

func heldText(r Reason) string {
	text := "held by " + r.By
	if r.Warehouse != "" {
		text = "slot " + r.Warehouse + " " + text
	}
	if r.Note != "" {
		text += ": " + r.Note
	}
	if !r.Until.IsZero() {
		text += " (until " + clock(r.Until) + ")"
	}
	if r.PullRequest != "" {
		text += " (until " + r.PullRequest + " is merged or closed)"
	}
	return text
}

func windowText(r Reason) string {
	if r.Until.IsZero() {
		return "window closed, for good"
	}
	return "window closed until " + r.Until.UTC().Format("Mon ") + clock(r.Until)
}

func approvalsText(r Reason) string {
	text := fmt.Sprintf("%d of %d approvals", r.Have, r.Need)
	if r.By != "" {
		text += " (" + r.By + ")"
	}
	return text
}

// Span prints a duration as people write it: 1h, not 1h0m0s.
func Span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// clock prints a time as people read it, in UTC: the day is always said, since a
// text outlives the day it was written on.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
