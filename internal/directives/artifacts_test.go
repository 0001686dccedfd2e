package directives

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// P20: images and charts are found wherever manifests, values and kustomizations
// name them; what is no YAML names nothing and stops nothing.
func TestFindArtifacts(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"all.yaml":                      "kind: Pod\nspec: {containers: [{image: ghcr.io/acme/web:1.0.0}, {image: 'nginx@" + digest + "'}]}\n---\nimage: ghcr.io/acme/api:2@" + digest + "\n",
		"base/kustomization.yaml":       "images:\n- {name: web, newName: ghcr.io/acme/shop, newTag: 1.2.3}\n- {name: ghcr.io/acme/pay, digest: " + digest + "}\n",
		"chart/values.yaml":             "image: {registry: ghcr.io, repository: acme/mail, tag: v3}\nreplicas: 2\n",
		"chart/Chart.yaml":              "name: shop\nversion: 0.1.0\ndependencies: [{name: redis, version: 2.0.1, repository: 'oci://ghcr.io/acme/charts'}]\n",
		"chart/templates/web.yaml":      "image: {{ .Values.image }}\n{{ if }}",
		"app.json":                      `{"image": "ghcr.io/acme/json:7"}`,
		"README.md":                     "ghcr.io/acme/readme:1",
		"bomb.yaml":                     "a: &a [x]\nb: &b [*a, *a]\nimage: ghcr.io/acme/alias:1\n",
		"chart/charts/redis/Chart.yaml": "name: redis\nversion: 2.0.1\n",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	found, err := FindArtifacts(tree)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range found.Images {
		if strings.Contains(i.Repository, "acme/") || strings.Contains(i.Repository, "nginx") {
			got = append(got, fmt.Sprintf("%s %s %.10s", i.Repository, i.Tag, i.Digest))
		}
	}
	for _, c := range found.Charts {
		got = append(got, c.Name+" "+c.Version)
	}
	slices.Sort(got)
	want := []string{
		"docker.io/library/nginx  sha256:aaa", "ghcr.io/acme/alias 1 ", "ghcr.io/acme/api 2 sha256:aaa", "ghcr.io/acme/json 7 ", "ghcr.io/acme/mail v3 ",
		"ghcr.io/acme/pay  sha256:aaa", "ghcr.io/acme/shop 1.2.3 ", "ghcr.io/acme/web 1.0.0 ", "redis 2.0.1", "shop 0.1.0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
