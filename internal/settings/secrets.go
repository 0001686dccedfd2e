package settings

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/towpath/towpath/internal/registry"
)

// secretPrefix begins the variables that hold what `secret: X` of a policy means.
const secretPrefix = "TOWPATH_SECRET_"

// boundSecret is where people are told, for the pipelines of some repositories (H3).
type boundSecret struct {
	value   string
	boundTo []string // as [registry.ParseRepositories] returns them
}

// addSecret reads TOWPATH_SECRET_<NAME>, or the file that TOWPATH_SECRET_<NAME>_FILE
// names. Without TOWPATH_SECRET_<NAME>_FOR nobody could say who may use it.
func (v *Values) addSecret(variable string, variables map[string]string) error {
	own, s, err := boundSecretOf(variable, variables)
	if err == nil && own != "" {
		v.secrets[strings.TrimPrefix(own, secretPrefix)] = s
	}
	return err
}

// boundSecretOf reads a secret from its variable or its file, and what it is for.
// Of a variable that only says so, there is no name.
func boundSecretOf(variable string, variables map[string]string) (name string, s boundSecret, err error) {
	if own, ok := strings.CutSuffix(variable, boundSuffix); ok {
		if variables[own] == "" && variables[own+"_FILE"] == "" {
			return "", s, fmt.Errorf("there is no secret %s", own)
		}
		return "", s, nil
	}
	if name, s.value, err = fromVariable(variable, variables); err != nil {
		return "", s, err
	}
	if s.value = strings.TrimSpace(s.value); s.value == "" {
		return "", s, errors.New("it is empty")
	}
	s.boundTo, err = registry.ParseRepositories(variables[name+boundSuffix])
	if err == nil && len(s.boundTo) == 0 {
		err = errors.New("the repositories that may use it are not set, such as acme/*")
	}
	if err != nil {
		return "", s, fmt.Errorf("%s: %w", name+boundSuffix, err)
	}
	return name, s, nil
}

// fromVariable reads what a variable holds, or the file that it names when it ends
// in _FILE, and says what the variable is called without that.
func fromVariable(variable string, variables map[string]string) (name, value string, err error) {
	name, file := strings.CutSuffix(variable, "_FILE")
	switch {
	case !file:
		return name, variables[variable], nil
	case variables[name] != "":
		return name, "", fmt.Errorf("%s is set both itself and as a file: give one of them", name)
	}
	data, err := os.ReadFile(variables[variable])
	return name, string(data), err
}

// Secret returns what the operator keeps under a name for the pipelines of a
// repository; false when there is none for it.
func (v *Values) Secret(repository, name string) (string, bool) {
	s, ok := v.secrets[name]
	return s.value, ok && registry.Covers(s.boundTo, repository)
}
