package registry

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// The grammars of the OCI distribution specification. `..` fits in neither, so
// no name leaves the path that its credential is for.
var (
	repositoryPath = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagName        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestName     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// attachment is a tag that signs or describes another image, by cosign or by the
// specification's fallback for referrers.
var attachment = regexp.MustCompile(`^sha256-[0-9a-f]{64}(?:\.[a-z]+)?$`)

// repositoryOf checks a normalised repository name and returns it as the client
// wants it.
func repositoryOf(normalised string, insecure map[string]bool) (name.Repository, error) {
	host, path, _ := strings.Cut(normalised, "/")
	if len(path) > 255 || !repositoryPath.MatchString(path) {
		return name.Repository{}, errors.New("not a repository's name")
	}
	registry, err := registryOf(host, insecure)
	if err != nil {
		return name.Repository{}, err
	}
	return registry.Repo(path), nil
}

func registryOf(host string, insecure map[string]bool) (name.Registry, error) {
	options := []name.Option{name.StrictValidation}
	if insecure[host] {
		options = append(options, name.Insecure)
	}
	registry, err := name.NewRegistry(host, options...)
	if err != nil {
		return name.Registry{}, errors.New("not a registry's host")
	}
	return registry, nil
}

// quoteName shows a name that is none, in printable ASCII and not at length.
func quoteName(s string) string {
	const limit = 64
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
