package githubtest

import (
	"fmt"
	"slices"
)

// Push commits files on top of a branch as somebody with a clone would, and
// returns the commit. A missing branch starts at the default branch. A nil
// content deletes the path. Protected branches are refused to git only, not here.
func (s *Server) Push(repo, branch, message, by string, files map[string]*string) (string, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return "", err
	}
	defer unlock()
	from := r.refs["refs/heads/"+branch]
	if from == "" {
		from = r.refs["refs/heads/"+r.branch]
	}
	who := s.user(by)
	id, err := r.git.commitFiles(branch, from, message, s.identity(who), files)
	if err != nil {
		return "", fmt.Errorf("push to %s of %s: %w", branch, repo, err)
	}
	return id, s.notice(r, who)
}

// SetBranch moves, makes or with an empty commit deletes a branch, as a forced
// push does.
func (s *Server) SetBranch(repo, branch, commit, by string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	ref := "refs/heads/" + branch
	if err := r.git.updateRef(ref, or(commit, noCommit), or(r.refs[ref], noCommit)); err != nil {
		return fmt.Errorf("move %s of %s: %w", branch, repo, err)
	}
	return s.notice(r, s.user(by))
}

// SetTag makes, moves or with an empty commit deletes a tag, as a forced push
// does. One with a message is annotated.
func (s *Server) SetTag(repo, tag, commit, message, by string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	who := s.user(by)
	if message != "" && commit != "" {
		if commit, err = r.git.annotate(tag, commit, message, s.identity(who)); err != nil {
			return fmt.Errorf("tag %s of %s: %w", tag, repo, err)
		}
	}
	ref := "refs/tags/" + tag
	if err := r.git.updateRef(ref, or(commit, noCommit), or(r.refs[ref], noCommit)); err != nil {
		return fmt.Errorf("tag %s of %s: %w", tag, repo, err)
	}
	return s.notice(r, who)
}

// OpenPull opens a pull request as a person and returns its number.
func (s *Server) OpenPull(repo, head, base, title, body, by string) (int, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return 0, err
	}
	defer unlock()
	t, err := s.openPull(r, Pull{Issue: Issue{Title: title, Body: body, Author: s.user(by).Login}, Branches: Branches{Head: head, Base: base}})
	if err != nil {
		return 0, err
	}
	return t.Number, nil
}

// OpenForkPull opens a pull request as a person from a fork of that person's, which
// takes the branch from here.
func (s *Server) OpenForkPull(repo, head, base, title, by string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.openPull(r, Pull{Issue: Issue{Title: title, Author: s.user(by).Login}, Branches: Branches{Head: head, Base: base, Fork: s.user(by).Login}})
	return err
}

// OpenIssue opens an issue and returns its number.
func (s *Server) OpenIssue(repo, title, body, by string) (int, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return 0, err
	}
	defer unlock()
	t, err := s.openIssue(r, Issue{Title: title, Body: body, Author: s.user(by).Login})
	if err != nil {
		return 0, err
	}
	return t.Number, nil
}

// Merge presses the merge button (merge, squash or rebase; merge when empty)
// and returns the commit that the base then points at. The branch stays.
func (s *Server) Merge(repo string, number int, method, by string) (string, error) {
	r, t, unlock, err := s.findThread(repo, number, true)
	if err != nil {
		return "", err
	}
	defer unlock()
	return s.merge(r, t, mergeWish{method: method, by: s.user(by)})
}

// Close closes an issue or a pull request without merging it.
func (s *Server) Close(repo string, number int, by string) error {
	return s.changeState(repo, number, "closed", by)
}

// Reopen opens it again.
func (s *Server) Reopen(repo string, number int, by string) error {
	return s.changeState(repo, number, "open", by)
}

func (s *Server) changeState(repo string, number int, state, by string) error {
	r, t, unlock, err := s.findThread(repo, number, false)
	if err != nil {
		return err
	}
	defer unlock()
	return s.setState(r, t, state, s.user(by))
}

// Comment writes a comment and returns its id.
func (s *Server) Comment(repo string, number int, by, body string) (int64, error) {
	r, t, unlock, err := s.findThread(repo, number, false)
	if err != nil {
		return 0, err
	}
	defer unlock()
	cm, err := s.addComment(r, t, s.user(by), body)
	if err != nil {
		return 0, err
	}
	return cm.ID, nil
}

// EditComment changes the text of a comment; an empty text deletes it.
func (s *Server) EditComment(repo string, id int64, by, body string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	cm := r.comment(id)
	if cm == nil {
		return fmt.Errorf("no comment %d in %s", id, repo)
	}
	if body == "" {
		return s.removeComment(r, cm, s.user(by))
	}
	before := cm.Body
	cm.Body, cm.UpdatedAt = body, s.now()
	return s.fire(r, "issue_comment", s.user(by), object{
		"action": "edited", "issue": s.issueBody(r, r.thread(cm.Number)), "comment": s.commentBody(r, cm),
		"changes": object{"body": object{"from": before}},
	})
}

// Review submits a review of the current head: APPROVED, CHANGES_REQUESTED or
// COMMENTED. Nobody can approve their own pull request.
func (s *Server) Review(repo string, number int, by, state string) error {
	r, t, unlock, err := s.findThread(repo, number, true)
	if err != nil {
		return err
	}
	defer unlock()
	if !slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "COMMENTED"}, state) {
		return fmt.Errorf("no review state %q", state)
	}
	if t.Author == by && state != "COMMENTED" {
		return fmt.Errorf("%s can not review their own pull request", by)
	}
	v := &Review{ID: s.nextID(), Author: s.user(by).Login, State: state, CommitID: t.pull.HeadSHA, SubmittedAt: s.now()}
	t.pull.reviews = append(t.pull.reviews, v)
	t.UpdatedAt = s.now()
	return s.fireReview(r, t, v, s.user(by))
}

// SetUndecided makes GitHub's background merge test of a pull request stay
// unfinished: mergeable is null and mergeable_state is unknown.
func (s *Server) SetUndecided(repo string, number int, undecided bool) error {
	_, t, unlock, err := s.findThread(repo, number, true)
	if err != nil {
		return err
	}
	defer unlock()
	t.pull.undecided = undecided
	return nil
}

// SetStatus writes a commit status: error, failure, pending or success.
func (s *Server) SetStatus(repo, sha, context, state, by string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	if !slices.Contains(statusStates, state) {
		return fmt.Errorf("no status state %q", state)
	}
	return s.addStatus(r, &Status{SHA: sha, Context: context, State: state}, s.user(by))
}

// CheckRun reports a check run as another App: with a conclusion it is
// completed, without one in progress. A run of the same name that is still in
// progress is completed; otherwise a new one is made. It returns the id.
func (s *Server) CheckRun(repo, sha, name, conclusion, appSlug string) (int64, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if conclusion != "" && !slices.Contains(conclusions, conclusion) {
		return 0, fmt.Errorf("no conclusion %q", conclusion)
	}
	if id, err := r.git.resolve(sha); err != nil || id != sha {
		return 0, fmt.Errorf("no commit %s in %s", sha, repo)
	}
	a := s.appBySlug(appSlug)
	for _, run := range r.checks {
		if run.HeadSHA == sha && run.Name == name && run.App == a.Slug && run.Status != "completed" && conclusion != "" {
			run.Status, run.Conclusion, run.CompletedAt = "completed", conclusion, s.now()
			return run.ID, s.fireCheckRun(r, run, a.owner)
		}
	}
	run := &CheckRun{ID: s.nextID(), App: a.Slug, Name: name, HeadSHA: sha, Status: "in_progress", Conclusion: conclusion, StartedAt: s.now()}
	if conclusion != "" {
		run.Status, run.CompletedAt = "completed", s.now()
	}
	return run.ID, s.addCheckRun(r, run, a.owner)
}

// Deployment reports a deployment of a commit: the first state makes it, the
// next ones add to the latest of the same commit and environment.
func (s *Server) Deployment(repo, sha, environment, state, by string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	if id, err := r.git.resolve(sha); err != nil || id != sha {
		return fmt.Errorf("no commit %s in %s", sha, repo)
	}
	if !slices.Contains(deploymentStates, state) {
		return fmt.Errorf("no deployment state %q", state)
	}
	i := slices.IndexFunc(r.deployments, func(d *Deployment) bool { return d.SHA == sha && d.Environment == environment })
	if i < 0 {
		i = len(r.deployments)
		r.deployments = append(r.deployments, &Deployment{ID: s.nextID(), SHA: sha, Environment: environment, Creator: s.user(by).Login, CreatedAt: s.now()})
	}
	d := r.deployments[i]
	st := DeploymentStatus{ID: s.nextID(), State: state, CreatedAt: s.now()}
	d.Statuses = append(d.Statuses, st)
	return s.fire(r, "deployment_status", s.user(by), object{"action": "created",
		"deployment": s.deploymentBody(r, d), "deployment_status": s.deploymentStatusBody(r, d, st)})
}

// WorkflowRun starts a run of a workflow: SHA and Workflow must be set. With a
// Conclusion it is completed at once. It returns the id.
func (s *Server) WorkflowRun(repo string, run WorkflowRun) (int64, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if id, err := r.git.resolve(run.SHA); err != nil || id != run.SHA {
		return 0, fmt.Errorf("no commit %s in %s", run.SHA, repo)
	}
	conclusion := run.Conclusion
	run.Status, run.Conclusion = or(run.Status, "queued"), ""
	run.Name, run.Actor, run.Branch = or(run.Name, run.Workflow), s.user(run.Actor).Login, or(run.Branch, r.branch)
	started := s.queueRun(r, run)
	if conclusion != "" {
		err = s.finishRun(r, started, conclusion, nil)
	}
	return started.ID, err
}

// TellNoRuns makes the server one from before a dispatch could answer with the run
// that it made: it refuses to be asked for it.
func (s *Server) TellNoRuns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.older = true
}

// FinishRun completes a workflow run. Jobs that are not named end as the run.
func (s *Server) FinishRun(repo string, id int64, conclusion string, jobs map[string]string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	run := r.run(id)
	if run == nil {
		return fmt.Errorf("no run %d in %s", id, repo)
	}
	return s.finishRun(r, run, conclusion, jobs)
}

func (s *Server) finishRun(r *repo, run *WorkflowRun, conclusion string, jobs map[string]string) error {
	run.Status, run.Conclusion, run.UpdatedAt = "completed", conclusion, s.now()
	for i := range run.Jobs {
		job := &run.Jobs[i]
		job.Status, job.Conclusion = "completed", or(jobs[job.Name], conclusion)
	}
	return s.fireRun(r, run)
}

// PublishPackage tells of a container image that was pushed to GHCR. The image
// itself is nobody's business here.
func (s *Server) PublishPackage(p Package) error {
	r, unlock, err := s.find(p.Repo)
	if err != nil {
		return err
	}
	defer unlock()
	return s.firePackage(r, p)
}
