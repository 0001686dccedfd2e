package registry

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/towpath/towpath/internal/promote"
)

// Credential is a user name and password for a registry, or for some of its
// repositories only, and for the pipelines of some.
type Credential struct {
	Host     string // as in image names: ghcr.io, docker.io, 127.0.0.1:5000
	Prefix   string // whole path segments; empty: all repositories of the host
	Username string
	Password string `json:"-"`
	// For are the repositories (owner/name) whose pipelines may use it, as
	// [ParseRepositories] returns them; none: nobody's.
	For []string
}

// String leaves the password out.
func (c Credential) String() string {
	return strings.TrimSuffix(c.Host+"/"+c.Prefix, "/") + " " + c.Username
}

// GoString leaves the password out.
func (c Credential) GoString() string { return "registry.Credential{" + c.String() + "}" }

// ParseCredential reads the value of a TOWPATH_REGISTRY_<NAME> variable:
//
//	host[/prefix] username password
//
// The three are separated by white space; the password is all the rest, without
// the line end that files have. An error never quotes the value.
func ParseCredential(value string) (Credential, error) {
	where, rest := cutSpace(value)
	username, rest := cutSpace(rest)
	password := strings.TrimRight(rest, "\r\n")
	if where == "" || username == "" || password == "" {
		return Credential{}, errors.New("want host[/prefix], user name and password, separated by spaces")
	}
	host, prefix, _ := strings.Cut(strings.ToLower(where), "/")
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return Credential{}, errors.New("the first word must start with a registry's host, such as ghcr.io")
	}
	if _, err := registryOf(host, nil); err != nil {
		return Credential{}, err
	}
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" && !repositoryPath.MatchString(prefix) {
		return Credential{}, errors.New("the prefix after the host is not a repository's")
	}
	return Credential{Host: host, Prefix: prefix, Username: username, Password: password}, nil
}

// ParseRepositories reads the value of a TOWPATH_REGISTRY_<NAME>_FOR variable:
// owner/name of repositories with commas or white space between them, `*` for any
// text within either half, and a `*` alone for all repositories. An error never
// quotes the value, which may be a login in the wrong place.
func ParseRepositories(value string) ([]string, error) {
	patterns := strings.Fields(strings.ReplaceAll(strings.ToLower(value), ",", " "))
	for i, p := range patterns {
		if p != everybody && !repositoryPattern.MatchString(p) {
			return nil, fmt.Errorf("word %d is neither owner/name nor owner/*", i+1)
		}
	}
	return patterns, nil
}

const everybody = "*"

var repositoryPattern = regexp.MustCompile(`^[a-z0-9*-]+/[a-z0-9*._-]+$`)

// Covers tells whether one of the patterns is for the repository.
func Covers(patterns []string, repository string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, strings.ToLower(repository))
		return p == everybody || ok && err == nil
	})
}

func cutSpace(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t\r\n")
	end := strings.IndexAny(s, " \t\r\n")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimLeft(s[end:], " \t")
}

// covers returns how much of the repository the credential names; negative: it
// is for something else.
func (c Credential) covers(repository string) int {
	host, path, _ := strings.Cut(repository, "/")
	own, _, _ := strings.Cut(promote.NormaliseImage(strings.ToLower(c.Host)+"/x/x"), "/")
	if own != host {
		return -1
	}
	if c.Prefix != "" && !strings.HasPrefix(path+"/", c.Prefix+"/") {
		return -1
	}
	return len(c.Prefix)
}

// keychain hands out the credential that names the most of a repository; the
// first one where two name the same.
type keychain []Credential

func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	c, ok := k.best(promote.NormaliseImage(target.String()))
	if !ok {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: c.Username, Password: c.Password}), nil
}

// best finds the credential for a repository, which is host/path.
func (k keychain) best(repository string) (found Credential, ok bool) {
	best := -1
	for _, c := range k {
		if n := c.covers(repository); n > best {
			best, found, ok = n, c, true
		}
	}
	return found, ok
}
