package githubtest

import (
	"net/http"
	"strings"
)

func getApp(c *call) (reply, error) {
	return ok(with(c.appBody(c.who.app), object{"installations_count": len(c.who.app.installs)}))
}

func listInstallations(c *call) (reply, error) {
	return list(c, "", c.who.app.installs, c.installationBody)
}

func getRepoInstallation(c *call) (reply, error) {
	for _, inst := range c.who.app.installs {
		if inst.repos[c.repo.id] {
			return ok(c.installationBody(inst))
		}
	}
	return reply{}, errNotFound
}

// createInstallationToken makes a token for an hour, for all repositories of
// the installation or for those that are named.
func createInstallationToken(c *call) (reply, error) {
	id, err := c.number("id")
	if err != nil {
		return reply{}, err
	}
	var inst *installation
	for _, i := range c.who.app.installs {
		if i.id == id {
			inst = i
		}
	}
	if inst == nil {
		return reply{}, errNotFound
	}
	var in struct {
		Repositories  []string `json:"repositories"`
		RepositoryIDs []int64  `json:"repository_ids"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	narrowed := map[int64]bool{}
	for _, id := range in.RepositoryIDs {
		narrowed[id] = true
	}
	for _, name := range in.Repositories {
		if r := c.repos[fold(inst.account.Login+"/"+name)]; r != nil {
			narrowed[r.id] = true
		} else {
			narrowed[0] = true // none has this id
		}
	}
	for id := range narrowed {
		if !inst.repos[id] {
			return reply{}, problem{status: http.StatusUnprocessableEntity,
				message: "There is at least one repository that does not exist or is not accessible to the parent installation."}
		}
	}
	if len(narrowed) == 0 {
		narrowed = nil
	}
	secret, t := c.newInstallationToken(inst, narrowed)
	return created(object{"token": secret, "expires_at": stamp(t.expires), "permissions": appPermissions, "repository_selection": "selected"})
}

func listInstallationRepos(c *call) (reply, error) {
	return list(c, "repositories", c.reposOf(c.who), c.repoBody)
}

// reposOf lists the repositories of an installation token, oldest first.
func (s *Server) reposOf(who actor) []*repo {
	var all []*repo
	for _, r := range s.sortedRepos() {
		if s.level(r, who) >= write {
			all = append(all, r)
		}
	}
	return all
}

// listUserRepos lists what a person may push to.
func listUserRepos(c *call) (reply, error) {
	return list(c, "", c.reposOf(c.who), func(r *repo) object {
		return with(c.repoBody(r), object{"permissions": c.permissions(r, c.who)})
	})
}

func getUser(c *call) (reply, error) {
	if c.who.installation() != nil {
		return reply{}, errForbidden
	}
	return ok(with(c.userBody(c.who.user), object{
		"user_view_type": "public", "name": c.who.user.Login, "company": nil, "blog": nil, "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": stamp(c.now()), "updated_at": stamp(c.now()),
	}))
}

func getRateLimit(c *call) (reply, error) {
	c.quotaOf(c.who).used-- // asking costs nothing
	core := c.quotaBody(c.who)
	return ok(object{"resources": object{"core": core, "search": core}, "rate": core})
}

func getTeamMembership(c *call) (reply, error) {
	login := fold(c.req.PathValue("login"))
	if !c.teams[fold(c.req.PathValue("org")+"/"+c.req.PathValue("team"))][login] {
		return reply{}, errNotFound
	}
	return ok(object{"url": c.base + c.req.URL.Path, "role": "member", "state": "active"})
}

// getPermission answers the right of one person. In `permission` GitHub folds
// maintain into write and triage into read; `role_name` is exact.
func getPermission(c *call) (reply, error) {
	u := c.users[fold(c.req.PathValue("login"))]
	if u == nil {
		return reply{}, problem{status: http.StatusNotFound, message: c.req.PathValue("login") + " is not a user"}
	}
	level := c.role(c.repo, u)
	folded := map[access]string{none: "none", read: "read", triage: "read", write: "write", maintain: "write", admin: "admin"}
	return ok(object{"permission": folded[level], "role_name": level.String(), "user": with(c.userBody(u), object{
		"role_name": level.String(),
		"permissions": object{"admin": level >= admin, "maintain": level >= maintain, "push": level >= write,
			"triage": level >= triage, "pull": level >= read},
	})})
}

func listDeliveries(c *call) (reply, error) {
	return c.deliveryPage(c.outbox.ofApp(c.who.app))
}

func getDelivery(c *call) (reply, error) {
	d, err := c.delivery()
	if err != nil {
		return reply{}, err
	}
	return ok(d.detail())
}

func redeliver(c *call) (reply, error) {
	d, err := c.delivery()
	if err != nil {
		return reply{}, err
	}
	c.outbox.add(c.nextID(), c.who.app, d, true, c.now)
	return reply{status: http.StatusAccepted, body: object{}}, nil
}

func (c *call) delivery() (Delivery, error) {
	id, err := c.number("id")
	if err != nil {
		return Delivery{}, err
	}
	for _, d := range c.outbox.ofApp(c.who.app) {
		if d.ID == id {
			return d, nil
		}
	}
	return Delivery{}, errNotFound
}

// validName admits what GitHub admits, which keeps names inside the store.
func validName(name string) bool {
	if name == "" || name == "." || name == ".." || strings.HasSuffix(name, ".git") {
		return false
	}
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r) {
			return false
		}
	}
	return true
}
