package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
)

const lanes = `apiVersion: towpath/v1
name: web
vars: {image: ghcr.io/acme/web, size: small, team: core}
warehouses:
  - name: app
    subscriptions: [{image: {repository: ghcr.io/acme/web}}, {image: {repository: ghcr.io/acme/api}}, {git: {branch: main, include: [deploy/**]}}]
  - {name: flags, subscriptions: [{git: {branch: main, include: [flags/**]}}]}
stages:
  - name: test
    requests: [{warehouse: app}, {warehouse: flags}]
    updates: [{directives: &assemble [{copy: {from: deploy, to: ., warehouse: app}}, {yaml: {file: app.yaml, set: {image: "${{ image(vars.image).ref }}", where: "${{ stage }} ${{ vars.size }} of ${{ vars.team }}"}}}]}]
    verification: {gates: [{name: e2e, status: e2e}, {name: slow, status: slow, required: false}]}
  - name: arm
    requests: [{warehouse: app, from: [test]}]
    updates: [{directives: *assemble}]
    verification: none
  - name: prod
    stamps: {names: [us, eu, ap], vars: {eu: {size: big, zone: a}, us: {size: huge, zone: b}, ap: {zone: c}}}
    vars: {team: "${{ stamp }}", title: "in ${{ vars.team }}"}
    requests: [{warehouse: flags, from: [test]}, {warehouse: app, from: [test, arm], availability: all}]
    updates: [{directives: *assemble}, {branch: main, path: "clusters/${{ vars.zone }}", directives: *assemble}]
    verification: {gates: [{name: health, status: "health ${{ stamp }}"}, {name: e2e, status: e2e}]}
`

// all is what a configuration comes to: the pipelines, their files, and what is
// printed of them.
func all(t *testing.T, text string) string {
	t.Helper()
	parsed, mistakes := config.Parse([]config.File{{Name: "pipeline.yaml", Data: []byte(text)}},
		&config.File{Name: "policy.yaml", Data: []byte(`{apiVersion: towpath/v1, writes: {branches: ["stage/**", main], paths: {main: ["clusters/*"]}}}`)},
		config.Context{Repository: "acme/deploy", DefaultBranch: "main"})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	expanded, err := config.Expand(parsed)
	if err != nil {
		t.Fatal(err)
	}
	p := parsed.Pipelines[0]
	domain, err := json.Marshal(p.Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	out := string(domain) + "\n" + string(expanded)
	for _, s := range p.Stages {
		out += s.Name + ":\n" + rendered(t, p, s.Name)
	}
	return out
}

// rendered are the files that a promotion of a stage writes.
func rendered(t *testing.T, p config.Pipeline, stage string) string {
	t.Helper()
	program, err := p.Updates[stage].Program(p.Scope(stage, freight))
	if err != nil {
		t.Fatal(err)
	}
	sources := fstest.MapFS{"deploy/app.yaml": {Data: []byte("image: none\nwhere: none\n")}}
	result, err := directives.Run(context.Background(), program, &directives.Env{
		Freight: freight,
		Source:  func(context.Context, directives.SourceRef) (fs.FS, error) { return sources, nil },
	}, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(result.Tree, "app.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The order of a file's entries changes nothing, but in a directive: not that of keys, nor that of
// warehouses, subscriptions, stages, requests, upstreams, gates and stamps.
func TestOrderOfEntriesChangesNothing(t *testing.T) {
	want := all(t, lanes)
	for seed := range uint64(40) {
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(lanes), &document); err != nil {
			t.Fatal(err)
		}
		unalias(&document)
		shuffle(&document, "", rand.New(rand.NewPCG(seed, 0)))
		text, err := yaml.Marshal(&document)
		if err != nil {
			t.Fatal(err)
		}
		if got := all(t, string(text)); got != want {
			t.Fatalf("shuffled by %d:\n%s\ncomes to\n%s\nand not to\n%s", seed, text, got, want)
		}
	}
}

// Beside three lanes, each with values of its own, a stage without stamps has the
// same files every time, and so have they.
func TestLanesRenderTheSameEveryTime(t *testing.T) {
	first := all(t, lanes)
	for _, part := range []string{
		"arm:\nimage: ghcr.io/acme/web@sha256:ccdd\nwhere: arm small of core\n",
		"prod@ap:\nimage: ghcr.io/acme/web@sha256:ccdd\nwhere: prod small of ap\n",
		"prod@eu.2:\nimage: ghcr.io/acme/web@sha256:ccdd\nwhere: prod big of eu\n",
		"prod@us:\nimage: ghcr.io/acme/web@sha256:ccdd\nwhere: prod huge of us\n",
	} {
		if !strings.Contains(first, part) {
			t.Errorf("without %q:\n%s", part, first)
		}
	}
	for i := range 50 {
		if again := all(t, lanes); again != first {
			t.Fatalf("time %d:\n%s\nand first\n%s", i+2, again, first)
		}
	}
}

// listsOfEntries are those in which the order says nothing.
var listsOfEntries = []string{"warehouses", "subscriptions", "stages", "requests", "from", "gates", "names"}

func shuffle(n *yaml.Node, under string, rng *rand.Rand) {
	switch {
	case under == "directives":
		return // they are a program
	case n.Kind == yaml.MappingNode:
		order := rng.Perm(len(n.Content) / 2)
		var content []*yaml.Node
		for _, i := range order {
			content = append(content, n.Content[2*i], n.Content[2*i+1])
		}
		n.Content = content
		for i := 0; i < len(content); i += 2 {
			shuffle(content[i+1], content[i].Value, rng)
		}
		return
	case n.Kind == yaml.SequenceNode && slices.Contains(listsOfEntries, under):
		rng.Shuffle(len(n.Content), func(i, j int) { n.Content[i], n.Content[j] = n.Content[j], n.Content[i] })
	}
	for _, child := range n.Content {
		shuffle(child, "", rng)
	}
}

// unalias puts what an alias stands for in its place, since its anchor may come to
// stand behind it.
func unalias(n *yaml.Node) {
	n.Anchor = ""
	for i, child := range n.Content {
		if child.Kind == yaml.AliasNode {
			var copied yaml.Node
			text, err := yaml.Marshal(child.Alias)
			if err == nil {
				err = yaml.Unmarshal(text, &copied)
			}
			if err != nil {
				panic(fmt.Sprint("copy an alias: ", err))
			}
			n.Content[i] = copied.Content[0]
		}
		unalias(n.Content[i])
	}
}
