package render

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

func tree(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return out
}

// trap is an address that nobody may connect to.
func trap(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Error("somebody connected")
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

// tripwires puts programs into PATH that a rendering might start, and what kustomize
// and Helm look for into HOME. None of it may be touched; besides, the tests'
// children die of opening, dialling or starting anything.
func tripwires(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	touched := filepath.Join(home, "touched")
	for _, name := range []string{"git", "helm", "helmV3", "sh", "docker", "kustomize", "plugin/acme.example/v1/plugin/Plugin"} {
		file := filepath.Join(home, "bin", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\n: >"+touched+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(home, "bin"))
	t.Setenv("HOME", home)
	t.Setenv("KUSTOMIZE_PLUGIN_HOME", filepath.Join(home, "bin", "plugin"))
	t.Cleanup(func() {
		if _, err := os.Stat(touched); err == nil {
			t.Error("a program was started")
		}
	})
}

// R1: what would be fetched or run is refused before it is tried, with the file
// and the entry.
func TestKustomizeNeverLeavesTheTree(t *testing.T) {
	host := trap(t)
	tripwires(t)
	pool := newPool(t, Limits{})
	const resource = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	for name, test := range map[string]struct {
		kustomization string
		entry         string
	}{
		"base over https":         {"resources: ['https://HOST/base']", "https://HOST/base"},
		"base in capitals":        {"resources: ['HTTPS://HOST/base']", "HTTPS://HOST/base"},
		"field in capitals":       {"Resources: ['http://HOST/base']", "http://HOST/base"},
		"old field":               {"bases: ['http://HOST/base']", "http://HOST/base"},
		"ssh":                     {"resources: ['ssh://git@HOST/acme/base']", "ssh://git@HOST/acme/base"},
		"scp":                     {"resources: ['git@HOST:acme/base']", "git@HOST:acme/base"},
		"other user":              {"resources: ['someone@HOST:acme/base//x?ref=v1']", "someone@HOST:acme/base//x?ref=v1"},
		"forced git":              {"resources: ['git::https://HOST/acme/base']", "git::https://HOST/acme/base"},
		"file":                    {"resources: ['file:///etc']", "file:///etc"},
		"github":                  {"resources: [github.com/acme/base]", "github.com/acme/base"},
		"github in capitals":      {"resources: ['GitHub.com:acme/base']", "GitHub.com:acme/base"},
		"a directory of the name": {"resources: [github.com/acme/here]", "github.com/acme/here"},
		"out of the tree":         {"resources: ['../../p']", "../../p"},
		"far out of the tree":     {"resources: ['../../../../../etc']", "../../../../../etc"},
		"absolute base":           {"resources: [/o/c]", "/o/c"},
		"absolute file":           {"resources: [/o/r.yaml]", "/o/r.yaml"},
		"absolute patch":          {"resources: [r.yaml]\npatches: [{path: /o/r.yaml}]", "/o/r.yaml"},
		"absolute generator file": {"configMapGenerator: [{name: c, files: [k=/etc/passwd]}]", "/etc/passwd"},
		"component out of it":     {"components: ['../../c']", "../../c"},
		"schema out of it":        {"resources: [r.yaml]\nopenapi: {path: ../../s.json}", "../../s.json"},
		"transformer out of it":   {"resources: [r.yaml]\ntransformers: ['../../t']", "../../t"},
		"with a ref":              {"resources: ['https://HOST/acme/base//deploy?ref=v1&timeout=5s']", "https://HOST/acme/base//deploy?ref=v1&timeout=5s"},
		"github with a ref":       {"resources: ['github.com/acme/base//deploy?ref=v1']", "github.com/acme/base//deploy?ref=v1"},
		"forced git over ssh":     {"resources: ['git::ssh://git@HOST/acme/base']", "git::ssh://git@HOST/acme/base"},
		"forced git, scp":         {"resources: ['git::git@HOST:acme/base']", "git::git@HOST:acme/base"},
		"git":                     {"resources: ['git://HOST/acme/base']", "git://HOST/acme/base"},
		"OCI":                     {"resources: ['oci://HOST/acme/base']", "oci://HOST/acme/base"},
		"S3":                      {"resources: ['s3::https://HOST/bucket/base']", "s3::https://HOST/bucket/base"},
		"Azure's form":            {"resources: ['https://HOST/acme/_git/base']", "https://HOST/acme/_git/base"},
		"local clone":             {"resources: ['file:///work/.git//base']", "file:///work/.git//base"},
		"patch in a component":    {"components: [c]", "http://HOST/c.yaml"},
		"component":               {"components: ['https://HOST/c']", "https://HOST/c"},
		"crd":                     {"resources: [r.yaml]\ncrds: ['http://HOST/crd.json']", "http://HOST/crd.json"},
		"configuration":           {"resources: [r.yaml]\nconfigurations: ['http://HOST/c.yaml']", "http://HOST/c.yaml"},
		"patch":                   {"resources: [r.yaml]\npatches: [{path: 'http://HOST/p.yaml'}]", "http://HOST/p.yaml"},
		"old patch":               {"resources: [r.yaml]\npatchesStrategicMerge: ['http://HOST/p.yaml']", "http://HOST/p.yaml"},
		"JSON patch":              {"resources: [r.yaml]\npatchesJson6902: [{path: 'http://HOST/p.yaml', target: {version: v1, kind: ConfigMap, name: a}}]", "http://HOST/p.yaml"},
		"replacement":             {"resources: [r.yaml]\nreplacements: [{path: 'http://HOST/p.yaml'}]", "http://HOST/p.yaml"},
		"generator file":          {"configMapGenerator: [{name: c, files: ['http://HOST/f']}]", "http://HOST/f"},
		"named generator file":    {"secretGenerator: [{name: c, files: ['k=http://HOST/f']}]", "http://HOST/f"},
		"generator environment":   {"configMapGenerator: [{name: c, envs: ['http://HOST/f']}]", "http://HOST/f"},
		"old environment":         {"configMapGenerator: [{name: c, env: 'http://HOST/f'}]", "http://HOST/f"},
		"schema":                  {"resources: [r.yaml]\nopenapi: {path: 'http://HOST/s.json'}", "http://HOST/s.json"},
		"generator":               {"generators: ['http://HOST/g.yaml']", "http://HOST/g.yaml"},
		"transformer":             {"resources: [r.yaml]\ntransformers: ['git@HOST:acme/t']", "git@HOST:acme/t"},
		"validator":               {"resources: [r.yaml]\nvalidators: ['https://HOST/t']", "https://HOST/t"},
		"builtin with an address": {"resources: [r.yaml]\ntransformers: [patch.yaml]", "http://HOST/p.yaml"},
		"builtin that was built":  {"resources: [r.yaml]\ntransformers: [built]", "http://HOST/built.yaml"},
		"nested":                  {"resources: [nested]", "https://HOST/deep"},
		"charts":                  {"helmCharts: [{name: redis, repo: 'https://HOST'}]", "redis"},
		"old charts":              {"helmChartInflationGenerator: [{chartName: redis}]", "redis"},
		"charts as a generator":   {"generators: [chart.yaml]", "HelmChartInflationGenerator"},
		"exec function":           {"resources: [r.yaml]\ntransformers: [exec.yaml]", "Exec"},
		"container function":      {"generators:\n- |-\n  apiVersion: acme.example/v1\n  kind: Container\n  metadata:\n    name: x\n    annotations: {config.kubernetes.io/function: 'container: {image: x}'}", "Container"},
		"exec generator":          {"generators: [exec.yaml]", "Exec"},
		"exec validator":          {"resources: [r.yaml]\nvalidators: [exec.yaml]", "Exec"},
		"legacy exec annotation":  {"resources: [r.yaml]\ntransformers:\n- |-\n  apiVersion: acme.example/v1\n  kind: Old\n  metadata: {name: x, annotations: {config.k8s.io/function: 'exec: {path: ./x.sh}'}}", "Old"},
		"starlark function":       {"resources: [r.yaml]\ntransformers:\n- |-\n  apiVersion: acme.example/v1\n  kind: Star\n  metadata: {name: x, annotations: {config.kubernetes.io/function: 'starlark: {url: \"http://HOST/x.star\"}'}}", "Star"},
		"plugin by its kind":      {"generators:\n- |-\n  apiVersion: acme.example/v1\n  kind: Plugin\n  metadata: {name: x}", "Plugin"},
		"plugin in a list":        {"generators: [list.yaml]", "Plugin"},
	} {
		t.Run(name, func(t *testing.T) {
			at := func(text string) string { return strings.ReplaceAll(text, "HOST", host) }
			files := tree(map[string]string{
				"o/kustomization.yaml": at(test.kustomization), "o/r.yaml": resource,
				"o/github.com/acme/here/kustomization.yaml": "resources: []",
				"o/c/kustomization.yaml":                    at("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: 'http://HOST/c.yaml', target: {kind: ConfigMap}}]"),
				"o/nested/kustomization.yaml":               "resources: [deeper]",
				"o/nested/deeper/kustomization.yml":         at("components: ['https://HOST/deep']"),
				"o/patch.yaml":                              at("apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\nPath: http://HOST/p.yaml\n"),
				"o/built/kustomization.yaml":                at("resources: [patch.yaml]\npatches:\n- patch: |-\n    - {op: replace, path: /path, value: 'http://HOST/built.yaml'}\n  target: {kind: PatchTransformer}\n"),
				"o/built/patch.yaml":                        "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: r.yaml\n",
				"o/chart.yaml":                              "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: c}\nname: redis\n",
				"o/exec.yaml":                               "apiVersion: acme.example/v1\nkind: Exec\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: ./x.sh}'}}\n",
				"o/list.yaml":                               "apiVersion: v1\nkind: List\nitems: [{apiVersion: acme.example/v1, kind: Plugin, metadata: {name: x}}]\n",
			})
			_, err := pool.Kustomize(t.Context(), files, directives.KustomizeBuild{Path: "o"})
			var refused *RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("the error is %v", err)
			}
			if refused.Entry != at(test.entry) || !strings.HasPrefix(refused.File, "o/") {
				t.Errorf("refused is %q of %q, want %q", refused.Entry, refused.File, at(test.entry))
			}
		})
	}
}

// What looks like an address and is none must still work.
func TestAddressesInTextAreNoEntries(t *testing.T) {
	files := tree(map[string]string{
		"o/kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |-
    - {op: add, path: /data, value: {url: "https://acme.example/x@y"}}
  target: {kind: ConfigMap}
patchesStrategicMerge:
- |-
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: a, annotations: {"mail": "a@b", home: "https://acme.example"}}
configMapGenerator:
- name: c
  literals: [home=https://acme.example]
transformers:
- |-
  apiVersion: builtin
  kind: AnnotationsTransformer
  metadata: {name: x}
  annotations: {home: "https://acme.example"}
  fieldSpecs: [{path: metadata/annotations, create: true}]
`,
		"o/r.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	})
	if _, err := New(Limits{}).Kustomize(t.Context(), files, directives.KustomizeBuild{Path: "o"}); err != nil {
		t.Error(err)
	}
}

func TestKustomizeReadsNothingOutside(t *testing.T) {
	files := tree(map[string]string{
		"o/kustomization.yaml": "configMapGenerator: [{name: c, files: [link]}]",
		"p/kustomization.yaml": "configMapGenerator: [{name: c, files: [/etc/hostname]}]",
		"q/kustomization.yaml": "configMapGenerator: [{name: c, files: [../o/kustomization.yaml]}]",
	})
	files["o/link"] = &fstest.MapFile{Data: []byte("/etc/hostname"), Mode: fs.ModeSymlink | 0o777}
	for _, dir := range []string{"o", "p", "q", "none", "../x"} {
		if out, err := New(Limits{}).Kustomize(t.Context(), files, directives.KustomizeBuild{Path: dir}); err == nil {
			t.Errorf("%s prints %s", dir, out)
		}
	}
}

func chartWith(files map[string]string) fstest.MapFS {
	out := tree(map[string]string{"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"})
	for name, text := range files {
		out["c/"+name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return out
}

func TestChartsThatAreRefused(t *testing.T) {
	host := trap(t)
	tripwires(t)
	pool := newPool(t, Limits{})
	manifest := func(value string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: '" + value + "'}\n"
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"random":                    {map[string]string{"templates/a.yaml": manifest("{{ randAlphaNum 10 }}")}, `c/templates/a.yaml: "template" is refused: it prints something else every time`},
		"certificate":               {map[string]string{"templates/a.yaml": manifest(`{{ (genCA "x" 1).Cert | b64enc }}`)}, "c/templates/a.yaml"},
		"clock":                     {map[string]string{"templates/a.yaml": manifest("{{ now }}")}, "c/templates/a.yaml"},
		"clock, coarse":             {map[string]string{"templates/a.yaml": manifest(`{{ now | date "2006" }}`)}, "c/templates/a.yaml"},
		"clock, field":              {map[string]string{"templates/a.yaml": manifest(`{{ if true }}{{ with now.Year }}{{ . }}{{ end }}{{ end }}`)}, "c/templates/a.yaml"},
		"clock, helper":             {map[string]string{"templates/_h.tpl": `{{ define "t" }}{{ date "2006" (now) }}{{ end }}`, "templates/a.yaml": manifest(`{{ include "t" . }}`)}, "c/templates/a.yaml"},
		"remote schema":             {map[string]string{"values.schema.json": `{"properties": {"a": {"$ref": "http://` + host + `/s.json"}}}`}, `values.schema.json: "http://` + host + `/s.json" is refused`},
		"schema on disk":            {map[string]string{"values.schema.json": `{"$ref": "file:///etc/x.json"}`}, "is refused"},
		"relative schema":           {map[string]string{"values.schema.json": `{"$id": "http://` + host + `/", "allOf": [{"$ref": "s.json"}]}`}, `"s.json" is refused`},
		"schema of schemas":         {map[string]string{"values.schema.json": `{"$schema": "http://` + host + `/meta"}`}, "is refused"},
		"remote schema below":       {map[string]string{"charts/d/Chart.yaml": "apiVersion: v2\nname: d\nversion: 0.1.0\n", "charts/d/values.schema.json": `{"$dynamicRef": "http://` + host + `/s.json"}`}, "c/charts/d/values.schema.json"},
		"values against the schema": {map[string]string{"values.schema.json": `{"required": ["a"]}`}, "missing property 'a'"},
		"missing dependency":        {map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'http://" + host + "'}]\n"}, "the dependencies redis are not in charts/"},
		"library":                   {map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\ntype: library\n"}, "a chart of type library can not be rendered"},
		"Kubernetes version":        {map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\nkubeVersion: '<1.30'\n"}, "the chart wants Kubernetes <1.30"},
		"broken template":           {map[string]string{"templates/a.yaml": "{{ nope }}"}, `function "nope" not defined`},
		"failing template":          {map[string]string{"templates/a.yaml": `{{ fail "not like this" }}`}, "not like this"},
		"endless include":           {map[string]string{"templates/a.yaml": `{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`}, "nested reference name"},
		"no YAML":                   {map[string]string{"templates/a.yaml": "a: [\n"}, "YAML parse error on c/templates/a.yaml"},
		"no chart":                  {map[string]string{"Chart.yaml": ""}, "load the chart"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pool.Helm(t.Context(), chartWith(test.files), directives.HelmTemplate{Chart: "c", Release: "r"})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
		})
	}
}

// What a chart would draw only where nobody asks for it does no harm.
func TestUnusedRandomnessIsFine(t *testing.T) {
	files := chartWith(map[string]string{"templates/a.yaml": `
{{- $_ := set .Values "seen" true }}
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Values.name | default (randAlphaNum 3) | trunc 1 | replace "x" "x" }}"}
data: {seen: "{{ .Values.seen }}", known: "know now"}
`})
	template := directives.HelmTemplate{Chart: "c", Release: "r", Values: map[string]any{"name": "x"}}
	out, err := New(Limits{}).Helm(t.Context(), files, template)
	if err != nil || !strings.Contains(string(out), `known: "know now"`) {
		t.Errorf("%s\n%v", out, err)
	}
	if len(template.Values) != 1 {
		t.Errorf("the caller's values are now %v", template.Values)
	}
}

// R2: size and time have bounds.
func TestRenderingIsBounded(t *testing.T) {
	big := chartWith(map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: '{{ repeat 100000 \"x\" }}'}\n"})
	if _, err := New(Limits{Output: 1000}).Helm(t.Context(), big, directives.HelmTemplate{Chart: "c", Release: "r"}); err == nil || !strings.Contains(err.Error(), "more than the 1000 allowed") {
		t.Errorf("output: %v", err)
	}
	if _, err := New(Limits{Input: 10}).Helm(t.Context(), big, directives.HelmTemplate{Chart: "c", Release: "r"}); !errors.Is(err, errTooMuchInput) {
		t.Errorf("input: %v", err)
	}
	slow := chartWith(map[string]string{"templates/a.yaml": "{{ range until 20000 }}{{ range until 100 }}{{ end }}{{ end }}"})
	if _, err := New(Limits{Time: time.Millisecond}).Helm(t.Context(), slow, directives.HelmTemplate{Chart: "c", Release: "r"}); err == nil || !strings.Contains(err.Error(), "longer than 1ms") {
		t.Errorf("time: %v", err)
	}
	loop := chartWith(map[string]string{"templates/a.yaml": "a: 1\n"})
	loop["c/templates/loop"] = &fstest.MapFile{Data: []byte("."), Mode: fs.ModeSymlink | 0o777}
	if _, err := New(Limits{}).Helm(t.Context(), loop, directives.HelmTemplate{Chart: "c", Release: "r"}); err == nil {
		t.Error("a loop of directories is no error")
	}
}

func TestPanicsAreErrors(t *testing.T) {
	_, err := New(Limits{}).Kustomize(t.Context(), panicking{}, directives.KustomizeBuild{Path: "o"})
	if err == nil || !strings.Contains(err.Error(), "the renderer panicked: boom") {
		t.Errorf("the error is %v", err)
	}
}

type panicking struct{}

func (panicking) Open(string) (fs.File, error)      { panic("boom") }
func (panicking) Lstat(string) (fs.FileInfo, error) { panic("boom") }
func (panicking) ReadLink(string) (string, error)   { panic("boom") }

// A kustomization with a schema of its own does not disturb its neighbours.
func TestSchemasDoNotMix(t *testing.T) {
	widget := "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w}\nspec: {parts: [{name: a, size: 1}]}\n"
	patch := "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w}\nspec: {parts: [{name: b, size: 2}]}\n"
	schema := `{"definitions": {"w": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"parts": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}, "x-kubernetes-group-version-kind": [{"group": "acme.example", "kind": "Widget", "version": "v1"}]}}}`
	with := tree(map[string]string{"o/kustomization.yaml": "resources: [w.yaml]\npatches: [{path: p.yaml}]\nopenapi: {path: s.json}\n", "o/w.yaml": widget, "o/p.yaml": patch, "o/s.json": schema})
	without := tree(map[string]string{"o/kustomization.yaml": "resources: [w.yaml]\npatches: [{path: p.yaml}]\n", "o/w.yaml": widget, "o/p.yaml": patch})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			files, parts := without, 1
			if i%2 == 0 {
				files, parts = with, 2
			}
			out, err := New(Limits{}).Kustomize(t.Context(), files, directives.KustomizeBuild{Path: "o"})
			if got := strings.Count(string(out), "size:"); err != nil || got != parts {
				t.Errorf("%d parts, want %d: %v", got, parts, err)
			}
		})
	}
	wait.Wait()
}
