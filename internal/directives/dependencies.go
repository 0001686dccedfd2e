package directives

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/yaml"

	"github.com/towpath/towpath/internal/promote"
)

// Dependency is the version that a chart's dependency gets: of every entry with
// the name, or of the one with the alias.
type Dependency struct {
	Name    string
	Alias   string
	Version string
}

// dependency is an entry of Chart.yaml and of Chart.lock. The names and the order
// of the fields are Helm's, since its digest is made of them.
type dependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	ImportValues []any    `json:"import-values,omitempty"`
	Alias        string   `json:"alias,omitempty"`
}

type dependencyFile struct {
	Dependencies []dependency `json:"dependencies"`
	Digest       string       `json:"digest"`
}

// bump is one entry that gets another version.
type bump struct {
	index int
	entry dependency // as it was
	to    string
}

// setDependencies sets versions in Chart.yaml and, when that changes anything,
// what follows from it: the entries and the digest of Chart.lock, and the packed
// charts under charts/, as `helm dependency update` would leave them (D4). The
// time in Chart.lock stays, so that the same promotion gives the same bytes.
func (h Helm) setDependencies(ctx context.Context, ws *Workspace, env *Env) error {
	name := path.Join(h.Chart, "Chart.yaml")
	var before, after dependencyFile
	if err := ws.readDependencies(name, &before); err != nil {
		return err
	}
	bumps, err := h.bumps(before.Dependencies)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(bumps) == 0 {
		return nil
	}
	if err := ws.set(name, versions(bumps), true, setValues); err != nil {
		return err
	}
	if err := ws.readDependencies(name, &after); err != nil {
		return err
	}
	if err := h.lock(ws, before.Dependencies, after.Dependencies, bumps); err != nil {
		return err
	}
	for _, b := range bumps {
		stillUsed := slices.ContainsFunc(after.Dependencies, func(d dependency) bool {
			return d.Name == b.entry.Name && d.Version == b.entry.Version
		})
		if err := h.repack(ctx, ws, env, b, stillUsed); err != nil {
			return err
		}
	}
	return nil
}

func (w *Workspace) readDependencies(name string, into *dependencyFile) error {
	name, err := Resolve(w, name)
	if err != nil {
		return err
	}
	data, err := w.ReadFile(name)
	if err != nil {
		return fmt.Errorf("there is no file %s", name)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: the dependencies can not be read", name) // the cause may quote values
	}
	return nil
}

// bumps are the entries that change, in the order of the file.
func (h Helm) bumps(entries []dependency) ([]bump, error) {
	to := map[int]string{}
	for _, want := range h.Dependencies {
		found := false
		for i, entry := range entries {
			if want.Alias != "" && entry.Alias == want.Alias || want.Alias == "" && entry.Name == want.Name {
				to[i], found = want.Version, true
			}
		}
		if !found && want.Alias != "" {
			return nil, fmt.Errorf("there is no dependency with the alias %s", want.Alias)
		} else if !found {
			return nil, fmt.Errorf("there is no dependency %s", want.Name)
		}
	}
	var out []bump
	for i, entry := range entries {
		if version, wanted := to[i]; wanted && version != entry.Version {
			out = append(out, bump{i, entry, version})
		}
	}
	return out, nil
}

// versions are the values that the bumps set, in Chart.yaml and Chart.lock alike.
func versions(bumps []bump) []Value {
	var out []Value
	for _, b := range bumps {
		out = append(out, Value{Key: fmt.Sprintf("dependencies[%d].version", b.index), Value: b.to})
	}
	return out
}

// lock brings Chart.lock after Chart.yaml. Of a range only the repository knows
// which version it means, and a lock that does not fit already would be made to
// look as if it did: both are errors.
func (h Helm) lock(ws *Workspace, before, after []dependency, bumps []bump) error {
	name := path.Join(h.Chart, "Chart.lock")
	if _, err := ws.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var lock dependencyFile
	if err := ws.readDependencies(name, &lock); err != nil {
		return err
	}
	if lockDigest(before, lock.Dependencies) != lock.Digest || len(before) != len(lock.Dependencies) {
		return fmt.Errorf("%s does not fit Chart.yaml as it is: run `helm dependency update` in the source, or leave the file out", name)
	}
	for _, b := range bumps {
		if _, err := semver.StrictNewVersion(strings.TrimPrefix(b.to, "v")); err != nil {
			return fmt.Errorf("%s needs one version of %s, and %q is a range: set the version, or leave the file out", name, b.entry.Name, b.to)
		}
		lock.Dependencies[b.index].Version = b.to
	}
	values := append(versions(bumps), Value{Key: "digest", Value: lockDigest(after, lock.Dependencies)})
	return ws.set(name, values, false, setValues)
}

// lockDigest is the digest of Chart.lock, as Helm's resolver computes it.
func lockDigest(wanted, locked []dependency) string {
	data, err := json.Marshal([2][]dependency{wanted, locked})
	if err != nil {
		return ""
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data))
}

// repack puts the chart of the freight in the place of a packed one of the old
// version, which Helm would go on to use.
func (h Helm) repack(ctx context.Context, ws *Workspace, env *Env, b bump, stillUsed bool) error {
	packed := func(version string) string {
		return path.Join(h.Chart, "charts", b.entry.Name+"-"+version+".tgz")
	}
	old := packed(b.entry.Version)
	if _, err := ws.Lstat(old); err != nil {
		return nil
	}
	for _, f := range env.Freight {
		for _, chart := range f.Charts {
			if chart.Version != b.to || !b.entry.comesFrom(chart) {
				continue
			}
			archive, err := env.Chart(ctx, chart)
			if err != nil {
				return fmt.Errorf("fetch the chart %s %s: %w", b.entry.Name, b.to, err)
			}
			if err := ws.WriteFile(packed(b.to), archive, 0o644); err != nil || stillUsed {
				return err
			}
			return ws.Remove(old)
		}
	}
	return fmt.Errorf("%s is the old version of the dependency, and the freight has no chart %s %s from %s to put in its place", old, b.entry.Name, b.to, b.entry.Repository)
}

// comesFrom reports whether a chart of the freight is the one that an entry names.
func (d dependency) comesFrom(c promote.Chart) bool {
	repository := strings.TrimSuffix(d.Repository, "/")
	if strings.HasPrefix(repository, "oci://") { // the chart's name is a part of it
		repository += "/" + d.Name
	}
	return c.KnownAs() == d.Name && promote.NormaliseChart(c.Repository) == promote.NormaliseChart(repository)
}
