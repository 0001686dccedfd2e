package githubtest

import (
	"crypto/rsa"
	"strings"
	"time"
)

// User is a person, an organisation or an App's bot.
type User struct {
	ID    int64
	Login string
	Type  string // User, Organization or Bot
}

// Issue is what issues and pull requests have in common. Numbers count from 1
// in each repository, over both kinds.
type Issue struct {
	ID        int64
	Number    int
	Title     string
	Body      string
	State     string // open or closed
	Author    string // login
	Labels    []string
	CreatedAt time.Time
	UpdatedAt time.Time
	ClosedAt  time.Time // zero while open
	ClosedBy  string    // login
}

// Pull is a pull request between two branches of one repository.
type Pull struct {
	Issue
	Branches
	Draft  bool
	Merged bool
	// Of a merged one only.
	MergedAt time.Time
	MergedBy string // login
	MergeSHA string
}

// Branches are the two sides of a pull request. BaseSHA is the base's commit
// when the pull request was opened or last pushed to, as on GitHub.
type Branches struct {
	Head    string
	HeadSHA string
	Base    string
	BaseSHA string
	// Fork is whose fork the head is in; empty: the repository itself has it.
	Fork string
}

// Comment is a comment on an issue or a pull request.
type Comment struct {
	ID        int64
	Number    int // of the issue
	Author    string
	Body      string
	CreatedAt time.Time
	UpdatedAt time.Time
	Reactions []Reaction
}

// Reaction is an emoji on a comment: "+1", "eyes" and so on.
type Reaction struct {
	ID        int64
	Author    string
	Content   string
	CreatedAt time.Time
}

// Review is a submitted review of a pull request.
type Review struct {
	ID          int64
	Author      string
	State       string // APPROVED, CHANGES_REQUESTED or COMMENTED
	Body        string
	CommitID    string // the head that was reviewed
	SubmittedAt time.Time
}

// CheckRun is a check run of an App.
type CheckRun struct {
	ID          int64
	App         string // slug
	Name        string
	HeadSHA     string
	Status      string // queued, in_progress or completed
	Conclusion  string // empty until completed
	Title       string
	Summary     string
	Text        string
	DetailsURL  string
	ExternalID  string
	StartedAt   time.Time
	CompletedAt time.Time
	Annotations []Annotation
}

// Annotation is what a check run says of lines of a file.
type Annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
}

// Status is a commit status.
type Status struct {
	ID          int64
	SHA         string
	Context     string
	State       string // error, failure, pending or success
	Description string
	TargetURL   string
	Author      string
	CreatedAt   time.Time
}

// Deployment is a deployment of a commit to an environment, with its latest
// statuses, oldest first.
type Deployment struct {
	ID          int64
	SHA         string
	Environment string
	Creator     string
	CreatedAt   time.Time
	Statuses    []DeploymentStatus
}

// DeploymentStatus is one step of a deployment.
type DeploymentStatus struct {
	ID        int64
	State     string // error, failure, inactive, pending, success, queued, in_progress
	CreatedAt time.Time
}

// WorkflowRun is a run of a workflow of GitHub Actions. Nothing is executed:
// runs are started and finished by acts.
type WorkflowRun struct {
	ID         int64
	Workflow   string // path, as .github/workflows/e2e.yml
	Name       string
	Title      string // run-name; Name when empty
	Event      string // push when empty
	Branch     string
	SHA        string
	Status     string // queued, in_progress or completed
	Conclusion string
	Actor      string
	Inputs     map[string]string // of a dispatch
	Jobs       []Job
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Job is a job of a workflow run.
type Job struct {
	ID         int64
	Name       string
	Status     string
	Conclusion string
}

// Protection is what a protected branch asks for. A branch that asks for
// approvals or checks refuses direct pushes, as GitHub does for everybody
// without a bypass.
type Protection struct {
	Approvals int      // approving reviews by people who may write
	Checks    []string // names of check runs or contexts of statuses
	Strict    bool     // the head must contain the base
	Bypass    []string // logins that may push all the same
}

// AppConfig is a GitHub App as its owner registered it.
type AppConfig struct {
	ID        int64
	Slug      string // "towpath" when empty; the bot is slug[bot]
	PublicKey *rsa.PublicKey
	// WebhookURL receives the events; none are sent when empty.
	WebhookURL string
	Secret     string
	// Events the App subscribed to; all when empty.
	Events []string
}

type repo struct {
	id          int64
	owner       *User
	name        string
	branch      string // the default one
	private     bool
	size        int // KiB, from when it was made; GitHub is not up to date either
	created     time.Time
	pushed      time.Time
	git         gitDir
	refs        map[string]string // as last noticed
	commits     map[string]bool   // full ids that git was seen to have
	permissions map[string]string // by lower-case login
	protected   map[string]Protection
	threads     []*thread
	facts
}

// facts are what is reported about commits.
type facts struct {
	checks      []*CheckRun
	statuses    []*Status
	deployments []*Deployment
	runs        []*WorkflowRun
}

type thread struct {
	Issue
	comments []*Comment
	pull     *pull // nil for an issue
}

type pull struct {
	Branches
	draft      bool
	merged     bool
	mergedAt   time.Time
	mergedBy   string
	mergeSHA   string
	reviews    []*Review
	undecided  bool // GitHub has not yet tried the merge
	comparison comparison
}

func (r *repo) fullName() string { return r.owner.Login + "/" + r.name }

// thread returns nil when there is none.
func (r *repo) thread(number int) *thread {
	if number < 1 || number > len(r.threads) {
		return nil
	}
	return r.threads[number-1]
}

func (r *repo) pulls() []*thread {
	var list []*thread
	for _, t := range r.threads {
		if t.pull != nil {
			list = append(list, t)
		}
	}
	return list
}

func (t *thread) export() Pull {
	p := t.pull
	out := Pull{Issue: t.Issue, Branches: p.Branches, Draft: p.draft, Merged: p.merged,
		MergedAt: p.mergedAt, MergedBy: p.mergedBy, MergeSHA: p.mergeSHA}
	out.Labels = append([]string(nil), t.Labels...)
	return out
}

// accounts are who can act, and by what they are known.
type accounts struct {
	users  map[string]*User           // by lower-case login
	teams  map[string]map[string]bool // by lower-case org/team, then login
	tokens map[string]*token          // by the secret
	apps   []*app
}

type app struct {
	AppConfig
	created  time.Time
	owner    *User
	installs []*installation
}

// installation is an App on one account, with the repositories selected there.
type installation struct {
	id      int64
	app     *app
	account *User
	created time.Time
	repos   map[int64]bool
}

// token is a credential: of an installation, or of a person.
type token struct {
	user    *User
	install *installation  // nil for a person's
	repos   map[int64]bool // nil: all of the installation
	expires time.Time      // zero: never
}

func (a *app) bot() string { return a.Slug + "[bot]" }

func fold(name string) string { return strings.ToLower(name) }
