package directives

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"
)

// FuzzSetJSON sets the nth value of a file, and reads the result with two
// libraries: everything but the value must be as it was (D5).
func FuzzSetJSON(f *testing.F) { fuzzText(f, "json", jsonFormat) }

// FuzzSetTOML does so with TOML, and compares the comments.
func FuzzSetTOML(f *testing.F) { fuzzText(f, "toml", tomlFormat) }

func fuzzText(f *testing.F, kind string, format textFormat) {
	files, err := filepath.Glob("../../testdata/directives/" + kind + "-*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases", err)
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasPrefix(file.Name, "source/") {
				f.Add(file.Data, uint(1), "on")
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, nth uint, value string) {
		if len(data) <= 1<<14 {
			_ = setTextAndCompare(t, format, data, nth, value)
		}
	})
}

// Whatever the style, an ordinary file can be edited.
func TestValuesOfRandomTextsCanBeSet(t *testing.T) {
	values := []string{"v2", "", "0x1F", "a: b", "\n", "it's", `"`, "é", "# note", "]", "two words"}
	for name, random := range map[string]func(*textWriter) []byte{"json": (*textWriter).json, "toml": (*textWriter).toml} {
		format := map[string]textFormat{"json": jsonFormat, "toml": tomlFormat}[name]
		for seed := range uint64(1500) {
			w := &textWriter{rng: rand.New(rand.NewPCG(seed, 2))}
			data := random(w)
			value := values[w.rng.IntN(len(values))]
			err := setTextAndCompare(t, format, data, uint(w.rng.IntN(100)), value)
			if err != nil && !errors.Is(err, errNothingToSet) || t.Failed() {
				t.Fatalf("seed %d: set to %q in\n%s\n%v", seed, value, data, err)
			}
		}
	}
}

// Where a table or an object stands, a key can be added, and nothing else changes.
func TestKeysOfRandomTextsCanBeMade(t *testing.T) {
	odd := 0
	for seed := range uint64(1500) {
		w := &textWriter{rng: rand.New(rand.NewPCG(seed, 3))}
		random, format := w.toml, tomlFormat
		if seed%2 == 0 {
			random, format = w.json, jsonFormat
		}
		data := random()
		before, err := format.read(data)
		if err != nil {
			t.Fatalf("seed %d: %v in\n%s", seed, err, data)
		}
		for _, path := range pathsOf(before.value, nil, nil) {
			if path[len(path)-1].kind == byIndex {
				continue
			}
			s := setting{path: append(path[:len(path)-1], key("new"), key("a.b")), value: scalar{"!!str", "v"}, create: true}
			after, _, err := format.setValues(data, []setting{s})
			if errors.Is(err, errOddPlace) {
				odd++
				continue
			}
			same := 0
			for same < len(data) && data[same] == after[same] {
				same++
			}
			if err != nil || !bytes.HasSuffix(after, data[same:]) {
				t.Fatalf("seed %d: %s made in\n%s\nbecame\n%s\n%v", seed, s.path, data, after, err)
			}
		}
	}
	if odd > 0 {
		t.Errorf("%d were refused", odd)
	}
}

func setTextAndCompare(t *testing.T, format textFormat, data []byte, nth uint, value string) error {
	body := bytes.TrimPrefix(data, utf8BOM)
	before, err := format.read(body)
	if err != nil {
		return err
	}
	paths := pathsOf(before.value, nil, nil)
	if len(paths) == 0 {
		return errNothingToSet
	}
	path := paths[nth%uint(len(paths))]
	p, err := before.find(path)
	if err != nil {
		return err
	}
	after, _, err := format.setValues(body, []setting{{path: path, value: scalar{"!!str", value}}})
	if err != nil {
		return err
	}
	// The bytes around the value, and nothing else of them, are there again.
	rest := len(body) - p.spot.end
	if !bytes.HasPrefix(after, body[:p.spot.start]) || !bytes.HasSuffix(after, body[p.spot.end:]) || len(after) < p.spot.start+rest {
		t.Errorf("%s: bytes beside the value changed\n%s\nbecame\n%s", path, body, after)
	}
	again, err := format.read(after)
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	flattenAny(before.value, "", want)
	flattenAny(again.value, "", got)
	where := ""
	for _, name := range p.at {
		if key, ok := name.(string); ok {
			where += fmt.Sprintf("/%q", key)
		} else {
			where += fmt.Sprintf("/%v", name)
		}
	}
	want[where] = fmt.Sprintf("string %q", value)
	if !maps.Equal(want, got) {
		t.Errorf("%s set to %q\n%s\nbecame\n%s", path, value, body, after)
	}
	// And back: a string that was written the usual way gets its very bytes again.
	old, _ := p.value.(string)
	if usual, err := format.write(scalar{"!!str", old}, nil); err == nil && usual == string(body[p.spot.start:p.spot.end]) {
		back, _, err := format.setValues(after, []setting{{path: path, value: scalar{"!!str", old}}})
		if err != nil || !bytes.Equal(back, body) {
			t.Errorf("%s set to %q and back\n%s\nbecame\n%s\n%v", path, value, body, back, err)
		}
	}
	compareAsYAML(t, format, body, after, value)
	return nil
}

// compareAsYAML reads JSON with a library for YAML, where that reads it.
func compareAsYAML(t *testing.T, format textFormat, before, after []byte, value string) {
	t.Helper()
	var a, b any
	if !json.Valid(before) || yaml.Unmarshal(before, &a) != nil {
		return
	}
	if err := yaml.Unmarshal(after, &b); err != nil {
		if strings.ContainsFunc(value, func(r rune) bool { return r > 0xffff || r < ' ' || r == 0x7f }) {
			return // what YAML does not take as it is
		}
		t.Errorf("YAML: %v\n%s\nbecame\n%s", err, before, after)
		return
	}
	compareReadings(t, "YAML", []any{a}, []any{b}, value)
}

// pathsOf lists the paths of all single values.
func pathsOf(value any, at keyPath, all []keyPath) []keyPath {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = pathsOf(v[name], append(at, keyStep{key: name}), all)
		}
	case []any:
		for i := range v {
			all = pathsOf(v[i], append(at, keyStep{kind: byIndex, index: i}), all)
		}
	default:
		if len(at) > 0 {
			all = append(all, slices.Clone(at))
		}
	}
	return all
}

// textWriter writes files with the habits of many people.
type textWriter struct {
	strings.Builder
	rng  *rand.Rand
	keys int
}

func (w *textWriter) pick(options ...string) string { return options[w.rng.IntN(len(options))] }

func (w *textWriter) gap() string { return w.pick("", "", " ", "\n  ", "\t", "\r\n") }

func (w *textWriter) json() []byte {
	w.jsonValue(0)
	return []byte(w.pick("", "\n") + w.String() + w.pick("", "\n", " \n\n"))
}

func (w *textWriter) jsonValue(depth int) {
	switch n := w.rng.IntN(5); {
	case depth > 0 && (n < 2 || depth > 4):
		w.WriteString(w.pick(`"v1"`, `"1.10"`, "true", "null", "-0.5e+10", `"a\"\\\/é\u00e9\ud83d\ude00"`, `""`, "123456789012345678901", `"]}"`))
	case depth > 0 && n == 2:
		w.list("[", "]", func() { w.jsonValue(depth + 1) })
	default:
		w.list("{", "}", func() {
			w.keys++
			fmt.Fprintf(w, w.pick(`"k%d"`, `"k.%d"`, `"\"%d"`, `"\u006b[%d"`), w.keys)
			w.WriteString(w.gap() + ":" + w.gap())
			w.jsonValue(depth + 1)
		})
	}
}

func (w *textWriter) list(open, end string, item func()) {
	w.WriteString(open + w.gap())
	for i := range w.rng.IntN(4) {
		if i > 0 {
			w.WriteString("," + w.gap())
		}
		item()
		w.WriteString(w.gap())
	}
	w.WriteString(end)
}

func (w *textWriter) toml() []byte {
	for range w.rng.IntN(4) {
		w.tomlPair("")
	}
	for range w.rng.IntN(4) {
		w.keys++
		indent := w.pick("", "  ", "\t")
		fmt.Fprintf(w, indent+w.pick("[t%d]", "[ t%d . \"x.y\" ]", "[t%d.'a b'.c]", "[[s%d]]", "[[s%d]]\n[s%[1]d.u]\nz=1\n[[s%[1]d]]")+w.pick("", " # table")+"\n", w.keys)
		for range w.rng.IntN(4) {
			w.tomlPair(indent)
		}
	}
	text := w.String()
	if w.rng.IntN(4) == 0 {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	}
	if w.rng.IntN(4) == 0 {
		text = strings.TrimRight(text, "\r\n")
	}
	return []byte(text)
}

func (w *textWriter) tomlPair(indent string) {
	w.WriteString(w.pick("", "", "\n", "# above = 1\n") + indent)
	w.tomlKey()
	w.tomlValue(0)
	w.WriteString(w.pick("", " # behind", "\t#'\"") + "\n")
}

func (w *textWriter) tomlKey() {
	w.keys++
	fmt.Fprintf(w, w.pick("k%d", `"k.%d"`, "'k %d'", "a%d.b", "a%d . 'b.c' .d", `"\u006b%d"`, "%d")+w.pick("=", " = ", "  =\t"), w.keys)
}

func (w *textWriter) tomlValue(depth int) {
	switch n := w.rng.IntN(6); {
	case n < 4 || depth > 2:
		w.WriteString(w.pick(`"v1"`, "'v1'", `"a\"\\\té#"`, "''", `""`, "12", "0x1F", "-1.5e3", "true", "nan",
			"1979-05-27 07:32:00Z", "07:32:00", "\"\"\"\none\n# no \\\" comment\"\"\"\"", "'''it's '''''", "\"\"\"x \\\n  y\"\"\""))
	case n == 4:
		w.WriteString("[" + w.pick("", " ", "\n"))
		for range w.rng.IntN(3) {
			w.tomlValue(depth + 1)
			w.WriteString(w.pick(",", " , ", ", # in between ]\n"))
		}
		w.WriteString(w.pick("", "\n") + "]")
	default:
		w.WriteString("{")
		for i := range w.rng.IntN(3) {
			if i > 0 {
				w.WriteString(w.pick(",", ", "))
			}
			w.tomlKey()
			w.tomlValue(depth + 1)
		}
		w.WriteString(w.pick("", " ") + "}")
	}
}
