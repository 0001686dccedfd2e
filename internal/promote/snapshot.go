package promote

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Snapshot is all that one decision about a pipeline may look at, with the time.
type Snapshot struct {
	Now     time.Time             `json:"now"`
	Facts   Facts                 `json:"facts"`
	Stages  map[string]StageState `json:"stages"`
	Asks    []Ask                 `json:"asks,omitempty"`
	Retests []Retest              `json:"retests,omitempty"`
	Trouble []Reason              `json:"trouble,omitempty"` // discovery that failed, per warehouse (P15)
	Passed  []Passed              `json:"passed,omitempty"`  // the best of it first, per warehouse; bounded

	// Elsewhere are the open promotions of the repository's other pipelines, as
	// pipeline/stage, where the policy limits how many there are.
	Elsewhere []string `json:"elsewhere,omitempty"`
	// InUse are the resources that stages of the other pipelines hold, or are about
	// to: by resource, as pipeline/stage.
	InUse map[string][]string `json:"inUse,omitempty"`

	Configured time.Time `json:"configured,omitzero"` // when the configuration was last changed
}

// Passed is something that was seen and not taken (F8).
type Passed struct {
	Warehouse  string `json:"warehouse"`
	Item       string `json:"item"`                 // as people say it: "web:1.1.0"
	Repository string `json:"repository,omitempty"` // of the artifact, normalised; empty: it is about several artifacts together
	Version    string `json:"version,omitempty"`    // tag, version of a chart, or commit
	Reason     string `json:"reason"`               // its kind, one word: "older", "unreadable", …
	Detail     string `json:"detail,omitempty"`     // for people, one line
}

// The reasons of a [Passed] that are not about one tag; those are the registry's.
const (
	PassedWhen      = "when"      // the warehouse's `when` is false for what was found
	PassedNothing   = "nothing"   // a subscription found nothing that it admits
	PassedUnchanged = "unchanged" // a commit that changes no included path
)

// StageState is what was observed about one stage's target.
type StageState struct {
	Head    Head     `json:"head"`
	Open    *Open    `json:"open,omitempty"`
	Results []Result `json:"results,omitempty"` // as GitHub tells them now, for the commits of arrivals
	// Gates are the stage's gates with what follows from freight filled in, by the
	// [Set] of it; there are none where nothing does.
	Gates   map[string][]Gate `json:"gates,omitempty"`
	Trouble []Reason          `json:"trouble,omitempty"` // a foreign branch, a lost ledger: nothing is written here
	Unmade  bool              `json:"unmade,omitempty"`  // a promotion was tried just now and could not be made
	Runs    bool              `json:"runs,omitempty"`    // whoever looks runs the commands that make its files
	Left    bool              `json:"left,omitempty"`    // nothing is brought here now but what people ask for: whoever looks was not asked to
}

// Set names the freight of slots: the same for the same freight in each of them.
func Set(freight map[string]string) string {
	var out []string
	for _, warehouse := range slices.Sorted(maps.Keys(freight)) {
		out = append(out, warehouse+"="+freight[warehouse])
	}
	return strings.Join(out, " ")
}

// GatesOf are the stage's gates for an arrival.
func (s StageState) GatesOf(stage Stage, a Arrival) []Gate {
	if gates, ok := s.Gates[Set(a.Freight)]; ok {
		return gates
	}
	return stage.Gates
}

// Head is where a target's branch stands.
type Head struct {
	Commit string `json:"commit"` // empty: the branch does not exist
	Tree   string `json:"tree"`   // of the stage's folder; empty: nothing there
}

// Open is a promotion that waits to be merged.
type Open struct {
	Proposal    Proposal  `json:"proposal"`
	PullRequest int       `json:"pullRequest"` // 0: pushed, but the pull request is still to be opened (P12)
	URL         string    `json:"url,omitempty"`
	Commit      string    `json:"commit"`
	Approved    bool      `json:"approved,omitempty"`  // an approving review on it (P4)
	Approvers   []string  `json:"approvers,omitempty"` // of those who may promote, who approves of exactly this tree; where the policy counts them
	Mergeable   Mergeable `json:"mergeable,omitempty"`
	Foreign     bool      `json:"foreign,omitempty"` // its head was not written by us (P12)
	// Unpushed says that the head is an earlier proposal, and this one still to be
	// pushed: two repositories are not written at once.
	Unpushed bool `json:"unpushed,omitempty"`
}

// Mergeable is GitHub's word on a pull request: clean, dirty, blocked, behind, unknown, …
type Mergeable string

// Ask is a promotion that a person asked for and may ask for.
type Ask struct {
	Stage   string            `json:"stage"`
	Freight map[string]string `json:"freight,omitempty"` // by warehouse, ids or aliases; empty: the candidates
	Back    bool              `json:"back,omitempty"`    // to go back to what the stage held before (P14)
	By      string            `json:"by"`
	Comment int64             `json:"comment,omitempty"`
	At      time.Time         `json:"at"` // when it was said; whole seconds, as GitHub tells
}
