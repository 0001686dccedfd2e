package config_test

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

func good(t *testing.T, name string) *config.Config {
	t.Helper()
	parsed, mistakes := parseTree(t, os.DirFS(corpus+"/ok/"+name))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return parsed
}

var freight = []promote.Freight{{
	Warehouse: "app", ID: strings.Repeat("a", 40), Alias: "bold-otter",
	Images: []promote.Image{
		{Repository: "ghcr.io/acme/guestbook", Tag: "1.4.2", Digest: "sha256:aabb"},
		{Repository: "ghcr.io/acme/web", Tag: "main-7", Digest: "sha256:ccdd"},
		{Repository: "ghcr.io/acme/api", Tag: "2.0.0", Digest: "sha256:eeff"},
		{Repository: "registry.local:5000/web", Tag: "7", Digest: "sha256:1122"},
		{Repository: "docker.io/library/nginx", Tag: "stable", Digest: "sha256:3344"},
	},
	Commits: []promote.Commit{{Repository: ".", ID: strings.Repeat("1", 40)}},
}, {
	Warehouse: "flags", ID: strings.Repeat("b", 40), Alias: "calm-heron",
	Commits: []promote.Commit{{Repository: ".", ID: strings.Repeat("2", 40)}},
}}

func TestStagesComeUpstreamFirst(t *testing.T) {
	p := good(t, "four-stages").Pipelines[0]
	var names []string
	for _, s := range p.Stages {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "test uat-a uat-b prod" {
		t.Errorf("stages in the order %s", got)
	}
	if p.ID() != "acme/deploy#guestbook" || p.File != "pipeline.yaml" || p.Position != "pipeline.yaml:2:7" {
		t.Errorf("pipeline %s of %s at %s", p.ID(), p.File, p.Position)
	}
}

func TestStageOfTheDomain(t *testing.T) {
	p := good(t, "four-stages").Pipelines[0]
	prod, _ := p.Stage("prod")
	want := promote.Stage{
		Name: "prod",
		Requests: []promote.Request{{
			Warehouse: "app", From: []string{"uat-a", "uat-b"},
			Availability: promote.Strategy{Kind: promote.All}, Soak: time.Hour,
		}},
		OnArrival: true,
		Target:    promote.Target{Repository: "acme/deploy", Branch: "stage/prod", Path: "."},
	}
	if !reflect.DeepEqual(prod, want) {
		t.Errorf("got %+v\nwant %+v", prod, want)
	}
	test, _ := p.Stage("test")
	gates := []promote.Gate{{
		Name: "e2e", Source: promote.FromCheck, Match: "e2e / smoke", Required: true, Owner: "@acme/qa",
		Within: 30 * time.Minute,
	}}
	if !reflect.DeepEqual(test.Gates, gates) || test.OnArrival {
		t.Errorf("gates %+v, on arrival %v", test.Gates, test.OnArrival)
	}
}

func TestWarehousesOfTheDomain(t *testing.T) {
	p := good(t, "two-warehouses").Pipelines[0]
	app := p.Warehouses[0]
	want := promote.ImageSubscription{
		Repository: "docker.io/library/nginx", Select: promote.SelectDigest, Constraint: "stable",
		Platform: "linux/arm64/v8", ByTag: true,
	}
	if !reflect.DeepEqual(app.Images, []promote.ImageSubscription{want}) {
		t.Errorf("images %+v", app.Images)
	}
	if git := app.Gits[0]; git.Repository != "." || git.Branch != "main" || !reflect.DeepEqual(git.Exclude, []string{"flags/**"}) {
		t.Errorf("git %+v", git)
	}
	if s := p.Warehouses[1]; s.Name != "flags" || len(s.Gits) != 1 {
		t.Errorf("second warehouse %+v", s)
	}
}

func TestPolicyOfTheDomain(t *testing.T) {
	policy := good(t, "four-stages").Policy
	write := promote.Right{Permission: "write"}
	for stage, want := range map[string]promote.StagePolicy{
		// A bare name is the one stage that has it.
		"test":  {Match: "guestbook/test", Position: "policy.yaml:3", Auto: true, Merge: promote.Merge{Auto: true, Method: "merge"}, Promote: write},
		"uat-b": {Match: "*/uat-?", Position: "policy.yaml:4", Auto: true, Merge: promote.Merge{Auto: true, Method: "squash"}, Promote: write, QueueNewer: true},
		"prod": {
			Match: "guestbook/prod", Position: "policy.yaml:5", Merge: promote.Merge{Method: "merge"}, Rights: map[string]string{"hold": "write"},
			Promote: promote.Right{Permission: "maintain", Users: []string{"octo"}, Teams: []string{"acme/sre"}},
		},
	} {
		if got := policy.For("guestbook", stage); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", stage, got, want)
		}
	}
}

func TestProgramWithFreight(t *testing.T) {
	p := good(t, "four-stages").Pipelines[0]
	program, err := p.Updates["uat-a"].Program(p.Scope("uat-a", freight))
	if err != nil {
		t.Fatal(err)
	}
	own := directives.SourceRef{Repository: "."}
	want := directives.Program{
		Steps: []directives.Step{
			{Index: 1, Position: "pipeline.yaml:16:13", Directive: directives.Copy{Source: own, From: "base", To: "base"}},
			{Index: 2, Position: "pipeline.yaml:17:13", Directive: directives.Copy{Source: own, From: "stages/uat-a", To: "overlay"}},
			{Index: 3, Position: "pipeline.yaml:18:13", Directive: directives.Kustomize{
				Path: "overlay", Images: []directives.ImagePin{{Name: "ghcr.io/acme/guestbook", Pin: "digest"}},
			}},
		},
		Render: []directives.App{{Kustomize: &directives.KustomizeBuild{Path: "overlay"}, Output: ".", Layout: "files"}},
	}
	if !reflect.DeepEqual(program, want) {
		t.Errorf("got %+v\nwant %+v", program, want)
	}
}

func TestProgramKeepsTypes(t *testing.T) {
	p := good(t, "folders").Pipelines[0]
	update := p.Updates["test"]
	program, err := update.Program(p.Scope("test", freight))
	if err != nil {
		t.Fatal(err)
	}
	edit := program.Steps[1].Directive.(directives.YAML)
	want := directives.YAML{File: "values.yaml", Create: true, Set: []directives.Value{{Key: "image.tag", Value: "7"}, {Key: "list[name=web].on", Value: true}}}
	if !reflect.DeepEqual(edit, want) {
		t.Errorf("got %+v", edit)
	}
	if target := (promote.Target{Repository: "acme/deploy", Branch: "main", Path: "clusters/test/web"}); update.Target != target {
		t.Errorf("target %+v", update.Target)
	}
	if !reflect.DeepEqual(program.Preserve, []string{"OWNERS"}) || program.AllowEmpty || !p.Updates["prod"].AllowEmpty {
		t.Errorf("preserve %v, allow empty %v and %v", program.Preserve, program.AllowEmpty, p.Updates["prod"].AllowEmpty)
	}
}

func TestProgramOfEveryDirective(t *testing.T) {
	p := good(t, "directives").Pipelines[0]
	program, err := p.Updates["one"].Program(p.Scope("one", freight))
	if err != nil {
		t.Fatal(err)
	}
	want := []directives.Directive{
		directives.Copy{Source: directives.SourceRef{Repository: "."}, From: ".", To: ".", Ignore: []string{"*.md", "!README.md"}},
		directives.Delete{Path: "examples/**/*.yaml"},
		directives.Write{File: "version.txt", Content: "main-7\n"},
		directives.Write{File: ".nojekyll"},
		directives.JSON{File: "settings.json", Set: []directives.Value{{Key: "image.digest", Value: "sha256:ccdd"}, {Key: "replicas", Value: 3}, {Key: "hosts[0]"}}},
		directives.TOML{File: "settings.toml", Create: true, Set: []directives.Value{{Key: "region", Value: "eu"}, {Key: `limits.a\.b`, Value: 1.5}, {Key: "replicas", Value: 3}}},
		directives.YAML{File: "values.yaml", Set: []directives.Value{{Key: "replicas", Value: "n=3"}}},
		directives.Helm{Chart: "chart", Dependencies: []directives.Dependency{{Name: "redis", Version: "1.2.3"}, {Alias: "cache", Version: "~2"}}},
	}
	for i, step := range program.Steps {
		if !reflect.DeepEqual(step.Directive, want[i]) {
			t.Errorf("got %+v\nwant %+v", step.Directive, want[i])
		}
	}
	if len(program.Steps) != len(want) {
		t.Errorf("%d steps", len(program.Steps))
	}
}

func TestProgramOfHelm(t *testing.T) {
	p := good(t, "rendering").Pipelines[0]
	program, err := p.Updates["one"].Program(p.Scope("one", freight))
	if err != nil {
		t.Fatal(err)
	}
	values := directives.Helm{Chart: "chart", Values: []directives.Value{
		{File: "values.yaml", Key: "image.digest", Value: "sha256:ccdd"}, {File: "values-prod.yaml", Key: "replicas", Value: 3},
	}}
	if !reflect.DeepEqual(program.Steps[1].Directive, values) {
		t.Errorf("values %+v", program.Steps[1].Directive)
	}
	want := []directives.App{{
		Output: "manifests", Layout: "single",
		Helm: &directives.HelmTemplate{
			Chart: "chart", Release: "rendering", Namespace: "web", ValueFiles: []string{"chart/values-prod.yaml"},
			Values: map[string]any{
				"ingress": map[string]any{"host": "one.example.org"}, "debug": false, "a.b": map[string]any{"c": []any{1, "two"}},
			},
			KubeVersion: "1.31", APIVersions: []string{"monitoring.coreos.com/v1"}, IncludeCRDs: true, SkipTests: true,
		},
	}}
	if !reflect.DeepEqual(program.Render, want) {
		t.Errorf("render %+v", program.Render[0].Helm)
	}
}

// The artifact was there when the file was checked, and is not in this freight.
func TestProgramNamesMissingArtifact(t *testing.T) {
	p := good(t, "folders").Pipelines[0]
	_, err := p.Updates["test"].Program(p.Scope("test", []promote.Freight{{Warehouse: "app"}}))
	want := "pipeline.yaml:16:56: image registry.local:5000/web is not in the freight of app"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestBrokenPipelineLeavesOthersAlone(t *testing.T) {
	data, err := os.ReadFile(corpus + "/ok/folders/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := []config.File{
		{Name: "a.yaml", Data: []byte("name: [")},
		{Name: "b.yaml", Data: bytes.ReplaceAll(data, []byte("branch: main"), []byte("branch: stage/all"))},
		{Name: "c.yaml", Data: data},
	}
	parsed, mistakes := config.Parse(files, nil, config.Context{Repository: "acme/deploy", DefaultBranch: "main"})
	if len(parsed.Pipelines) != 1 || parsed.Pipelines[0].File != "b.yaml" {
		t.Errorf("pipelines %+v", parsed.Pipelines)
	}
	if want := []string{"a.yaml", "c.yaml"}; !reflect.DeepEqual(parsed.Broken, want) || len(mistakes) == 0 {
		t.Errorf("broken %v, %d mistakes", parsed.Broken, len(mistakes))
	}
}

// One service with a bad name does not stop the others of its file.
func TestBrokenInstanceLeavesOthersAlone(t *testing.T) {
	parsed, _ := parseTree(t, caseTree(t, corpus+"/err/each-instance.txtar"))
	if len(parsed.Pipelines) != 1 || parsed.Pipelines[0].Name != "api" {
		t.Errorf("pipelines %+v", parsed.Pipelines)
	}
}

// Nothing says what a pipeline may do while the policy can not be read.
func TestBrokenPolicyStopsEverything(t *testing.T) {
	data, err := os.ReadFile(corpus + "/ok/anchors/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy := &config.File{Name: "policy.yaml", Data: []byte("apiVersion: towpath/v1\nstages: [{match: '*/*', auto: true}]\nfreze: true\n")}
	parsed, mistakes := config.Parse([]config.File{{Name: "pipeline.yaml", Data: data}}, policy, config.Context{Repository: "acme/deploy", DefaultBranch: "main"})
	if len(parsed.Pipelines) != 0 || len(parsed.Policy.Stages) != 0 || len(mistakes) != 1 {
		t.Errorf("pipelines %d, policy %+v, mistakes %v", len(parsed.Pipelines), parsed.Policy, mistakes)
	}
}

func TestReadFindsTheFiles(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	pipelines, policy, err := config.Read(fstest.MapFS{
		".towpath/pipelines/b.yaml": file("b"), ".towpath/pipelines/a.yaml": file("a"), ".towpath/pipelines/x.txt": file("x"),
		".towpath/pipeline.yaml": file("p"), ".towpath/policy.yaml": file("q"),
	})
	if err != nil || len(pipelines) != 3 || policy == nil || policy.Name != ".towpath/policy.yaml" {
		t.Fatalf("%v, %v, %v", pipelines, policy, err)
	}
	if pipelines[0].Name != ".towpath/pipeline.yaml" || pipelines[1].Name != ".towpath/pipelines/a.yaml" || string(pipelines[2].Data) != "b" {
		t.Errorf("got %+v", pipelines)
	}
	if pipelines, policy, err = config.Read(fstest.MapFS{}); err != nil || pipelines != nil || policy != nil {
		t.Errorf("of nothing: %v, %v, %v", pipelines, policy, err)
	}
}

// What `--expand` prints is a configuration that means the same.
func TestExpandedMeansTheSame(t *testing.T) {
	for _, name := range []string{"four-stages", "folders", "two-warehouses", "services", "platforms", "anchors", "rendering"} {
		before := good(t, name)
		expanded, err := config.Expand(before)
		if err != nil {
			t.Fatal(err)
		}
		var files []config.File
		for _, document := range strings.Split(string(expanded), "\n---\n") {
			files = append(files, config.File{Name: "expanded.yaml", Data: []byte(document)})
		}
		var policy *config.File
		if data, err := os.ReadFile(corpus + "/ok/" + name + "/policy.yaml"); err == nil {
			policy = &config.File{Name: "policy.yaml", Data: data}
		}
		after, mistakes := config.Parse(files, policy, config.Context{Repository: "acme/deploy", DefaultBranch: "main"})
		if len(mistakes) > 0 || len(after.Pipelines) != len(before.Pipelines) {
			t.Errorf("%s: %d of %d pipelines, %v", name, len(after.Pipelines), len(before.Pipelines), mistakes)
			continue
		}
		for i, p := range before.Pipelines {
			sameMeaning(t, p, after.Pipelines[i])
		}
	}
}

func sameMeaning(t *testing.T, p, q config.Pipeline) {
	t.Helper()
	if !reflect.DeepEqual(p.Pipeline, q.Pipeline) {
		t.Errorf("%s: got %+v\nwant %+v", p.Name, q.Pipeline, p.Pipeline)
	}
	for stage := range p.Updates {
		one, err := p.Updates[stage].Program(p.Scope(stage, freight))
		if err != nil {
			t.Fatal(err)
		}
		other, err := q.Updates[stage].Program(q.Scope(stage, freight))
		if err != nil {
			t.Fatal(err)
		}
		for i := range other.Steps {
			other.Steps[i].Position = one.Steps[i].Position
		}
		if !reflect.DeepEqual(one, other) {
			t.Errorf("%s/%s: got %+v\nwant %+v", p.Name, stage, other, one)
		}
	}
}

// Whatever the bytes are, Parse ends, and either the pipeline or a mistake with
// a place comes out.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"ok/guestbook/pipeline.yaml", "ok/rendering/pipeline.yaml", "ok/services/pipeline.yaml", "ok/anchors/pipeline.yaml", "err/alias-bomb.yaml", "err/types-wrong.yaml"} {
		data, err := os.ReadFile(corpus + "/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte("apiVersion: towpath/v1\nstages: [{match: '*/*', require: {from: [test], soak: 1h}}]\n"))
	}
	tree := os.DirFS(corpus + "/ok/services")
	f.Fuzz(func(t *testing.T, pipeline, policy []byte) {
		parsed, mistakes := config.Parse([]config.File{{Name: "p", Data: pipeline}}, &config.File{Name: "q", Data: policy},
			config.Context{Repository: "acme/deploy", DefaultBranch: "main", Tree: tree})
		if len(parsed.Pipelines) == 0 && len(mistakes) == 0 {
			t.Error("neither a pipeline nor a mistake")
		}
		for _, m := range mistakes {
			if m.Line < 1 || m.Col < 1 || m.File == "" || m.Message == "" {
				t.Errorf("a mistake without a place: %+v", m)
			}
		}
		for _, p := range parsed.Pipelines {
			for stage, update := range p.Updates {
				// An error is fine here, a panic is not.
				_, _ = update.Program(p.Scope(stage, freight))
			}
		}
		if _, err := config.Expand(parsed); err != nil {
			t.Errorf("expand: %v", err)
		}
	})
}
