package promote

import "path"

// Policy is what the owners of the repository that is written to allow. It is
// kept apart from the pipeline because whoever may edit a stage must not be able
// to turn on automatic promotion for it.
type Policy struct {
	Stages []StagePolicy // the first that matches wins
	Notify []Notify      // who is told about what
	Caps   Caps
	Exec   bool // directives may run commands, where `action run` promotes
	// Elsewhere are the policies of other repositories, for what is written there:
	// by pipeline/lane.
	Elsewhere map[string]Policy
}

// Caps limit what happens at once in the repository.
type Caps struct {
	Promotions int            // that are open at once; 0: any number
	Resources  map[string]int // how many stages may hold a named resource at once
}

// StagePolicy is the policy of the stages that one pattern matches.
type StagePolicy struct {
	Match      string // glob over pipeline/stage[@stamp], see [Matches]
	Position   string // file:line of the entry, for texts
	Auto       bool   // promoted as soon as available; otherwise by /promote only
	Merge      Merge
	Promote    Right
	Rights     map[string]string // the permission that another command takes, by its key under `rights`
	Approvals  int               // approving reviews that a promotion's pull request needs
	QueueNewer bool              // supersede: queue; newer freight waits for the open pull request
	Override   Exemption
	Windows    Windows
	Freeze     bool // stops every path: automatic, command, approval
}

// Merge says who merges promotion pull requests.
type Merge struct {
	Auto   bool
	Method string // merge | squash | rebase
}

// Right says who may do something: any of the users, teams or code owners, and
// in any case with at least the permission.
type Right struct {
	Permission string // read | triage | write | maintain | admin
	Users      []string
	Teams      []string // org/slug
	CodeOwners bool
}

// For returns the policy of a stage. Without a matching entry nothing is
// automatic and the permission to write is what it takes (H3).
func (p Policy) For(pipeline, stage string) StagePolicy {
	if theirs, ok := p.Elsewhere[pipeline+"/"+stage]; ok {
		p = theirs
	}
	for _, s := range p.Stages {
		if Matches(s.Match, pipeline, stage) {
			return s
		}
	}
	return StagePolicy{Promote: Right{Permission: "write"}, Merge: Merge{Method: "merge"}}
}

// Matches tells whether a glob over pipeline/stage[@stamp] means a lane. One over
// bare stages means all the stamps of a stage.
func Matches(pattern, pipeline, lane string) bool {
	for _, name := range []string{StageOf(lane), BareStage(lane)} {
		if ok, err := path.Match(pattern, pipeline+"/"+name); ok && err == nil {
			return true
		}
	}
	return false
}

// keyOf is the key under `rights` that says who may use a command, for those
// that have one. A command that ends what another one began is as that one.
var keyOf = map[string]string{
	"hold": "hold", "unhold": "hold", "takeover": "takeover", "release": "takeover",
	"retest": "retest", "rollback": "rollback", "cancel": "cancel", "freight": "freight",
}

// RightTo says who may use a command on the stage: who may promote, unless the
// policy has a permission for the command, for which whoever has that needs no
// more, or names those who may override.
func (s StagePolicy) RightTo(verb string) Right {
	if named := len(s.Override.Users)+len(s.Override.Teams) > 0; verb == "override" && named {
		return Right{Permission: "write", Users: s.Override.Users, Teams: s.Override.Teams}
	}
	if permission := s.Rights[keyOf[verb]]; permission != "" {
		return Right{Permission: permission}
	}
	return s.Promote
}
