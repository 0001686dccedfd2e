package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// permissions in ascending order, as GitHub names them.
var permissions = []string{"none", "read", "triage", "write", "maintain", "admin"}

// questions are the commands that tell what anybody who reads the repository can
// see, and change nothing.
var questions = []string{"status", "why", "help", "approve"}

// mayDo asks GitHub, now, whether somebody has the right to a command on one of
// the stages that it names.
func (l *look) mayDo(ctx context.Context, c command.Command, stage command.Stage, user string) (string, error) {
	if c.Verb == "verify" {
		return l.mayVerify(ctx, c, stage, user)
	}
	return l.may(ctx, c.Verb, stage, user)
}

// may asks GitHub, now, whether somebody has the right to a command on a stage.
// It returns "" or the refusal. Every entry uses this function; an error is a
// "no" that may be tried again (C2).
func (l *look) may(ctx context.Context, verb string, stage command.Stage, user string) (string, error) {
	if slices.Contains(questions, verb) {
		return "", nil
	}
	for _, in := range l.lodgings(stage) { // the owners of each place have a say
		denied, err := l.mayIn(ctx, in, verb, stage, user)
		if err != nil || denied != "" {
			return denied, err
		}
	}
	return "", nil
}

// mayIn asks for the right to a command where a lane of the stage is written.
func (l *look) mayIn(ctx context.Context, in lodging, verb string, stage command.Stage, user string) (string, error) {
	where := "this repository"
	if in.abroad != nil {
		where = "`" + in.name + "`"
		for _, lane := range in.lanes {
			if out := in.abroad.out[stage.Pipeline+"/"+lane.Name]; len(out) > 0 {
				return fmt.Sprintf("`/%s %s` can not be asked for: %s.", verb, stage, out[0]), nil
			}
		}
	}
	policy := in.policy
	right := policy.RightTo(verb)
	if verb == "override" && policy.Override.People == 0 {
		return fmt.Sprintf("`/override %s` is not possible: the policy names nobody who could go past anything there. `override` in %s does.",
			stage, cmp.Or(policy.Position, config.PolicyFile)), nil
	}
	if verb == "takeover" && policy.Rights[verb] == "" && in.hasUpstreams() {
		return fmt.Sprintf("`/takeover %s` is not possible: the stage takes from others, and a takeover goes past their verification. `rights: {takeover: …}` in %s says who may.",
			stage, cmp.Or(policy.Position, config.PolicyFile)), nil
	}
	needed := right.Permission
	if needed == "" {
		needed = "write"
	}
	has, err := in.repo.Permission(ctx, user)
	if forbidden(err) {
		return l.unasked(err)
	}
	if err != nil {
		return "", err
	}
	if slices.Index(permissions, has) < slices.Index(permissions, needed) {
		return fmt.Sprintf("`/%s %s` needs the permission `%s` on %s; you have `%s`.", verb, stage, needed, where, has), nil
	}
	if len(right.Users)+len(right.Teams) == 0 && !right.CodeOwners {
		return "", nil
	}
	among, refusal, err := l.among(ctx, in.home, right, user)
	if err != nil || refusal != "" || among {
		return refusal, err
	}
	why := ""
	if right.CodeOwners {
		if among, why, refusal, err = l.owns(ctx, in.lanes, user); err != nil || refusal != "" || among {
			return refusal, err
		}
	}
	if why != "" {
		why = " It has no code owners: " + why + "."
	}
	return fmt.Sprintf("`/%s %s` is for %s only (%s).%s", verb, stage, those(right), policy.Position, why), nil
}

// among asks whether somebody is one of the users, or in one of the teams, of a
// right. The refusal says that GitHub does not let us ask.
func (l *look) among(ctx context.Context, in *home, right promote.Right, user string) (is bool, refusal string, err error) {
	if containsFold(right.Users, user) {
		return true, "", nil
	}
	for _, team := range right.Teams {
		member, err := in.repo.InTeam(ctx, team, user)
		if forbidden(err) {
			refusal, err := l.unasked(err)
			return false, refusal, err
		}
		if err != nil {
			return false, "", fmt.Errorf("ask whether %s is in %s: %w", user, team, err)
		}
		if member {
			return true, "", nil
		}
	}
	return false, "", nil
}

func (l lodging) hasUpstreams() bool {
	return slices.ContainsFunc(l.lanes, func(s promote.Stage) bool {
		return slices.ContainsFunc(s.Requests, func(r promote.Request) bool { return len(r.From) > 0 })
	})
}

// forbidden tells a question that GitHub does not let us ask, which asking again
// does not change. Limits never come as this.
func forbidden(err error) bool {
	var refused *forge.APIError
	return errors.As(err, &refused) && refused.Status == http.StatusForbidden
}

func (l *look) unasked(err error) (string, error) {
	l.Log.Warn("rights can not be asked", "repo", l.name, "error", err)
	return "Nothing was done: GitHub does not let Towpath ask for your rights. Its App lacks the permission " +
		"to read the organisation's members, or the repository's metadata.", nil
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// those lists who has a right, without mentioning anybody.
func those(right promote.Right) string {
	var out []string
	for _, name := range slices.Concat(right.Users, right.Teams) {
		out = append(out, "`"+name+"`")
	}
	if right.CodeOwners {
		out = append(out, "the code owners of what is written")
	}
	return strings.Join(out, ", ")
}
