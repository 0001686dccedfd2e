package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

func (l *look) policy(at *place) promote.StagePolicy {
	return l.config.parsed.Policy.For(at.pipeline, at.stage.Name)
}

// judgePull asks what GitHub says of the open pull request.
func (l *look) judgePull(ctx context.Context, at *place, open *promote.Open) (err error) {
	if !at.home.opened[open.PullRequest] { // else nobody has seen it yet, and a review brings another look
		if open.Approved, open.Approvers, err = l.approvals(ctx, at, open.PullRequest, open.Commit); err != nil {
			return err
		}
	}
	if !l.policy(at).Merge.Auto {
		return nil // nobody but people needs to know whether it can be merged
	}
	pull, err := at.home.repo.PullRequest(ctx, open.PullRequest)
	if err != nil {
		return fmt.Errorf("read #%d: %w", open.PullRequest, err)
	}
	open.Mergeable = promote.Mergeable(pull.MergeableState)
	return nil
}

// approvals tells whether somebody who may write approves of exactly the content
// at a commit, and who of those who may promote does, where the policy counts them.
func (l *look) approvals(ctx context.Context, at *place, pull int, commit string) (approved bool, approvers []string, err error) {
	reviews, err := at.home.repo.Reviews(ctx, pull)
	if err != nil {
		return false, nil, fmt.Errorf("list reviews of #%d: %w", pull, err)
	}
	latest := map[string]forge.Review{}
	for _, r := range reviews {
		if r.State = strings.ToUpper(r.State); r.State != "COMMENTED" {
			latest[r.User] = r
		}
	}
	counts := l.policy(at).Approvals > 0
	for _, user := range slices.Sorted(maps.Keys(latest)) {
		// A program that approves is nobody's approval, and has no permission to ask for.
		if latest[user].State != "APPROVED" || strings.HasSuffix(user, "[bot]") || approved && !counts {
			continue
		}
		same, err := l.approves(ctx, at, latest[user], commit)
		if err != nil {
			return false, nil, err
		}
		if !same {
			continue
		}
		approved = true
		if !counts {
			continue
		}
		denied, err := l.may(ctx, "promote", command.Stage{Pipeline: at.pipeline, Name: at.stage.Name}, user)
		if err != nil {
			return false, nil, err
		}
		if denied == "" {
			approvers = append(approvers, user)
		}
	}
	return approved, approvers, nil
}

// approves tells whether a review counts: by somebody who may write, of exactly
// this content. Made again on another base it may be the same.
func (l *look) approves(ctx context.Context, at *place, review forge.Review, commit string) (bool, error) {
	permission, err := at.home.repo.Permission(ctx, review.User)
	if err != nil {
		return false, err
	}
	if slices.Index(permissions, permission) < slices.Index(permissions, "write") {
		return false, nil
	}
	now, err := l.content(ctx, at, commit)
	if err != nil {
		return false, err
	}
	reviewed, err := l.content(ctx, at, review.CommitID)
	if gitrepo.IsMissing(err) {
		return false, nil
	}
	return reviewed == now, err
}
