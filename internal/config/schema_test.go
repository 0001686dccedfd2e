package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// An editor that follows the schemas finds nothing wrong with the good files.
func TestSchemasAcceptTheGoodFiles(t *testing.T) {
	for _, kind := range []string{"pipeline", "policy"} {
		schema := compileSchema(t, kind+".json")
		files, err := filepath.Glob(filepath.Join(corpus, "ok", "*", kind+".yaml"))
		if err != nil || len(files) < 2 {
			t.Fatalf("no %s files: %v", kind, err)
		}
		for _, name := range files {
			if err := schema.Validate(readYAML(t, name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What the decoder refuses by its shape alone, the schemas refuse as well.
func TestSchemasRefuseWrongShapes(t *testing.T) {
	for name, kind := range map[string]string{
		"key-unknown": "pipeline", "keys-missing": "pipeline", "types-wrong": "pipeline", "directive-two": "pipeline",
		"availability-word": "pipeline", "image-select": "pipeline", "file-version": "pipeline", "percent-bounds": "pipeline",
		"each-two": "pipeline", "verification-word": "pipeline", "policy-key-unknown": "policy", "policy-merge": "policy",
		"policy-lists": "policy", "policy-override": "policy",
	} {
		if err := compileSchema(t, kind+".json").Validate(readYAML(t, filepath.Join(corpus, "err", name+".yaml"))); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// readYAML reads a file as a JSON document would hold it.
func readYAML(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	return asJSON(document)
}

func asJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = asJSON(v[key])
		}
	case map[any]any:
		out := map[string]any{}
		for key, value := range v {
			out[fmt.Sprint(key)] = asJSON(value)
		}
		return out
	case []any:
		for i := range v {
			v[i] = asJSON(v[i])
		}
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return v
}
