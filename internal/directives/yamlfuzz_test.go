package directives

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	yaml11 "go.yaml.in/yaml/v2"
	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"
)

// FuzzSetValue sets the nth value of a file, and reads the result with two
// libraries: everything but the value must be as it was (D5).
func FuzzSetValue(f *testing.F) {
	files, err := filepath.Glob("../../testdata/directives/*.txtar")
	if err != nil {
		f.Fatal(err)
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
	f.Add([]byte("a: |\n  x\n \n  y\n# c\nb: [x, 'y' , \"z\", &a w,*a ]\n"), uint(3), "a: b")
	f.Fuzz(func(t *testing.T, data []byte, nth uint, value string) {
		if len(data) > 1<<14 {
			return
		}
		_ = setAndCompare(t, data, nth, value)
	})
}

// Whatever the style, an ordinary file can be edited.
func TestValuesOfRandomFilesCanBeSet(t *testing.T) {
	values := []string{"v2", "", "0x1F", "a: b", "no", "\n", "it's", `"`, "é", "*x", "two words"}
	for seed := range uint64(1500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		data := randomFile(rng)
		value := values[rng.IntN(len(values))]
		if err := setAndCompare(t, data, uint(rng.IntN(100)), value); err != nil && !errors.Is(err, errNothingToSet) {
			t.Fatalf("seed %d: set to %q in\n%s\n%v", seed, value, data, err)
		}
		if t.Failed() {
			t.Fatalf("seed %d: set to %q in\n%s", seed, value, data)
		}
	}
}

var errNothingToSet = errors.New("the file has no value that can be addressed")

func setAndCompare(t *testing.T, data []byte, nth uint, value string) error {
	text, err := parseYAML(data)
	if err != nil {
		return err
	}
	var paths []keyPath
	for _, doc := range text.docs {
		paths = scalarPaths(doc.Content[0], nil, paths)
	}
	if len(paths) == 0 {
		return errNothingToSet
	}
	path := paths[nth%uint(len(paths))]
	reread, err := parseKey(path.String())
	if err != nil || reread.String() != path.String() {
		t.Fatalf("the path %q is read as %v, %v", path, reread, err)
	}
	after, _, err := setValues(data, []setting{{path: path, value: scalar{"!!str", value}}})
	if err != nil {
		return err
	}
	for name, library := range map[string]func([]byte) decoder{"YAML 1.2": yaml3, "YAML 1.1": yaml2} {
		if before := decodeAll(data, library); before != nil {
			compareReadings(t, name, before, decodeAll(after, library), value)
		}
	}
	if before, now := comments(data), comments(after); !slices.Equal(before, now) {
		t.Errorf("the comments were %q and are %q", before, now)
	}
	if t.Failed() {
		t.Logf("%s set to %q\n%s\nbecame\n%s", path, value, data, after)
	}
	return nil
}

// scalarPaths lists the values that a path leads to; keys that are no scalars or
// come by aliases are left out.
func scalarPaths(n *yaml.Node, at keyPath, all []keyPath) []keyPath {
	switch n.Kind {
	case yaml.ScalarNode:
		if len(at) > 0 && n.Style&yaml.TaggedStyle == 0 {
			all = append(all, slices.Clone(at))
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Value != "" && key.ShortTag() != "!!merge" {
				all = scalarPaths(n.Content[i+1], append(at, keyStep{key: key.Value}), all)
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			all = scalarPaths(item, append(at, keyStep{kind: byIndex, index: i}), all)
		}
	}
	return all
}

type decoder interface{ Decode(any) error }

func yaml3(data []byte) decoder { return yaml.NewDecoder(bytes.NewReader(data)) }
func yaml2(data []byte) decoder { return yaml11.NewDecoder(bytes.NewReader(data)) }

// decodeAll returns all documents, nil when the library does not read the file.
func decodeAll(data []byte, library func([]byte) decoder) (docs []any) {
	d := library(data)
	for {
		var doc any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			return nil
		}
		docs = append(docs, doc)
	}
}

// compareReadings demands that every value is what it was, or the new one.
func compareReadings(t *testing.T, library string, before, after []any, value string) {
	t.Helper()
	a, b := map[string]string{}, map[string]string{}
	flattenAny(before, "", a)
	flattenAny(after, "", b)
	found := false
	for path, was := range a {
		is, ok := b[path]
		found = found || is == fmt.Sprintf("string %q", value)
		if !ok || is != was && is != fmt.Sprintf("string %q", value) {
			t.Errorf("%s: %s was %s and is %s", library, path, was, is)
		}
	}
	if len(a) != len(b) || !found {
		t.Errorf("%s: there were %d values and are %d; the new one is there: %v", library, len(a), len(b), found)
	}
}

// flattenAny lists every value by its path, with its type.
func flattenAny(value any, at string, out map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		out[at] = fmt.Sprintf("mapping of %d", len(v))
		for k, below := range v {
			flattenAny(below, fmt.Sprintf("%s/%q", at, k), out)
		}
	case map[any]any:
		out[at] = fmt.Sprintf("mapping of %d", len(v))
		for k, below := range v {
			flattenAny(below, fmt.Sprintf("%s/%T %v", at, k, k), out)
		}
	case []any:
		out[at] = fmt.Sprintf("list of %d", len(v))
		for i, below := range v {
			flattenAny(below, fmt.Sprintf("%s/%d", at, i), out)
		}
	case string:
		out[at] = fmt.Sprintf("string %q", v)
	default:
		out[at] = fmt.Sprintf("%T %v", v, v)
	}
}

func comments(data []byte) []string {
	var found []string
	var collect func(n *yaml.Node)
	collect = func(n *yaml.Node) {
		for _, text := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			for line := range strings.Lines(text) {
				found = append(found, strings.TrimSpace(line))
			}
		}
		for _, child := range n.Content {
			collect(child)
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if d.Decode(&doc) != nil {
			break
		}
		collect(&doc)
	}
	slices.Sort(found)
	return found
}

// randomFile writes a file with the habits of many people.
func randomFile(rng *rand.Rand) []byte {
	w := writer{rng: rng, step: 1 + rng.IntN(4)}
	for range 1 + rng.IntN(3) {
		if w.Len() > 0 {
			w.WriteString("---\n")
		}
		w.mapping(0, 0)
	}
	text := w.String()
	if rng.IntN(4) == 0 {
		text = strings.TrimRight(text, "\n")
	}
	if rng.IntN(4) == 0 {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if rng.IntN(6) == 0 {
		text = string(utf8BOM) + text
	}
	return []byte(text)
}

type writer struct {
	strings.Builder
	rng  *rand.Rand
	step int
	keys int
}

func (w *writer) pick(options ...string) string { return options[w.rng.IntN(len(options))] }

// key is never twice in a file, so that every path is in one document.
func (w *writer) key() string {
	w.keys++
	return fmt.Sprintf(w.pick("k%d", "k.%d", "k/%d", "\"k%d\"", "'k %d'", "%d", "é%d"), w.keys)
}

func (w *writer) comment() string { return w.pick("", "", "", " # note", "   # a: b") }

func (w *writer) plain() string {
	return w.pick("v1", "1.10", "true", "null", "a b", "x#y", "a:b", "'it''s'", `"a \" b"`, `"é→"`, "-1", "~", "http://x/y?z", "\"\"", "''")
}

func (w *writer) mapping(indent, depth int) {
	for range 1 + w.rng.IntN(3) {
		if w.rng.IntN(6) == 0 {
			w.WriteString(w.pick("\n", strings.Repeat(" ", indent)+"# above\n"))
		}
		w.WriteString(strings.Repeat(" ", indent) + w.key() + ":")
		w.value(indent, depth)
	}
}

// value writes what stands behind a key or a dash, up to the end of the line.
func (w *writer) value(indent, depth int) {
	pad := strings.Repeat(" ", indent+w.step)
	switch n := w.rng.IntN(10); {
	case n < 4:
		w.WriteString(w.pick(" ", "  ") + w.plain() + w.comment() + "\n")
	case n == 4:
		w.WriteString(" " + w.pick("|", ">", "|-", ">-", "|+") + w.comment() + "\n" + pad + "one\n" + pad + "  two\n\n" + pad + "three\n")
	case n == 5:
		w.WriteString(" " + w.pick("one\n"+pad+"two\n\n"+pad+"three", "'one\n"+pad+"two'", "\"one\n"+pad+"two \\\n"+pad+"three\"") + w.comment() + "\n")
	case n == 6:
		w.WriteString(" " + w.flow(0) + w.comment() + "\n")
	case depth > 3:
		w.WriteString(w.comment() + "\n")
	case n == 7:
		w.WriteString(w.comment() + "\n")
		dash := indent + w.rng.IntN(2)*w.step
		for range 1 + w.rng.IntN(3) {
			w.WriteString(strings.Repeat(" ", dash) + "-")
			if w.rng.IntN(2) == 0 {
				w.WriteString(" " + w.key() + ":")
				w.value(dash+2, depth+1)
				if w.rng.IntN(2) == 0 {
					w.mapping(dash+2, depth+1)
				}
			} else {
				w.value(dash, 4)
			}
		}
	default:
		w.WriteString(w.comment() + "\n")
		w.mapping(indent+w.step, depth+1)
	}
}

func (w *writer) flow(depth int) string {
	var items []string
	list := w.rng.IntN(2) == 0
	for range w.rng.IntN(4) {
		item := w.pick("v1", "1.10", "'a, b'", `"x: y"`, "true", "")
		if depth < 2 && w.rng.IntN(3) == 0 {
			item = w.flow(depth + 1)
		}
		if !list {
			item = w.key() + ": " + item
		} else if item == "" {
			item = "x"
		}
		items = append(items, item)
	}
	text := strings.Join(items, w.pick(",", ", ", " , "))
	if list {
		return "[" + text + "]"
	}
	return "{" + text + w.pick("", " ") + "}"
}
