package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// labelsWish is the names of a request to add labels.
type labelsWish []string

// UnmarshalJSON accepts a bare list, too, as GitHub does and go-github sends.
func (l *labelsWish) UnmarshalJSON(text []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		return json.Unmarshal(text, (*[]string)(l))
	}
	var wrapped struct{ Labels []string }
	err := json.Unmarshal(text, &wrapped)
	*l = wrapped.Labels
	return err
}

var reactionKinds = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

// rollup counts reactions by kind.
func rollup(url string, list []Reaction) object {
	out := object{"url": url, "total_count": len(list)}
	for _, kind := range reactionKinds {
		n := 0
		for _, one := range list {
			if one.Content == kind {
				n++
			}
		}
		out[kind] = n
	}
	return out
}

func (s *Server) commentBody(r *repo, cm *Comment) object {
	id := strconv.FormatInt(cm.ID, 10)
	api := s.repoURL(r) + "/issues/comments/" + id
	return object{
		"id": cm.ID, "node_id": nodeID("IC", cm.ID), "url": api, "body": cm.Body,
		"html_url":  s.threadURL(r, r.thread(cm.Number)) + "#issuecomment-" + id,
		"issue_url": s.repoURL(r) + "/issues/" + strconv.Itoa(cm.Number), "user": s.userOrNull(cm.Author),
		"created_at": stamp(cm.CreatedAt), "updated_at": stamp(cm.UpdatedAt), "author_association": s.association(r, cm.Author),
		"performed_via_github_app": s.appOfBot(cm.Author), "reactions": rollup(api+"/reactions", cm.Reactions),
	}
}

func (r *repo) comment(id int64) *Comment {
	for _, t := range r.threads {
		for _, cm := range t.comments {
			if cm.ID == id {
				return cm
			}
		}
	}
	return nil
}

func (c *call) comment() (*Comment, error) {
	id, err := c.number("id")
	if err != nil {
		return nil, err
	}
	if cm := c.repo.comment(id); cm != nil {
		return cm, nil
	}
	return nil, errNotFound
}

// getCommentOrList serves both .../issues/comments/ID and
// .../issues/NUMBER/comments, which one pattern can not tell apart.
func getCommentOrList(c *call) (reply, error) {
	first, second := c.req.PathValue("first"), c.req.PathValue("second")
	switch {
	case first == "comments":
		c.req.SetPathValue("id", second)
		cm, err := c.comment()
		if err != nil {
			return reply{}, err
		}
		return ok(c.commentBody(c.repo, cm))
	case second == "comments":
		c.req.SetPathValue("number", first)
		t, err := c.thread()
		if err != nil {
			return reply{}, err
		}
		return c.commentsSince(t.comments)
	}
	return reply{}, errNotFound
}

func listRepoComments(c *call) (reply, error) {
	var all []*Comment
	for _, t := range c.repo.threads {
		all = append(all, t.comments...)
	}
	if c.query("sort") == "updated" {
		sort.SliceStable(all, func(i, j int) bool { return all[i].UpdatedAt.Before(all[j].UpdatedAt) })
	} else {
		sort.SliceStable(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	}
	if c.query("sort") != "" && c.query("direction") == "desc" {
		slices.Reverse(all)
	}
	return c.commentsSince(all)
}

// commentsSince leaves out what was not changed since; GitHub, too, looks at
// the time of the last edit.
func (c *call) commentsSince(all []*Comment) (reply, error) {
	since, err := c.since()
	if err != nil {
		return reply{}, err
	}
	var found []*Comment
	for _, cm := range all {
		if !cm.UpdatedAt.Before(since) {
			found = append(found, cm)
		}
	}
	return list(c, "", found, func(cm *Comment) object { return c.commentBody(c.repo, cm) })
}

func createComment(c *call) (reply, error) {
	t, err := c.thread()
	if err != nil {
		return reply{}, err
	}
	body, err := c.commentText()
	if err != nil {
		return reply{}, err
	}
	cm, err := c.addComment(c.repo, t, c.who.user, body)
	if err != nil {
		return reply{}, err
	}
	out, err := created(c.commentBody(c.repo, cm))
	out.header = http.Header{"Location": {c.repoURL(c.repo) + "/issues/comments/" + strconv.FormatInt(cm.ID, 10)}}
	return out, err
}

// commentText reads the body of a comment, with GitHub's limit.
func (c *call) commentText() (string, error) {
	var in struct {
		Body string `json:"body"`
	}
	if err := c.decode(&in); err != nil {
		return "", err
	}
	if strings.TrimSpace(in.Body) == "" {
		return "", invalid("IssueComment", "body", "missing_field", "")
	}
	if len([]rune(in.Body)) > 65536 {
		return "", invalid("IssueComment", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	return in.Body, nil
}

func (s *Server) addComment(r *repo, t *thread, by *User, body string) (*Comment, error) {
	cm := &Comment{ID: s.nextID(), Number: t.Number, Author: by.Login, Body: body, CreatedAt: s.now(), UpdatedAt: s.now()}
	t.comments = append(t.comments, cm)
	t.UpdatedAt = s.now()
	return cm, s.fire(r, "issue_comment", by, object{"action": "created", "issue": s.issueBody(r, t), "comment": s.commentBody(r, cm)})
}

func updateComment(c *call) (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	if cm.Author != c.who.user.Login && c.level(c.repo, c.who) < write {
		return reply{}, problem{status: http.StatusForbidden, message: "Must have admin rights to Repository."}
	}
	body, err := c.commentText()
	if err != nil {
		return reply{}, err
	}
	cm.Body, cm.UpdatedAt = body, c.now()
	return ok(c.commentBody(c.repo, cm))
}

func deleteComment(c *call) (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	if cm.Author != c.who.user.Login && c.level(c.repo, c.who) < write {
		return reply{}, problem{status: http.StatusForbidden, message: "Must have admin rights to Repository."}
	}
	if err := c.removeComment(c.repo, cm, c.who.user); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (s *Server) removeComment(r *repo, cm *Comment, by *User) error {
	t := r.thread(cm.Number)
	event := object{"action": "deleted", "issue": s.issueBody(r, t), "comment": s.commentBody(r, cm)}
	t.comments = slices.DeleteFunc(t.comments, func(one *Comment) bool { return one == cm })
	return s.fire(r, "issue_comment", by, event)
}

func (s *Server) reactionBody(v Reaction) object {
	return object{"id": v.ID, "node_id": nodeID("REA", v.ID), "user": s.userOrNull(v.Author), "content": v.Content, "created_at": stamp(v.CreatedAt)}
}

func listReactions(c *call) (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	return list(c, "", cm.Reactions, c.reactionBody)
}

// createReaction answers 200 and the old one when it is there already.
func createReaction(c *call) (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Content string `json:"content"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if !slices.Contains(reactionKinds, in.Content) {
		return reply{}, invalid("Reaction", "content", "invalid", "")
	}
	for _, v := range cm.Reactions {
		if v.Author == c.who.user.Login && v.Content == in.Content {
			return ok(c.reactionBody(v))
		}
	}
	v := Reaction{ID: c.nextID(), Author: c.who.user.Login, Content: in.Content, CreatedAt: c.now()}
	cm.Reactions = append(cm.Reactions, v)
	return created(c.reactionBody(v))
}

func deleteReaction(c *call) (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	id, err := c.number("reaction")
	if err != nil {
		return reply{}, err
	}
	i := slices.IndexFunc(cm.Reactions, func(v Reaction) bool { return v.ID == id && v.Author == c.who.user.Login })
	if i < 0 {
		return reply{}, errNotFound
	}
	cm.Reactions = slices.Delete(cm.Reactions, i, i+1)
	return reply{status: http.StatusNoContent}, nil
}
