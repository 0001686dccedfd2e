package githubtest

import (
	"net/http"
	"slices"
	"strconv"
)

var deploymentStates = []string{"error", "failure", "inactive", "pending", "success", "queued", "in_progress"}

var statusStates = []string{"error", "failure", "pending", "success"}

func createStatus(c *call) (reply, error) {
	var in struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if !slices.Contains(statusStates, in.State) {
		return reply{}, invalid("Status", "state", "inclusion", "")
	}
	if len([]rune(in.Description)) > 140 {
		return reply{}, invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	st := &Status{SHA: c.req.PathValue("sha"), Context: or(in.Context, "default"), State: in.State,
		Description: in.Description, TargetURL: in.TargetURL}
	if err := c.addStatus(c.repo, st, c.who.user); err != nil {
		return reply{}, err
	}
	out, err := created(c.statusBody(c.repo, st))
	out.header = http.Header{"Location": {c.repoURL(c.repo) + "/statuses/" + st.SHA}}
	return out, err
}

func (s *Server) addStatus(r *repo, st *Status, by *User) error {
	id, err := r.git.resolve(st.SHA)
	if err != nil {
		return err
	}
	if id == "" || id != st.SHA {
		return problem{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + st.SHA}
	}
	st.ID, st.Author, st.CreatedAt = s.nextID(), by.Login, s.now()
	r.statuses = append(r.statuses, st)
	return s.fireStatus(r, st, by)
}

// simpleStatus is a status as part of the combined one.
func (s *Server) simpleStatus(r *repo, st *Status) object {
	return object{"id": st.ID, "node_id": nodeID("SC", st.ID), "state": st.State, "context": st.Context,
		"description": orNull(st.Description), "target_url": orNull(st.TargetURL), "avatar_url": s.base + "/_avatars/" + st.Author,
		"url": s.repoURL(r) + "/statuses/" + st.SHA, "created_at": stamp(st.CreatedAt), "updated_at": stamp(st.CreatedAt)}
}

func (s *Server) statusBody(r *repo, st *Status) object {
	return with(s.simpleStatus(r, st), object{"creator": s.userOrNull(st.Author)})
}

// statusesOf lists a commit's statuses, newest first.
func (r *repo) statusesOf(sha string) []*Status {
	var found []*Status
	for _, st := range slices.Backward(r.statuses) {
		if st.SHA == sha {
			found = append(found, st)
		}
	}
	return found
}

func listStatuses(c *call, sha string) (reply, error) {
	return list(c, "", c.repo.statusesOf(sha), func(st *Status) object { return c.statusBody(c.repo, st) })
}

// combinedStatus holds the latest of each context, and the worst of them.
func combinedStatus(c *call, sha string) (reply, error) {
	seen := map[string]bool{}
	var latest []*Status
	state := "success"
	for _, st := range c.repo.statusesOf(sha) {
		if seen[st.Context] {
			continue
		}
		seen[st.Context] = true
		latest = append(latest, st)
		switch {
		case st.State == "failure" || st.State == "error":
			state = "failure"
		case st.State == "pending" && state == "success":
			state = "pending"
		}
	}
	if len(latest) == 0 {
		state = "pending"
	}
	out, err := list(c, "statuses", latest, func(st *Status) object { return c.simpleStatus(c.repo, st) })
	out.body = with(out.body.(object), object{"state": state, "sha": sha, "repository": c.repoLite(c.repo),
		"commit_url": c.repoURL(c.repo) + "/commits/" + sha, "url": c.repoURL(c.repo) + "/commits/" + sha + "/status"})
	return out, err
}

func (s *Server) deploymentBody(r *repo, d *Deployment) object {
	api := s.repoURL(r) + "/deployments/" + strconv.FormatInt(d.ID, 10)
	updated := d.CreatedAt
	if n := len(d.Statuses); n > 0 {
		updated = d.Statuses[n-1].CreatedAt
	}
	return object{"id": d.ID, "node_id": nodeID("DE", d.ID), "url": api, "sha": d.SHA, "ref": d.SHA, "task": "deploy",
		"payload": object{}, "original_environment": d.Environment, "environment": d.Environment, "description": nil,
		"creator": s.userOrNull(d.Creator), "created_at": stamp(d.CreatedAt), "updated_at": stamp(updated),
		"statuses_url": api + "/statuses", "repository_url": s.repoURL(r), "transient_environment": false,
		"production_environment": false, "performed_via_github_app": s.appOfBot(d.Creator)}
}

func (s *Server) deploymentStatusBody(r *repo, d *Deployment, st DeploymentStatus) object {
	deployment := s.repoURL(r) + "/deployments/" + strconv.FormatInt(d.ID, 10)
	return object{"id": st.ID, "node_id": nodeID("DES", st.ID), "url": deployment + "/statuses/" + strconv.FormatInt(st.ID, 10),
		"state": st.State, "creator": s.userOrNull(d.Creator), "description": "", "environment": d.Environment, "target_url": "",
		"created_at": stamp(st.CreatedAt), "updated_at": stamp(st.CreatedAt), "deployment_url": deployment,
		"repository_url": s.repoURL(r), "environment_url": "", "log_url": deployment + "/log", "performed_via_github_app": s.appOfBot(d.Creator)}
}

func listDeployments(c *call) (reply, error) {
	var found []*Deployment
	for _, d := range slices.Backward(c.repo.deployments) {
		if sha := c.query("sha"); sha != "" && sha != d.SHA {
			continue
		}
		if env := c.query("environment"); env != "" && env != d.Environment {
			continue
		}
		found = append(found, d)
	}
	return list(c, "", found, func(d *Deployment) object { return c.deploymentBody(c.repo, d) })
}

func listDeploymentStatuses(c *call) (reply, error) {
	id, err := c.number("id")
	if err != nil {
		return reply{}, err
	}
	for _, d := range c.repo.deployments {
		if d.ID == id {
			newest := slices.Clone(d.Statuses)
			slices.Reverse(newest)
			return list(c, "", newest, func(st DeploymentStatus) object { return c.deploymentStatusBody(c.repo, d, st) })
		}
	}
	return reply{}, errNotFound
}
