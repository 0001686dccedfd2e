package promote

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Pipeline is what moves, through which stages, and what proves a stage. A value
// that came out of the configuration is valid: names are unique, upstreams exist
// and make no circle, strategies can be met.
type Pipeline struct {
	Repository string // owner/name that holds the configuration
	Name       string
	Warehouses []Warehouse
	Stages     []Stage // upstreams come before what depends on them
}

// ID is how trailers and the ledger name the pipeline: owner/name#pipeline.
func (p Pipeline) ID() string { return p.Repository + "#" + p.Name }

// Elsewhere tells whether a stage is written to another repository than the
// pipeline's own.
func (p Pipeline) Elsewhere(s Stage) bool {
	return s.Kind == Assembled && s.Target.Repository != "" && s.Target.Repository != p.Repository
}

// Stage returns the stage of that name.
func (p Pipeline) Stage(name string) (Stage, bool) {
	for _, s := range p.Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// LaneName is what the n-th lane of a stage is called, from 1.
func LaneName(stage string, n int) string {
	if n == 1 {
		return stage
	}
	return fmt.Sprintf("%s.%d", stage, n)
}

// StampedName is what the lane of a stamp is called: prod@eu.
func StampedName(stage, stamp string) string { return stage + "@" + stamp }

// StageOf is the stage that a lane is of, with its stamp, by its name: prod@eu of
// prod@eu.2. No stage and no stamp has a dot in its own.
func StageOf(lane string) string {
	stage, _, _ := strings.Cut(lane, ".")
	return stage
}

// BareStage is the stage as the configuration names it, which all of its stamps
// share: prod of prod@eu.2.
func BareStage(lane string) string {
	stage, _, _ := strings.Cut(StageOf(lane), "@")
	return stage
}

// Means tells whether a name means a lane: a bare stage means all of its lanes, a
// stage with a stamp those of the stamp, a lane itself.
func Means(name, lane string) bool {
	rest, ok := strings.CutPrefix(lane, name)
	return ok && (rest == "" || rest[0] == '@' || rest[0] == '.')
}

// Lanes returns the lanes that a name means, in order; a stage without lanes is
// its own.
func (p Pipeline) Lanes(name string) []Stage {
	var out []Stage
	for _, s := range p.Stages {
		if Means(name, s.Name) {
			out = append(out, s)
		}
	}
	return out
}

// Stamps returns what the lanes of each stamp of a stage are called together,
// prod@eu and prod@us, in order; none where the name means no stage with stamps.
func (p Pipeline) Stamps(stage string) []string {
	var out []string
	for _, s := range p.Lanes(stage) {
		if name := StageOf(s.Name); name != stage && s.Stamp != "" && (len(out) == 0 || out[len(out)-1] != name) {
			out = append(out, name)
		}
	}
	return out
}

// Warehouse is one origin of freight.
type Warehouse struct {
	Name   string
	Images []ImageSubscription
	Gits   []GitSubscription
	Charts []ChartSubscription
	Manual bool // assemble: manual; no automatic freight, and freight made by hand is a candidate (F6)
}

// Selection is how an image subscription picks among the tags that its rule admits.
type Selection string

// The selections of F4.
const (
	SelectSemver      Selection = "semver"
	SelectNewestBuild Selection = "newest-build"
	SelectLexical     Selection = "lexical"
	SelectDigest      Selection = "digest"
)

// ImageSubscription follows the tags of one image repository.
type ImageSubscription struct {
	Repository string // normalised
	Select     Selection
	Constraint string // semver: a constraint of Masterminds/semver; digest: the one tag that is followed
	Allow      []*regexp.Regexp
	Ignore     []*regexp.Regexp
	Platform   string // os/arch[/variant]; empty: any
	ByTag      bool   // identity: tag
	Channels   []Channel
	Only       Channel // only its tags, see [ImageSubscription.Within]; zero: none of the channels'
	Number     int     // and only of this pull request
}

// GitSubscription follows a branch or the tags of a repository, narrowed to paths.
type GitSubscription struct {
	Repository string   // "." or owner/name
	Branch     string   // empty: the default branch
	Tags       TagRule  // in place of a branch, where it follows any
	Include    []string // globs with **; empty: everything
	Exclude    []string
}

// ChartSubscription follows the versions of one Helm chart.
type ChartSubscription struct {
	Repository string // normalised, see [NormaliseChart]
	Name       string // in the index; for OCI the last part of the repository
	Constraint string // of Masterminds/semver; empty: any release
}

// Stage is one place that freight moves into. A stage with stamps is several lanes,
// each a Stage of its own with its own promotion and its own results, called
// prod@eu, prod@us. So is one that writes several branches or folders: the first
// has the stage's name, the others end in ".2", ".3" … Whatever names the bare
// stage means all of them (S1).
type Stage struct {
	Name     string
	Stamp    string // empty: the stage has no stamps
	Kind     Kind
	Requests []Request
	Gates    []Gate
	// OnArrival says verification: none; freight is verified as soon as it is here.
	OnArrival bool
	Publish   *Publish      // nil: nothing
	Stale     time.Duration // alerts when nothing was promoted here for so long; 0: never
	Target    Target
	Schedule  *Schedule // of a stage without files: when it takes freight; nil: as soon as it is available
	Uses      []string  // named resources that it holds from the merge until its verification is final
	Strict    bool      // the freight of all slots must have been verified together upstream
	FailFast  bool      // freight that failed in one lane waits in the others (S1)
	Prepare   *Prepare  // nil: it is rendered when it is promoted
	Exec      bool      // commands make its files, which only `action run` runs (D6)
}

// Prepare says that whoever brings freight through renders the stage ahead of time
// (X5).
type Prepare struct {
	Needs []string // the stages that must be done before
}

// Kind is how freight comes into a stage.
type Kind string

// The kinds of stages. Only assembled ones have something that we write.
const (
	Assembled Kind = ""        // a promotion writes its files
	Control   Kind = "control" // it has neither files nor gates, and passes freight on by its rule
	Fileless  Kind = "files-none"
	Observed  Kind = "observed" // people or another tool write it; we only look
)

// HasBranch tells whether a stage is to be seen on a branch, whoever writes it.
func (s Stage) HasBranch() bool { return s.Kind == Assembled || s.Kind == Observed }

// Request returns the stage's request for a warehouse: its slot.
func (s Stage) Request(warehouse string) (Request, bool) {
	for _, r := range s.Requests {
		if r.Warehouse == warehouse {
			return r, true
		}
	}
	return Request{}, false
}

// Target is where a stage's files live: a whole branch, or a folder of one.
type Target struct {
	Repository string `json:"repository,omitempty"` // owner/name
	Branch     string `json:"branch,omitempty"`
	Path       string `json:"path,omitempty"` // "." is the whole branch
	Push       bool   `json:"push,omitempty"` // promotions go to the branch itself; otherwise by pull request
}

// PromotionPrefix begins the name of every branch that a promotion is proposed on.
const PromotionPrefix = "towpath/to/"

// PromotionBranch is the one branch from which a target's promotion pull
// requests come (P3): towpath/to/<branch>, and for a folder
// towpath/to/<branch>/-/<path>.
func (t Target) PromotionBranch() string {
	if t.Path == "." || t.Path == "" {
		return PromotionPrefix + t.Branch
	}
	return PromotionPrefix + t.Branch + "/-/" + t.Path
}

// Request asks one warehouse's freight into a stage, by a rule over upstreams.
type Request struct {
	Warehouse    string
	From         []string // upstream stages; empty: straight from the warehouse
	Availability Strategy
	Soak         time.Duration
	// Stamps says how many lanes must agree of an upstream that has stamps, and is
	// named bare. One that is paired is named with its stamp.
	Stamps StampRule
	// MatchUpstream makes the candidate what the one upstream stage holds now, also
	// when that is older than what is here (A6).
	MatchUpstream bool
}

// StampRule says which lanes of an upstream stage with stamps must agree (S3).
type StampRule string

// The rules: each of them, or one.
const (
	AllStamps StampRule = "all"
	AnyStamp  StampRule = "any"
)

// upstreamName is an upstream stage in texts, with the rule over its stamps.
func (r Request) upstreamName(from string, stamps []string) string {
	switch {
	case len(stamps) == 0:
		return from
	case r.Stamps == AnyStamp:
		return from + " (any stamp)"
	}
	return from + " (all stamps)"
}

// UpstreamNames are the upstream stages of a request as texts name them.
func (p Pipeline) UpstreamNames(r Request) []string {
	out := make([]string, len(r.From))
	for i, from := range r.From {
		out[i] = r.upstreamName(from, p.Stamps(from))
	}
	return out
}

// Upstreams are those of whose word each counts alone: the stages that a request
// names, and of one where any stamp is enough its stamps.
func (p Pipeline) Upstreams(r Request) []string {
	var out []string
	for _, from := range r.From {
		if stamps := p.Stamps(from); r.Stamps == AnyStamp && len(stamps) > 0 {
			out = append(out, stamps...)
		} else {
			out = append(out, from)
		}
	}
	return out
}

// Gate is one thing that must, or may, be seen before a stage is verified.
type Gate struct {
	Name     string
	Source   Source
	Match    string // the name to look for: check run, status context, environment, workflow; globs allowed for checks and statuses
	App      string // check runs: the slug of the App that must have written it
	Required bool
	Owner    string
	Expect   int           // how many matches are needed; 0 and 1: all that are found, at least one
	Pass     []string      // conclusions that pass besides success: neutral, skipped
	Within   time.Duration // a result missing for longer has failed; 0: waits for ever
	Settle   time.Duration // how long a passing result must stay so
	Matrix   []string      // cells, each called "name (cell)" after Match; empty: no cells
	Dispatch *Dispatch     // of a gate that we run; nil: others do
	By       Right         // manual: who may say so
	Mirror   bool          // a check run of ours on the arrival's commit says the same
	At       *Place        // where the results are, if not on the arrival's commit
	Run      string        // the shell line that is the gate, where `action run` runs it
}

// Place is a commit on which a gate's results are looked for. Which one it is
// follows from the freight, see [StageState.Gates].
type Place struct {
	Repository string // owner/name
	Commit     string // 40 hex; empty: not known
	Lost       string // why it is not known, or can not be read; as the end of a sentence
}

// String is how results name the place; empty for the arrival's own.
func (p *Place) String() string {
	switch {
	case p == nil:
		return ""
	case p.Commit == "":
		return p.Repository + "@?" // where nothing is
	}
	return p.Repository + "@" + p.Commit
}

// Source is where a gate's result comes from.
type Source string

// The sources of results: those that are observed on the arrival's commit, and
// the workflow that the gate starts.
const (
	FromCheck      Source = "check"
	FromStatus     Source = "status"
	FromDeployment Source = "deployment"
	FromWorkflow   Source = "workflow"
	FromDispatch   Source = "dispatch"
)

// FromManual is the source of what people say with /verify: the ledger has it,
// and their comment confirms it (L4).
const FromManual Source = "manual"

// FromExternal is the source of what outside systems say by signed calls: the
// ledger has it. Results have the gate's name, and the system's for an App.
const FromExternal Source = "external"

// FromRun is the source of what commands came to that `action run` ran: the ledger
// has it.
const FromRun Source = "run"

// Admits tells whether a changed path is of this subscription. The matcher of
// globs is handed in.
func (s GitSubscription) Admits(name string, matches func(globs []string, name string) bool) bool {
	return (len(s.Include) == 0 || matches(s.Include, name)) && !matches(s.Exclude, name)
}
