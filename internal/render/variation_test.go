package render

import (
	"errors"
	"testing"

	"github.com/towpath/towpath/internal/directives"
)

// R1: what prints something else every time is refused by its template, whatever
// way it is called; what only could is not.
func TestChartsThatChange(t *testing.T) {
	pool := newPool(t, Limits{})
	two := map[string]any{"m": map[string]any{"b": "1", "a": "2"}}
	for _, test := range []struct {
		value   string // of a template, in "..."
		values  map[string]any
		more    map[string]string
		refused bool
	}{
		{value: `{{ randAlphaNum 8 }}`, refused: true},
		{value: `{{ randAlpha 8 }}`, refused: true},
		{value: `{{ randNumeric 8 }}`, refused: true},
		{value: `{{ randAscii 8 | b64enc }}`, refused: true},
		{value: `{{ randBytes 8 }}`, refused: true},
		{value: `{{ randInt 0 1000000000 }}`, refused: true},
		{value: `{{ shuffle "abcdefghijklmnopqrstuvwxyz" }}`, refused: true},
		{value: `{{ uuidv4 }}`, refused: true},
		{value: `{{ bcrypt "x" }}`, refused: true},
		{value: `{{ htpasswd "a" "b" }}`, refused: true},
		{value: `{{ encryptAES "secretkey" "x" }}`, refused: true},
		{value: `{{ genPrivateKey "ed25519" | b64enc }}`, refused: true},
		{value: `{{ now | date "2006" }}`, refused: true},
		{value: `{{ now | unixEpoch }}`, refused: true},
		{value: `{{ date "2006" now }}`, refused: true},
		{value: `{{ ago (toDate "2006" "2001") }}`, refused: true},
		{value: `{{ htmlDate "" }}`, refused: true},
		{value: `{{ "x" | htmlDate | b64enc }}`, refused: true},
		{value: `{{ htmlDateInZone .Values.none "UTC" }}`, refused: true},
		{value: `{{ date "2006" .Values.epoch }}`, values: map[string]any{"epoch": 1e9}, refused: true},
		{value: `{{ dateInZone "2006" "2001-02-03" "UTC" }}`, refused: true},
		{value: `{{ "UTC" | date_in_zone "2006" nil }}`, refused: true},
		{value: `{{ if eq (date "2006" "") "1999" }}a{{ else }}b{{ end }}{{ trunc 4 (date "2006" dict) }}`, refused: true},
		{value: `{{ tpl .Values.t . }}`, values: map[string]any{"t": `{{ htmlDate "" }}`}, refused: true},
		{value: `{{ durationRound (toDate "2006" "2001") }}`, refused: true},
		{value: `{{ toDate "2006" "2001" | durationRound }}`, refused: true},
		{value: `{{ durationRound "2400h" }}{{ 90000000000000 | int64 | durationRound }}`},
		{value: `{{ date "2006-01-02" (toDate "2006" "2001") }}{{ toDate "2006" "2001" | date "15:04" | upper }}{{ date "2006" 0 }}`},
		{value: `{{ htmlDate 86400 }}{{ htmlDateInZone (toDate "2006" "2001") "UTC" }}{{ "UTC" | dateInZone "2006" (int64 7) }}{{ date_in_zone "2006" 7 "UTC" }}`},
		{value: `{{ tpl .Values.t . }}`, values: map[string]any{"t": `{{ toDate "2006" "2001" | htmlDate }}`}},
		{value: `{{ keys .Values.m | join "," }}`, values: two, refused: true},
		{value: `{{ range keys .Values.m }}{{ . }}{{ end }}`, values: two, refused: true},
		{value: `{{ first (keys .Values.m) }}`, values: two, refused: true},
		{value: `{{ values .Values.m | join "," }}`, values: two, refused: true},
		{value: `{{ .Values.m | keys | sortAlpha | join "," }}`, values: two},
		{value: `{{ $k := keys .Values.m }}{{ $k | sortAlpha | join "," }}`, values: two},
		{value: `{{ len (keys .Values.m) }}{{ has "a" (keys .Values.m) }}`, values: two},
		{value: `{{ values .Values.m | sortAlpha | join "," }}`, values: two},
		{value: `{{ range $k, $v := .Values.m }}{{ $k }}{{ end }}{{ toJson .Values.m | b64enc }}`, values: two},
		{value: `{{ include "h" . }}`, more: map[string]string{"templates/_h.tpl": `{{ define "h" }}{{ uuidv4 }}{{ end }}`}, refused: true},
		{value: `{{ template "h" . }}`, more: map[string]string{"templates/_h.tpl": `{{ define "h" }}{{ now }}{{ end }}`}, refused: true},
		{value: `{{ include "h" . }}`, more: map[string]string{"charts/d/Chart.yaml": "apiVersion: v2\nname: d\nversion: 0.1.0\ntype: library\n", "charts/d/templates/_h.tpl": `{{ define "h" }}{{ keys .Values.m | join "," }}{{ end }}`}, values: two, refused: true},
		{value: `{{ block "h" . }}{{ randInt 0 1000000000 }}{{ end }}`, refused: true},
		{value: `{{ tpl .Values.t . }}`, values: map[string]any{"t": "{{ randAlphaNum 8 }}"}, refused: true},
		{value: `{{ tpl .Values.t . }}`, values: map[string]any{"t": "{{ now | date \"2006\" }}"}, refused: true},
		{value: `{{ tpl .Values.t.u . }}`, more: map[string]string{"values.yaml": "t: {u: '{{ now | date \"2006\" }}'}"}, refused: true},
		{value: `{{ tpl (toYaml .Values.t) . | b64enc }}`, values: map[string]any{"t": []any{"{{ uuidv4 }}"}}, refused: true},
		{value: `{{ tpl (.Files.Get "f") . }}`, more: map[string]string{"f": "{{ now | date \"2006\" }}"}, refused: true},
		{value: `{{ tpl "{{ uuidv4 }}" . }}`, refused: true},
		{value: `{{ tpl (printf "{{ rand%s 8 }}" "AlphaNum") . }}`, refused: true},
		{value: `{{ tpl (print .Values.a .Values.b) . }}`, values: map[string]any{"a": "{{ uuid", "b": "v4 }}"}, refused: true},
		{value: `{{ tpl .Values.t . }}`, values: map[string]any{"t": "{{ .Release.Name }}", "u": "{{ $of.another.language }}"}},
		{value: `{{ .Values.t }}`, values: map[string]any{"t": "{{ now }}"}},
		{value: `{{ .Values.x | default (randAlphaNum 8) }}`, values: map[string]any{"x": "known"}},
		{value: `{{ if .Values.x }}{{ now }}{{ end }}`},
		{value: `{{ lookup "v1" "Secret" "a" "b" | toJson | b64enc }}{{ getHostByName "localhost" }}`},
	} {
		files := map[string]string{"templates/a.yaml": manifest + "data:\n  v: \"" + test.value + "\"\n"}
		for name, text := range test.more {
			files[name] = text
		}
		t.Run(test.value, func(t *testing.T) {
			var before string
			for range 5 {
				out, err := pool.Helm(t.Context(), chartWith(files), directives.HelmTemplate{Chart: "c", Release: "r", Values: test.values})
				var refused *RefusedError
				switch {
				case test.refused && (!errors.As(err, &refused) || refused.File != "c/templates/a.yaml"):
					t.Fatalf("%s%v", out, err)
				case !test.refused && (err != nil || before != "" && before != string(out)):
					t.Fatalf("%s%v", out, err)
				}
				before = string(out)
			}
		})
	}
}

// R1: charts that are rendered once more are those that must be.
func TestChartsAreMostlyRenderedOnce(t *testing.T) {
	for text, want := range map[string]int{
		"{{ .Values.known }} we know now":                  0,
		`{{ tpl "{{ .Release.Name }}" . }}`:                0,
		`{{ tpl .Values.text . }}`:                         0,
		`{{ tpl (print "{{ " .Values.x) . }}`:              1,
		`{{ uuidv4 }}`:                                     1,
		"{{ .Values.x }} date: updated update_date":        0,
		`{{ htmlDate "" }}`:                                1,
		`{{ keys .Values }}`:                               2,
		`{{ with .Values.a }}{{ else }}{{ now }}{{ end }}`: 1,
	} {
		source, err := readChart(&reader{ctx: t.Context(), tree: chartWith(map[string]string{"templates/a.yaml": text, "values.yaml": "text: '{{ .Release.Name }}'\n"}), left: 1 << 20}, "c")
		if err != nil {
			t.Fatal(err)
		}
		c, err := source.load()
		if err != nil {
			t.Fatal(err)
		}
		if got := len(usesOf(c, map[string]any{"list": []any{"{{ .Values.x }}"}}).variations()); got != want {
			t.Errorf("%s is rendered %d more times, want %d", text, got, want)
		}
	}
}

// R1: charts in charts/ that nobody declares come in an order.
func TestDependenciesHaveAnOrder(t *testing.T) {
	files := map[string]string{"templates/a.yaml": manifest + `data: {d: {{ include "d" . }}}`}
	for _, name := range []string{"e", "a", "d", "b", "c"} {
		files["charts/"+name+"/Chart.yaml"] = "apiVersion: v2\nname: " + name + "\nversion: 0.1.0\n"
		files["charts/"+name+"/crds/"+name+".yaml"] = "kind: CustomResourceDefinition\nmetadata: {name: " + name + "}\n"
		files["charts/"+name+"/templates/_h.tpl"] = `{{ define "d" }}` + name + `{{ end }}`
	}
	var first []byte
	for range 20 {
		out, err := New(Limits{}).Helm(t.Context(), chartWith(files), directives.HelmTemplate{Chart: "c", Release: "r", IncludeCRDs: true})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out
		}
		compare(t, out, first)
	}
}
