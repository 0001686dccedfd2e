package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// S4: what stamps are counted from may be a stranger's, and is bounded.
func TestCountFromIsBounded(t *testing.T) {
	tree := fstest.MapFS{"large.yaml": {Data: []byte(strings.Repeat("#", maxFile+1))}}
	config := `
apiVersion: towpath/v1
name: web
warehouses: [{name: app, subscriptions: [{image: {repository: ghcr.io/acme/web}}]}]
defaults: {stage: {verification: none, updates: [{directives: [{copy: {from: base, to: .}}]}]}}
stages:
  - {name: large, requests: [{warehouse: app}], stamps: {countFrom: "large.yaml#n"}}
`
	files := maxWork/maxFile + 1
	for i := range files {
		name := fmt.Sprintf("n%d.yaml", i)
		tree[name] = &fstest.MapFile{Data: []byte("n: 1\n" + strings.Repeat("#", maxFile-5))}
		for _, stage := range []string{"a", "b"} { // asked twice, read once
			config += fmt.Sprintf("  - {name: %s%d, requests: [{warehouse: app}], stamps: {countFrom: \"%s#n\"}}\n", stage, i, name)
		}
	}
	_, mistakes := Parse([]File{{Name: "pipeline.yaml", Data: []byte(config)}}, nil, Context{Repository: "acme/web", DefaultBranch: "main", Tree: tree})
	got := strings.Join(mistakes.Lines(), "\n")
	if !strings.Contains(got, "read large.yaml: it is longer than 1 MiB") {
		t.Errorf("%s", got)
	}
	if n := strings.Count(got, "longer than 32 MiB together"); n != 2 {
		t.Errorf("%d of %d stages could not be counted:\n%s", n, 2*files, got)
	}
}
