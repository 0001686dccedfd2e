package main

import (
	"fmt"
	"path"
	"strings"
)

// target is where the manifests of one stage live.
type target struct {
	stage  string // its overlay has the same name
	branch string
	folder string // "." is the whole branch
}

// layout is the stages of a pipeline; all take freight from the warehouse. The
// shell promotes to the first.
type layout []target

// layoutNamed gives the layouts that can be raced: "branch" is what Towpath does
// when it is told nothing else; "folder" spares the shell the second branch.
func layoutNamed(name string) (layout, error) {
	switch name {
	case "branch":
		return layout{{"test", "stage/test", "."}}, nil
	case "folder":
		return layout{{"test", "main", "clusters/test/app-0000"}}, nil
	}
	return nil, fmt.Errorf("there is no layout %q: want branch or folder", name)
}

// stagesBeside is a layout of so many stages, each with a branch of its own.
func stagesBeside(count int) layout {
	var out layout
	for n := range count {
		stage := fmt.Sprintf("s-%02d", n)
		out = append(out, target{stage, "stage/" + stage, "."})
	}
	return out
}

// manifest is the one file that everybody writes.
func (t target) manifest() string { return path.Join(t.folder, "all.yaml") }

// promotionBranch is where Towpath proposes it.
func (t target) promotionBranch() string {
	if t.folder == "." {
		return "towpath/to/" + t.branch
	}
	return "towpath/to/" + t.branch + "/-/" + t.folder
}

func (l layout) stages() []string {
	var out []string
	for _, t := range l {
		out = append(out, t.stage)
	}
	return out
}

func (l layout) promotionBranches() []string {
	var out []string
	for _, t := range l {
		out = append(out, t.promotionBranch())
	}
	return out
}

// pipeline makes Towpath do in each stage what promote.sh does.
func (l layout) pipeline(image string) string {
	var b strings.Builder
	b.WriteString(strings.NewReplacer("@image@", image, "@app@", app).Replace(pipeline))
	for _, t := range l {
		b.WriteString(strings.NewReplacer("@stage@", t.stage, "@branch@", t.branch, "@folder@", t.folder, "@app@", app).Replace(stage))
	}
	return b.String()
}

const (
	pipeline = `apiVersion: towpath/v1
name: bench
vars: {image: @image@}
warehouses:
  - name: app
    subscriptions:
      - image: {repository: "${{ vars.image }}", constraint: ">=1.0.0"}
      - git: {branch: main, include: ["@app@/**"]}
stages:
`
	stage = `  - name: @stage@
    requests: [{warehouse: app}]
    updates:
      - branch: @branch@
        path: @folder@
        directives:
          - copy: {from: @app@, to: app}
          - kustomize: {path: app/overlays/@stage@, images: ["${{ vars.image }}"]}
        render:
          kustomize: {path: app/overlays/@stage@, layout: single}
    verification:
      gates: [{name: e2e, status: e2e, required: true}]
`
	policy = `apiVersion: towpath/v1
stages: [{match: "*/*", auto: true}]
writes: {branches: ["stage/**", main], paths: {main: ["clusters/**"]}}
`
)
