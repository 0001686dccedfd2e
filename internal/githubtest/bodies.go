package githubtest

import (
	"encoding/base64"
	"maps"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object to be sent. GitHub's objects consist for the most
// part of addresses that are always there and of fields that are required and
// null, so they are written as tables and literals here and not as types.
type object = map[string]any

// with returns a copy of o with more fields.
func with(o, more object) object {
	out := maps.Clone(o)
	maps.Copy(out, more)
	return out
}

// without returns a copy of o with fewer fields.
func without(o object, keys ...string) object {
	out := maps.Clone(o)
	for _, key := range keys {
		delete(out, key)
	}
	return out
}

// nodeID makes GraphQL's name of a thing.
func nodeID(kind string, id int64) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(id, 10)))
}

// stamp is a time as GitHub writes it, null when there is none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// orNull is null for an empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// addresses fills a table of "field: suffix" pairs under a base.
func addresses(base, table string) object {
	out := object{}
	for _, pair := range strings.Fields(table) {
		field, suffix, _ := strings.Cut(pair, ":")
		out[field+"_url"] = base + suffix
	}
	return out
}

const userAddresses = `followers:/followers following:/following{/other_user} gists:/gists{/gist_id}
starred:/starred{/owner}{/repo} subscriptions:/subscriptions organizations:/orgs repos:/repos
events:/events{/privacy} received_events:/received_events`

func (s *Server) userBody(u *User) object {
	if u == nil {
		return nil
	}
	api := s.APIURL() + "users/" + u.Login
	return with(addresses(api, userAddresses), object{
		"login": u.Login, "id": u.ID, "node_id": nodeID("U", u.ID), "type": u.Type, "site_admin": false,
		"avatar_url": s.base + "/_avatars/" + u.Login, "gravatar_id": "",
		"url": api, "html_url": s.base + "/" + strings.TrimSuffix(u.Login, "[bot]"),
	})
}

// userOrNull keeps a nil out of the interface.
func (s *Server) userOrNull(login string) any {
	if login == "" {
		return nil
	}
	return s.userBody(s.user(login))
}

const repoAddresses = `archive:/{archive_format}{/ref} assignees:/assignees{/user} blobs:/git/blobs{/sha}
branches:/branches{/branch} collaborators:/collaborators{/collaborator} comments:/comments{/number}
commits:/commits{/sha} compare:/compare/{base}...{head} contents:/contents/{+path} contributors:/contributors
deployments:/deployments downloads:/downloads events:/events forks:/forks git_commits:/git/commits{/sha}
git_refs:/git/refs{/sha} git_tags:/git/tags{/sha} hooks:/hooks issue_comment:/issues/comments{/number}
issue_events:/issues/events{/number} issues:/issues{/number} keys:/keys{/key_id} labels:/labels{/name}
languages:/languages merges:/merges milestones:/milestones{/number}
notifications:/notifications{?since,all,participating} pulls:/pulls{/number} releases:/releases{/id}
stargazers:/stargazers statuses:/statuses/{sha} subscribers:/subscribers subscription:/subscription
tags:/tags teams:/teams trees:/git/trees{/sha}`

func (s *Server) repoURL(r *repo) string { return s.APIURL() + "repos/" + r.fullName() }

func (s *Server) repoPageURL(r *repo) string { return s.base + "/" + r.fullName() }

// repoLite is the repository as part of workflow runs and the like.
func (s *Server) repoLite(r *repo) object {
	return with(addresses(s.repoURL(r), repoAddresses), object{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(),
		"owner": s.userBody(r.owner), "private": r.private, "html_url": s.repoPageURL(r),
		"description": nil, "fork": false, "url": s.repoURL(r),
	})
}

// repoBody is the repository as part of other answers and of events.
func (s *Server) repoBody(r *repo) object {
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	open := 0
	for _, t := range r.threads {
		if t.State == "open" {
			open++
		}
	}
	page := s.repoPageURL(r)
	return with(s.repoLite(r), object{
		"git_url": "git" + strings.TrimPrefix(page, "http") + ".git", "ssh_url": "git@127.0.0.1:" + r.fullName() + ".git",
		"clone_url": page + ".git", "svn_url": page, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"default_branch": r.branch, "visibility": visibility, "topics": []string{}, "size": r.size,
		"created_at": stamp(r.created), "updated_at": stamp(r.pushed), "pushed_at": stamp(r.pushed),
		"forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"open_issues": open, "open_issues_count": open,
		"has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": true,
		"has_discussions": false, "archived": false, "disabled": false, "is_template": false,
		"allow_forking": true, "web_commit_signoff_required": false, "custom_properties": object{},
	})
}

// fullRepo is the answer to the question for one repository.
func (s *Server) fullRepo(r *repo, who actor) object {
	return with(s.repoBody(r), object{
		"subscribers_count": 0, "network_count": 0, "has_pull_requests": true,
		"allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true, "allow_auto_merge": false,
		"delete_branch_on_merge": false, "allow_update_branch": false,
		"permissions": s.permissions(r, who),
	})
}

// permissions says what an actor may do with a repository.
func (s *Server) permissions(r *repo, who actor) object {
	level := s.level(r, who)
	return object{"admin": level >= admin, "maintain": level >= maintain, "push": level >= write,
		"triage": level >= triage, "pull": level >= read}
}

// association is how an author relates to a repository.
func (s *Server) association(r *repo, login string) string {
	u := s.user(login)
	switch {
	case u.Type == "Bot":
		return "NONE"
	case r.owner == u:
		return "OWNER"
	case r.permissions[fold(login)] != "":
		return "COLLABORATOR"
	}
	return "NONE"
}

var appPermissions = object{
	"metadata": "read", "contents": "write", "issues": "write", "pull_requests": "write", "checks": "write",
	"statuses": "write", "deployments": "read", "actions": "write", "packages": "read", "members": "read",
}

// appEvents are those of ours that GitHub lists in an App's description.
var appEvents = []string{"check_run", "check_suite", "deployment_status", "issue_comment", "pull_request",
	"pull_request_review", "push", "registry_package", "repository_dispatch", "status", "workflow_run"}

func (s *Server) appBody(a *app) object {
	return object{
		"id": a.ID, "slug": a.Slug, "node_id": nodeID("A", a.ID), "owner": s.userBody(a.owner), "name": a.Slug,
		"description": nil, "external_url": s.base, "html_url": s.base + "/apps/" + a.Slug,
		"created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": appPermissions, "events": appEvents,
	}
}

// appOfBot finds the App behind a bot's login; null for people.
func (s *Server) appOfBot(login string) any {
	for _, a := range s.apps {
		if a.bot() == login {
			return s.appBody(a)
		}
	}
	return nil
}

func (s *Server) installationBody(i *installation) object {
	api := s.APIURL()
	return object{
		"id": i.id, "account": s.userBody(i.account), "repository_selection": "selected",
		"access_tokens_url": api + "app/installations/" + strconv.FormatInt(i.id, 10) + "/access_tokens",
		"repositories_url":  api + "installation/repositories",
		"html_url":          s.base + "/settings/installations/" + strconv.FormatInt(i.id, 10),
		"app_id":            i.app.ID, "app_slug": i.app.Slug, "target_id": i.account.ID, "target_type": i.account.Type,
		"permissions": appPermissions, "events": appEvents, "created_at": stamp(i.created), "updated_at": stamp(i.created),
		"single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": nil, "suspended_at": nil,
	}
}
