package settings

import (
	"errors"
	"strings"

	"github.com/towpath/towpath/internal/registry"
)

// externalPrefix begins the variables that hold the secrets of outside systems.
const externalPrefix = "TOWPATH_EXTERNAL_"

// External is an outside system that may say how gates went.
type External struct {
	Name    string // as gates name it
	Secrets [][]byte
	boundTo []string // as [registry.ParseRepositories] returns them
}

// Speaks tells whether the system's word counts for a repository's gates (H3).
func (e External) Speaks(repository string) bool { return registry.Covers(e.boundTo, repository) }

// Externals are the outside systems that may say how gates went, by name.
func (v *Values) Externals() []External { return v.externals }

// addExternal reads TOWPATH_EXTERNAL_<NAME>, or the file that
// TOWPATH_EXTERNAL_<NAME>_FILE names: the system's secrets, one a line.
func (v *Values) addExternal(variable string, variables map[string]string) error {
	own, secret, err := boundSecretOf(variable, variables)
	if err != nil || own == "" {
		return err
	}
	name := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(own, externalPrefix)), "_", "-")
	if name == "" {
		return errors.New("it names no system")
	}
	v.externals = append(v.externals, External{Name: name, Secrets: lines(secret.value), boundTo: secret.boundTo})
	return nil
}

func lines(text string) [][]byte {
	var out [][]byte
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			out = append(out, []byte(line))
		}
	}
	return out
}
