package githubtest

import (
	"encoding/json"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

func (s *Server) threadBase(r *repo, t *thread) object {
	labels := []object{}
	for _, name := range t.Labels {
		labels = append(labels, s.labelBody(r, name))
	}
	number := strconv.Itoa(t.Number)
	return object{
		"id": t.ID, "node_id": nodeID("I", t.ID), "number": t.Number, "state": t.State, "title": t.Title, "body": orNull(t.Body),
		"locked": false, "active_lock_reason": nil, "user": s.userOrNull(t.Author), "labels": labels,
		"assignee": nil, "assignees": []object{}, "milestone": nil,
		"created_at": stamp(t.CreatedAt), "updated_at": stamp(t.UpdatedAt), "closed_at": stamp(t.ClosedAt),
		"author_association": s.association(r, t.Author), "comments_url": s.repoURL(r) + "/issues/" + number + "/comments",
	}
}

func (s *Server) labelBody(r *repo, name string) object {
	return object{"id": 1, "node_id": nodeID("LA", 1) + name, "url": s.repoURL(r) + "/labels/" + name, "name": name,
		"description": "", "color": "ededed", "default": false}
}

func (s *Server) sideBody(r *repo, body any, branch, id string) object {
	return object{"label": r.owner.Login + ":" + branch, "ref": branch, "sha": id, "user": s.userBody(r.owner), "repo": body}
}

// headBody is the head of a pull request, which may be in somebody's fork.
func (s *Server) headBody(r *repo, body any, p *pull) object {
	out := s.sideBody(r, body, p.Head, p.HeadSHA)
	if p.Fork == "" {
		return out
	}
	owner := s.user(p.Fork)
	return with(out, object{"label": owner.Login + ":" + p.Head, "user": s.userBody(owner),
		"repo": with(s.repoBody(r), object{"full_name": owner.Login + "/" + r.name, "fork": true})})
}

// pullSimple is a pull request as part of a list. The body is that of its repository.
func (s *Server) pullSimple(r *repo, body any, t *thread) object {
	number := strconv.Itoa(t.Number)
	api, page := s.repoURL(r)+"/pulls/"+number, s.repoPageURL(r)+"/pull/"+number
	issue := s.repoURL(r) + "/issues/" + number
	link := func(to string) object { return object{"href": to} }
	p := t.pull
	return with(s.threadBase(r, t), object{
		"node_id": nodeID("PR", t.ID), "url": api, "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"issue_url": issue, "commits_url": api + "/commits", "review_comments_url": api + "/comments",
		"review_comment_url": s.repoURL(r) + "/pulls/comments{/number}", "statuses_url": s.repoURL(r) + "/statuses/" + p.HeadSHA,
		"head": s.headBody(r, body, p), "base": s.sideBody(r, body, p.Base, p.BaseSHA),
		"requested_reviewers": []object{}, "requested_teams": []object{}, "auto_merge": nil, "draft": p.draft,
		"merged_at": stamp(p.mergedAt), "merge_commit_sha": orNull(p.mergeSHA),
		"_links": object{"self": link(api), "html": link(page), "issue": link(issue), "comments": link(issue + "/comments"),
			"review_comments": link(api + "/comments"), "review_comment": link(s.repoURL(r) + "/pulls/comments{/number}"),
			"commits": link(api + "/commits"), "statuses": link(s.repoURL(r) + "/statuses/" + p.HeadSHA)},
	})
}

// pullBody is one pull request, with what is worked out from git.
func (s *Server) pullBody(r *repo, t *thread) (object, error) {
	p := t.pull
	v, err := s.judge(r, t)
	if err != nil {
		return nil, err
	}
	var mergeable any
	if v.state != "unknown" {
		mergeable = v.state != "dirty"
	}
	return with(s.pullSimple(r, s.repoBody(r), t), object{
		"merged": p.merged, "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": v.state,
		"merged_by": s.userOrNull(p.mergedBy), "comments": len(t.comments), "review_comments": 0,
		"maintainer_can_modify": false, "commits": p.comparison.commits, "changed_files": p.comparison.files,
		"additions": p.comparison.additions, "deletions": p.comparison.deletions,
	}), nil
}

func (c *call) pull() (*thread, error) {
	n, err := c.number("number")
	if err != nil {
		return nil, err
	}
	t := c.repo.thread(int(n))
	if t == nil || t.pull == nil {
		return nil, errNotFound
	}
	return t, nil
}

func (c *call) answerPull(status int, t *thread) (reply, error) {
	body, err := c.pullBody(c.repo, t)
	return reply{status: status, body: body}, err
}

func getPull(c *call) (reply, error) {
	t, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return c.answerPull(http.StatusOK, t)
}

func listPulls(c *call) (reply, error) {
	state := c.query("state")
	var found []*thread
	for _, t := range c.repo.pulls() {
		if state != "all" && t.State != or(state, "open") {
			continue
		}
		if head := c.query("head"); head != "" && !strings.EqualFold(head, c.repo.owner.Login+":"+t.pull.Head) {
			continue
		}
		if base := c.query("base"); base != "" && base != t.pull.Base {
			continue
		}
		found = append(found, t)
	}
	c.sortThreads(found)
	return c.pullList(found)
}

// pullList is a page of pull requests. Each has its repository twice, which is
// written once.
func (c *call) pullList(found []*thread) (reply, error) {
	repo, err := json.Marshal(c.repoBody(c.repo))
	if err != nil {
		return reply{}, err
	}
	return list(c, "", found, func(t *thread) object { return c.pullSimple(c.repo, json.RawMessage(repo), t) })
}

// or is text, or what stands for an empty one.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// sortThreads obeys sort and direction; the newest come first by default.
func (c *call) sortThreads(list []*thread) {
	byUpdate := c.query("sort") == "updated"
	descending := c.query("direction") != "asc"
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if descending {
			a, b = b, a
		}
		if byUpdate && !a.UpdatedAt.Equal(b.UpdatedAt) {
			return a.UpdatedAt.Before(b.UpdatedAt)
		}
		return a.Number < b.Number
	})
}

func listPullsOfCommit(c *call, id string) (reply, error) {
	var found []*thread
	for _, t := range c.repo.pulls() {
		part, err := c.repo.git.contains(t.pull.HeadSHA, id)
		if err != nil {
			return reply{}, err
		}
		if part {
			if part, err = c.repo.git.contains(t.pull.BaseSHA, id); err != nil {
				return reply{}, err
			}
			part = !part
		}
		if part || t.pull.mergeSHA == id {
			found = append(found, t)
		}
	}
	return c.pullList(found)
}

func createPull(c *call) (reply, error) {
	var in struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Head  string `json:"head"`
		Base  string `json:"base"`
		Draft bool   `json:"draft"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	head := in.Head
	if owner, name, found := strings.Cut(in.Head, ":"); found {
		if !strings.EqualFold(owner, c.repo.owner.Login) {
			return reply{}, invalid("PullRequest", "head", "invalid", "")
		}
		head = name
	}
	t, err := c.openPull(c.repo, Pull{Issue: Issue{Title: in.Title, Body: in.Body, Author: c.who.user.Login},
		Branches: Branches{Head: head, Base: in.Base}, Draft: in.Draft})
	if err != nil {
		return reply{}, err
	}
	out, err := c.answerPull(http.StatusCreated, t)
	out.header = http.Header{"Location": {c.repoURL(c.repo) + "/pulls/" + strconv.Itoa(t.Number)}}
	return out, err
}

// openPull opens a pull request under GitHub's conditions.
func (s *Server) openPull(r *repo, want Pull) (*thread, error) {
	headSHA, headFound := r.refs["refs/heads/"+want.Head]
	baseSHA, baseFound := r.refs["refs/heads/"+want.Base]
	switch {
	case want.Title == "":
		return nil, invalid("PullRequest", "title", "missing_field", "")
	case !headFound:
		return nil, invalid("PullRequest", "head", "invalid", "")
	case !baseFound:
		return nil, invalid("PullRequest", "base", "invalid", "")
	}
	refuse := func(message string) (*thread, error) {
		return nil, problem{status: http.StatusUnprocessableEntity, message: "Validation Failed",
			errors: []object{{"resource": "PullRequest", "code": "custom", "message": message}}}
	}
	for _, t := range r.pulls() {
		if t.State == "open" && t.pull.Head == want.Head && t.pull.Base == want.Base {
			return refuse("A pull request already exists for " + r.owner.Login + ":" + want.Head + ".")
		}
	}
	fork, err := r.git.mergeBase(baseSHA, headSHA)
	if err != nil {
		return nil, err
	}
	if fork == "" {
		return refuse("The " + want.Head + " branch has no history in common with " + want.Base)
	}
	if fork == headSHA {
		return refuse("No commits between " + want.Base + " and " + want.Head)
	}
	t := s.newThread(r, want.Issue)
	t.pull = &pull{Branches: Branches{Head: want.Head, Base: want.Base, HeadSHA: headSHA, BaseSHA: baseSHA, Fork: want.Fork}, draft: want.Draft}
	if err := r.git.updateRef(pullRef(t), headSHA, noCommit); err != nil {
		return nil, err
	}
	if want.Fork != "" { // there its branch stays; here only the pull request knows the commit
		if err := r.git.updateRef("refs/heads/"+want.Head, noCommit, headSHA); err != nil {
			return nil, err
		}
		delete(r.refs, "refs/heads/"+want.Head)
	}
	return t, s.firePull(r, t, "opened", s.user(want.Author), nil)
}

func pullRef(t *thread) string { return "refs/pull/" + strconv.Itoa(t.Number) + "/head" }

func updatePull(c *call) (reply, error) {
	t, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Title *string `json:"title"`
		Body  *string `json:"body"`
		State *string `json:"state"`
		Base  *string `json:"base"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Base != nil && *in.Base != t.pull.Base {
		id, found := c.repo.refs["refs/heads/"+*in.Base]
		if !found {
			return reply{}, invalid("PullRequest", "base", "invalid", "Proposed base branch '"+*in.Base+"' was not found")
		}
		t.pull.Base, t.pull.BaseSHA = *in.Base, id
	}
	if in.State != nil {
		if err := c.setState(c.repo, t, *in.State, c.who.user); err != nil {
			return reply{}, err
		}
	}
	if in.Title != nil {
		t.Title = *in.Title
	}
	if in.Body != nil {
		t.Body = *in.Body
	}
	t.UpdatedAt = c.now()
	return c.answerPull(http.StatusOK, t)
}

// setState closes or opens again, and sends the events.
func (s *Server) setState(r *repo, t *thread, state string, by *User) error {
	if state != "open" && state != "closed" {
		return invalid("Issue", "state", "invalid", "")
	}
	if state == t.State {
		return nil
	}
	p := t.pull
	if state == "open" && p != nil {
		head, found := r.refs["refs/heads/"+p.Head]
		if p.merged || !found {
			return problem{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []object{{
				"resource": "PullRequest", "field": "state", "code": "invalid", "message": "state cannot be changed. The pull request cannot be reopened."}}}
		}
		if err := s.moveHead(r, t, head); err != nil {
			return err
		}
	}
	action := "closed"
	t.State, t.UpdatedAt, t.ClosedAt, t.ClosedBy = state, s.now(), s.now(), by.Login
	if state == "open" {
		t.ClosedAt, t.ClosedBy, action = time.Time{}, "", "reopened"
	}
	if p == nil {
		return nil
	}
	return s.firePull(r, t, action, by, nil)
}

func listPullFiles(c *call) (reply, error) {
	t, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	fork, err := c.repo.git.mergeBase(t.pull.BaseSHA, t.pull.HeadSHA)
	if err != nil {
		return reply{}, err
	}
	files, err := c.repo.git.diff(fork, t.pull.HeadSHA)
	if err != nil {
		return reply{}, err
	}
	return list(c, "", files, func(f fileChange) object { return c.fileBody(f, t.pull.HeadSHA) })
}

func (s *Server) reviewBody(r *repo, t *thread, v *Review) object {
	api, page := s.repoURL(r)+"/pulls/"+strconv.Itoa(t.Number), s.repoPageURL(r)+"/pull/"+strconv.Itoa(t.Number)
	page += "#pullrequestreview-" + strconv.FormatInt(v.ID, 10)
	return object{"id": v.ID, "node_id": nodeID("PRR", v.ID), "user": s.userOrNull(v.Author), "body": v.Body, "state": v.State,
		"html_url": page, "pull_request_url": api, "submitted_at": stamp(v.SubmittedAt), "commit_id": v.CommitID,
		"author_association": s.association(r, v.Author),
		"_links":             object{"html": object{"href": page}, "pull_request": object{"href": api}}}
}

func listReviews(c *call) (reply, error) {
	t, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return list(c, "", t.pull.reviews, func(v *Review) object { return c.reviewBody(c.repo, t, v) })
}
