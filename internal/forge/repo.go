package forge

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
)

// Repository is what GitHub says of a repository.
type Repository struct {
	ID            int64
	FullName      string // owner/name
	DefaultBranch string
	CloneURL      string // over HTTPS, on the configured host
	Size          int64  // bytes, about; 0 where GitHub does not know yet
	Private       bool
	Archived      bool
	Installation  int64 // 0 with a plain token
}

// Repo is a repository to work with, as the installation that covers it.
type Repo struct {
	forge  *Forge
	client *client
	owner  string
	name   string
	info   Repository
}

var (
	fullNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	loginForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$`)
	commitForm   = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// Repository returns the handle of owner/name. The error is [ErrNotFound] when
// there is no such repository, or when the App is not installed there.
func (f *Forge) Repository(ctx context.Context, fullName string) (*Repo, error) {
	owner, name, err := split(fullName)
	if err != nil {
		return nil, err
	}
	c, id := f.app, int64(0)
	if f.IsApp() {
		if id, err = f.installationOf(ctx, owner, name); err != nil {
			return nil, failed(err, "find the installation on %s", fullName)
		}
		c = f.installation(id)
	}
	repo, _, err := c.Repositories.Get(ctx, owner, name)
	if err != nil {
		f.forgetInstallation(fullName) // it may be another one by now
		return nil, failed(err, "read repository %s", fullName)
	}
	info := f.repository(repo, id)
	if owner, name, err = split(info.FullName); err != nil { // the name of today, after a renaming
		return nil, err
	}
	return &Repo{forge: f, client: c, owner: owner, name: name, info: info}, nil
}

// Public returns the handle of a public repository as the installation of this
// one sees it, whether the App is installed there or not. The error is
// [ErrNotFound] when there is none, and when it is private.
func (r *Repo) Public(ctx context.Context, fullName string) (*Repo, error) {
	owner, name, err := split(fullName)
	if err != nil {
		return nil, err
	}
	repo, _, err := r.client.Repositories.Get(ctx, owner, name)
	if err != nil {
		return nil, failed(err, "read repository %s", fullName)
	}
	info := r.forge.repository(repo, r.info.Installation)
	if info.Private {
		return nil, fmt.Errorf("read repository %s: %w", fullName, ErrNotFound)
	}
	if owner, name, err = split(info.FullName); err != nil {
		return nil, err
	}
	return &Repo{forge: r.forge, client: r.client, owner: owner, name: name, info: info}, nil
}

func split(fullName string) (owner, name string, err error) {
	owner, name, _ = strings.Cut(fullName, "/")
	if !fullNameForm.MatchString(fullName) || name == "." || name == ".." {
		return "", "", fmt.Errorf("repository %q is not of the form owner/name", cut(fullName, 200))
	}
	return owner, name, nil
}

func (f *Forge) installationOf(ctx context.Context, owner, name string) (int64, error) {
	key := strings.ToLower(owner + "/" + name)
	f.mu.Lock()
	id, ok := f.installed[key]
	f.mu.Unlock()
	if ok {
		return id, nil
	}
	found, _, err := f.app.Apps.FindRepositoryInstallation(ctx, owner, name)
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.installed[key] = found.GetID()
	return found.GetID(), nil
}

func (f *Forge) forgetInstallation(fullName string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.installed, strings.ToLower(fullName))
}

func (f *Forge) repository(repo *github.Repository, installation int64) Repository {
	return Repository{
		ID:            repo.GetID(),
		FullName:      repo.GetFullName(),
		DefaultBranch: repo.GetDefaultBranch(),
		// Not GitHub's clone_url: our token goes to the configured host only.
		CloneURL:     f.web + "/" + repo.GetFullName() + ".git",
		Size:         int64(repo.GetSize()) << 10, // GitHub counts in KiB
		Private:      repo.GetPrivate(),
		Archived:     repo.GetArchived(),
		Installation: installation,
	}
}

// Info is what GitHub said when the handle was made.
func (r *Repo) Info() Repository { return r.info }

// GitCredentials returns what git over HTTPS wants, good for at least five
// minutes. Ask again for every exchange; it costs nothing while it holds.
func (r *Repo) GitCredentials(ctx context.Context) (username, password string, err error) {
	token, err := r.client.tokens.token(ctx)
	if err != nil {
		return "", "", r.failed(err, "get a token")
	}
	return "x-access-token", token, nil
}

// failed is [failed] with the repository's name.
func (r *Repo) failed(err error, act string, args ...any) error {
	return failed(err, act+" in %s", append(args, r.info.FullName)...)
}

func checkCommit(id string) error {
	if !commitForm.MatchString(id) {
		return fmt.Errorf("commit %q is not 40 hex digits", cut(id, 100))
	}
	return nil
}

// LastCommit returns the newest commit up to ref that touched a path, and its
// date, which whoever committed chose; empty when none did.
func (r *Repo) LastCommit(ctx context.Context, ref, path string) (string, time.Time, error) {
	list, _, err := r.client.Repositories.ListCommits(ctx, r.owner, r.name, &github.CommitsListOptions{
		SHA: ref, Path: path, ListOptions: github.ListOptions{PerPage: 1},
	})
	if err != nil {
		return "", time.Time{}, r.failed(err, "list the commits of %s", path)
	}
	if len(list) == 0 {
		return "", time.Time{}, nil
	}
	return list[0].GetSHA(), list[0].GetCommit().GetCommitter().GetDate().Time, nil
}
