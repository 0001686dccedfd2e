// Package directives assembles a stage's files: ordered verbs on a workspace
// that starts empty, and the rendering that may replace it.
//
// It knows trees and bytes. Where sources come from, and who renders, is handed
// in; the host's disk, the network and git are not its business.
package directives

import (
	"context"
	"io/fs"

	"github.com/towpath/towpath/internal/promote"
)

// Program is what writes one target: directives in order, then rendering. Every
// expression has been evaluated; every path is relative and clean.
type Program struct {
	Steps      []Step
	Render     []App    // empty: the workspace is the result
	Preserve   []string // globs of what is kept from the branch
	AllowEmpty bool
}

// Step is one directive with the place that errors name.
type Step struct {
	Index     int // from 1, as people count
	Position  string
	Directive Directive
}

// Directive is one verb. Apply changes the workspace, or fails and names the path.
type Directive interface {
	Kind() string
	Apply(ctx context.Context, ws *Workspace, env *Env) error
}

// Env is what the directives of one promotion may look at.
type Env struct {
	Freight  []promote.Freight // one per slot
	Source   func(ctx context.Context, ref SourceRef) (fs.FS, error)
	Chart    func(ctx context.Context, chart promote.Chart) ([]byte, error) // packed, as it was published
	Renderer Renderer
	// Exec runs a command in a copy of a workspace and returns what it left; a command
	// that is not done yet is [ErrRunning]. Nil: nobody runs commands here.
	Exec func(ctx context.Context, e Exec, workspace fs.FS) (fs.FS, error)
}

// SourceRef names a source tree as the configuration does: the commit in the
// freight (of Warehouse where two slots hold the same repository), or Ref.
type SourceRef struct {
	Repository string // "." or owner/name
	Ref        string
	Warehouse  string
}

// Copy copies a file or a tree of a source into the workspace.
type Copy struct {
	Source   SourceRef
	From, To string
	Ignore   []string // gitignore syntax, relative to From
}

// Kustomize pins images in the one kustomization file of a directory.
type Kustomize struct {
	Path   string
	Images []ImagePin // empty: every image of the freight, by digest
}

// ImagePin is one image of the freight and how it is written.
type ImagePin struct {
	Name      string // as the manifests call it; a repository by default
	NewName   string
	Pin       string // digest (default) | tag | both
	Warehouse string
}

// Helm sets values of a chart's values files, and versions of its dependencies.
type Helm struct {
	Chart        string
	Values       []Value
	Dependencies []Dependency
}

// Value is one value to set at a key path: a.b, a\.b, list[0], list[name=web].
type Value struct {
	File  string // relative to the chart for Helm, to the workspace for YAML
	Key   string
	Value any // string, int, float64, bool or nil
}

// YAML sets values in a YAML file and changes only their bytes.
type YAML struct {
	File   string
	Set    []Value // File is empty
	Create bool    // a missing key is added
}

// App is one application of a stage: where its manifests come from, exactly one
// of three, and where they go.
type App struct {
	Name      string
	Kustomize *KustomizeBuild
	Helm      *HelmTemplate
	Directory *Directory
	Images    []ImagePin // set in the manifests, as a last step
	Output    string     // folder in the workspace; "." replaces it whole
	Layout    string     // files (default) | single
}

// KustomizeBuild renders what `kustomize build PATH` prints.
type KustomizeBuild struct{ Path string }

// HelmTemplate renders what `helm template RELEASE CHART` prints.
type HelmTemplate struct {
	Chart       string // path in the workspace
	Release     string
	Namespace   string
	ValueFiles  []string // paths in the workspace, later ones win
	Values      map[string]any
	KubeVersion string
	APIVersions []string
	IncludeCRDs bool
	SkipTests   bool
}

// Renderer turns a tree into manifests. It never touches the host.
type Renderer interface {
	Kustomize(ctx context.Context, tree fs.FS, build KustomizeBuild) ([]byte, error)
	Helm(ctx context.Context, tree fs.FS, template HelmTemplate) ([]byte, error)
}
