package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/towpath/towpath/internal/promote"
)

// rules is a policy with what only the configuration is held against: the floor
// and what may be written.
type rules struct {
	policy   promote.Policy
	stages   []rawStagePolicy // in the order of policy.Stages
	notify   []rawNotify      // in the order of policy.Notify
	branches List[Word]       // unset: stage/**
	paths    Map[List[Word]]
	adopt    List[Word]
	accept   []rawAccept
	share    []string
	board    bool
	source   string // the name of the file, or what stands for it

	broken bool // it holds a mistake, and so allows nothing
}

// parsePolicy reads the policy; nil is the policy of a repository without one.
func parsePolicy(file *File, found *collector) *rules {
	if file == nil {
		return &rules{source: "the default policy"}
	}
	own := &collector{}
	defer found.join(own)
	var raw rawPolicy
	decodeFile(*file, policyGrammar(), &raw, own)
	r := &rules{
		stages: raw.Stages.Items, share: values(raw.Share), accept: raw.Accept.Items, board: raw.Dashboard.Value, source: file.Name,
	}
	if raw.Writes != nil {
		r.branches, r.paths, r.adopt = raw.Writes.Branches, raw.Writes.Paths, raw.Writes.Adopt
		for _, entry := range r.paths.Entries {
			if err := isBranch(entry.Key.Value); err != nil {
				own.add(entry.Key.At, "%s", err)
			}
		}
	}
	if raw.Caps != nil {
		r.policy.Caps.Promotions = raw.Caps.Promotions.Value
		r.policy.Caps.Resources = map[string]int{}
		for _, e := range raw.Caps.Resources.Entries {
			r.policy.Caps.Resources[e.Key.Value] = e.Value.Value
		}
	}
	for _, n := range raw.Notify.Items {
		r.policy.Notify = append(r.policy.Notify, n.notify(own))
	}
	r.notify = raw.Notify.Items
	r.policy.Exec = raw.Exec.Value
	e := &evaluator{collector: own}
	for _, s := range raw.Stages.Items {
		r.policy.Stages = append(r.policy.Stages, e.stagePolicy(s))
	}
	r.broken = !own.empty()
	return r
}

// Shares reads from a repository's policy which other repositories' pipelines may
// read it. Without a policy, none may. A policy with a mistake is an error.
func Shares(tree fs.FS) ([]string, error) {
	data, err := fs.ReadFile(tree, PolicyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", PolicyFile, err)
	}
	found := &collector{}
	rules := parsePolicy(&File{Name: PolicyFile, Data: data}, found)
	if mistakes := found.sorted(); len(mistakes) > 0 {
		return nil, mistakes
	}
	return rules.share, nil
}

// stagePolicy builds the policy of the stages that one pattern matches.
func (e *evaluator) stagePolicy(raw rawStagePolicy) promote.StagePolicy {
	s := promote.StagePolicy{
		Match:      raw.Match.Value,
		Position:   raw.At.place(),
		Auto:       raw.Auto.Value,
		Merge:      raw.merge(),
		Promote:    raw.right(),
		Approvals:  raw.Approvals.Value,
		QueueNewer: raw.Supersede.Value == "queue",
		Freeze:     raw.Freeze.Value,
	}
	if raw.Rights != nil {
		s.Rights = raw.Rights.byCommand()
	}
	if raw.Require != nil {
		e.duration(raw.Require.Soak)
	}
	for _, w := range raw.Windows.Items {
		if window, ok := e.window(w); ok {
			s.Windows = append(s.Windows, window)
		}
	}
	if len(s.Windows) == len(raw.Windows.Items) && s.Windows.Opens(longAgo).IsZero() {
		e.add(raw.Windows.At, "these windows let nothing in, at no time")
	}
	if raw.Override != nil {
		s.Override = raw.Override.exemption()
	}
	return s
}

// longAgo is before all windows: whatever opens at all does so after it.
var longAgo = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)

func (raw rawExemption) exemption() promote.Exemption {
	out := promote.Exemption{People: raw.People.Value, Users: values(raw.Users), Teams: values(raw.Teams)}
	for _, rule := range values(raw.Over) {
		out.Over = append(out.Over, promote.Rule(rule))
	}
	return out
}

// notify is who is told about what. An address comes from the operator only, so a
// receiver outside of GitHub needs the name of a secret.
func (raw rawNotify) notify(found *collector) promote.Notify {
	switch outside := raw.To.Value != "issue"; {
	case raw.To.Set() && outside && !raw.Secret.Set():
		found.add(raw.To.At, "`to: %s` needs `secret`, the name of what the server has as TOWPATH_SECRET_…", raw.To.Value)
	case raw.To.Set() && !outside && raw.Secret.Set():
		found.add(raw.Secret.At, "`to: issue` takes no `secret`")
	}
	if raw.On.Set() && raw.On.empty() {
		found.add(raw.On.At, "`on` lists nothing")
	}
	return promote.Notify{On: values(raw.On), Match: cmp.Or(raw.Match.Value, "*/*"), To: raw.To.Value, Secret: raw.Secret.Value}
}

func (raw rawStagePolicy) merge() promote.Merge {
	if raw.Merge == nil {
		return promote.Merge{Method: "merge"}
	}
	mode := cmp.Or(raw.Merge.Word.Value, raw.Merge.Mode.Value)
	return promote.Merge{Auto: mode == "auto", Method: cmp.Or(raw.Merge.Method.Value, "merge")}
}

func (raw rawStagePolicy) right() promote.Right {
	if raw.Promote == nil {
		return promote.Right{Permission: "write"}
	}
	return promote.Right{
		Permission: cmp.Or(raw.Promote.Permission.Value, "write"),
		Users:      values(raw.Promote.Users),
		Teams:      values(raw.Promote.Teams),
		CodeOwners: raw.Promote.CodeOwners.Value,
	}
}

func (raw rawRights) byCommand() map[string]string {
	out := map[string]string{
		"hold": raw.Hold.Value, "takeover": raw.Takeover.Value, "retest": raw.Retest.Value,
		"rollback": raw.Rollback.Value, "cancel": raw.Cancel.Value, "freight": raw.Freight.Value,
	}
	maps.DeleteFunc(out, func(_, permission string) bool { return permission == "" })
	return out
}

// window builds one window; not ok: it holds a mistake.
func (e *evaluator) window(raw rawWindow) (promote.Window, bool) {
	span := raw.Deny
	if span == nil {
		span = raw.Allow
	}
	if span == nil {
		return promote.Window{}, false // reported where it was decoded
	}
	zone := e.text(raw.Timezone)
	out := promote.Window{Deny: raw.Deny != nil, For: e.duration(raw.For), From: moment(e.text(span.From), zone), To: moment(e.text(span.To), zone)}
	if len(e.text(span.To)) == len(time.DateOnly) {
		out.To = out.To.AddDate(0, 0, 1) // all of the last day
	}
	line := e.text(span.Cron)
	switch {
	case span.Cron.Set() && out.For <= 0:
		e.add(span.At, "a window that begins by a cron line needs `for`")
	case span.From.Set() && raw.For.Set():
		e.add(raw.For.At, "a window from one day to another takes no `for`")
	case span.From.Set() && !out.From.IsZero() && !out.To.IsZero() && !out.From.Before(out.To):
		e.add(span.To.At, "the window ends before it begins")
	case line == "":
		return out, !out.From.IsZero() && !out.To.IsZero()
	default:
		var err error
		out.Begins, err = promote.ParseCron(line, zone)
		return out, err == nil // else reported by its format
	}
	return out, false
}

// moment is the time of a checked date, in a checked time zone; zero where there is
// none.
func moment(s, zone string) time.Time {
	in, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, in); err == nil {
			return t
		}
	}
	return time.Time{}
}

// mayWrite says whether a branch is among those that pipelines may write. The
// default branch must be named as it is: a glob that happens to match it is not
// a decision to let promotions into it.
func (r *rules) mayWrite(branch, defaultBranch string) bool {
	if !r.branches.Set() {
		return branch != defaultBranch && doublestar.MatchUnvalidated("stage/**", branch)
	}
	return lists(r.branches, branch, defaultBranch)
}

// allows says whether a branch may be written by what is not in the configuration
// any more.
func (r *rules) allows(branch, defaultBranch string) bool {
	return r != nil && !r.broken && r.mayWrite(branch, defaultBranch)
}

// mayAdopt says whether a branch that others wrote may be taken over.
func (r *rules) mayAdopt(branch, defaultBranch string) bool {
	return lists(r.adopt, branch, defaultBranch)
}

func lists(globs List[Word], branch, defaultBranch string) bool {
	return slices.ContainsFunc(values(globs), func(glob string) bool {
		if branch == defaultBranch {
			return glob == branch
		}
		return doublestar.MatchUnvalidated(glob, branch)
	})
}

// mayWritePath says whether a folder of a branch may be written. A branch for
// which no folders are listed may be written whole.
func (r *rules) mayWritePath(branch, folder string) (List[Word], bool) {
	for _, entry := range r.paths.Entries {
		if entry.Key.Value != branch {
			continue
		}
		return entry.Value, slices.ContainsFunc(values(entry.Value), func(glob string) bool {
			return doublestar.MatchUnvalidated(glob, folder)
		})
	}
	return List[Word]{}, true
}
