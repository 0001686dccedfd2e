package githubtest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// user finds an account and makes it when there is none: people appear by
// acting. A bot's login ends with [bot].
func (s *Server) user(login string) *User {
	if login == "" {
		login = "ghost"
	}
	if u := s.users[fold(login)]; u != nil {
		return u
	}
	u := &User{ID: s.nextID(), Login: login, Type: "User"}
	if strings.HasSuffix(login, "[bot]") {
		u.Type = "Bot"
	}
	s.users[fold(login)] = u
	return u
}

// identity is how an account stands in commits: with its login as the name.
func (s *Server) identity(u *User) identity {
	return identity{Name: u.Login, Email: fmt.Sprintf("%d+%s@users.noreply.github.com", u.ID, u.Login), Date: s.now()}
}

// CreateUser makes a person; acting or getting a permission does so as well.
func (s *Server) CreateUser(login string) error { return s.createAccount(login, "User") }

// CreateOrg makes an organisation.
func (s *Server) CreateOrg(login string) error { return s.createAccount(login, "Organization") }

func (s *Server) createAccount(login, kind string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !validName(login) {
		return fmt.Errorf("create %s: not a login", strconv.Quote(login))
	}
	if s.users[fold(login)] != nil {
		return fmt.Errorf("create %s: exists", login)
	}
	s.user(login).Type = kind
	return nil
}

// CreateRepo makes a public repository whose default branch main holds the
// files, path to content. Without files it is empty.
func (s *Server) CreateRepo(owner, name string, files map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.createRepo(owner, name)
	if err != nil || len(files) == 0 {
		return err
	}
	contents := map[string]*string{}
	for path, text := range files {
		contents[path] = &text
	}
	if _, err := r.git.commitFiles(r.branch, "", "Initial commit", s.identity(r.owner), contents); err != nil {
		return fmt.Errorf("create %s/%s: %w", owner, name, err)
	}
	if r.size, err = r.git.size(); err != nil {
		return fmt.Errorf("create %s/%s: %w", owner, name, err)
	}
	return s.notice(r, r.owner)
}

// ImportRepo makes a public repository whose main is the commit that is
// checked out in the clone at dir.
func (s *Server) ImportRepo(owner, name, dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.createRepo(owner, name)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("import %s/%s: %w", owner, name, err)
	}
	if _, err := r.git.run("fetch", "--quiet", "--no-tags", "--", dir, "HEAD:refs/heads/"+r.branch); err != nil {
		return fmt.Errorf("import %s/%s: %w", owner, name, err)
	}
	if r.size, err = r.git.size(); err != nil {
		return fmt.Errorf("import %s/%s: %w", owner, name, err)
	}
	return s.notice(r, r.owner)
}

func (s *Server) createRepo(owner, name string) (*repo, error) {
	full := owner + "/" + name
	if !validName(owner) || !validName(name) {
		return nil, fmt.Errorf("create repository %q: not a name", full)
	}
	if s.repos[fold(full)] != nil {
		return nil, fmt.Errorf("create repository %s: exists", full)
	}
	git, err := createGitDir(filepath.Join(s.dir, owner, name+".git"), "main")
	if err != nil {
		return nil, fmt.Errorf("create repository %s: %w", full, err)
	}
	r := &repo{id: s.nextID(), owner: s.user(owner), name: name, branch: "main", created: s.now(), pushed: s.now(), git: git,
		refs: map[string]string{}, permissions: map[string]string{}, protected: map[string]Protection{}}
	s.repos[fold(full)] = r
	return r, nil
}

// find locks the state and looks a repository up. The caller unlocks.
func (s *Server) find(name string) (*repo, func(), error) {
	s.mu.Lock()
	r := s.repos[fold(name)]
	if r == nil {
		s.mu.Unlock()
		return nil, nil, fmt.Errorf("no repository %s", name)
	}
	return r, s.mu.Unlock, nil
}

func (s *Server) findThread(name string, number int, wantPull bool) (*repo, *thread, func(), error) {
	r, unlock, err := s.find(name)
	if err != nil {
		return nil, nil, nil, err
	}
	t := r.thread(number)
	if t == nil || wantPull && t.pull == nil {
		unlock()
		return nil, nil, nil, fmt.Errorf("no number %d in %s", number, name)
	}
	return r, t, unlock, nil
}

// SetPrivate hides a repository from everybody without a permission.
func (s *Server) SetPrivate(repo string, private bool) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	r.private = private
	return nil
}

// SetPermission gives a person a role: admin, maintain, write, triage, read or
// none.
func (s *Server) SetPermission(repo, login, role string) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	if _, known := parseAccess(role); !known {
		return fmt.Errorf("no role %q", role)
	}
	s.user(login)
	r.permissions[fold(login)] = role
	return nil
}

// SetProtection protects a branch; the zero value takes the protection away.
func (s *Server) SetProtection(repo, branch string, p Protection) error {
	r, unlock, err := s.find(repo)
	if err != nil {
		return err
	}
	defer unlock()
	r.protected[branch] = p
	if p.Approvals == 0 && len(p.Checks) == 0 && !p.Strict {
		delete(r.protected, branch)
	}
	return r.git.protect(r.protected)
}

// AddTeamMember makes somebody a member of a team, which it makes as well.
func (s *Server) AddTeamMember(org, team, login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fold(org + "/" + team)
	if s.teams[key] == nil {
		s.teams[key] = map[string]bool{}
	}
	s.teams[key][fold(s.user(login).Login)] = true
}

// AddToken makes a personal token, which never expires.
func (s *Server) AddToken(secret, login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[secret] = &token{user: s.user(login)}
}

// WorkflowToken makes the token that a job of GitHub Actions has in a repository:
// it is of an installation that covers this one alone, and lasts an hour.
func (s *Server) WorkflowToken(repo string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[fold(repo)]
	if r == nil {
		return "", fmt.Errorf("token for a workflow: no repository %s", repo)
	}
	a := s.appBySlug("github-actions")
	inst := &installation{id: s.nextID(), app: a, account: r.owner, created: s.now(), repos: map[int64]bool{r.id: true}}
	secret, _ := s.newInstallationToken(inst, nil)
	return secret, nil
}

// InstallApp registers an App if its id is new, which pings its webhook, and
// installs it on repositories, owner/name each: one installation per owner.
func (s *Server) InstallApp(cfg AppConfig, repos ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.appByID(cfg.ID)
	if a == nil {
		cfg.Slug = or(cfg.Slug, "towpath")
		a = &app{AppConfig: cfg, created: s.now()}
		a.owner = s.user(a.bot())
		s.apps = append(s.apps, a)
		if err := s.firePing(a); err != nil {
			return err
		}
	}
	byOwner := map[*User][]*repo{}
	var owners []*User
	for _, name := range repos {
		r := s.repos[fold(name)]
		if r == nil {
			return fmt.Errorf("install App %s: no repository %s", a.Slug, name)
		}
		if byOwner[r.owner] == nil {
			owners = append(owners, r.owner)
		}
		byOwner[r.owner] = append(byOwner[r.owner], r)
	}
	for _, owner := range owners {
		if err := s.install(a, owner, byOwner[owner]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) install(a *app, owner *User, repos []*repo) error {
	event := "installation_repositories"
	i := slices.IndexFunc(a.installs, func(inst *installation) bool { return inst.account == owner })
	if i < 0 {
		event, i = "installation", len(a.installs)
		a.installs = append(a.installs, &installation{id: s.nextID(), app: a, account: owner, created: s.now(), repos: map[int64]bool{}})
	}
	inst := a.installs[i]
	for _, r := range repos {
		inst.repos[r.id] = true
	}
	return s.fireInstallation(inst, event, repos)
}

func (s *Server) appByID(id int64) *app {
	for _, a := range s.apps {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// appBySlug makes an App of that name when there is none, with no installation
// and no webhook: others' CI, which reports checks.
func (s *Server) appBySlug(slug string) *app {
	for _, a := range s.apps {
		if a.Slug == slug {
			return a
		}
	}
	a := &app{AppConfig: AppConfig{ID: s.nextID(), Slug: slug}, created: s.now()}
	a.owner = s.user(a.bot())
	s.apps = append(s.apps, a)
	return a
}

func (s *Server) sortedRepos() []*repo {
	all := slices.Collect(maps.Values(s.repos))
	slices.SortFunc(all, func(a, b *repo) int { return int(a.id - b.id) })
	return all
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func parsePositive(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && n <= 0 {
		err = fmt.Errorf("%d is not positive", n)
	}
	return n, err
}

// Now is the time by the server's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}
