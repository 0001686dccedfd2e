package scaffold

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/towpath/towpath/internal/config"
)

const deployment = "apiVersion: apps/v1\nkind: Deployment\nspec: {containers: [{image: ghcr.io/acme/web:1.0.0}]}\n"

// Whatever folders are called, what is written is valid or the folder is left with a
// word, and a name never becomes anything else than a name.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		"a b", `it's "x"`, "a\nb: c", "null", "true", "1", "0x1f", "- a", "# a", "*a", "&a", "!a", "{a}", "[a]", "a: b", "a,b", "${{ vars.x }}", "a|b", "-prod",
		"prod\u202e", "Ünïcode-prod", "..prod", "prod.", "%TAG", "@prod", "`id`", "$(id)", "prod\x00", "a\\b", "~", strings.Repeat("prod", 80), "PROD", "pre-prod", "ß",
	} {
		for _, layout := range []string{"overlays/%s", "%s/overlays/prod", "k8s/%s", "charts/%s"} {
			dir := fmt.Sprintf(layout, name)
			tree := fstest.MapFS{
				"overlays/dev/kustomization.yaml": {Data: []byte("resources: [../../base]\n")},
				"base/kustomization.yaml":         {Data: []byte("resources: [web.yaml]\n")},
				"base/web.yaml":                   {Data: []byte(deployment)},
				dir + "/kustomization.yaml":       {Data: []byte("resources: [web.yaml, ../base]\n")},
				dir + "/web.yaml":                 {Data: []byte(deployment)},
			}
			if layout == "charts/%s" {
				tree = fstest.MapFS{
					dir + "/Chart.yaml": {Data: []byte("name: x\nversion: 1.0.0\n")}, dir + "/values-" + strings.ReplaceAll(name, "/", "") + "-prod.yaml": {},
					dir + "/values.yaml": {Data: []byte(fmt.Sprintf("%q: {repository: a/b, tag: %q, digest: x}\n", name, name))},
				}
			}
			draft, err := Look(tree, Place{Repository: "Acme/" + strings.Map(func(r rune) rune { return max(r, 32) }, name), Branch: "main"})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range append(draft.Found, draft.Left...) {
				if strings.ContainsAny(l, "\n\x00\u202e") {
					t.Errorf("%q: says %q", dir, l)
				}
			}
			valid(t, dir, draft)
		}
	}
}

func valid(t *testing.T, of string, draft Draft) {
	t.Helper()
	if len(draft.Files) == 0 {
		if len(draft.Left) == 0 {
			t.Errorf("%q: nothing is written, and not a word of it", of)
		}
		return
	}
	policy := config.File{Name: draft.Files[1].Name, Data: draft.Files[1].Data}
	parsed, mistakes := config.Parse([]config.File{{Name: draft.Files[0].Name, Data: draft.Files[0].Data}}, &policy, config.Context{Repository: "acme/web", DefaultBranch: "main"})
	if len(mistakes) > 0 || len(parsed.Pipelines) != 1 {
		t.Errorf("%q: %v\n%s", of, mistakes, draft.Files[0].Data)
	}
}

func TestOrderOfStages(t *testing.T) {
	for text, want := range map[string]string{
		"prod dev test":                         "dev; test < dev; prod < test",
		"production uat staging qa development": "development; qa < development; staging < qa; uat < staging; production < uat",
		"prod-eu prod-us staging":               "staging; prod-eu < staging; prod-us < staging",
		"test uat-a uat-b prod":                 "test; uat-a < test; uat-b < test; prod < uat-a uat-b",
		"live preprod nonprod":                  "preprod; nonprod; live < preprod nonprod",
		"base common prod":                      "prod",
		"Prod prod":                             "prod",
		"dev1 dev2":                             "dev1; dev2",
	} {
		a := app{}
		a.stages, _ = (&seen{}).stagesOf("x", strings.Fields(text))
		var got []string
		for i, s := range a.stages {
			line := s.name
			if before := a.before(i); len(before) > 0 {
				line += " < " + strings.Join(before, " ")
			}
			got = append(got, line)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: got %s, want %s", text, strings.Join(got, "; "), want)
		}
	}
}

// The workflow is that of the examples, but for what is only there.
func TestWorkflow(t *testing.T) {
	text := string(workflow("release 1"))
	if !strings.Contains(text, `branches: ["release 1", "stage/**"]`) || strings.Contains(text, "[main") || strings.Contains(text, "workflow_run") || !strings.Contains(text, "cron:") {
		t.Errorf("got\n%s", text)
	}
}
