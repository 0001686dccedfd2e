package registry

import (
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/towpath/towpath/internal/promote"
)

// Credential is a user name and password for a registry, or for some of its
// repositories only.
type Credential struct {
	Host     string // as in image names: ghcr.io, docker.io, 127.0.0.1:5000
	Prefix   string // whole path segments; empty: all repositories of the host
	Username string
	Password string `json:"-"`
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
	repository := promote.NormaliseImage(target.String())
	best := -1
	found := authn.Anonymous
	for _, c := range k {
		if n := c.covers(repository); n > best {
			best = n
			found = authn.FromConfig(authn.AuthConfig{Username: c.Username, Password: c.Password})
		}
	}
	return found, nil
}
