package forge

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// basic is the older, coarser permission that goes with each role. A role that
// is not in here, or comes with another permission, is an organisation's own and
// counts as what it is built on.
var basic = map[string]string{
	"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read",
}

var teamForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_-]*)/([A-Za-z0-9][A-Za-z0-9._-]*)$`)

// Permission returns what a user may do with the repository: admin, maintain,
// write, triage, read or none. A user whom GitHub does not know has none; any
// other failure is an error, never a permission.
func (r *Repo) Permission(ctx context.Context, user string) (string, error) {
	if !loginForm.MatchString(user) {
		return "", fmt.Errorf("login %q is not one that GitHub gives", cut(user, 100))
	}
	// go-github does not decode role_name yet.
	var level struct {
		Permission string `json:"permission"`
		RoleName   string `json:"role_name"`
	}
	req, err := r.client.NewRequest("GET", fmt.Sprintf("repos/%s/%s/collaborators/%s/permission", r.owner, r.name, user), nil)
	if err == nil {
		_, err = r.client.Do(ctx, req, &level)
	}
	err = r.failed(err, "ask for the permission of %s", user)
	switch {
	case errors.Is(err, ErrNotFound):
		return "none", nil
	case err != nil:
		return "", err
	case basic[level.RoleName] == level.Permission && level.Permission != "":
		return level.RoleName, nil
	}
	switch level.Permission {
	case "admin", "write", "read", "none":
		return level.Permission, nil
	}
	return "", r.failed(fmt.Errorf("unknown permission %q", cut(level.Permission, 50)), "ask for the permission of %s", user)
}

// InTeam reports whether a user is an active member of a team, named org/slug,
// directly or through a team below it. A team that GitHub does not know has no
// members.
func (r *Repo) InTeam(ctx context.Context, team, user string) (bool, error) {
	parts := teamForm.FindStringSubmatch(team)
	if parts == nil {
		return false, fmt.Errorf("team %q is not of the form org/slug", cut(team, 200))
	}
	if !loginForm.MatchString(user) {
		return false, fmt.Errorf("login %q is not one that GitHub gives", cut(user, 100))
	}
	membership, _, err := r.client.Teams.GetTeamMembershipBySlug(ctx, parts[1], parts[2], user)
	err = failed(err, "ask whether %s is in team %s", user, team)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && membership.GetState() == "active", err
}
