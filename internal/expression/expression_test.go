package expression_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

var scope = expression.Scope{
	Pipeline: "guestbook", Stage: "test",
	Vars: map[string]any{"image": "ghcr.io/acme/guestbook", "replicas": 3, "list": []any{"a", "b"}, "sub": map[string]any{"key": "v"}},
	Each: map[string]any{"service": "web"},
	Freight: []promote.Freight{
		{
			Warehouse: "app", ID: "0123456789abcdef0123456789abcdef01234567", Alias: "bold-otter",
			Images:  []promote.Image{{Repository: "ghcr.io/acme/guestbook", Tag: "1.4.2", Digest: "sha256:aabb", Revision: "feed"}},
			Commits: []promote.Commit{{Repository: ".", ID: "1111111111111111111111111111111111111111"}},
			Charts:  []promote.Chart{{Repository: "oci://ghcr.io/acme/charts/redis", Version: "2.0.1", Digest: "sha256:cc"}},
		},
		{
			Warehouse: "flags", ID: "89abcdef0123456789abcdef0123456789abcdef", Alias: "calm-heron",
			Commits: []promote.Commit{{Repository: ".", ID: "2222222222222222222222222222222222222222"}},
		},
	},
}

func TestEval(t *testing.T) {
	for src, want := range map[string]any{
		"":                                              "",
		"plain {{ text }} }}":                           "plain {{ text }} }}",
		"${{ vars.replicas }}":                          3,
		"${{ vars.replicas > 2 }}":                      true,
		"${{ vars.replicas }}x":                         "3x",
		"${{ vars.replicas * 1.5 }}":                    4.5,
		"a-${{ pipeline }}-${{ stage }}":                "a-guestbook-test",
		"${{ service }}":                                "web",
		"${{ image(vars.image).tag }}":                  "1.4.2",
		"${{ image(vars.image).hex }}":                  "aabb",
		"${{ image(vars.image).ref }}":                  "ghcr.io/acme/guestbook@sha256:aabb",
		"${{ image(vars.image).revision }}":             "feed",
		`${{ image("GHCR.io/acme/guestbook").digest }}`: "sha256:aabb",
		`${{ commit(".", "app").short }}`:               "1111111111",
		`${{ commit(".", "flags").id }}`:                "2222222222222222222222222222222222222222",
		`${{ freight("app").alias }}`:                   "bold-otter",
		`${{ chart("redis").version }}`:                 "2.0.1",
		`${{ vars.sub.key }}`:                           "v",
		`${{ vars?.none ?? "eu" }}`:                     "eu",
		`${{ "}}" }}`:                                   "}}",
		`${{ "${{" }} x }}`:                             "${{ x }}",
		`${{ {"a": {"b": 1}}.a.b }}`:                    1,
		`${{ '\'}}' }}`:                                 "'}}",
		`${{ replace(service, "w", "vv") }}`:            "vveb",
		`${{ string(vars.replicas) + "x" }}`:            "3x",
		`${{ split("a/b", "/")[1] }}`:                   "b",
		`${{ service | upper() }}`:                      "WEB",
		`${{ stage == "prod" ? "high" : "low" }}`:       "low",
	} {
		template, err := expression.Compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := template.Eval(scope); err != nil || got != want {
			t.Errorf("%s = %#v, %v; want %#v", src, got, err, want)
		}
	}
}

func TestListKeepsItsType(t *testing.T) {
	template, err := expression.Compile("${{ vars.list }}")
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.Eval(scope)
	if list, ok := got.([]any); err != nil || !ok || len(list) != 2 {
		t.Errorf("got %#v, %v", got, err)
	}
	if _, err := template.String(scope); err == nil || !strings.Contains(err.Error(), "list or a map") {
		t.Errorf("a list stood in text: %v", err)
	}
}

func TestUnknownThingsAreNamed(t *testing.T) {
	for src, want := range map[string]string{
		"${{ vars.imgae }}":                     `there is no "imgae" under vars`,
		"${{ region }}":                         `"region" is not known here`,
		"${{ stamp }}":                          `"stamp" is not known here`,
		`${{ image("ghcr.io/x/y").tag }}`:       "image ghcr.io/x/y is not in the freight of app, flags",
		`${{ image(vars.image, "flags").tag }}`: "image ghcr.io/acme/guestbook is not in the freight of flags",
		`${{ commit("acme/x").id }}`:            "commit of acme/x is not in the freight of app, flags",
		`${{ chart("mysql").version }}`:         "chart mysql is not in the freight of app, flags",
		`${{ freight("nope").id }}`:             "no freight of warehouse nope",
	} {
		template, err := expression.Compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		_, err = template.Eval(scope)
		var unknown *expression.UnknownError
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an unknown name with %q", src, err, want)
		}
	}
}

func TestEvaluationErrors(t *testing.T) {
	for src, want := range map[string]string{
		`${{ commit(".").id }}`:        "differs between the freight of app and flags",
		"${{ image(vars.image) }}":     "add what is meant: .tag",
		"${{ [image(vars.image)] }}":   "add what is meant: .tag",
		`${{ {a: [freight("app")]} }}`: "add what is meant: .id",
		"${{ vars.sub.none }}":         "it has no value",
		`${{ int("x") }}`:              "invalid operation",
		`${{ split("a", "/")[7] }}`:    "index out of range",
		`${{ replace("a", "", "b") }}`: "something to look for",
		`${{ string(vars.list) }}`:     "string takes a string",
	} {
		template, err := expression.Compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		_, err = template.Eval(scope)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", src, err, want)
		}
	}
}

func TestRefusedAtCompileTime(t *testing.T) {
	for src, want := range map[string]string{
		"${{ vars.x":                                "never closed",
		"${{ }}":                                    "unexpected",
		"${{ 1 + }}":                                "unexpected token",
		"${{ image(vars.image).tga }}":              "has no field tga",
		"${{ now() }}":                              "now",
		`${{ duration("1h") }}`:                     "duration",
		`${{ repeat("x", 1000000) }}`:               "repeat",
		`${{ map(1..9, # * 2) }}`:                   "not available",
		`${{ 1..1000000 }}`:                         "ranges are not available",
		`${{ let a = "x"; a + a }}`:                 "`let` is not available",
		`${{ $env["vars"] }}`:                       "$env",
		`${{ filter(vars.list, true) }}`:            "not available",
		"${{ " + strings.Repeat("1+", 300) + "1 }}": "exceeds maximum",
		"${{ " + strings.Repeat(" ", 5000) + "1 }}": "at most 4 KiB",
	} {
		if _, err := expression.Compile(src); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", src, err, want)
		}
	}
}

func TestResultIsBounded(t *testing.T) {
	large := expression.Scope{Vars: map[string]any{"x": strings.Repeat("x", 40<<10)}}
	for _, src := range []string{"${{ vars.x + vars.x }}", "${{ vars.x }}${{ vars.x }}", `${{ replace(vars.x, "x", "xx") }}`} {
		template, err := expression.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := template.Eval(large); err == nil || !strings.Contains(err.Error(), "longer than 64 KiB") {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestStaticAndPartial(t *testing.T) {
	for src, want := range map[string]struct {
		static  bool
		partial string
	}{
		"x":                {true, "x"},
		"${{ service }}-x": {true, "web-x"},
		"${{ service }}-${{ image(vars.image).tag }}": {false, "web-${{ image(vars.image).tag }}"},
		`${{ freight("app").id }}`:                    {false, `${{ freight("app").id }}`},
	} {
		template, err := expression.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		partial, err := template.Partial(scope)
		if err != nil || partial != want.partial || template.Static() != want.static {
			t.Errorf("%s: static %v, partial %q, %v", src, template.Static(), partial, err)
		}
	}
}

func TestBareExpression(t *testing.T) {
	template, err := expression.CompileBare(`image(vars.image).tag != "1.3.0"`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := template.Eval(scope); err != nil || got != true {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReservedNames(t *testing.T) {
	for name, want := range map[string]bool{"vars": true, "image": true, "stamp": true, "len": true, "in": true, "service": false} {
		if got := expression.Reserved(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("a ${{ image(vars.image).tag }} b")
	f.Add(`${{ {"a": [1, 2]}.a[0] ?? "}}" }}`)
	f.Fuzz(func(t *testing.T, src string) {
		template, err := expression.Compile(src)
		if err != nil {
			return
		}
		if text, err := template.String(scope); err == nil && len(text) > len(src)+(64<<10) {
			t.Errorf("%q gives %d bytes", src, len(text))
		}
	})
}
