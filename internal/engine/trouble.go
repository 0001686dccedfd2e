package engine

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// trouble says what keeps us from writing a stage at all (P9, L4).
func (l *look) trouble(ctx context.Context, p config.Pipeline, at *place) ([]promote.Reason, error) {
	where := at.where()
	if rival, err := at.rival(ctx, p); rival != "" || err != nil {
		at.rivals = true
		return []promote.Reason{{Kind: promote.ForeignBranch, Stage: at.stage.Name, Note: where + ", which pipeline " + rival + " writes,"}}, err
	}
	known := len(at.facts.ArrivalsIn(at.stage.Name)) > 0 || at.home.abroad == nil && // elsewhere a proposal may not have been pushed
		slices.ContainsFunc(at.facts.Proposals, func(p promote.Proposal) bool { return p.Stage == at.stage.Name })
	if known || at.head.Commit == "" || at.head.Tree == "" {
		return nil, nil
	}
	wrote, err := l.promotionsWrote(ctx, p, at)
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", at.stage.Target.Branch, err)
	}
	switch {
	case wrote && !at.facts.TellOfPromotions():
		return []promote.Reason{{Kind: promote.LedgerLost, Stage: at.stage.Name}}, nil
	case wrote: // by this pipeline, under another name of the stage
		return nil, nil
	case at.update.Adopt:
		return nil, nil
	}
	return []promote.Reason{{Kind: promote.ForeignBranch, Stage: at.stage.Name, Note: where}}, nil
}

// where is what the stage owns, in words.
func (at *place) where() string {
	where := "branch " + at.stage.Target.Branch
	if at.stage.Target.Path != "." {
		where = "folder " + at.stage.Target.Path + " of " + where
	}
	if at.home.abroad != nil {
		where += " of " + at.home.name
	}
	return where
}

var pipelineTrailer = regexp.MustCompile(`\nTowpath-Pipeline: ([A-Za-z0-9._/-]{1,150}#[a-z0-9-]{1,100})\n`)

// rival is the pipeline of another repository that has a promotion, or an empty
// branch, in the place of the stage: of two that are let in there, the first has it.
func (at *place) rival(ctx context.Context, p config.Pipeline) (string, error) {
	if at.home.abroad == nil {
		return "", nil
	}
	commits := []string{at.promotionHead}
	if at.stage.Target.Path == "." && at.head.Tree == "" {
		commits = append(commits, at.head.Commit)
	}
	for _, id := range commits {
		if id == "" {
			continue
		}
		commit, err := at.home.git.Commit(ctx, id)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", at.where(), err)
		}
		if found := pipelineTrailer.FindStringSubmatch(commit.Message + "\n"); found != nil && found[1] != p.ID() {
			return found[1], nil
		}
	}
	return "", nil
}

// ownHistory is how many commits of a branch are asked for our trailers.
const ownHistory = 100

// promotionsWrote tells whether promotions of the pipeline are in the history of
// what a stage owns: as commits of the branch, or merged into it.
func (l *look) promotionsWrote(ctx context.Context, p config.Pipeline, at *place) (bool, error) {
	log, err := at.home.git.Log(ctx, at.head.Commit, "", ownHistory)
	if err != nil {
		return false, err
	}
	for _, commit := range log {
		if found, err := l.wrote(ctx, p, at, commit); found || err != nil {
			return found, err
		}
		for _, merged := range commit.Parents[min(1, len(commit.Parents)):] {
			commit, err := at.home.git.Commit(ctx, merged)
			if err != nil {
				return false, err
			}
			if found, err := l.wrote(ctx, p, at, commit); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

// wrote tells whether a commit is a promotion of the pipeline that changed what
// the stage owns; on a shared branch others write beside it.
func (l *look) wrote(ctx context.Context, p config.Pipeline, at *place, commit gitrepo.Commit) (bool, error) {
	if !strings.Contains(commit.Message, "\nTowpath-Pipeline: "+p.ID()+"\n") {
		return false, nil
	}
	if at.stage.Target.Path == "." || len(commit.Parents) == 0 {
		return true, nil
	}
	before, err := l.content(ctx, at, commit.Parents[0])
	if err != nil {
		return false, err
	}
	after, err := l.content(ctx, at, commit.ID)
	return before != after, err
}

// alertRewritten tells once, in an issue, that the history of a stage branch does
// not go on from the last arrival (P13). It is written before the fact that it
// was seen, so that no crash swallows it.
func (r *round) alertRewritten(at *place) {
	arrivals := at.facts.ArrivalsIn(at.stage.Name)
	found, last := arrivals[len(arrivals)-1], arrivals[len(arrivals)-2]
	name, branch := at.pipeline+"/"+at.stage.Name, at.stage.Target.Branch
	title := fmt.Sprintf("The history of %s was rewritten", branch)
	body := fmt.Sprintf("`%s` is at %s, which does not descend from %s, where `%s` was last seen. %s\n\n"+
		"To have it back: `git push --force origin %s:refs/heads/%s`. To go on from here: `/promote %s`. A rule of the repository against force pushes keeps this from happening.",
		branch, found.Commit, last.Commit, name, afterRewriting[found.Manner], last.Commit, branch, at.stage.Name)
	r.before = append(r.before, effect{"tell that " + branch + " was rewritten", func(ctx context.Context) error {
		_, err := at.home.repo.EnsureIssue(ctx, "rewritten-"+name+"-"+found.Commit, title, body)
		return err
	}})
}

// afterRewriting says what a branch holds whose history was rewritten.
var afterRewriting = map[promote.Manner]string{
	promote.ByRevert: "It holds what an earlier promotion had put there: the stage has that freight, and is held.",
	promote.ByPush:   "It holds what was proposed last: the stage has that freight.",
	promote.ByDrift:  "It holds what no promotion made: nothing there counts downstream until the next promotion.",
}
