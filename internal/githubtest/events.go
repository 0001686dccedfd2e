package githubtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// fire sends an event of a repository to every App that is installed there and
// subscribed to it. The repository, the sender and the installation are added.
func (s *Server) fire(r *repo, event string, by *User, body object) error {
	body = with(body, object{"repository": s.repoBody(r), "sender": s.userBody(by)})
	if r.owner.Type == "Organization" {
		body["organization"] = s.orgBody(r.owner)
	}
	for _, a := range s.apps {
		for _, inst := range a.installs {
			if !inst.repos[r.id] {
				continue
			}
			body["installation"] = object{"id": inst.id, "node_id": nodeID("IN", inst.id)}
			if err := s.post(a, Delivery{Event: event, RepoID: r.id, Install: inst.id}, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// post queues one event for one App, if it wants it.
func (s *Server) post(a *app, d Delivery, body object) error {
	always := d.Event == "ping" || d.Event == "installation" || d.Event == "installation_repositories"
	if a.WebhookURL == "" || !always && len(a.Events) > 0 && !slices.Contains(a.Events, d.Event) {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("body of %s: %w", d.Event, err)
	}
	d.Body = text
	d.Action, _ = body["action"].(string)
	s.outbox.add(s.nextID(), a, d, false, s.now)
	return nil
}

func (s *Server) orgBody(u *User) object {
	api := s.APIURL() + "orgs/" + u.Login
	return object{"login": u.Login, "id": u.ID, "node_id": nodeID("O", u.ID), "url": api, "repos_url": api + "/repos",
		"events_url": api + "/events", "hooks_url": api + "/hooks", "issues_url": api + "/issues",
		"members_url": api + "/members{/member}", "public_members_url": api + "/public_members{/member}",
		"avatar_url": s.base + "/_avatars/" + u.Login, "description": nil}
}

func (s *Server) firePull(r *repo, t *thread, action string, by *User, more object) error {
	body, err := s.pullBody(r, t)
	if err != nil {
		return err
	}
	return s.fire(r, "pull_request", by, with(object{"action": action, "number": t.Number, "pull_request": body}, more))
}

func (s *Server) fireReview(r *repo, t *thread, v *Review, by *User) error {
	// Reviews are in lower case here, and in upper case in the API.
	states := map[string]string{"APPROVED": "approved", "CHANGES_REQUESTED": "changes_requested", "COMMENTED": "commented"}
	review := with(s.reviewBody(r, t, v), object{"state": states[v.State]})
	return s.fire(r, "pull_request_review", by, object{"action": "submitted", "review": review, "pull_request": s.pullSimple(r, s.repoBody(r), t)})
}

func (s *Server) fireStatus(r *repo, st *Status, by *User) error {
	commit, err := r.git.commit(st.SHA)
	if err != nil {
		return err
	}
	branches := []object{}
	for _, name := range r.branchesAt(st.SHA) {
		branches = append(branches, object{"name": name, "protected": false,
			"commit": object{"sha": st.SHA, "url": s.repoURL(r) + "/commits/" + st.SHA}})
	}
	body := s.commitBody(r, commit)
	inner := body["commit"].(object)
	body["commit"] = with(inner, object{"verification": without(inner["verification"].(object), "verified_at")})
	return s.fire(r, "status", by, object{"id": st.ID, "sha": st.SHA, "name": r.fullName(), "avatar_url": nil,
		"target_url": orNull(st.TargetURL), "context": st.Context, "description": orNull(st.Description), "state": st.State,
		"commit": body, "branches": branches, "created_at": stamp(st.CreatedAt), "updated_at": stamp(st.CreatedAt)})
}

// branchesAt lists the branches whose head is a commit.
func (r *repo) branchesAt(sha string) []string {
	var names []string
	for _, ref := range sortedKeys(r.refs) {
		if name, isBranch := cutBranch(ref); isBranch && r.refs[ref] == sha {
			names = append(names, name)
		}
	}
	return names
}

// fireCheckRun tells of a completed check run, and of its suite when all runs
// of it are completed.
func (s *Server) fireCheckRun(r *repo, run *CheckRun, by *User) error {
	if run.Status != "completed" {
		return nil
	}
	suites := s.suites(r, run.HeadSHA)
	sum := suites[slices.IndexFunc(suites, func(v suite) bool { return v.app.Slug == run.App })]
	body := with(s.checkRunBody(r, run), object{"check_suite": s.suiteBody(r, sum)})
	if err := s.fire(r, "check_run", by, object{"action": "completed", "check_run": body}); err != nil || sum.status != "completed" {
		return err
	}
	commit, err := r.git.commit(run.HeadSHA)
	if err != nil {
		return err
	}
	id := strconv.FormatInt(suiteID(sum.app, sum.sha), 10)
	return s.fire(r, "check_suite", by, object{"action": "completed", "check_suite": with(s.suiteBody(r, sum), object{
		"latest_check_runs_count": sum.runs, "check_runs_url": s.repoURL(r) + "/check-suites/" + id + "/check-runs",
		"head_commit": simpleCommit(commit)})})
}

func (s *Server) fireRun(r *repo, run *WorkflowRun) error {
	id := strconv.FormatInt(workflowID(run.Workflow), 10)
	return s.fire(r, "workflow_run", s.user(run.Actor), object{"action": "completed", "workflow_run": s.runBody(r, run), "workflow": object{
		"id": workflowID(run.Workflow), "node_id": nodeID("W", workflowID(run.Workflow)), "name": run.Name, "path": run.Workflow, "state": "active",
		"created_at": stamp(r.created), "updated_at": stamp(r.created), "url": s.repoURL(r) + "/actions/workflows/" + id,
		"html_url":  s.repoPageURL(r) + "/blob/" + r.branch + "/" + run.Workflow,
		"badge_url": s.repoPageURL(r) + "/workflows/" + id + "/badge.svg"}})
}

// Package is a container image that was pushed to GHCR.
type Package struct {
	Owner  string // of the package
	Name   string // may hold slashes
	Tag    string
	Digest string // sha256:…
	Repo   string // owner/name of the repository that it is linked to
	By     string
}

// firePackage tells of an image under both names of the event, one after the
// other: GitHub uses `registry_package` for Apps and `package` elsewhere.
func (s *Server) firePackage(r *repo, p Package) error {
	image := "ghcr.io/" + fold(p.Owner) + "/" + p.Name
	page := s.base + "/" + p.Owner + "/packages/" + p.Name
	at := stamp(s.now())
	version := object{"id": s.nextID(), "version": p.Digest, "name": p.Digest, "summary": "", "description": "", "manifest": "",
		"html_url": page, "target_commitish": r.branch, "target_oid": r.refs["refs/heads/"+r.branch],
		"created_at": at, "updated_at": at, "metadata": []object{}, "package_files": []object{},
		"container_metadata": object{"labels": object{}, "manifest": object{}, "tag": object{"name": p.Tag, "digest": p.Digest}},
		"package_url":        image + ":" + p.Tag, "author": s.userOrNull(p.By), "installation_command": "docker pull " + image + ":" + p.Tag}
	body := object{"id": s.nextID(), "name": p.Name, "namespace": p.Owner, "description": nil, "ecosystem": "CONTAINER",
		"package_type": "CONTAINER", "html_url": page, "created_at": at, "updated_at": at, "owner": s.userOrNull(p.Owner),
		"package_version": version, "registry": object{"about_url": "https://docs.github.com/packages", "name": "GitHub container registry",
			"type": "container", "url": "https://ghcr.io/" + fold(p.Owner), "vendor": "GitHub Inc"}}
	for _, event := range []string{"registry_package", "package"} {
		if err := s.fire(r, event, s.user(p.By), object{"action": "published", event: body}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) firePing(a *app) error {
	api := s.APIURL() + "app/hook"
	at := stamp(s.now())
	return s.post(a, Delivery{Event: "ping"}, object{"zen": "Keep it logically awesome.", "hook_id": a.ID, "hook": object{
		"type": "App", "id": a.ID, "name": "web", "active": true, "app_id": a.ID, "events": appEventsOf(a),
		"config":     object{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": a.WebhookURL},
		"updated_at": at, "created_at": at, "url": api, "ping_url": api + "/pings", "deliveries_url": api + "/deliveries"}})
}

func appEventsOf(a *app) []string {
	if len(a.Events) > 0 {
		return a.Events
	}
	return []string{"*"}
}

// fireInstallation tells of an installation, new or grown.
func (s *Server) fireInstallation(inst *installation, event string, repos []*repo) error {
	briefs := []object{}
	for _, r := range repos {
		briefs = append(briefs, object{"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private})
	}
	body := object{"installation": s.installationBody(inst), "sender": s.userBody(inst.account)}
	if event == "installation" {
		body = with(body, object{"action": "created", "repositories": briefs})
	} else {
		body = with(body, object{"action": "added", "repository_selection": "selected", "repositories_added": briefs,
			"repositories_removed": []object{}, "requester": nil})
	}
	return s.post(inst.app, Delivery{Event: event, Install: inst.id}, body)
}
