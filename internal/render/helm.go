package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"

	"github.com/towpath/towpath/internal/directives"
)

// What the released command line says of itself to charts. Its Makefile derives
// the Kubernetes version from client-go, which the module alone does not.
const (
	HelmVersion = "v3.22.0"
	KubeVersion = "v1.37.0"
)

// helmTemplate renders a chart, and again in other circumstances where it uses
// what depends on them: a chart that draws, or that looks at the clock, would make
// every promotion differ.
func helmTemplate(r *reader, t directives.HelmTemplate) ([]byte, error) {
	source, err := readChart(r, t.Chart)
	if err != nil {
		return nil, err
	}
	valueFiles := make([][]byte, len(t.ValueFiles))
	for i, name := range t.ValueFiles {
		if valueFiles[i], err = r.file(name); err != nil {
			return nil, err
		}
	}
	var u uses
	render := func(v variation) (*rendering, error) {
		values, err := mergeValues(t, valueFiles)
		if err != nil {
			return nil, err
		}
		loaded, err := source.load()
		if err != nil {
			return nil, err
		}
		if v == asWritten {
			u = usesOf(loaded, values)
		} else {
			v.apply(loaded, values, u)
		}
		return renderChart(loaded, values, t)
	}
	first, err := render(asWritten)
	if err != nil {
		return nil, err
	}
	for _, v := range u.variations() {
		again, err := render(v)
		if err != nil {
			return nil, fmt.Errorf("render once more: %w", err)
		}
		if name := differing(first.files, again.files); name != "" {
			return nil, &RefusedError{name, "template", "it prints something else every time (random, generated, by the clock, or in the order of a map)"}
		}
	}
	return first.print(t)
}

// differing returns the first file that is not the same in both.
func differing(a, b map[string]string) string {
	var names []string
	for name := range a {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

// mergeValues is what --values and then --set come to.
func mergeValues(t directives.HelmTemplate, files [][]byte) (map[string]any, error) {
	values := map[string]any{}
	for i, data := range files {
		var more map[string]any
		if err := yaml.Unmarshal(data, &more); err != nil {
			return nil, fmt.Errorf("%s is not a mapping in YAML", t.ValueFiles[i])
		}
		values = mergeMaps(values, more)
	}
	return mergeMaps(values, t.Values), nil
}

// mergeMaps returns a map of its own, down to the leaves.
func mergeMaps(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		if sub, ok := v.(map[string]any); ok {
			below, _ := out[k].(map[string]any)
			v = mergeMaps(below, sub)
		}
		out[k] = v
	}
	return out
}

// rendering is what the templates of a chart printed.
type rendering struct {
	chart *chart.Chart
	files map[string]string // by template, notes left out
}

func renderChart(c *chart.Chart, values map[string]any, t directives.HelmTemplate) (*rendering, error) {
	if err := installable(c); err != nil {
		return nil, err
	}
	if err := refuseSchemas(c, t.Chart); err != nil {
		return nil, err
	}
	capabilities, err := capabilities(t)
	if err != nil {
		return nil, err
	}
	if want := c.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, capabilities.KubeVersion.String()) {
		return nil, fmt.Errorf("the chart wants Kubernetes %s, which %s is not; `kubeVersion` sets another", want, capabilities.KubeVersion.String())
	}
	if err := chartutil.ValidateReleaseName(t.Release); err != nil {
		return nil, fmt.Errorf("release %q: %w", t.Release, err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, values); err != nil {
		return nil, err
	}
	namespace := t.Namespace
	if namespace == "" {
		namespace = "default"
	}
	options := chartutil.ReleaseOptions{Name: t.Release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, options, capabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{}.Render(c, all) // without a client `lookup` is empty, and DNS is off
	if err != nil {
		return nil, err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	return &rendering{c, files}, nil
}

func capabilities(t directives.HelmTemplate) (*chartutil.Capabilities, error) {
	c := chartutil.DefaultCapabilities.Copy()
	c.HelmVersion.Version = HelmVersion
	version := t.KubeVersion
	if version == "" {
		version = KubeVersion
	}
	parsed, err := chartutil.ParseKubeVersion(version)
	if err != nil {
		return nil, fmt.Errorf("kubeVersion %q: %w", version, err)
	}
	c.KubeVersion = *parsed
	c.APIVersions = slices.Concat(c.APIVersions, t.APIVersions)
	return c, nil
}

// installable refuses libraries, and charts whose dependencies are not there.
func installable(c *chart.Chart) error {
	if kind := c.Metadata.Type; kind != "" && kind != "application" {
		return fmt.Errorf("a chart of type %s can not be rendered", kind)
	}
	var missing []string
	for _, want := range c.Metadata.Dependencies {
		there := slices.ContainsFunc(c.Dependencies(), func(d *chart.Chart) bool { return d.Name() == want.Name })
		if !there {
			missing = append(missing, want.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the dependencies %s are not in charts/", strings.Join(missing, ", "))
	}
	return nil
}

// print returns the manifests in the order of `helm template`: custom resource
// definitions, then resources in the order of installation, then hooks.
func (r *rendering) print(t directives.HelmTemplate) ([]byte, error) {
	hooks, manifests, err := releaseutil.SortManifests(r.files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if t.IncludeCRDs {
		for _, crd := range r.chart.CRDObjects() {
			fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", crd.Filename, crd.File.Data)
		}
	}
	for _, m := range manifests {
		fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	text := strings.TrimSpace(out.String()) + "\n"
	out.Reset()
	out.WriteString(text)
	for _, h := range hooks {
		if !t.SkipTests || !slices.Contains(h.Events, release.HookTest) {
			fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", h.Path, h.Manifest)
		}
	}
	return out.Bytes(), nil
}

// chartSource is a chart as files, to be loaded more than once: rendering
// changes a loaded chart.
type chartSource struct {
	archive []byte // a packed chart
	files   []*loader.BufferedFile
}

func (s chartSource) load() (*chart.Chart, error) {
	var c *chart.Chart
	var err error
	if s.archive != nil {
		c, err = loader.LoadArchive(bytes.NewReader(s.archive))
	} else {
		c, err = loader.LoadFiles(s.files)
	}
	if err != nil {
		return nil, fmt.Errorf("load the chart: %w", err)
	}
	sortDependencies(c)
	return c, nil
}

// sortDependencies puts charts in charts/ into an order. Helm loads them in that of
// a map, in which their definitions of custom resources are then printed.
func sortDependencies(c *chart.Chart) {
	all := slices.Clone(c.Dependencies())
	slices.SortStableFunc(all, func(a, b *chart.Chart) int {
		return cmp.Or(strings.Compare(a.Name(), b.Name()), strings.Compare(a.Metadata.Version, b.Metadata.Version))
	})
	c.SetDependencies(all...)
	for _, d := range all {
		sortDependencies(d)
	}
}

func readChart(r *reader, name string) (chartSource, error) {
	dir, err := directives.Resolve(r.tree, name)
	if err != nil {
		return chartSource{}, err
	}
	info, err := fs.Lstat(r.tree, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return chartSource{}, fmt.Errorf("there is no chart %s", name)
	}
	if err != nil {
		return chartSource{}, err
	}
	if !info.IsDir() {
		archive, err := r.file(dir)
		if err != nil {
			return chartSource{}, err
		}
		return chartSource{archive: archive}, newUnpacking().archive(name, archive)
	}
	w := chartWalker{reader: r, root: dir}
	if w.rules, err = ignoreRules(r, path.Join(dir, ".helmignore")); err != nil {
		return chartSource{}, fmt.Errorf(".helmignore: %w", err)
	}
	if err := w.walk(".", 0); err != nil {
		return chartSource{}, err
	}
	return chartSource{files: w.files}, newUnpacking().packed(name, w.files)
}
