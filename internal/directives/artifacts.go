package directives

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/towpath/towpath/internal/promote"
)

// Artifacts are the images and charts that the files of a tree name.
type Artifacts struct {
	Images []promote.Image // repository normalised; tag or digest may be empty
	Charts []promote.Chart // name and version
}

// Bounds of what is looked through for artifacts.
const (
	maxArtifactFiles = 20_000
	maxArtifactBytes = 4 << 20 // of one file; longer ones are no manifests
)

// FindArtifacts looks through the YAML and JSON files of a tree, whoever wrote
// them: images where manifests, the values of charts and kustomizations name them,
// charts where they lie unpacked or where another one depends on them. A file that
// is no YAML, a template for instance, names nothing.
func FindArtifacts(tree fs.FS) (Artifacts, error) {
	var out Artifacts
	left := maxArtifactFiles
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			return err
		}
		if left--; left < 0 {
			return fmt.Errorf("it has more than %d files to look through", maxArtifactFiles)
		}
		info, err := entry.Info()
		if err != nil || info.Size() > maxArtifactBytes {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		out.read(path.Base(name), data)
		return nil
	})
	return out, err
}

// read takes what one file names.
func (a *Artifacts) read(name string, data []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		if decoder.Decode(&node) != nil { // the end, or no YAML
			return
		}
		if slices.Contains([]string{"Chart.yaml", "Chart.lock", "requirements.yaml"}, name) {
			a.chart(&node)
		}
		a.walk(&node)
	}
}

// chart takes a chart's own version, and those it depends on.
func (a *Artifacts) chart(node *yaml.Node) {
	var chart struct {
		Name         string
		Version      string
		Dependencies []struct{ Name, Version string }
	}
	if node.Decode(&chart) != nil {
		return
	}
	add := func(name, version string) {
		found := promote.Chart{Name: name, Version: version}
		if name != "" && version != "" && !slices.Contains(a.Charts, found) {
			a.Charts = append(a.Charts, found)
		}
	}
	add(chart.Name, chart.Version)
	for _, d := range chart.Dependencies {
		add(d.Name, d.Version)
	}
}

// reference is an image as it is written: at most one tag and one digest.
var reference = regexp.MustCompile(`^([a-z0-9][a-zA-Z0-9._:/-]*?)(?::([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`)

// walk goes through the values below a node, aliases as they stand: what they mean
// is where their anchor is.
func (a *Artifacts) walk(node *yaml.Node) {
	switch node.Kind {
	case yaml.ScalarNode:
		if m := reference.FindStringSubmatch(node.Value); m != nil && (m[2] != "" || m[3] != "") {
			a.image(m[1], m[2], m[3])
		}
		return
	case yaml.MappingNode:
		a.apart(node)
	}
	for _, below := range node.Content {
		a.walk(below)
	}
}

// apart takes an image whose parts are keys of their own, as kustomizations and
// the values of charts have them.
func (a *Artifacts) apart(node *yaml.Node) {
	values := map[string]string{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i+1].Kind == yaml.ScalarNode {
			values[node.Content[i].Value] = node.Content[i+1].Value
		}
	}
	name := values["name"]
	for _, key := range []string{"repository", "newName"} {
		if values[key] != "" {
			name = values[key]
		}
	}
	if registry := values["registry"]; registry != "" && values["repository"] != "" {
		name = registry + "/" + name
	}
	tag := values["tag"]
	if values["newTag"] != "" {
		tag = values["newTag"]
	}
	if name != "" && (tag != "" || values["digest"] != "") {
		a.image(name, tag, values["digest"])
	}
}

func (a *Artifacts) image(repository, tag, digest string) {
	found := promote.Image{Repository: promote.NormaliseImage(repository), Tag: tag, Digest: digest}
	if !slices.Contains(a.Images, found) {
		a.Images = append(a.Images, found)
	}
}
