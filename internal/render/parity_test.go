package render

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/towpath/towpath/internal/directives"
)

const material = "../../testdata/render"

// commandLine finds a tool that scripts/tools.sh installs.
func commandLine(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("TOWPATH_TOOLS"), "../../bin"} {
		if found, err := filepath.Abs(filepath.Join(dir, name)); dir != "" && err == nil {
			if _, err := os.Stat(found); err == nil {
				return found
			}
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is not installed; run scripts/tools.sh", name)
	}
	return found
}

// printed runs a tool in a directory and returns what it prints.
func printed(t *testing.T, dir, tool string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(commandLine(t, tool), args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG=/dev/null", "HELM_NAMESPACE=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", tool, args, err, stderr.Bytes())
	}
	return out
}

// R1: the bytes of `kustomize build`.
func TestKustomizePrintsWhatTheCommandLinePrints(t *testing.T) {
	pool := newPool(t, Limits{})
	for name, args := range map[string]string{"overlay": "overlay", "kinds": "overlay", "schema": "overlay", "links": "overlay", "plugins": "overlay"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(material, "kustomize", name)
			want := printed(t, dir, "kustomize", "build", args)
			got, err := pool.Kustomize(t.Context(), os.DirFS(dir), directives.KustomizeBuild{Path: args})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, want)
		})
	}
}

// R1: the bytes of `helm template`.
func TestHelmPrintsWhatTheCommandLinePrints(t *testing.T) {
	pool := newPool(t, Limits{})
	shop := directives.HelmTemplate{Chart: "chart", Release: "r"}
	for name, test := range map[string]struct {
		dir    string
		change func(*directives.HelmTemplate)
		args   []string
	}{
		"defaults": {"shop", func(*directives.HelmTemplate) {}, nil},
		"values": {"shop", func(h *directives.HelmTemplate) {
			h.ValueFiles = []string{"values.yaml", "prod.yaml"}
		}, []string{"-f", "values.yaml", "-f", "prod.yaml"}},
		"set": {"shop", func(h *directives.HelmTemplate) {
			h.ValueFiles = []string{"values.yaml"}
			h.Values = map[string]any{"limit": 1000000, "image": map[string]any{"tag": "a,b=c{d}"}, "tags": map[string]any{"extras": true}}
		}, []string{"-f", "values.yaml", "--set", "limit=1000000", "--set-literal", "image.tag=a,b=c{d}", "--set", "tags.extras=true"}},
		"switches": {"shop", func(h *directives.HelmTemplate) {
			h.Namespace, h.KubeVersion, h.APIVersions, h.IncludeCRDs, h.SkipTests = "prod", "1.31.2", []string{"acme.example/v1"}, true, true
		}, []string{"-n", "prod", "--kube-version", "1.31.2", "-a", "acme.example/v1", "--include-crds", "--skip-tests"}},
		"packed": {"packed", func(h *directives.HelmTemplate) { h.Chart = "redis-0.1.0.tgz" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(material, "helm", test.dir)
			template := shop
			test.change(&template)
			want := printed(t, dir, "helm", append([]string{"template", template.Release, template.Chart}, test.args...)...)
			got, err := pool.Helm(t.Context(), os.DirFS(dir), template)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, want)
		})
	}
}

func compare(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("we print\n%s\nthe command line prints\n%s", got, want)
	}
}
