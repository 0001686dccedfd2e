package render

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// A whole program: what a directive pins is what the rendered files say.
func TestProgramIsRendered(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	program := directives.Program{
		Steps: []directives.Step{
			{Index: 1, Directive: directives.Copy{From: ".", To: "."}},
			{Index: 2, Directive: directives.Kustomize{Path: "overlay"}},
		},
		Render: []directives.App{{Kustomize: &directives.KustomizeBuild{Path: "overlay"}, Output: "manifests"}},
	}
	env := &directives.Env{
		Freight:  []promote.Freight{{Warehouse: "app", Images: []promote.Image{{Repository: "ghcr.io/acme/guestbook", Digest: digest}}}},
		Renderer: New(Limits{}),
		Source: func(context.Context, directives.SourceRef) (fs.FS, error) {
			return os.DirFS(filepath.Join(material, "kustomize", "overlay")), nil
		},
	}
	result, err := directives.Run(t.Context(), program, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(result.Tree, "manifests/prod-deployment-eu-web.yaml")
	if err != nil || !strings.Contains(string(data), "image: ghcr.io/acme/guestbook@"+digest) {
		t.Errorf("the deployment is\n%s\n%v", data, err)
	}
	if entries, err := fs.ReadDir(result.Tree, "manifests"); err != nil || len(entries) != result.Resources || result.Resources != 6 {
		t.Errorf("%d files, %d resources, %v", len(entries), result.Resources, err)
	}
}

func BenchmarkKustomize(b *testing.B) {
	Warm()
	files := tree(overlayOf(5))
	for b.Loop() {
		if _, err := New(Limits{}).Kustomize(b.Context(), files, directives.KustomizeBuild{Path: "overlay"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKustomize300Resources(b *testing.B) {
	Warm()
	files := tree(overlayOf(300))
	for b.Loop() {
		if _, err := New(Limits{}).Kustomize(b.Context(), files, directives.KustomizeBuild{Path: "overlay"}); err != nil {
			b.Fatal(err)
		}
	}
}

func overlayOf(resources int) map[string]string {
	files := map[string]string{"overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: x-\nimages: [{name: app, newTag: v2}]\n"}
	names := make([]string, resources)
	for i := range names {
		names[i] = fmt.Sprintf("r%d.yaml", i)
		files["base/"+names[i]] = fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: r%d}\nspec: {template: {spec: {containers: [{name: app, image: 'app:v1'}]}}}\n", i)
	}
	files["base/kustomization.yaml"] = "resources: [" + strings.Join(names, ", ") + "]\n"
	return files
}

func BenchmarkHelm(b *testing.B) {
	files := chartWith(map[string]string{
		"templates/_h.tpl": `{{ define "n" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}`,
		"templates/d.yaml": "{{ range until 5 }}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ include \"n\" $ }}-{{ . }}'}\n{{ end }}",
	})
	for b.Loop() {
		if _, err := New(Limits{}).Helm(b.Context(), files, directives.HelmTemplate{Chart: "c", Release: "r"}); err != nil {
			b.Fatal(err)
		}
	}
}

// R1: fifty times the same bytes, also at the same time, here and in children.
func TestRenderingsAreReproducible(t *testing.T) {
	pool := newPool(t, Limits{})
	same := func(name string, render func(directives.Renderer) ([]byte, error)) {
		t.Run(name, func(t *testing.T) {
			want, err := render(New(Limits{}))
			if err != nil {
				t.Fatal(err)
			}
			var wait sync.WaitGroup
			for i := range 50 {
				wait.Go(func() {
					renderer := directives.Renderer(pool)
					if i%5 == 0 {
						renderer = New(Limits{})
					}
					if got, err := render(renderer); err != nil || !bytes.Equal(got, want) {
						t.Errorf("%s\n%v, want\n%s", got, err, want)
					}
				})
			}
			wait.Wait()
		})
	}
	for _, files := range kustomizations(t) {
		same(files.name, func(r directives.Renderer) ([]byte, error) {
			return r.Kustomize(t.Context(), os.DirFS(files.dir), directives.KustomizeBuild{Path: files.path})
		})
	}
	before := ""
	for _, c := range nastyCharts(t) {
		if file, _, _ := strings.Cut(c.name, ":"); file != before && !c.fails {
			before = file
			same(c.name, func(r directives.Renderer) ([]byte, error) {
				return c.renderer(r).Helm(t.Context(), c.files, c.template)
			})
		}
	}
}

// kustomization is a directory of ours that can be built.
type kustomization struct{ name, dir, path string }

// kustomizations are those of the examples and of the test data.
func kustomizations(t *testing.T) (out []kustomization) {
	t.Helper()
	for _, root := range []string{filepath.Join(material, "kustomize"), "../../examples"} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && strings.EqualFold(strings.TrimSuffix(entry.Name(), filepath.Ext(name)), "kustomization") {
				dir := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(name), filepath.Clean(root)+string(filepath.Separator)))
				top, rest, found := strings.Cut(dir, "/")
				if !found {
					rest = "."
				}
				out = append(out, kustomization{filepath.Base(root) + "/" + dir, filepath.Join(root, top), rest})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
