package promote

import (
	"slices"
	"time"
)

// Facts is what the ledger says of one pipeline: what only we know (L1). Every
// list is in the order of its times, oldest first.
type Facts struct {
	Freight    []Freight
	Proposals  []Proposal
	Arrivals   []Arrival
	Results    []Result
	Holds      []Hold
	Rejections []Rejection
	Ticks      []Tick
	Overrides  []Override
	Alerts     []Alert
	Told       []Told
	Takeovers  []Takeover
	Attempts   []Attempt
	Runs       []AttemptRun
	Published  []Publication
}

// SourceCommit is a source tree as a promotion used it. Every source's commit is
// recorded, so that rendering again gives the same bytes (P3).
type SourceCommit struct {
	Repository string `json:"repository"`
	Ref        string `json:"ref,omitempty"` // as configured; empty: the freight's, or the configuration's
	Commit     string `json:"commit"`
}

// Entered is when what arrived came into the stage: for soak and lead time.
func (a Arrival) Entered() time.Time {
	if !a.Since.IsZero() {
		return a.Since
	}
	return a.At
}

// brings tells whether the arrival held all of the freight at once.
func (a Arrival) brings(freight map[string]string) bool {
	for warehouse, id := range freight {
		if a.Freight[warehouse] != id {
			return false
		}
	}
	return true
}

// Proposal is a promotion that was put on its branch. It is named by the tree,
// since the commit's id is not known before it is written (L1).
type Proposal struct {
	Stage    string            `json:"stage"`
	Freight  map[string]string `json:"freight"`  // warehouse → freight id
	Base     string            `json:"base"`     // commit of the target branch it was made on
	BaseTree string            `json:"baseTree"` // the stage's tree there
	Tree     string            `json:"tree"`     // the stage's tree after it
	Root     string            `json:"root"`     // the whole branch's tree after it
	Rule     string            `json:"rule"`     // how the upstream rule was met
	Sources  []SourceCommit    `json:"sources,omitempty"`
	Config   string            `json:"config"` // commit the configuration was read at
	// Unverified are the files that go in without having been part of what the
	// upstream verified (P19).
	Unverified []string `json:"unverified,omitempty"`

	// Back is set when somebody asked to go back, past the upstream rule (P14).
	Back *Back `json:"back,omitempty"`

	By string    `json:"by"` // who asked, or "towpath" when automatic
	At time.Time `json:"at"`
	// Repository is GitHub's number of the repository that it was made for; 0: the
	// pipeline's own.
	Repository int64  `json:"repository,omitempty"`
	Target     Target `json:"target,omitzero"` // where it was to go
}

// Back is the wish to go back to what a stage held before. It counts for as long
// as GitHub confirms the comment (L4).
type Back struct {
	Comment int64  `json:"comment"`
	Commit  string `json:"commit,omitempty"` // of the arrival whose files are restored; empty: freight is rendered anew
}

// Manner is how a freight came into a stage.
type Manner string

// The manners of arrival. Drift is no arrival of freight: people changed the
// stage to something that no promotion made, and whatever stay there was ended (P13).
const (
	ByMerge     Manner = "merge"
	ByUnchanged Manner = "unchanged" // the result equalled what was there (P6)
	ByDelivery  Manner = "delivery"  // delivery: push; the promotion went to the branch itself (P5)
	ByRevert    Manner = "revert"    // people brought back an earlier arrival's tree
	ByPush      Manner = "push"      // people put what was proposed there themselves
	ByAdoption  Manner = "adoption"  // somebody said that what others wrote is this freight
	ByOthers    Manner = "others"    // people or another tool put it into a stage that they write
	ByRule      Manner = "rule"      // the rule alone let it into a stage without files
	ByDrift     Manner = "drift"
)

// Arrival is a freight that came into a stage, at a commit of its branch. In a
// stage without files, commit and tree are the hash of the freight, see [SetID]:
// results are kept for the freight itself.
type Arrival struct {
	Stage       string            `json:"stage"`
	Manner      Manner            `json:"manner"`
	Freight     map[string]string `json:"freight,omitempty"` // warehouse → freight id
	Commit      string            `json:"commit"`
	Tree        string            `json:"tree"`           // the stage's tree at the commit
	At          time.Time         `json:"at"`             // the source's time, not when we saw it (P7)
	Since       time.Time         `json:"since,omitzero"` // the entry time it inherits, at an unchanged head (P6)
	PullRequest int               `json:"pullRequest,omitempty"`
	By          string            `json:"by,omitempty"`
	Sources     []SourceCommit    `json:"sources,omitempty"`
	Config      string            `json:"config,omitempty"`
	Approvers   []string          `json:"approvers,omitempty"`  // whose reviews the policy counted
	Repository  int64             `json:"repository,omitempty"` // as in a [Proposal]
	Target      Target            `json:"target,omitzero"`      // where that was; none for a stage without files
	Back        bool              `json:"back,omitempty"`       // it went back to what was here before (P14)
}

// Result is a final result of a gate's source, recorded when it was seen.
type Result struct {
	Stage  string    `json:"stage"`
	Commit string    `json:"commit"`
	Source Source    `json:"source"`
	Name   string    `json:"name"`
	App    string    `json:"app,omitempty"`
	State  string    `json:"state"` // the raw conclusion or state; empty while it runs (never recorded)
	URL    string    `json:"url,omitempty"`
	At     time.Time `json:"at"`
	Place  string    `json:"place,omitempty"` // where it was read, if not on the commit: see [Place.String]

	Attempt int       `json:"attempt,omitempty"` // of a gate that we run
	Started time.Time `json:"started,omitzero"`  // of such a run, the last time

	// By, Note and Comment are of what was said, by a person or an outside system:
	// who, why, and a person in which comment.
	By      string `json:"by,omitempty"`
	Note    string `json:"note,omitempty"`
	Comment int64  `json:"comment,omitempty"`
}

// Cause says where a hold comes from, and so what releases it.
type Cause string

// The causes of holds.
const (
	HeldByCommand  Cause = "command"  // /hold; until /unhold
	HeldByRevert   Cause = "revert"   // people reverted the stage; until /promote or /unhold
	HeldByRollback Cause = "rollback" // /rollback; until /promote or /unhold
	HeldByPin      Cause = "pin"      // something else than the candidate was promoted by hand; until the candidate is
)

// Hold keeps a stage, or one slot of it, from automatic promotion. A later entry
// with Released ends the earlier ones of the same stage and slot.
type Hold struct {
	Stage     string    `json:"stage"`
	Warehouse string    `json:"warehouse,omitempty"` // empty: the whole stage
	Cause     Cause     `json:"cause"`
	By        string    `json:"by"`
	Reason    string    `json:"reason,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	// PullRequest is another end, written owner/repo#n: when it is merged or closed.
	// A release that has one ends only what lasts until it.
	PullRequest string    `json:"pullRequest,omitempty"`
	Released    bool      `json:"released,omitempty"`
	Comment     int64     `json:"comment,omitempty"` // the comment that asked for it
	At          time.Time `json:"at"`
}

// Rejection keeps one freight out of one slot until somebody promotes it by hand
// or newer freight comes (P7).
type Rejection struct {
	Stage       string    `json:"stage"`
	Warehouse   string    `json:"warehouse"`
	Freight     string    `json:"freight"`
	PullRequest int       `json:"pullRequest,omitempty"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

// Handled says that a comment's commands were carried out or refused (C2).
type Handled struct {
	Comment int64     `json:"comment"`
	Issue   int       `json:"issue"` // number of the issue or pull request it stands on
	Author  string    `json:"author"`
	Outcome string    `json:"outcome"` // the reply, in Markdown
	At      time.Time `json:"at"`      // when the comment was written
}

// Tick is a time of a stage's schedule at which there was nothing to take. Without
// it, freight that comes later would seem to have missed it.
type Tick struct {
	Stage string    `json:"stage"`
	At    time.Time `json:"at"`
}

// Merge returns the facts with more of them, each list in the order of its
// times. Freight that is selected again takes the later time.
func (f Facts) Merge(more Facts) Facts {
	out := Facts{
		Proposals:  byTime(f.Proposals, more.Proposals, func(p Proposal) time.Time { return p.At }),
		Arrivals:   byTime(f.Arrivals, more.Arrivals, func(a Arrival) time.Time { return a.At }),
		Results:    byTime(f.Results, more.Results, func(r Result) time.Time { return r.At }),
		Holds:      byTime(f.Holds, more.Holds, func(h Hold) time.Time { return h.At }),
		Rejections: byTime(f.Rejections, more.Rejections, func(r Rejection) time.Time { return r.At }),
		Ticks:      byTime(f.Ticks, more.Ticks, func(t Tick) time.Time { return t.At }),
		Overrides:  byTime(f.Overrides, more.Overrides, func(o Override) time.Time { return o.At }),
		Alerts:     byTime(f.Alerts, more.Alerts, func(a Alert) time.Time { return a.At }),
		Told:       byTime(f.Told, more.Told, func(t Told) time.Time { return t.At }),
		Takeovers:  byTime(f.Takeovers, more.Takeovers, func(t Takeover) time.Time { return t.At }),
		Attempts:   byTime(f.Attempts, more.Attempts, func(a Attempt) time.Time { return a.At }),
		Runs:       byTime(f.Runs, more.Runs, func(r AttemptRun) time.Time { return r.At }),
		Published:  byTime(f.Published, more.Published, func(p Publication) time.Time { return p.At }),
	}
	seen := map[string]bool{}
	selections := byTime(f.Freight, more.Freight, func(f Freight) time.Time { return f.Selected })
	for _, freight := range slices.Backward(selections) {
		if !seen[freight.ID] {
			seen[freight.ID] = true
			out.Freight = append(out.Freight, freight)
		}
	}
	slices.Reverse(out.Freight)
	return out
}

// Empty tells whether there is nothing in it.
func (f Facts) Empty() bool {
	return len(f.Freight)+len(f.Proposals)+len(f.Arrivals)+len(f.Results)+len(f.Holds)+len(f.Rejections)+len(f.Ticks)+len(f.Overrides)+len(f.Alerts)+len(f.Told)+len(f.Takeovers)+len(f.Attempts)+len(f.Runs)+len(f.Published) == 0
}

// TellOfPromotions tells whether anything is known of what promotions wrote. What
// others wrote can be found again without the ledger.
func (f Facts) TellOfPromotions() bool {
	return len(f.Proposals) > 0 || slices.ContainsFunc(f.Arrivals, func(a Arrival) bool { return a.Manner != ByOthers && a.Manner != ByAdoption })
}

func byTime[T any](a, b []T, at func(T) time.Time) []T {
	out := slices.Concat(a, b)
	slices.SortStableFunc(out, func(x, y T) int { return at(x).Compare(at(y)) })
	return out
}
