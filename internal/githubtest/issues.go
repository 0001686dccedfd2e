package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// issueBody is an issue, or a pull request seen as one.
func (s *Server) issueBody(r *repo, t *thread) object {
	api, page := s.repoURL(r)+"/issues/"+strconv.Itoa(t.Number), s.threadURL(r, t)
	body := with(s.threadBase(r, t), object{
		"url": api, "html_url": page, "repository_url": s.repoURL(r), "labels_url": api + "/labels{/name}",
		"events_url": api + "/events", "timeline_url": api + "/timeline", "comments": len(t.comments),
		"state_reason": nil, "performed_via_github_app": s.appOfBot(t.Author), "reactions": rollup(api+"/reactions", nil),
	})
	if t.pull == nil {
		return body
	}
	return with(body, object{"draft": t.pull.draft, "pull_request": object{
		"url": s.repoURL(r) + "/pulls/" + strconv.Itoa(t.Number), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"merged_at": stamp(t.pull.mergedAt)}})
}

func (s *Server) threadURL(r *repo, t *thread) string {
	kind := "/issues/"
	if t.pull != nil {
		kind = "/pull/"
	}
	return s.repoPageURL(r) + kind + strconv.Itoa(t.Number)
}

// newThread takes the next number of the repository.
func (s *Server) newThread(r *repo, want Issue) *thread {
	want.ID, want.Number, want.State = s.nextID(), len(r.threads)+1, "open"
	want.CreatedAt, want.UpdatedAt = s.now(), s.now()
	t := &thread{Issue: want}
	r.threads = append(r.threads, t)
	return t
}

func (c *call) thread() (*thread, error) {
	n, err := c.number("number")
	if err != nil {
		return nil, err
	}
	t := c.repo.thread(int(n))
	if t == nil {
		return nil, errNotFound
	}
	return t, nil
}

func listIssues(c *call) (reply, error) {
	since, err := c.since()
	if err != nil {
		return reply{}, err
	}
	state := or(c.query("state"), "open")
	var found []*thread
	for _, t := range c.repo.threads {
		if state != "all" && state != t.State || t.UpdatedAt.Before(since) {
			continue
		}
		if by := c.query("creator"); by != "" && !strings.EqualFold(by, t.Author) {
			continue
		}
		if labels := c.query("labels"); labels != "" && !containsAll(t.Labels, strings.Split(labels, ",")) {
			continue
		}
		found = append(found, t)
	}
	c.sortThreads(found)
	return list(c, "", found, func(t *thread) object { return c.issueBody(c.repo, t) })
}

func containsAll(have, want []string) bool {
	for _, one := range want {
		if !slices.Contains(have, one) {
			return false
		}
	}
	return true
}

// since reads the parameter of that name; the zero time when it is missing.
func (c *call) since() (time.Time, error) {
	text := c.query("since")
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, problem{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []object{{"code": "invalid", "field": "since"}}}
	}
	return t, nil
}

func createIssue(c *call) (reply, error) {
	var in struct {
		Title  string   `json:"title"`
		Body   string   `json:"body"`
		Labels []string `json:"labels"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Title == "" {
		return reply{}, invalid("Issue", "title", "missing_field", "")
	}
	t, err := c.openIssue(c.repo, Issue{Title: in.Title, Body: in.Body, Labels: in.Labels, Author: c.who.user.Login})
	if err != nil {
		return reply{}, err
	}
	out, err := created(c.issueBody(c.repo, t))
	out.header = http.Header{"Location": {c.repoURL(c.repo) + "/issues/" + strconv.Itoa(t.Number)}}
	return out, err
}

func (s *Server) openIssue(r *repo, want Issue) (*thread, error) {
	t := s.newThread(r, want)
	return t, s.fire(r, "issues", s.user(want.Author), object{"action": "opened", "issue": s.issueBody(r, t)})
}

func getIssue(c *call) (reply, error) {
	t, err := c.thread()
	if err != nil {
		return reply{}, err
	}
	return ok(with(c.issueBody(c.repo, t), object{"closed_by": c.userByName(t.ClosedBy)})) // in no webhook
}

func updateIssue(c *call) (reply, error) {
	t, err := c.thread()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Title  *string   `json:"title"`
		Body   *string   `json:"body"`
		State  *string   `json:"state"`
		Labels *[]string `json:"labels"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
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
	if in.Labels != nil {
		t.Labels = *in.Labels
	}
	t.UpdatedAt = c.now()
	return ok(c.issueBody(c.repo, t))
}

// addLabels takes both forms of the body: a list, or an object that holds it.
func addLabels(c *call) (reply, error) {
	t, err := c.thread()
	if err != nil {
		return reply{}, err
	}
	var in labelsWish
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	for _, name := range in {
		if !slices.Contains(t.Labels, name) {
			t.Labels = append(t.Labels, name)
		}
	}
	t.UpdatedAt = c.now()
	return ok(c.labelBodies(t))
}

func (c *call) labelBodies(t *thread) []object {
	out := []object{}
	for _, name := range t.Labels {
		out = append(out, c.labelBody(c.repo, name))
	}
	return out
}

func removeLabel(c *call) (reply, error) {
	t, err := c.thread()
	if err != nil {
		return reply{}, err
	}
	i := slices.Index(t.Labels, c.req.PathValue("name"))
	if i < 0 {
		return reply{}, problem{status: http.StatusNotFound, message: "Label does not exist"}
	}
	t.Labels = slices.Delete(t.Labels, i, i+1)
	t.UpdatedAt = c.now()
	return ok(c.labelBodies(t))
}
