package githubtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/towpath/towpath/internal/githubtest"
)

// TestEveryOperationAsDescribed calls each operation of the cut description
// with the client that the product uses. The judge in newBench fails the test
// on every exchange, and every webhook body, that GitHub would not have.
func TestEveryOperationAsDescribed(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	head, err := b.Push(repo, "feature", "change", "octo", map[string]*string{"base/app.yaml": text("image: guestbook:2\n"), "new/file": text("x\n"), "README.md": nil})
	must(t, err)
	for _, group := range []struct {
		name string
		call func(*testing.T, context.Context, *bench, string)
	}{
		{"app", callApp}, {"repository", callRepository}, {"pulls", callPulls}, {"issues", callIssues},
		{"comments", callComments}, {"checks", callChecks}, {"actions", callActions}, {"deliveries", callDeliveries},
	} {
		t.Run(group.name, func(t *testing.T) { group.call(t, ctx, b, head) })
	}
	if left := b.judge.Unseen(); len(left) > 0 {
		t.Errorf("described, but never called with success:\n%s", strings.Join(left, "\n"))
	}
}

func callApp(t *testing.T, ctx context.Context, b *bench, _ string) {
	a, _, err := b.app.Apps.Get(ctx, "")
	must(t, err)
	list, _, err := b.app.Apps.ListInstallations(ctx, nil)
	must(t, err)
	if a.GetSlug() != "towpath" || len(list) != 1 || list[0].GetAccount().GetLogin() != "acme" {
		t.Errorf("App %v, installations %v", a, list)
	}
	repos, _, err := b.bot.Apps.ListRepos(ctx, nil)
	must(t, err)
	if len(repos.Repositories) != 1 || repos.Repositories[0].GetFullName() != repo {
		t.Errorf("repositories of the installation: %v", repos)
	}
	b.AddTeamMember("acme", "sre", "octo")
	member, _, err := b.bot.Teams.GetTeamMembershipBySlug(ctx, "acme", "sre", "octo")
	must(t, err)
	if member.GetState() != "active" {
		t.Errorf("membership: %v", member)
	}
	me, _, err := b.person("octo").Users.Get(ctx, "")
	must(t, err)
	if me.GetLogin() != "octo" {
		t.Errorf("user: %v", me)
	}
	mine, _, err := b.person("octo").Repositories.ListByAuthenticatedUser(ctx, nil)
	must(t, err)
	if len(mine) != 1 || mine[0].GetFullName() != repo {
		t.Errorf("repositories of octo: %v", mine)
	}
	_, _, err = b.bot.RateLimit.Get(ctx)
	must(t, err)
}

func callRepository(t *testing.T, ctx context.Context, b *bench, head string) {
	r, _, err := b.bot.Repositories.Get(ctx, "acme", "guestbook")
	must(t, err)
	again, _, err := b.bot.Repositories.GetByID(ctx, r.GetID())
	must(t, err)
	if again.GetFullName() != repo || r.GetDefaultBranch() != "main" {
		t.Errorf("repository: %v", again)
	}
	level, _, err := b.bot.Repositories.GetPermissionLevel(ctx, "acme", "guestbook", "octo")
	must(t, err)
	if level.GetPermission() != "write" {
		t.Errorf("permission: %v", level)
	}
	branch, _, err := b.bot.Repositories.GetBranch(ctx, "acme", "guestbook", "feature", 0)
	must(t, err)
	ref, _, err := b.bot.Git.GetRef(ctx, "acme", "guestbook", "heads/feature")
	must(t, err)
	refs, _, err := b.bot.Git.ListMatchingRefs(ctx, "acme", "guestbook", &github.ReferenceListOptions{Ref: "heads/"})
	must(t, err)
	if branch.GetCommit().GetSHA() != head || ref.GetObject().GetSHA() != head || len(refs) != 2 {
		t.Errorf("branch %v, ref %v, refs %v", branch, ref, refs)
	}
	touched, _, err := b.bot.Repositories.ListCommits(ctx, "acme", "guestbook", &github.CommitsListOptions{SHA: "feature", Path: "new"})
	must(t, err)
	if len(touched) != 1 || touched[0].GetSHA() != head {
		t.Errorf("commits that touched new: %v", touched)
	}
	file, _, _, err := b.bot.Repositories.GetContents(ctx, "acme", "guestbook", "base/app.yaml", &github.RepositoryContentGetOptions{Ref: "feature"})
	must(t, err)
	if got, err := file.GetContent(); err != nil || got != "image: guestbook:2\n" {
		t.Errorf("content %q, %v", got, err)
	}
	_, folder, _, err := b.bot.Repositories.GetContents(ctx, "acme", "guestbook", "base", nil)
	must(t, err)
	if len(folder) != 1 || folder[0].GetPath() != "base/app.yaml" {
		t.Errorf("folder: %v", folder)
	}
	commit, _, err := b.bot.Repositories.GetCommit(ctx, "acme", "guestbook", "feature", nil)
	must(t, err)
	if commit.GetSHA() != head || len(commit.Files) != 3 || commit.GetAuthor().GetLogin() != "octo" {
		t.Errorf("commit: %v", commit)
	}
	diff, _, err := b.bot.Repositories.CompareCommits(ctx, "acme", "guestbook", "main", "feature", nil)
	must(t, err)
	if diff.GetStatus() != "ahead" || diff.GetAheadBy() != 1 || len(diff.Files) != 3 {
		t.Errorf("comparison: %v", diff)
	}
	_, _, err = b.bot.Repositories.Dispatch(ctx, "acme", "guestbook", github.DispatchRequestOptions{EventType: "image"})
	must(t, err)
}

func callPulls(t *testing.T, ctx context.Context, b *bench, head string) {
	pr, _, err := b.bot.PullRequests.Create(ctx, "acme", "guestbook", &github.NewPullRequest{
		Title: github.String("Promote"), Head: github.String("feature"), Base: github.String("main"), Body: github.String("text")})
	must(t, err)
	if pr.GetMergeableState() != "clean" || pr.GetUser().GetLogin() != "towpath[bot]" || pr.GetChangedFiles() != 3 || pr.GetCommits() != 1 {
		t.Errorf("pull request: %v", pr)
	}
	n := pr.GetNumber()
	_, _, err = b.bot.PullRequests.Edit(ctx, "acme", "guestbook", n, &github.PullRequest{Title: github.String("Promote it")})
	must(t, err)
	got, _, err := b.bot.PullRequests.Get(ctx, "acme", "guestbook", n)
	must(t, err)
	if got.GetTitle() != "Promote it" || got.GetBody() != "text" {
		t.Errorf("after an edit: %v", got)
	}
	for query, want := range map[github.PullRequestListOptions]int{
		{Head: "acme:feature"}: 1, {Head: "acme:main"}: 0, {Base: "main"}: 1, {Base: "feature"}: 0, {State: "closed"}: 0, {State: "all"}: 1,
	} {
		list, _, err := b.bot.PullRequests.List(ctx, "acme", "guestbook", &query)
		must(t, err)
		if len(list) != want {
			t.Errorf("list %v: %d, want %d", query, len(list), want)
		}
	}
	files, _, err := b.bot.PullRequests.ListFiles(ctx, "acme", "guestbook", n, nil)
	must(t, err)
	must(t, b.Review(repo, n, "octo", "APPROVED"))
	reviews, _, err := b.bot.PullRequests.ListReviews(ctx, "acme", "guestbook", n, nil)
	must(t, err)
	of, _, err := b.bot.PullRequests.ListPullRequestsWithCommit(ctx, "acme", "guestbook", head, nil)
	must(t, err)
	if len(files) != 3 || len(reviews) != 1 || reviews[0].GetCommitID() != head || len(of) != 1 {
		t.Errorf("files %v, reviews %v, of commit %v", files, reviews, of)
	}
	merged, _, err := b.bot.PullRequests.Merge(ctx, "acme", "guestbook", n, "", &github.PullRequestOptions{SHA: head, MergeMethod: "squash"})
	must(t, err)
	got, _, err = b.bot.PullRequests.Get(ctx, "acme", "guestbook", n)
	must(t, err)
	if !got.GetMerged() || got.GetMergeCommitSHA() != merged.GetSHA() || got.GetMergedBy().GetLogin() != "towpath[bot]" {
		t.Errorf("merged: %v", got)
	}
}

func callIssues(t *testing.T, ctx context.Context, b *bench, _ string) {
	issue, _, err := b.bot.Issues.Create(ctx, "acme", "guestbook", &github.IssueRequest{Title: github.String("Dashboard"), Labels: &[]string{"towpath"}})
	must(t, err)
	n := issue.GetNumber()
	labels, _, err := b.bot.Issues.AddLabelsToIssue(ctx, "acme", "guestbook", n, []string{"override", "towpath"})
	must(t, err)
	if len(labels) != 2 {
		t.Errorf("labels: %v", labels)
	}
	_, err = b.bot.Issues.RemoveLabelForIssue(ctx, "acme", "guestbook", n, "towpath")
	must(t, err)
	_, _, err = b.bot.Issues.Edit(ctx, "acme", "guestbook", n, &github.IssueRequest{Body: github.String("state"), State: github.String("closed")})
	must(t, err)
	issue, _, err = b.bot.Issues.Get(ctx, "acme", "guestbook", n)
	must(t, err)
	if issue.GetState() != "closed" || issue.GetBody() != "state" || len(issue.Labels) != 1 {
		t.Errorf("issue: %v", issue)
	}
	list, _, err := b.bot.Issues.ListByRepo(ctx, "acme", "guestbook", &github.IssueListByRepoOptions{State: "all", Labels: []string{"override"}})
	must(t, err)
	if len(list) != 1 || list[0].IsPullRequest() {
		t.Errorf("list: %v", list)
	}
}

func callComments(t *testing.T, ctx context.Context, b *bench, _ string) {
	n, err := b.OpenIssue(repo, "Question", "", "octo")
	must(t, err)
	first, err := b.Comment(repo, n, "octo", "/status")
	must(t, err)
	mine, _, err := b.bot.Issues.CreateComment(ctx, "acme", "guestbook", n, &github.IssueComment{Body: github.String("looking")})
	must(t, err)
	_, _, err = b.bot.Issues.EditComment(ctx, "acme", "guestbook", mine.GetID(), &github.IssueComment{Body: github.String("done")})
	must(t, err)
	double, _, err := b.bot.Issues.CreateComment(ctx, "acme", "guestbook", n, &github.IssueComment{Body: github.String("done")})
	must(t, err)
	_, err = b.bot.Issues.DeleteComment(ctx, "acme", "guestbook", double.GetID())
	must(t, err)
	mine, _, err = b.bot.Issues.GetComment(ctx, "acme", "guestbook", mine.GetID())
	must(t, err)
	if mine.GetBody() != "done" || mine.GetUser().GetType() != "Bot" {
		t.Errorf("comment: %v", mine)
	}
	for _, number := range []int{n, 0} { // 0: of the whole repository
		list, _, err := b.bot.Issues.ListComments(ctx, "acme", "guestbook", number, &github.IssueListCommentsOptions{Since: &time.Time{}})
		must(t, err)
		if len(list) != 2 || list[0].GetID() != first {
			t.Errorf("comments of %d: %v", number, list)
		}
	}
	eyes, _, err := b.bot.Reactions.CreateIssueCommentReaction(ctx, "acme", "guestbook", first, "eyes")
	must(t, err)
	same, _, err := b.bot.Reactions.CreateIssueCommentReaction(ctx, "acme", "guestbook", first, "eyes")
	must(t, err)
	all, _, err := b.bot.Reactions.ListIssueCommentReactions(ctx, "acme", "guestbook", first, nil)
	must(t, err)
	if same.GetID() != eyes.GetID() || len(all) != 1 {
		t.Errorf("reactions: %v", all)
	}
	_, err = b.bot.Reactions.DeleteIssueCommentReaction(ctx, "acme", "guestbook", first, eyes.GetID())
	must(t, err)
	if left := b.Comments(repo, n)[0].Reactions; len(left) != 0 {
		t.Errorf("reactions after deleting: %v", left)
	}
}

func callChecks(t *testing.T, ctx context.Context, b *bench, head string) {
	run, _, err := b.bot.Checks.CreateCheckRun(ctx, "acme", "guestbook", github.CreateCheckRunOptions{Name: "towpath", HeadSHA: head,
		Status: github.String("in_progress"), Output: &github.CheckRunOutput{Title: github.String("waiting"), Summary: github.String("for e2e")}})
	must(t, err)
	_, _, err = b.bot.Checks.UpdateCheckRun(ctx, "acme", "guestbook", run.GetID(), github.UpdateCheckRunOptions{Name: "towpath",
		Status: github.String("completed"), Conclusion: github.String("neutral")})
	must(t, err)
	run, _, err = b.bot.Checks.GetCheckRun(ctx, "acme", "guestbook", run.GetID())
	must(t, err)
	if run.GetConclusion() != "neutral" || run.GetOutput().GetTitle() != "waiting" || run.GetApp().GetSlug() != "towpath" {
		t.Errorf("check run: %v", run)
	}
	_, err = b.CheckRun(repo, head, "e2e / smoke", "failure", "github-actions")
	must(t, err)
	_, err = b.CheckRun(repo, head, "e2e / smoke", "success", "github-actions")
	must(t, err)
	list, _, err := b.bot.Checks.ListCheckRunsForRef(ctx, "acme", "guestbook", head, nil)
	must(t, err)
	every, _, err := b.bot.Checks.ListCheckRunsForRef(ctx, "acme", "guestbook", "heads/feature", &github.ListCheckRunsOptions{Filter: github.String("all")})
	must(t, err)
	if list.GetTotal() != 2 || list.CheckRuns[0].GetConclusion() != "success" || every.GetTotal() != 3 {
		t.Errorf("check runs: %v; all: %v", list, every)
	}
	suites, _, err := b.bot.Checks.ListCheckSuitesForRef(ctx, "acme", "guestbook", head, nil)
	must(t, err)
	if suites.GetTotal() != 2 {
		t.Errorf("suites: %v", suites)
	}
	for _, state := range []string{"pending", "success"} {
		_, _, err = b.bot.Repositories.CreateStatus(ctx, "acme", "guestbook", head, &github.RepoStatus{State: &state, Context: github.String("perf/a")})
		must(t, err)
	}
	statuses, _, err := b.bot.Repositories.ListStatuses(ctx, "acme", "guestbook", head, nil)
	must(t, err)
	sum, _, err := b.bot.Repositories.GetCombinedStatus(ctx, "acme", "guestbook", head, nil)
	must(t, err)
	if len(statuses) != 2 || statuses[0].GetState() != "success" || sum.GetState() != "success" || sum.GetTotalCount() != 1 {
		t.Errorf("statuses %v, combined %v", statuses, sum)
	}
	must(t, b.Deployment(repo, head, "prod", "in_progress", "octo"))
	must(t, b.Deployment(repo, head, "prod", "success", "octo"))
	deployments, _, err := b.bot.Repositories.ListDeployments(ctx, "acme", "guestbook", &github.DeploymentsListOptions{SHA: head})
	must(t, err)
	states, _, err := b.bot.Repositories.ListDeploymentStatuses(ctx, "acme", "guestbook", deployments[0].GetID(), nil)
	must(t, err)
	if len(deployments) != 1 || len(states) != 2 || states[0].GetState() != "success" {
		t.Errorf("deployments %v, statuses %v", deployments, states)
	}
}

func callActions(t *testing.T, ctx context.Context, b *bench, _ string) {
	dispatch := func(inputs map[string]any) error {
		_, err := b.bot.Actions.CreateWorkflowDispatchEventByFileName(ctx, "acme", "guestbook", "e2e.yml",
			github.CreateWorkflowDispatchEventRequest{Ref: "main", Inputs: inputs})
		return err
	}
	must(t, dispatch(map[string]any{"image": "a", "towpath": "abc"}))
	for _, wrong := range []map[string]any{{}, {"image": "a", "other": "x"}} {
		if dispatch(wrong) == nil {
			t.Errorf("inputs %v were accepted", wrong)
		}
	}
	req, err := b.bot.NewRequest("POST", "repos/acme/guestbook/actions/workflows/e2e.yml/dispatches",
		map[string]any{"ref": "main", "inputs": map[string]any{"image": "b"}, "return_run_details": true})
	must(t, err)
	var details struct {
		ID int64 `json:"workflow_run_id"`
	}
	_, err = b.bot.Do(ctx, req, &details)
	must(t, err)
	must(t, b.FinishRun(repo, details.ID, "failure", map[string]string{"smoke": "success"}))
	run, _, err := b.bot.Actions.GetWorkflowRunByID(ctx, "acme", "guestbook", details.ID)
	must(t, err)
	jobs, _, err := b.bot.Actions.ListWorkflowJobs(ctx, "acme", "guestbook", details.ID, nil)
	must(t, err)
	if run.GetConclusion() != "failure" || jobs.Jobs[0].GetConclusion() != "success" {
		t.Errorf("run %v, jobs %v", run, jobs)
	}
	runs, _, err := b.bot.Actions.ListRepositoryWorkflowRuns(ctx, "acme", "guestbook", &github.ListWorkflowRunsOptions{Event: "workflow_dispatch", Status: "queued"})
	must(t, err)
	if runs.GetTotalCount() != 1 || runs.WorkflowRuns[0].GetDisplayTitle() != "e2e abc" {
		t.Errorf("runs: %v", runs)
	}
	_, err = b.WorkflowRun(repo, githubtest.WorkflowRun{Workflow: ".github/workflows/ci.yml", SHA: b.Refs(repo)["refs/heads/main"], Conclusion: "success", Actor: "octo"})
	must(t, err)
	must(t, b.PublishPackage(githubtest.Package{Owner: "acme", Name: "guestbook", Tag: "1.0.0", Digest: "sha256:" + strings.Repeat("a", 64), Repo: repo, By: "octo"}))
}

func callDeliveries(t *testing.T, ctx context.Context, b *bench, _ string) {
	b.take()
	seen := map[int64]bool{}
	opts := &github.ListCursorOptions{PerPage: 5}
	for {
		page, resp, err := b.app.Apps.ListHookDeliveries(ctx, opts)
		must(t, err)
		for _, d := range page {
			seen[d.GetID()] = true
		}
		if resp.Cursor == "" {
			break
		}
		opts.Cursor = resp.Cursor
	}
	if all := b.Deliveries(); len(seen) != len(all) {
		t.Errorf("paging found %d of %d deliveries", len(seen), len(all))
	}
	first := b.Deliveries()[0]
	d, _, err := b.app.Apps.GetHookDelivery(ctx, first.ID)
	must(t, err)
	if d.GetGUID() != first.GUID || d.GetEvent() != "ping" || d.GetStatusCode() != 202 {
		t.Errorf("delivery: %v", d)
	}
	_, _, err = b.app.Apps.RedeliverHookDelivery(ctx, first.ID)
	if _, accepted := err.(*github.AcceptedError); err != nil && !accepted {
		t.Fatal(err)
	}
	if got := b.take(); len(got) != 1 || got[0].delivery != first.GUID {
		t.Errorf("redelivered: %v", got)
	}
}
