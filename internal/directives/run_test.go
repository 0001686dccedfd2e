package directives

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// printer is a renderer that prints files of the workspace as they are.
type printer struct{}

func (printer) Kustomize(_ context.Context, tree fs.FS, b KustomizeBuild) ([]byte, error) {
	return fs.ReadFile(tree, b.Path)
}

func (printer) Helm(_ context.Context, tree fs.FS, h HelmTemplate) ([]byte, error) {
	return fs.ReadFile(tree, h.Chart)
}

func render(name, output, layout string) App {
	return App{Name: name, Kustomize: &KustomizeBuild{Path: name}, Output: output, Layout: layout}
}

func runFiles(t *testing.T, files map[string]string, p Program, current fs.FS) (*Result, error) {
	t.Helper()
	source := fstest.MapFS{}
	for name, text := range files {
		source[name] = file(text)
	}
	env := envOf(source)
	env.Renderer = printer{}
	p.Steps = append([]Step{{Index: 1, Position: "pipeline.yaml:3:5", Directive: Copy{From: ".", To: "."}}}, p.Steps...)
	return Run(t.Context(), p, env, current)
}

const (
	deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: Web\n  namespace: prod\n"
	service    = "# Source: x\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
	role       = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: \"system:web\"}\n"
	settings   = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
	ingressA   = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n"
	ingressB   = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: web}\n"
	gateway    = "apiVersion: v1\nkind: Ingress\nmetadata: {name: web}"
)

// R3: each application into its own output, one file per resource or one file;
// every file has the bytes that the renderer printed.
func TestLayouts(t *testing.T) {
	stream := "---\n" + deployment + "---\n" + service + "---\n# nothing\n---\n" + role + "--- # behind\n" + settings
	for name, test := range map[string]struct {
		apps  []App
		want  map[string]string
		count int
	}{
		"files": {[]App{render("a", ".", "files")}, map[string]string{
			"prod-deployment-web.yaml": deployment, "service-web.yaml": service,
			"clusterrole-system_web.yaml": role, "configmap-settings.yaml": "--- # behind\n" + settings,
		}, 4},
		"single":                {[]App{render("a", "out/put", "single")}, map[string]string{"out/put/all.yaml": stream}, 4},
		"files is the default":  {[]App{render("b", "m", "")}, map[string]string{"m/service-web.yaml": service}, 1},
		"several applications":  {[]App{render("b", "x", "files"), render("b", "y", "single")}, map[string]string{"x/service-web.yaml": service, "y/all.yaml": service}, 2},
		"the group tells apart": {[]App{render("c", ".", "files")}, map[string]string{"ingress.networking.k8s.io-web.yaml": ingressA, "ingress.extensions-web.yaml": ingressB, "ingress-web.yaml": gateway}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"a": stream, "b": service, "c": ingressA + "---\n" + ingressB + "---\n" + gateway}
			result, err := runFiles(t, files, Program{Render: test.apps}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if result.Resources != test.count {
				t.Errorf("%d resources, want %d", result.Resources, test.count)
			}
			for path, want := range test.want {
				compareFile(t, result.Tree, path, []byte(want))
			}
			wantOnly(t, result.Tree, test.want)
		})
	}
}

func wantOnly[V any](t *testing.T, tree fs.FS, want map[string]V) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if _, wanted := want[name]; err == nil && !entry.IsDir() && !wanted {
			t.Errorf("there is a file %s", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRenderingsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		printed string
		apps    []App
		want    string
	}{
		"zero bytes (P10)":     {"", []App{render("a", ".", "files")}, "render a (kustomize a): the rendering is empty; `allowEmpty` permits that"},
		"zero resources (P10)": {"---\n# nothing\n---\n", []App{render("a", ".", "single")}, "render a (kustomize a): the rendering is empty; `allowEmpty` permits that"},
		"one path twice (R3)":  {service + "---\n" + service, []App{render("a", ".", "files")}, "lay out the rendered files: Service web, document 1 (x) of application a, and Service web, document 2 (x) of application a, would both be the file service-web.yaml"},
		"names that differ only in case": {service + "---\n" + strings.Replace(service, "web", "WEB", 1), []App{render("a", ".", "files")},
			"lay out the rendered files: Service web, document 1 (x) of application a, and Service WEB, document 2 (x) of application a, would both be the file service-web.yaml"},
		"two applications on one path": {service, []App{render("a", ".", "single"), render("a", ".", "single")},
			"lay out the rendered files: the application a and the application a would both be the file all.yaml"},
		"a file that is a directory": {service, []App{render("a", ".", "single"), render("a", "all.yaml", "single")},
			"lay out the rendered files: the application a would be the file all.yaml, which is a directory of other outputs"},
		"no kind":               {"a: 1\n", []App{render("a", ".", "files")}, `render a (kustomize a): document 1 has no apiVersion and kind`},
		"no kind, of a chart":   {"# Source: c/templates/a.yaml\npassword: x\n", []App{render("a", ".", "files")}, "render a (kustomize a): document 1 (c/templates/a.yaml) has no apiVersion and kind"},
		"no YAML":               {"a: [\n", []App{render("a", ".", "files")}, "render a (kustomize a): document 1 is not YAML: line 1: did not find expected node content"},
		"a name with a slash":   {"apiVersion: v1\nkind: X\nmetadata: {name: ../../x}\n", []App{render("a", ".", "files")}, `render a (kustomize a): document 1, "X" "../../x": "../../x" can not be part of a file name`},
		"a kind with a slash":   {"apiVersion: v1\nkind: ../X\nmetadata: {name: x}\n", []App{render("a", ".", "files")}, `render a (kustomize a): document 1, "../X" "x": "../X" can not be part of a file name`},
		"a name with a NUL":     {"apiVersion: v1\nkind: X\nmetadata: {name: \"a\\0b\"}\n", []App{render("a", ".", "files")}, `render a (kustomize a): document 1, "X" "a\x00b": "a\x00b" can not be part of a file name`},
		"a name that is long":   {"apiVersion: v1\nkind: X\nmetadata: {name: " + strings.Repeat("x", 300) + "}\n", []App{render("a", ".", "files")}, `render a (kustomize a): document 1: the file name "x-` + strings.Repeat("x", 58) + `"… would be too long`},
		"an output that leaves": {service, []App{render("a", "../x", "files")}, `render a (kustomize a): the path "../x" is not clean, or leaves the tree`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runFiles(t, map[string]string{"a": test.printed}, Program{Render: test.apps}, nil)
			if err == nil || err.Error() != test.want {
				t.Errorf("the error is\n%v\nwant\n%s", err, test.want)
			}
		})
	}
}

func TestEmptyResultsAreAllowedWhenTheProgramSaysSo(t *testing.T) {
	p := Program{Render: []App{render("a", ".", "files")}, AllowEmpty: true}
	if _, err := runFiles(t, map[string]string{"a": ""}, p, nil); err != nil {
		t.Error(err)
	}
	if _, err := runFiles(t, nil, Program{AllowEmpty: true}, nil); err != nil {
		t.Error(err)
	}
	if _, err := runFiles(t, nil, Program{}, nil); err == nil {
		t.Error("an empty workspace is no error")
	}
}

// P11: the error says which directive, and carries its place in the configuration.
func TestFailedDirectiveIsNamed(t *testing.T) {
	p := Program{Steps: []Step{{Index: 5, Position: "pipeline.yaml:9:7", Directive: Kustomize{Path: "overlay"}}}}
	_, err := runFiles(t, map[string]string{"overlay/x": ""}, p, nil)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Index != 5 || failed.Kind != "kustomize" || failed.Path != "overlay" || failed.Position != "pipeline.yaml:9:7" {
		t.Fatalf("the error is %#v", err)
	}
	if got, want := err.Error(), "directive 5 (kustomize overlay): no kustomization file in overlay"; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
}

// What is preserved comes from the branch as it is, lazily, over what was made;
// nothing else of the branch stays (P2).
func TestPreservedFilesComeFromTheBranch(t *testing.T) {
	current := gitTree{MapFS: fstest.MapFS{
		".github/workflows/ci.yml": file("ci"), "CODEOWNERS": file("branch"), "docs/CODEOWNERS": file("no"),
		"old": file("old"), "a/keep/x": file("x"), "bin/tool": {Data: []byte("x"), Mode: 0o755},
		"link": {Data: []byte("old"), Mode: fs.ModeSymlink | 0o777},
	}}
	p := Program{Preserve: []string{".github/**", "CODEOWNERS", "**/keep/*", "bin/*", "link", "none/**"}}
	result, err := runFiles(t, map[string]string{"CODEOWNERS": "made", "new": "new"}, p, current)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		".github/workflows/ci.yml": "id of .github/workflows/ci.yml", "CODEOWNERS": "id of CODEOWNERS",
		"a/keep/x": "id of a/keep/x", "bin/tool": "id of bin/tool", "link": "id of link", "new": "",
	} {
		if got := idOf(t, result.Tree, name); got != want {
			t.Errorf("%s has the id %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"old", "docs/CODEOWNERS"} {
		if _, err := result.Tree.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := runFiles(t, map[string]string{"a": "1"}, Program{Preserve: []string{"[a"}}, current); err == nil {
		t.Error("a malformed glob is no error")
	}
}
