package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/expr-lang/expr"
	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"
)

// The recipe for Argo CD, rendered as its notifications do, is what the story says
// that they write.
func TestRecipeForArgoCD(t *testing.T) {
	story, err := txtar.ParseFile(filepath.Join("..", "..", "testdata", "script", "g01-argocd.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	recipe := recipe(t, "trigger.on-towpath")
	var triggers []struct {
		When string
		Send []string
	}
	decode(t, recipe["trigger.on-towpath"], &triggers)
	for _, row := range []struct{ health, phase, file string }{
		{"Healthy", "Succeeded", "passed.json"},
		{"Degraded", "Succeeded", "failed.json"},
		{"Progressing", "Succeeded", ""},
		{"Healthy", "Running", ""},
	} {
		said := map[string]any{
			"context": map[string]any{"argocdUrl": "https://argocd.example.com"},
			"app": map[string]any{
				"metadata": map[string]any{"name": "guestbook-test"},
				"status":   map[string]any{"health": map[string]any{"status": row.health}, "operationState": map[string]any{"phase": row.phase}},
			},
		}
		got := ""
		for _, trigger := range triggers {
			if due, err := expr.Eval(trigger.When, said); err != nil {
				t.Error(err)
			} else if due == true {
				got += statusOf(t, recipe["template."+trigger.Send[0]], said)
			}
		}
		want := ""
		if i := slices.IndexFunc(story.Files, func(f txtar.File) bool { return f.Name == row.file }); i >= 0 {
			want = strings.TrimSpace(string(story.Files[i].Data))
		}
		if got != want {
			t.Errorf("%s and %s: got %s, want %s", row.health, row.phase, got, want)
		}
	}
}

// recipe is the block of the recipes that has a key.
func recipe(t *testing.T, key string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "recipes.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var out map[string]string
		if strings.Contains(block, key) {
			decode(t, block, &out)
			return out
		}
	}
	t.Fatalf("no recipe has %s", key)
	return nil
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// statusOf is the body of the commit status that a template of Argo CD's makes.
func statusOf(t *testing.T, text string, said map[string]any) string {
	t.Helper()
	var raw struct {
		Message string
		GitHub  struct {
			Status struct {
				State, Label string
				TargetURL    string `yaml:"targetURL"`
			}
		} `yaml:"github"`
	}
	decode(t, text, &raw)
	render := func(text string) string {
		var out strings.Builder
		if err := template.Must(template.New("").Parse(text)).Execute(&out, said); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	body, err := json.Marshal(struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}{render(raw.GitHub.Status.State), render(raw.GitHub.Status.TargetURL), render(raw.Message), render(raw.GitHub.Status.Label)})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
