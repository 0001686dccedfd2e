package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The schemas and the reference are generated from the raw types, so that they
// can not say anything else than the decoder: `go test -run Generated -update`.

func TestGeneratedSchemas(t *testing.T) {
	fresh(t, "../../schema/pipeline.json", schemaOf(reflect.TypeFor[rawPipeline](), "Towpath pipeline"))
	fresh(t, "../../schema/policy.json", schemaOf(reflect.TypeFor[rawPolicy](), "Towpath policy"))
}

func TestGeneratedReference(t *testing.T) {
	fresh(t, "../../docs/configuration.md", reference())
}

// fresh compares a generated file with what is generated now, or writes it.
func fresh(t *testing.T, name string, content []byte) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, content) {
		t.Errorf("%s is stale: go test ./internal/config -run Generated -update", name)
	}
}

// schemas collects the definitions of one schema.
type schemas struct{ defs map[string]any }

func schemaOf(root reflect.Type, title string) []byte {
	s := schemas{defs: map[string]any{}}
	out := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   title,
		"$ref":    s.ref(root),
		"$defs":   s.defs,
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		panic(err)
	}
	return buffer.Bytes()
}

// ref defines a raw type once and returns where.
func (s schemas) ref(t reflect.Type) string {
	name := typeName(t)
	ref := "#/$defs/" + name
	if _, done := s.defs[name]; done {
		return ref
	}
	s.defs[name] = nil // it may hold itself
	sh := shapeOf(t)
	properties, required := map[string]any{}, []string{}
	for _, f := range sh.fields {
		property := s.typ(f.typ, f)
		if f.doc != "" {
			property["description"] = f.doc
		}
		if f.fallback != "" {
			property["default"] = f.fallback
			if f.typ == reflect.TypeFor[Bool]() {
				property["default"] = f.fallback == "true"
			} else if f.typ == reflect.TypeFor[Int]() {
				property["default"] = json.Number(f.fallback)
			}
		}
		properties[f.name] = property
		if f.required {
			required = append(required, f.name)
		}
	}
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	if len(sh.one) > 0 {
		var one []any
		for _, name := range sh.one {
			one = append(one, map[string]any{"required": []string{name}})
		}
		object["oneOf"] = one
	}
	if sh.scalar == nil {
		s.defs[name] = object
		return ref
	}
	word := s.typ(sh.scalar.typ, *sh.scalar)
	word["description"] = sh.scalar.doc
	s.defs[name] = map[string]any{"anyOf": []any{word, object}}
	return ref
}

func (s schemas) typ(t reflect.Type, f field) map[string]any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Text]() && f.format == "duration":
		return map[string]any{"type": []string{"string", "integer"}}
	case t == reflect.TypeFor[Text](), t == reflect.TypeFor[Word]():
		return s.str(t, f)
	case t == reflect.TypeFor[Bool]():
		return map[string]any{"type": "boolean"}
	case t == reflect.TypeFor[Int]():
		return s.number(f)
	case t == reflect.TypeFor[Value]():
		return map[string]any{}
	case isList(t):
		items, _ := t.FieldByName("Items")
		return map[string]any{"type": "array", "items": s.typ(items.Type.Elem(), f)}
	case isMap(t):
		entries, _ := t.FieldByName("Entries")
		value, _ := entries.Type.Elem().FieldByName("Value")
		return map[string]any{"type": "object", "additionalProperties": s.typ(value.Type, f)}
	}
	return map[string]any{"$ref": s.ref(t)}
}

func (s schemas) str(t reflect.Type, f field) map[string]any {
	out := map[string]any{"type": "string"}
	switch {
	case len(f.enum) > 0:
		out["enum"] = f.enum
	case f.format == "apiVersion":
		out["const"] = "towpath/v1"
	case f.format == "name" && t == reflect.TypeFor[Word]():
		out["pattern"] = "^[a-z0-9][a-z0-9-]*$"
	}
	return out
}

func (s schemas) number(f field) map[string]any {
	out := map[string]any{"type": "integer"}
	switch f.format {
	case "from0":
		out["minimum"] = 0
	case "from1":
		out["minimum"] = 1
	case "percentage":
		out["minimum"], out["maximum"] = 1, 100
	}
	return out
}

// typeName is the name of a definition: rawGitSubscription is GitSubscription.
func typeName(t reflect.Type) string { return strings.TrimPrefix(t.Name(), "raw") }

const introduction = "# Configuration reference\n\n" +
	"Every key of the two files, its type, what it is when it is left out, and what it means; generated from the types that read them. " +
	"All of it is acted on; an unknown key is refused when the files are validated, never ignored.\n\n" +
	"Text, paths, globs and the like may hold expressions, `${{ … }}`; names of stages, warehouses and gates, and words from a list, may not. " +
	"A value that is one whole expression keeps its type. `${{ \"${{\" }}` writes the opening itself. In scope are\n\n" +
	"| name | gives |\n|---|---|\n" +
	"| `pipeline`, `stage`, `stamp` | the names |\n" +
	"| `vars.NAME` | a variable: of the stamp over the stage over the pipeline |\n" +
	"| the name from `each` | its value |\n" +
	"| `image(repository)` | `tag`, `digest`, `hex` (the digest without its algorithm), `ref` (repository@digest), `revision` of the image in the freight |\n" +
	"| `commit(repository)` | `id`, `short` of the commit in the freight; `.` is this repository |\n" +
	"| `chart(name)` | `name`, `version`, `digest` of the chart in the freight |\n" +
	"| `freight(warehouse)` | `id`, `alias` |\n\n" +
	"`image`, `commit` and `chart` take a warehouse as a second argument, for stages whose slots hold different artifacts of one name. " +
	"The functions are `len`, `lower`, `upper`, `trim`, `trimPrefix`, `trimSuffix`, `split`, `replace`, `hasPrefix`, `hasSuffix`, " +
	"`indexOf`, `lastIndexOf`, `int`, `float`, `string`, `get`, `first` and `last`; there are no loops and no variables.\n"

// reference is docs/configuration.md.
func reference() []byte {
	var out bytes.Buffer
	out.WriteString(introduction)
	section(&out, "`.towpath/pipeline.yaml`, `.towpath/pipelines/*.yaml`", "pipeline", reflect.TypeFor[rawPipeline]())
	section(&out, "`.towpath/policy.yaml`", "policy", reflect.TypeFor[rawPolicy]())
	return out.Bytes()
}

func section(out *bytes.Buffer, title, root string, t reflect.Type) {
	fmt.Fprintf(out, "\n## %s\n", title)
	type place struct {
		path string
		typ  reflect.Type
	}
	seen := map[reflect.Type]bool{reflect.TypeFor[rawBody](): true} // the keys of a stage
	queue := []place{{root, t}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at.typ] {
			continue
		}
		seen[at.typ] = true
		sh := shapeOf(at.typ)
		if at.path != root {
			fmt.Fprintf(out, "\n### `%s`\n", strings.TrimPrefix(at.path, root+"."))
		}
		if sh.scalar != nil {
			fmt.Fprintf(out, "\nIn place of a map: %s. %s\n", kindOf(sh.scalar.typ, *sh.scalar), sh.scalar.doc)
		}
		if len(sh.one) > 0 {
			fmt.Fprintf(out, "\nExactly one of `%s`.\n", strings.Join(sh.one, "`, `"))
		}
		out.WriteString("\n| key | type | default | meaning |\n|---|---|---|---|\n")
		for _, f := range sh.fields {
			path := at.path + "." + f.name
			fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", f.name, cell(kindOf(f.typ, f)), cell(fallbackOf(f)), cell(f.doc))
			if inner := elem(f.typ); !isLeaf(inner) {
				queue = append(queue, place{path + suffix(f.typ), inner})
			}
		}
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// suffix is what a path has after a key that holds a list or a map.
func suffix(t reflect.Type) string {
	switch {
	case isList(t):
		return "[]"
	case isMap(t):
		return ".*"
	}
	return ""
}

func fallbackOf(f field) string {
	switch {
	case f.required:
		return "needed"
	case f.fallback == "":
		return ""
	}
	return "`" + f.fallback + "`"
}

// kindOf is the type of a key in words.
func kindOf(t reflect.Type, f field) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	formats := map[string]string{
		"cron": "cron line", "date": "date", "duration": "duration", "expression": "expression", "folder": "path", "glob": "glob",
		"globName": "glob", "image": "image", "key": "key path", "name": "name", "path": "path", "pattern": "pattern",
		"regexp": "regular expression", "repository": "repository", "constraint": "version constraint", "branch": "branch",
	}
	switch {
	case len(f.enum) > 0 && slices.Contains([]reflect.Type{reflect.TypeFor[Text](), reflect.TypeFor[Word]()}, t):
		return "`" + strings.Join(f.enum, "` or `") + "`"
	case t == reflect.TypeFor[Text](), t == reflect.TypeFor[Word]():
		if kind := formats[f.format]; kind != "" {
			return kind
		}
		if t == reflect.TypeFor[Word]() {
			return "word"
		}
		return "text"
	case t == reflect.TypeFor[Bool]():
		return "boolean"
	case t == reflect.TypeFor[Int]():
		return "number"
	case t == reflect.TypeFor[Value]():
		return "any value"
	case isList(t):
		items, _ := t.FieldByName("Items")
		return "list of " + kindOf(items.Type.Elem(), f)
	case isMap(t):
		entries, _ := t.FieldByName("Entries")
		value, _ := entries.Type.Elem().FieldByName("Value")
		return "map of " + kindOf(value.Type, f)
	}
	return "map"
}
