package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/towpath/towpath/internal/directives"
)

// findings are what matters about all kustomizations that a build would read.
type findings struct {
	openAPI   bool // some kustomization brings its own schema
	managedBy bool // the root asks for the label with kustomize's version
}

// inspect walks the kustomizations that are reachable from a directory, before
// anything is built, and refuses what would leave the tree (R1).
func inspect(fsys *fileSystem, dir string) (findings, error) {
	i := inspector{fsys: fsys, seen: map[string]bool{}}
	if err := i.directory(dir); err != nil {
		return findings{}, err
	}
	return i.findings, nil
}

type inspector struct {
	fsys     *fileSystem
	seen     map[string]bool
	findings findings
}

// maxKustomizations bounds how many directories one build may be made of.
const maxKustomizations = 2000

// directory inspects one kustomization and what it refers to. A directory
// without one is left to kustomize, which says it in its own words.
func (i *inspector) directory(dir string) error {
	dir, info, err := i.fsys.resolve(dir)
	if err != nil || !info.IsDir() || i.seen[dir] {
		return nil
	}
	root := len(i.seen) == 0
	i.seen[dir] = true
	if len(i.seen) > maxKustomizations {
		return fmt.Errorf("it is made of more than %d kustomizations", maxKustomizations)
	}
	for _, name := range directives.KustomizationFiles() {
		file := path.Join(dir, name)
		data, err := i.fsys.ReadFile(file)
		if err != nil {
			continue
		}
		var k types.Kustomization
		if err := k.Unmarshal(data); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if root && slices.Contains(k.BuildMetadata, types.ManagedByLabelOption) {
			i.findings.managedBy = true
		}
		if err := i.kustomization(dir, file, &k); err != nil {
			return err
		}
	}
	return nil
}

func (i *inspector) kustomization(dir, file string, k *types.Kustomization) error {
	k.FixKustomization()
	if len(k.HelmCharts) > 0 {
		chart := k.HelmCharts[0]
		return &RefusedError{file, chart.Name, "helmCharts runs the helm program; render the chart with `helm:` instead"}
	}
	if len(k.OpenAPI) > 0 {
		i.findings.openAPI = true
	}
	for _, entry := range fileEntries(k) {
		if remoteFile(entry) {
			return notFetched(file, entry)
		}
		if outside(dir, entry) {
			return notInTree(file, entry)
		}
	}
	for _, entry := range slices.Concat(k.Resources, k.Components) {
		if remoteBase(entry) {
			return notFetched(file, entry)
		}
		if outside(dir, entry) {
			return notInTree(file, entry)
		}
		if err := i.directory(path.Join(dir, entry)); err != nil {
			return err
		}
	}
	for _, entry := range slices.Concat(k.Generators, k.Transformers, k.Validators) {
		if err := i.plugin(dir, file, entry); err != nil {
			return err
		}
	}
	return nil
}

func notFetched(file, entry string) error {
	return &RefusedError{file, entry, "it is not in the tree, and nothing is fetched while rendering"}
}

// outside reports whether an entry of a directory leads out of the tree, whose
// root kustomize takes for that of a disk, which has nothing above it.
func outside(dir, entry string) bool {
	return path.IsAbs(entry) || strings.HasPrefix(path.Join(dir, entry)+"/", "../")
}

func notInTree(file, entry string) error {
	return &RefusedError{file, entry, "it is absolute, or leads out of the tree"}
}

// fileEntries returns the entries that kustomize loads as files only.
func fileEntries(k *types.Kustomization) []string {
	entries := append(slices.Concat(k.Crds, k.Configurations), k.OpenAPI["path"])
	//lint:ignore SA1019 old kustomizations are inspected as well
	for _, p := range k.PatchesStrategicMerge {
		entries = append(entries, string(p))
	}
	//lint:ignore SA1019 as above
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) {
		entries = append(entries, p.Path)
	}
	for _, r := range k.Replacements {
		entries = append(entries, r.Path)
	}
	for _, g := range k.ConfigMapGenerator {
		entries = append(entries, sources(g.KvPairSources)...)
	}
	for _, g := range k.SecretGenerator {
		entries = append(entries, sources(g.KvPairSources)...)
	}
	return entries
}

func sources(s types.KvPairSources) []string {
	entries := append(slices.Clone(s.EnvSources), s.EnvSource)
	for _, f := range s.FileSources {
		entries = append(entries, f, afterEquals(f))
	}
	return entries
}

// afterEquals returns the path of a file source that is written key=path.
func afterEquals(source string) string {
	_, file, _ := strings.Cut(source, "=")
	return file
}

// plugin inspects an entry of generators, transformers or validators: a
// configuration written in place, a file of them, or a directory that builds
// them.
func (i *inspector) plugin(dir, file, entry string) error {
	if inline(entry) {
		return pluginConfigs(file, []byte(entry))
	}
	if remoteBase(entry) {
		return notFetched(file, entry)
	}
	if outside(dir, entry) {
		return notInTree(file, entry)
	}
	name := path.Join(dir, entry)
	if data, err := i.fsys.ReadFile(name); err == nil {
		return pluginConfigs(inTree(name), data)
	}
	if err := i.directory(name); err != nil {
		return err
	}
	if !i.fsys.IsDir(name) {
		return nil
	}
	// What a directory configures is known only after it was built, patches and
	// all; its own entries have been inspected by now.
	defer lockSchema(i.findings.openAPI)()
	built, err := build(i.fsys, inTree(name))
	if err != nil {
		return fmt.Errorf("%s: %w", entry, err)
	}
	data, err := built.AsYaml()
	if err != nil {
		return fmt.Errorf("%s: %w", entry, err)
	}
	return pluginConfigs(inTree(name), data)
}

// inline reports whether an entry is a configuration written in place.
func inline(entry string) bool {
	var config map[string]any
	return yaml.Unmarshal([]byte(entry), &config) == nil && config != nil
}

// pluginConfigs refuses what is not built into kustomize, and what is but would
// run a program or fetch a file.
func pluginConfigs(file string, data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var config map[string]any
		if err := decoder.Decode(&config); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if config == nil {
			continue
		}
		apiVersion, _ := config["apiVersion"].(string)
		kind, _ := config["kind"].(string)
		if items, list := config["items"].([]any); list && strings.HasSuffix(kind, "List") {
			for _, item := range items {
				if err := pluginConfig(file, item); err != nil {
					return err
				}
			}
			continue
		}
		if apiVersion != "builtin" {
			return &RefusedError{file, kind, "only the plugins that are built into kustomize may run, no programs, containers or functions"}
		}
		if err := pluginConfig(file, config); err != nil {
			return err
		}
	}
}

func pluginConfig(file string, config any) error {
	fields, _ := config.(map[string]any)
	kind, _ := fields["kind"].(string)
	if apiVersion, _ := fields["apiVersion"].(string); apiVersion != "builtin" {
		return &RefusedError{file, kind, "only the plugins that are built into kustomize may run, no programs, containers or functions"}
	}
	if strings.EqualFold(kind, "HelmChartInflationGenerator") {
		return &RefusedError{file, kind, "it runs the helm program; render the chart with `helm:` instead"}
	}
	return noRemoteFile(file, fields)
}

// noRemoteFile looks for addresses under every key that names files.
func noRemoteFile(file string, value any) error {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			switch strings.ToLower(key) {
			case "path", "paths", "files", "envs", "env", "targetfilepath":
				for _, entry := range texts(v) {
					if remoteFile(entry) || remoteFile(afterEquals(entry)) {
						return notFetched(file, entry)
					}
				}
			}
			if err := noRemoteFile(file, v); err != nil {
				return err
			}
		}
	case []any:
		for _, v := range value {
			if err := noRemoteFile(file, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, v := range value {
			all = append(all, texts(v)...)
		}
		return all
	}
	return nil
}
