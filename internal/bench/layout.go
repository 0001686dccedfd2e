package main

import (
	"fmt"
	"path"
)

// layout is where the manifests of the stage live.
type layout struct {
	branch string
	folder string // "." is the whole branch
}

// layoutNamed gives the layouts that can be raced: "branch" is what Towpath does
// when it is told nothing else; "folder" spares the shell the second branch.
func layoutNamed(name string) (layout, error) {
	switch name {
	case "branch":
		return layout{branch: "stage/test", folder: "."}, nil
	case "folder":
		return layout{branch: "main", folder: "clusters/test/app-0000"}, nil
	}
	return layout{}, fmt.Errorf("there is no layout %q: want branch or folder", name)
}

// manifest is the one file that everybody writes.
func (l layout) manifest() string { return path.Join(l.folder, "all.yaml") }

// promotionBranch is where Towpath proposes it.
func (l layout) promotionBranch() string {
	if l.folder == "." {
		return "towpath/to/" + l.branch
	}
	return "towpath/to/" + l.branch + "/-/" + l.folder
}

// pipeline makes Towpath do what promote.sh does.
func (l layout) pipeline(image string) string {
	return fmt.Sprintf(pipeline, image, l.branch, l.folder)
}

const pipeline = `apiVersion: towpath/v1
name: bench
vars: {image: %s}
warehouses:
  - name: app
    subscriptions:
      - image: {repository: "${{ vars.image }}", constraint: ">=1.0.0"}
      - git: {branch: main, include: ["apps/app-0000/**"]}
stages:
  - name: test
    requests: [{warehouse: app}]
    updates:
      - branch: %s
        path: %s
        directives:
          - copy: {from: apps/app-0000, to: app}
          - kustomize: {path: app/overlays/test, images: ["${{ vars.image }}"]}
        render:
          kustomize: {path: app/overlays/test, layout: single}
    verification:
      gates: [{name: e2e, status: e2e, required: true}]
`

const policy = `apiVersion: towpath/v1
stages: [{match: "*/test", auto: true}]
writes: {branches: ["stage/**", main], paths: {main: ["clusters/**"]}}
`
