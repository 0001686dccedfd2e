package directives

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func describe(changes []ResourceChange) string {
	var out strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&out, "%s %s %s/%s %s\n", c.Action, strings.TrimSuffix(c.Kind+"."+c.Group, "."), c.Namespace, c.Name, c.Path)
		for _, f := range c.Fields {
			fmt.Fprintf(&out, "  %s: %s → %s\n", f.Path, f.Old, f.New)
		}
		if c.More > 0 {
			fmt.Fprintf(&out, "  and %d more\n", c.More)
		}
	}
	return out.String()
}

func TestChangesOfResources(t *testing.T) {
	old := fstest.MapFS{
		"web.yaml": file(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod, annotations: {acme.example/owner: a}}
spec:
  replicas: 1
  template: {spec: {containers: [{name: side, image: "b:1"}, {name: web, image: "a:1", args: [x, y]}]}}
`),
		"gone.yaml":  file("apiVersion: v1\nkind: Service\nmetadata: {name: gone}\n"),
		"moved.yaml": file("apiVersion: v1\nkind: Service\nmetadata: {name: moved}\n"),
		"notes.txt":  file("one"), "same.txt": file("same"), "dir": file("file"),
		"all.yaml": file("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {n: '1', s: x}}]\n"),
	}
	after := fstest.MapFS{
		"web.yaml": file(`# changed comment
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod, annotations: {acme.example/owner: b}}
spec:
  replicas: 3
  template: {spec: {containers: [{name: web, image: "a:2", args: [x]}, {name: side, image: "b:1"}]}}
`),
		"new.yaml":  file("apiVersion: v1\nkind: Service\nmetadata: {name: new}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: moved}\n"),
		"notes.txt": file("two"), "same.txt": file("same"), "dir/in": file("x"),
		"values.yaml": file("a: 1\n"),
		"all.yaml":    file("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {n: 1, s: x}}]\n"),
	}
	changes, err := Changes(old, after)
	if err != nil {
		t.Fatal(err)
	}
	want := `removed  / dir
added  / dir/in
changed  / notes.txt
added  / values.yaml
changed ConfigMap /c all.yaml
  data.n: "1" → 1
changed Deployment.apps prod/web web.yaml
  metadata.annotations["acme.example/owner"]: a → b
  spec.replicas: 1 → 3
  spec.template.spec.containers[name=web].args[1]: y → 
  spec.template.spec.containers[name=web].image: a:1 → a:2
removed Service /gone gone.yaml
added Service /new new.yaml
`
	if got := describe(changes); got != want {
		t.Errorf("the changes are\n%swant\n%s", got, want)
	}
}

// R4: nothing of a Secret is ever shown, wherever it stands.
func TestSecretsNeverAppear(t *testing.T) {
	secret := func(password string) fstest.MapFS {
		return fstest.MapFS{
			"a.yaml": file("apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {last: '" + password + "'}}\nstringData: {password: " + password + "}\n"),
			"b.yaml": file("apiVersion: v1\nkind: SecretList\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n  data: {p: " + password + "}\n  type: " + password + "\n"),
			"c.yaml": file("apiVersion: acme.example/v1\nkind: Object\nmetadata: {name: c}\nspec: {manifest: {kind: Secret, data: {p: " + password + "}}}\n"),
			"d.yaml": file("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsecretGenerator: [{name: d, literals: [p=" + password + "]}]\n"),
			"e.yaml": file("kind: Secret\ndata: {p: " + password + "}\n"),
			"f.yaml": file("apiVersion: acme.example/v1\nkind: Object\nmetadata: {name: f}\nspec: {base: &s {kind: Secret}, merged: {<<: *s, data: {p: " + password + "}}}\n"),
			"g.yaml": file("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: g}\npatches: [{patch: '{\"kind\": \"Secret\", \"data\": {\"p\": \"" + password + "\"}}'}]\n"),
			"h.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: h}\ndata:\n  a.yaml: |\n    apiVersion: v1\n    kind: Secret\n    stringData: {p: " + password + "}\n"),
			"i.yaml": file("apiVersion: v1\nkind: SecretList\nmetadata: {name: i}\nitems: {p: " + password + "}\n"),
		}
	}
	changes, err := Changes(secret("hunter1"), secret("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	got := describe(changes)
	if len(changes) != 9 || !strings.Contains(got, "(hidden) → (hidden)") {
		t.Errorf("the changes are\n%s", got)
	}
	for _, c := range changes {
		for _, f := range c.Fields {
			if strings.Contains(f.Old+f.New, "hunter") {
				t.Errorf("%s %s shows %s → %s", c.Path, f.Path, f.Old, f.New)
			}
		}
	}
	if strings.Contains(got, "hunter") {
		t.Errorf("a secret is shown:\n%s", got)
	}
}

func TestChangesAreBounded(t *testing.T) {
	manifest := func(value string) fstest.MapFS {
		var text strings.Builder
		text.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n")
		for i := range 50 {
			fmt.Fprintf(&text, "  k%02d: %s\n", i, strings.Repeat(value, 1000))
		}
		return fstest.MapFS{"big.yaml": file(text.String())}
	}
	changes, err := Changes(manifest("a"), manifest("é"))
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 1 || len(changes[0].Fields) != MaxFields || changes[0].More != 50-MaxFields {
		t.Fatalf("the changes are %s", describe(changes))
	}
	if got, want := changes[0].Fields[0].New, strings.Repeat("é", MaxValue)+"…"; got != want {
		t.Errorf("a value is cut to %q", got)
	}
}

// A file that would unfold without end is compared as a file.
func TestHostileManifestsAreFiles(t *testing.T) {
	bomb := "apiVersion: v1\nkind: X\nmetadata: {name: x}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	changes, err := Changes(nil, fstest.MapFS{"bomb.yaml": file(bomb), "loop.yaml": file("apiVersion: v1\nkind: X\na: &a [*a]\n")})
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(changes); got != "added  / bomb.yaml\nadded  / loop.yaml\n" {
		t.Errorf("the changes are\n%s", got)
	}
}

// Entries with the same git id are never read.
func TestUnchangedFilesAreNotRead(t *testing.T) {
	old := gitTree{MapFS: fstest.MapFS{"a/b": file("1"), "c": file("2")}}
	changes, err := Changes(old, gitTree{MapFS: fstest.MapFS{"a/b": file("1"), "c": file("2")}})
	if err != nil || len(changes) != 0 {
		t.Errorf("%s %v", describe(changes), err)
	}
}

// R4: a kind may stand behind more merge keys than are followed; nothing is shown then.
func TestSecretBehindManyMergeKeysIsHidden(t *testing.T) {
	chain := "m0: &m0 {kind: Secret}\n"
	for i := range 45 {
		chain += fmt.Sprintf("m%d: &m%d {<<: *m%d}\n", i+1, i+1, i)
	}
	version := func(password string) fstest.MapFS {
		return fstest.MapFS{"a.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" + chain + "inner: {<<: *m45, password: " + password + "}\n")}
	}
	changes, err := Changes(version("one"), version("two"))
	if err != nil {
		t.Fatal(err)
	}
	want := "changed ConfigMap /a a.yaml\n  inner.password: (hidden) → (hidden)\n"
	if got := describe(changes); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
