package githubtest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

func getRepo(c *call) (reply, error) { return ok(c.fullRepo(c.repo, c.who)) }

// getRepoByID is not in GitHub's description, but GitHub serves it, redirects
// to it after a rename, and go-github has a method for it.
func getRepoByID(c *call) (reply, error) {
	id, err := c.number("id")
	if err != nil {
		return reply{}, err
	}
	for _, r := range c.repos {
		if r.id == id && c.level(r, c.who) >= read {
			return ok(c.fullRepo(r, c.who))
		}
	}
	return reply{}, errNotFound
}

func getBranch(c *call) (reply, error) {
	name := c.req.PathValue("branch")
	id, found := c.repo.refs["refs/heads/"+name]
	if !found {
		return reply{}, problem{status: http.StatusNotFound, message: "Branch not found"}
	}
	commit, err := c.repo.git.commit(id)
	if err != nil {
		return reply{}, err
	}
	self := c.repoURL(c.repo) + "/branches/" + name
	p, protected := c.repo.protected[name]
	rules := object{"enabled": protected, "required_status_checks": object{"enforcement_level": "off", "contexts": []string{}, "checks": []object{}}}
	if len(p.Checks) > 0 {
		checks := []object{}
		for _, name := range p.Checks {
			checks = append(checks, object{"context": name, "app_id": nil})
		}
		rules["required_status_checks"] = object{"enforcement_level": "non_admins", "contexts": p.Checks, "checks": checks}
	}
	return ok(object{
		"name": name, "commit": c.commitBody(c.repo, commit), "protected": protected, "protection": rules,
		"_links":         object{"self": self, "html": c.repoPageURL(c.repo) + "/tree/" + name},
		"protection_url": self + "/protection",
	})
}

func (s *Server) refBody(r *repo, name, id string) object {
	return object{"ref": name, "node_id": nodeID("REF", r.id) + name, "url": s.repoURL(r) + "/git/" + name,
		"object": object{"type": "commit", "sha": id, "url": s.repoURL(r) + "/git/commits/" + id}}
}

func getRef(c *call) (reply, error) {
	name := "refs/" + strings.TrimPrefix(c.req.PathValue("ref"), "refs/")
	id, found := c.repo.refs[name]
	if !found {
		return reply{}, errNotFound
	}
	return ok(c.refBody(c.repo, name, id))
}

func listMatchingRefs(c *call) (reply, error) {
	prefix := "refs/" + c.req.PathValue("ref")
	var names []string
	for name := range c.repo.refs {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return list(c, "", names, func(name string) object { return c.refBody(c.repo, name, c.repo.refs[name]) })
}

func getContents(c *call) (reply, error) {
	rev := c.query("ref")
	if rev == "" {
		rev = c.repo.branch
	}
	commit, err := c.repo.git.resolve(rev)
	if err != nil {
		return reply{}, err
	}
	if commit == "" {
		return reply{}, problem{status: http.StatusNotFound, message: "No commit found for the ref " + rev}
	}
	path := strings.Trim(c.req.PathValue("path"), "/")
	if path == "" {
		return listFolder(c, commit, "")
	}
	entries, err := c.repo.git.listTree(commit, path)
	if err != nil {
		return reply{}, err
	}
	if len(entries) != 1 {
		return reply{}, errNotFound
	}
	entry := entries[0]
	if entry.Type == "dir" {
		return listFolder(c, commit, path+"/")
	}
	body := c.entryBody(entry, rev)
	switch entry.Type {
	case "file":
		text, err := c.repo.git.readFile(commit, path)
		if err != nil {
			return reply{}, err
		}
		body["encoding"], body["content"] = "base64", base64.StdEncoding.EncodeToString(text)
	case "symlink":
		text, err := c.repo.git.readFile(commit, path)
		if err != nil {
			return reply{}, err
		}
		body["target"] = string(text)
	case "submodule":
		body["submodule_git_url"] = c.base
	}
	return ok(body)
}

func listFolder(c *call, commit, prefix string) (reply, error) {
	entries, err := c.repo.git.listTree(commit, prefix)
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, entry := range entries {
		items = append(items, c.entryBody(entry, commit))
	}
	return ok(items)
}

// treeEntry is one line of `git ls-tree`.
type treeEntry struct {
	Type string // file, dir, symlink or submodule
	ID   string
	Size int
	Path string
}

// listTree lists what path names: itself, or with a slash at the end (or
// empty) what is in it.
func (g gitDir) listTree(commit, path string) ([]treeEntry, error) {
	args := []string{"ls-tree", "-z", "-l", "--full-tree", commit}
	if path != "" {
		args = append(args, "--", path)
	}
	out, err := g.run(args...)
	if err != nil {
		return nil, err
	}
	kinds := map[string]string{"120000": "symlink", "160000": "submodule", "040000": "dir"}
	var list []treeEntry
	for _, line := range strings.Split(strings.TrimSuffix(out, "\x00"), "\x00") {
		head, name, found := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if !found || len(f) != 4 {
			continue
		}
		entry := treeEntry{Type: "file", ID: f[2], Path: name}
		if kind, special := kinds[f[0]]; special {
			entry.Type = kind
		}
		entry.Size, _ = strconv.Atoi(f[3]) // "-" for what is no blob
		list = append(list, entry)
	}
	return list, nil
}

func (s *Server) entryBody(r *repo, e treeEntry, rev string) object {
	self := s.repoURL(r) + "/contents/" + e.Path + "?ref=" + rev
	git := s.repoURL(r) + "/git/blobs/" + e.ID
	page := s.repoPageURL(r) + "/blob/" + rev + "/" + e.Path
	return object{"type": e.Type, "size": e.Size, "name": e.Path[strings.LastIndex(e.Path, "/")+1:], "path": e.Path, "sha": e.ID,
		"url": self, "git_url": git, "html_url": page, "download_url": nil,
		"_links": object{"self": self, "git": git, "html": page}}
}

func (c *call) entryBody(e treeEntry, rev string) object { return c.Server.entryBody(c.repo, e, rev) }

func (s *Server) commitBody(r *repo, commit gitCommit) object {
	api, page := s.repoURL(r)+"/commits/"+commit.ID, s.repoPageURL(r)+"/commit/"
	parents := []object{}
	for _, id := range commit.Parents {
		parents = append(parents, object{"sha": id, "url": s.repoURL(r) + "/commits/" + id, "html_url": page + id})
	}
	return object{
		"url": api, "sha": commit.ID, "node_id": nodeID("C", r.id) + commit.ID, "html_url": page + commit.ID,
		"comments_url": api + "/comments", "author": s.userByName(commit.Author.Name),
		"committer": s.userByName(commit.Committer.Name), "parents": parents,
		"commit": object{
			"url": s.repoURL(r) + "/git/commits/" + commit.ID, "message": commit.Message, "comment_count": 0,
			"author": identityBody(commit.Author), "committer": identityBody(commit.Committer),
			"tree":         object{"sha": commit.Tree, "url": s.repoURL(r) + "/git/trees/" + commit.Tree},
			"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
	}
}

func identityBody(i identity) object {
	return object{"name": i.Name, "email": i.Email, "date": stamp(i.Date)}
}

// userByName finds the account behind a name in a commit; null when there is
// none. Commits made here carry the login as the name.
func (s *Server) userByName(name string) any {
	if u := s.users[fold(name)]; u != nil {
		return s.userBody(u)
	}
	return nil
}

// listCommits lists the history of a ref, by `path` those that touched it.
func listCommits(c *call) (reply, error) {
	query := c.req.URL.Query()
	id, err := c.repo.git.resolve(cmp.Or(query.Get("sha"), "main"))
	if err != nil {
		return reply{}, err
	}
	if id == "" {
		return reply{}, errNotFound
	}
	args := []string{"--end-of-options", id, "--"}
	if path := query.Get("path"); path != "" {
		args = append(args, path)
	}
	commits, err := c.repo.git.commits(args...)
	if err != nil {
		return reply{}, err
	}
	return list(c, "", commits, func(commit gitCommit) object { return c.commitBody(c.repo, commit) })
}

// getCommitOrFacts serves everything below /commits/. A ref may hold slashes,
// so the last part of the path decides what is asked for.
func getCommitOrFacts(c *call) (reply, error) {
	rev := c.req.PathValue("ref")
	serve := getCommit
	if head, last, found := cutLast(rev, "/"); found {
		facts := map[string]func(*call, string) (reply, error){
			"check-runs": listCheckRuns, "check-suites": listCheckSuites,
			"status": combinedStatus, "statuses": listStatuses, "pulls": listPullsOfCommit,
		}
		if f, isFact := facts[last]; isFact {
			rev, serve = head, f
		}
	}
	id, err := c.repo.resolve(strings.TrimPrefix(rev, "refs/"))
	if err != nil {
		return reply{}, err
	}
	if id == "" {
		return reply{}, problem{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + rev}
	}
	return serve(c, id)
}

// resolve names the commit that rev means, without asking git again for an id.
func (r *repo) resolve(rev string) (string, error) {
	if r.commits[rev] {
		return rev, nil
	}
	id, err := r.git.resolve(rev)
	if err == nil && id == rev && id != "" {
		if r.commits == nil {
			r.commits = map[string]bool{}
		}
		r.commits[id] = true
	}
	return id, err
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

func getCommit(c *call, id string) (reply, error) {
	if strings.HasSuffix(c.req.Header.Get("Accept"), "sha") {
		return reply{}, problem{status: http.StatusNotAcceptable, message: "Only JSON is served"}
	}
	commit, err := c.repo.git.commit(id)
	if err != nil {
		return reply{}, err
	}
	parent := emptyTree
	if len(commit.Parents) > 0 {
		parent = commit.Parents[0]
	}
	files, additions, deletions, err := c.changes(parent, id)
	if err != nil {
		return reply{}, err
	}
	return ok(with(c.commitBody(c.repo, commit), object{"files": files,
		"stats": object{"additions": additions, "deletions": deletions, "total": additions + deletions}}))
}

// changes lists the files that differ between two commits, with the sums.
func (c *call) changes(from, to string) (files []object, additions, deletions int, err error) {
	list, err := c.repo.git.diff(from, to)
	if err != nil {
		return nil, 0, 0, err
	}
	files = []object{}
	for _, f := range list {
		additions, deletions = additions+f.Additions, deletions+f.Deletions
		files = append(files, c.fileBody(f, to))
	}
	return files, additions, deletions, nil
}

func (c *call) fileBody(f fileChange, commit string) object {
	page := c.repoPageURL(c.repo)
	return object{"sha": f.Blob, "filename": f.Path, "status": f.Status,
		"additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
		"blob_url": page + "/blob/" + commit + "/" + f.Path, "raw_url": page + "/raw/" + commit + "/" + f.Path,
		"contents_url": c.repoURL(c.repo) + "/contents/" + f.Path + "?ref=" + commit}
}

// compareCommits serves base...head.
func compareCommits(c *call) (reply, error) {
	basehead := c.req.PathValue("basehead")
	baseName, headName, found := strings.Cut(basehead, "...")
	if !found {
		return reply{}, errNotFound
	}
	git := c.repo.git
	base, err1 := git.resolve(baseName)
	head, err2 := git.resolve(headName)
	if err := errors.Join(err1, err2); err != nil {
		return reply{}, err
	}
	if base == "" || head == "" {
		return reply{}, errNotFound
	}
	fork, err := git.mergeBase(base, head)
	if err != nil {
		return reply{}, err
	}
	if fork == "" {
		return reply{}, problem{status: http.StatusNotFound, message: "No common ancestor between " + baseName + " and " + headName + "."}
	}
	ahead, err1 := git.commits(base + ".." + head)
	behind, err2 := git.commits(head + ".." + base)
	files, _, _, err3 := c.changes(fork, head)
	baseCommit, err4 := git.commit(base)
	forkCommit, err5 := git.commit(fork)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return reply{}, err
	}
	commits := []object{}
	for i := len(ahead) - 1; i >= 0; i-- {
		commits = append(commits, c.commitBody(c.repo, ahead[i]))
	}
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	page := c.repoPageURL(c.repo) + "/compare/" + basehead
	return ok(object{"url": c.repoURL(c.repo) + "/compare/" + basehead, "html_url": page, "permalink_url": page,
		"diff_url": page + ".diff", "patch_url": page + ".patch", "status": status,
		"base_commit": c.commitBody(c.repo, baseCommit), "merge_base_commit": c.commitBody(c.repo, forkCommit),
		"ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead), "commits": commits, "files": files})
}
