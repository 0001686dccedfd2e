package render

import (
	"fmt"
	"path"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provenance"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// KustomizeVersion is the command line whose output is printed; it is the one
// that is built on the api module in go.mod.
const KustomizeVersion = "v5.8.2"

// schema guards kyaml's OpenAPI schema, which is one for the whole process. A
// kustomization with an `openapi:` field replaces it while it builds.
var schema sync.RWMutex

// lockSchema waits for the schema, alone when a build brings its own, and returns
// what gives it back as it was.
func lockSchema(alone bool) (unlock func()) {
	if !alone {
		schema.RLock()
		return schema.RUnlock
	}
	schema.Lock()
	return func() {
		openapi.ResetOpenAPI()
		schema.Unlock()
	}
}

// Warm parses the OpenAPI schema, which otherwise costs the first rendering some
// fifty milliseconds.
func Warm() {
	schema.RLock()
	defer schema.RUnlock()
	openapi.Schema()
}

func kustomizeBuild(fsys *fileSystem, dir string) ([]byte, error) {
	found, err := inspect(fsys, dir)
	if err != nil {
		return nil, err
	}
	defer lockSchema(found.openAPI)()
	resources, err := build(fsys, dir)
	if err != nil {
		return nil, err
	}
	if found.managedBy {
		if err := nameVersion(resources); err != nil {
			return nil, err
		}
	}
	return asYAML(resources.Resources())
}

// build runs kustomize as its command line does without flags: in its default
// order, no file outside of a kustomization's root, no plugins.
func build(fsys *fileSystem, dir string) (resmap.ResMap, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	options.LoadRestrictions = types.LoadRestrictionsRootOnly
	options.PluginConfig = types.DisabledPluginConfig()
	return krusty.MakeKustomizer(options).Run(fsys, path.Join("/", dir))
}

// nameVersion puts the command line's version into the label that
// `buildMetadata: [managedByLabel]` asks for: the library takes it from whatever
// program it is part of.
func nameVersion(resources resmap.ResMap) error {
	ours := "kustomize-" + provenance.GetProvenance().Semver()
	for _, r := range resources.Resources() {
		labels := r.GetLabels()
		if labels[konfig.ManagedbyLabelKey] != ours {
			continue
		}
		labels[konfig.ManagedbyLabelKey] = "kustomize-" + KustomizeVersion
		if err := r.SetLabels(labels); err != nil {
			return fmt.Errorf("label %s: %w", r.CurId(), err)
		}
	}
	return nil
}

// remoteFile reports whether kustomize would fetch a file.
func remoteFile(entry string) bool {
	entry = strings.ToLower(entry)
	return strings.HasPrefix(entry, "http:") || strings.HasPrefix(entry, "https:")
}

// remoteBase reports whether kustomize would fetch an entry that may also be a
// directory, or clone it with git. It says yes a little more often.
func remoteBase(entry string) bool {
	entry = strings.TrimPrefix(strings.ToLower(entry), "git::")
	host, _, _ := strings.Cut(entry, "/")
	return remoteFile(entry) || strings.Contains(entry, "://") || strings.Contains(host, "@") ||
		strings.HasPrefix(entry, "github.com/") || strings.HasPrefix(entry, "github.com:")
}
