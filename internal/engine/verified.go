package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// Verification is a result that whoever verified a stage reports.
type Verification struct {
	Pipeline, Stage, Gate string
	Passed                bool
	Commit                string // full id; empty: the head of the stage's branch
	Ref, RefCommit        string // where a workflow runs: what counts when that is the stage's branch
	Text, URL             string // what people see beside it; both may be empty
}

// Verify reports a result of a gate where the gate looks for it: as a commit status
// or a check run on the stage's commit, which GitHub lets those write who may. It
// returns the commit. Nothing else is written; deciding is left to the next look.
func (e *Engine) Verify(ctx context.Context, repository string, v Verification) (commit string, err error) {
	l, err := e.observe(ctx, repository)
	if err != nil {
		return "", err
	}
	defer l.hold()()
	p, stage, err := l.meantStage(v.Pipeline, v.Stage)
	if err != nil {
		return "", err
	}
	gate, err := gateOf(stage, v.Gate)
	if err != nil {
		return "", err
	}
	branch, in := heads+stage.Target.Branch, l.homeOf(stage)
	if !in.open(p.Name, stage.Name) {
		return "", &refusal{in.abroad.out[p.Name+"/"+stage.Name][0].String()}
	}
	if commit = v.Commit; commit == "" && v.Ref == branch && in.abroad == nil {
		commit = v.RefCommit
	}
	if commit = cmp.Or(commit, in.refs[branch]); commit == "" {
		return "", &refusal{fmt.Sprintf("there is nothing in %s that could be verified yet", stage.Name)}
	}
	check := forge.Check{Name: gate.Match, Commit: commit, Conclusion: "failure", Title: v.Text, URL: v.URL}
	if v.Passed {
		check.Conclusion = "success"
	}
	if gate.Source == promote.FromCheck {
		return commit, in.repo.WriteCheckRun(ctx, check)
	}
	return commit, in.repo.WriteStatus(ctx, check)
}

// gateOf finds a gate whose result can be reported.
func gateOf(stage promote.Stage, name string) (promote.Gate, error) {
	i := slices.IndexFunc(stage.Gates, func(g promote.Gate) bool { return g.Name == name })
	if i < 0 {
		var known []string
		for _, g := range stage.Gates {
			known = append(known, g.Name)
		}
		if len(known) == 0 {
			return promote.Gate{}, &refusal{fmt.Sprintf("%s has no gates", stage.Name)}
		}
		return promote.Gate{}, &refusal{fmt.Sprintf("%s has no gate %q; there are %s", stage.Name, name, strings.Join(known, ", "))}
	}
	switch gate := stage.Gates[i]; {
	case gate.Source == promote.FromManual:
		return gate, &refusal{fmt.Sprintf("%s waits for people: `/verify %s %s` in a comment", name, stage.Name, name)}
	case gate.Source != promote.FromCheck && gate.Source != promote.FromStatus:
		return gate, &refusal{fmt.Sprintf("the results of %s come from its %s, which reports them itself", name, gate.Source)}
	case gate.At != nil:
		return gate, &refusal{fmt.Sprintf("the results of %s are looked for elsewhere (%s): report them there", name, gate.At)}
	case strings.ContainsAny(gate.Match, "*?["):
		return gate, &refusal{fmt.Sprintf("%s takes every %s called %s: report them by names of their own", name, gate.Source, gate.Match)}
	default:
		return gate, nil
	}
}
