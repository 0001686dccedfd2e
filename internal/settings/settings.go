// Package settings is what an operator sets, as flags, variables or keys of a file,
// and the engine that is made of it. The server and the command line have the
// same settings; each takes those that it needs. It knows no rule of promotion,
// and never shows a secret.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"

	"github.com/towpath/towpath/internal/registry"
)

// setting is one value that an operator gives: as --name, as TOWPATH_NAME, or as
// `name:` in the file, in this order; each also as the name of a file that holds
// it (--name-file, TOWPATH_NAME_FILE, `name-file:`).
type setting struct {
	name, standard, meaning string
	secret                  bool // never as a flag: processes can be listed
}

// settings is all there is to set.
func settings() []setting {
	return []setting{
		{name: "listen", standard: "127.0.0.1:8080", meaning: "address to serve on"},
		{name: "github-url", standard: "https://github.com", meaning: "where GitHub is, for GitHub Enterprise Server"},
		{name: "github-api-url", meaning: "where its API is; by default it follows from the address"},
		{name: "github-app-id", meaning: "id of the GitHub App"},
		{name: "github-private-key", meaning: "private key of the App, PEM", secret: true},
		{name: "github-token", meaning: "a token instead of an App, for trying out", secret: true},
		{name: "webhook-secret", meaning: "secret of the webhooks; several for rotation, one a line", secret: true},
		{name: "registry-secret", meaning: "secret of registry notifications; without it they are refused", secret: true},
		{name: "registry-docker-config-for", meaning: "repositories whose pipelines may use the Docker configuration's logins: acme/*, other/app"},
		{name: "chart-hosts", meaning: "hosts of chart indexes that have private addresses; plain HTTP is tried there too"},
		{name: "data-dir", standard: "towpath-data", meaning: "folder for the inbox and the git mirrors; both can be lost"},
	}
}

const (
	variablePrefix = "TOWPATH_"
	registryPrefix = "TOWPATH_REGISTRY_"
	boundSuffix    = "_FOR" // of the variable that binds a credential to repositories
)

// Values are the settings as they hold.
type Values struct {
	byName      map[string]string // what somebody set
	credentials []registry.Credential
	secrets     map[string]boundSecret // by name
	externals   []External
}

// Get returns a setting, or its default.
func (v *Values) Get(name string) string {
	for _, s := range settings() {
		if s.name == name {
			return cmp.Or(v.byName[name], s.standard)
		}
	}
	return ""
}

// Secrets returns the lines of a setting that may hold several secrets.
func (v *Values) Secrets(name string) [][]byte {
	return lines(v.byName[name])
}

// AddFlags adds the flags of the settings that are named, or of all of them.
func AddFlags(flags *pflag.FlagSet, names ...string) {
	flags.String("config", "", "YAML file with settings (TOWPATH_CONFIG)")
	for _, s := range settings() {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		if !s.secret {
			flags.String(s.name, "", fmt.Sprintf("%s (%s)%s", s.meaning, s.variable(), s.standardText()))
		}
		flags.String(s.name+"-file", "", fmt.Sprintf("file that holds %s (%s_FILE)", s.name, s.variable()))
	}
}

func (s setting) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

func (s setting) standardText() string {
	if s.standard == "" {
		return ""
	}
	return "; default " + s.standard
}

// Load reads the settings from flags, variables and the file. What nobody knows
// is refused: a misspelled secret must not go unnoticed.
func Load(flags *pflag.FlagSet, environ []string) (*Values, error) {
	variables := map[string]string{}
	for _, line := range environ {
		if name, value, _ := strings.Cut(line, "="); strings.HasPrefix(name, variablePrefix) {
			variables[name] = value
		}
	}
	out := &Values{byName: map[string]string{}, secrets: map[string]boundSecret{}}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		// Some settings have the prefix of credentials as well.
		if strings.HasPrefix(name, registryPrefix) && !known(name) {
			credential, err := credentialOf(name, variables)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
			if !strings.HasSuffix(name, boundSuffix) {
				out.credentials = append(out.credentials, credential)
			}
		} else if strings.HasPrefix(name, secretPrefix) {
			if err := out.addSecret(name, variables); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		} else if strings.HasPrefix(name, externalPrefix) {
			if err := out.addExternal(name, variables); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		} else if !known(name) {
			problems = append(problems, fmt.Errorf("variable %s is unknown; `bot serve --help` lists them", name))
		}
	}
	file, err := readFile(flags, variables["TOWPATH_CONFIG"])
	if err != nil {
		return nil, err
	}
	for _, s := range settings() {
		value, err := s.value(flags, variables, file)
		if err != nil {
			problems = append(problems, err)
		}
		out.byName[s.name] = value
		delete(file, s.name)
		delete(file, s.name+"-file")
	}
	for _, name := range slices.Sorted(maps.Keys(file)) {
		problems = append(problems, fmt.Errorf("the settings file has the unknown key %q", name))
	}
	return out, errors.Join(problems...)
}

// credentialOf reads TOWPATH_REGISTRY_<NAME>, or the file that
// TOWPATH_REGISTRY_<NAME>_FILE names. Without TOWPATH_REGISTRY_<NAME>_FOR nobody
// could say whose pipelines may read with it.
func credentialOf(name string, variables map[string]string) (registry.Credential, error) {
	if login, ok := strings.CutSuffix(name, boundSuffix); ok {
		if variables[login] == "" && variables[login+"_FILE"] == "" {
			return registry.Credential{}, fmt.Errorf("there is no login %s", login)
		}
		return registry.Credential{}, nil
	}
	login, value, err := fromVariable(name, variables)
	if err != nil {
		return registry.Credential{}, err
	}
	credential, err := registry.ParseCredential(value)
	if err != nil {
		return registry.Credential{}, err
	}
	credential.For, err = registry.ParseRepositories(variables[login+boundSuffix])
	if err == nil && len(credential.For) == 0 {
		err = errors.New("the repositories whose pipelines may use it are not set, such as acme/*")
	}
	if err != nil {
		return registry.Credential{}, fmt.Errorf("%s: %w", login+boundSuffix, err)
	}
	return credential, nil
}

// Registries is how registries and charts are reached.
func (v *Values) Registries() (registry.Config, error) {
	cfg := registry.Config{Credentials: v.credentials, ChartHosts: strings.Fields(strings.ReplaceAll(v.byName["chart-hosts"], ",", " "))}
	for _, host := range cfg.ChartHosts {
		if strings.Contains(host, "/") {
			return cfg, fmt.Errorf("TOWPATH_CHART_HOSTS: %q is more than a host", host)
		}
	}
	var err error
	if cfg.DockerConfigFor, err = registry.ParseRepositories(v.byName["registry-docker-config-for"]); err != nil {
		return cfg, fmt.Errorf("TOWPATH_REGISTRY_DOCKER_CONFIG_FOR: %w", err)
	}
	return cfg, nil
}

func known(variable string) bool {
	return variable == "TOWPATH_CONFIG" || slices.ContainsFunc(settings(), func(s setting) bool {
		return variable == s.variable() || variable == s.variable()+"_FILE"
	})
}

func readFile(flags *pflag.FlagSet, name string) (map[string]string, error) {
	if flag, err := flags.GetString("config"); err == nil && flag != "" {
		name = flag
	}
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var out map[string]string
	if err := yaml.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("read settings %s: %w", name, err)
	}
	return out, nil
}

// value finds a setting where it is said first; the name of a file counts like
// the value itself.
func (s setting) value(flags *pflag.FlagSet, variables, file map[string]string) (string, error) {
	flag := func(name string) string {
		value, err := flags.GetString(name)
		if err != nil {
			return ""
		}
		return value
	}
	for _, place := range []struct{ what, value, path string }{
		{"flag --" + s.name, flag(s.name), flag(s.name + "-file")},
		{"variable " + s.variable(), variables[s.variable()], variables[s.variable()+"_FILE"]},
		{"key " + s.name, file[s.name], file[s.name+"-file"]},
	} {
		switch {
		case place.value != "" && place.path != "":
			return "", fmt.Errorf("%s is set both itself and as a file: give one of them", place.what)
		case place.value != "":
			return place.value, nil
		case place.path != "":
			data, err := os.ReadFile(place.path)
			if err != nil {
				return "", fmt.Errorf("%s: %w", place.what, err)
			}
			return strings.TrimRight(string(data), "\r\n"), nil
		}
	}
	return "", nil
}
