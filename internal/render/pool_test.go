package render

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

const probeArgument = "probe"

func TestMain(m *testing.M) {
	switch {
	case IsWorker(os.Args):
		os.Exit(serve(os.Stdin, os.Stdout, true)) // one that opens, dials or starts anything fails its test
	case len(os.Args) == 3 && os.Args[1] == probeArgument:
		probe(os.Args[2])
		os.Exit(0)
	}
	time.Local = time.UTC // as in a child, and for the command lines that are compared
	if err := os.Setenv("TZ", "UTC"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func newPool(t testing.TB, limits Limits) *Pool {
	p := NewPool(limits)
	t.Cleanup(p.Close)
	return p
}

// probe tries what a child must not be able to do, and prints what came of it.
func probe(address string) {
	self, _ := os.Executable()
	stdout := os.Stdout
	(&worker{limits: Limits{}.orDefaults()}).confine(false)
	_, opened := os.Open(self)
	_, dialled := net.Dial("tcp", address)
	_, zone := time.LoadLocation("Europe/Berlin")
	started := syscall.Exec(self, nil, nil)
	fmt.Fprintf(stdout, "open: %t\ndial: %t\nstart: %t\nzone: %t\n", opened == nil, dialled == nil, started == nil, zone == nil)
}

// R1: what is not refused before it is tried, the kernel refuses to a child.
func TestChildrenCanReachNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux can")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, probeArgument, trap(t)).CombinedOutput()
	if want := "open: false\ndial: false\nstart: false\nzone: true\n"; err != nil || string(out) != want {
		t.Errorf("%s%v, want\n%s", out, err, want)
	}
}

const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

// R2: what exhausts the renderer is an error that says what was exhausted, and the
// next rendering works.
func TestHostileRenderingsEndInErrors(t *testing.T) {
	const memory, endless, stack = "the renderer ran out of memory (limit 160 MiB)", "it takes longer than 2s", "ran out of stack"
	doubling := ""
	for i := range 60 {
		doubling += fmt.Sprintf("- {op: copy, from: /data, path: /data/x%d}\n", i)
	}
	hungry, slow := newPool(t, Limits{Memory: 160 << 20}), newPool(t, Limits{Time: 2 * time.Second, Memory: 160 << 20})
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"endless range":      {chartWith(map[string]string{"templates/a.yaml": "{{ range $a := until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"}), endless},
		"range over numbers": {chartWith(map[string]string{"templates/a.yaml": "{{ range $a := until 1000000000 }}{{ end }}"}), memory},
		"one huge text":      {chartWith(map[string]string{"templates/a.yaml": `{{ repeat 2000000000 "x" }}`}), memory},
		"an impossible text": {chartWith(map[string]string{"templates/a.yaml": `{{ repeat 200000000000000 "x" }}`}), memory},
		"much output":        {chartWith(map[string]string{"templates/a.yaml": `{{ range until 100000 }}{{ repeat 100000 "x" }}{{ end }}`}), memory},
		"growing list":       {chartWith(map[string]string{"templates/a.yaml": `{{ $l := list 1 }}{{ range until 100 }}{{ $l = concat $l $l }}{{ end }}`}), memory},
		"many texts":         {chartWith(map[string]string{"templates/a.yaml": `{{ $l := list }}{{ range until 250 }}{{ $l = append $l (repeat 1000000 "x") }}{{ end }}`}), memory},
		"template in itself": {chartWith(map[string]string{"templates/a.yaml": `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`}), "template"},
		"a value in itself":  {chartWith(map[string]string{"templates/a.yaml": `{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ $d }}`}), stack},
		"include in itself":  {chartWith(map[string]string{"templates/a.yaml": `{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`}), "nested reference name"},
		"tpl in itself":      {chartWith(map[string]string{"values.yaml": "a: '{{ tpl .Values.a . }}'", "templates/a.yaml": `{{ tpl .Values.a . }}`}), ""},
		"aliases in values":  {chartWith(map[string]string{"values.yaml": aliases(), "templates/a.yaml": "{{ .Values }}"}), "excessive aliasing"},
		"deep values":        {chartWith(map[string]string{"values.yaml": "a: " + strings.Repeat("[", 200000)}), "values.yaml"},
		"deep JSON":          {chartWith(map[string]string{"templates/a.yaml": `{{ repeat 5000000 "[" | fromJsonArray }}`}), ""},
		"doubling patch": {tree(map[string]string{
			"o/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: ConfigMap}}]\n",
			"o/a.yaml":             manifest + "data: {a: '" + strings.Repeat("x", 1000) + "'}\n", "o/p.yaml": doubling,
		}), memory},
		"aliases":                      {tree(map[string]string{"o/kustomization.yaml": "resources: [a.yaml]", "o/a.yaml": manifest + "data:\n" + indent(aliases())}), ""},
		"aliases in the kustomization": {tree(map[string]string{"o/kustomization.yaml": aliases()}), ""},
		"a base in itself":             {tree(map[string]string{"o/kustomization.yaml": "resources: [../o]"}), "cycle"},
		"bases in a circle":            {tree(map[string]string{"o/kustomization.yaml": "resources: [../p]", "p/kustomization.yaml": "resources: [../o]"}), "cycle"},
		"many bases":                   {tree(diamonds(40)), endless},
		"deep manifest":                {tree(map[string]string{"o/kustomization.yaml": "resources: [a.yaml]", "o/a.yaml": manifest + "data: " + strings.Repeat("[", 1000000)}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			pool := hungry
			if test.want == endless { // which would take long to be seen
				pool = slow
			}
			render := func(files fs.FS) error {
				if _, err := fs.Stat(files, "c"); err == nil {
					_, err = pool.Helm(t.Context(), files, directives.HelmTemplate{Chart: "c", Release: "r"})
					return err
				}
				_, err := pool.Kustomize(t.Context(), files, directives.KustomizeBuild{Path: "o"})
				return err
			}
			if err := render(test.files); err == nil || !strings.Contains(err.Error(), test.want) && !raced() {
				t.Errorf("the error is %.300v, want %s", err, test.want)
			}
			if err := render(chartWith(map[string]string{"templates/a.yaml": manifest})); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

// raced reports whether the race detector is on, which dies of a child's limits in
// its own words.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// aliases is a document of a few lines that stands for 9^12 texts.
func aliases() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	return text
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n" }

// diamonds are bases of which every one is built from the next one twice.
func diamonds(n int) map[string]string {
	files := map[string]string{"o/kustomization.yaml": "resources: [../a0, ../b0]"}
	for i := range n {
		text := fmt.Sprintf("namePrefix: %%s-\nresources: [../a%d, ../b%d]", i+1, i+1)
		files[fmt.Sprintf("a%d/kustomization.yaml", i)] = fmt.Sprintf(text, "a")
		files[fmt.Sprintf("b%d/kustomization.yaml", i)] = fmt.Sprintf(text, "b")
	}
	for _, side := range []string{"a", "b"} {
		files[fmt.Sprintf("%s%d/kustomization.yaml", side, n)] = "namePrefix: " + side + "-\nresources: [a.yaml]"
		files[fmt.Sprintf("%s%d/a.yaml", side, n)] = manifest
	}
	return files
}
