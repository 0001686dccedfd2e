package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"

	"github.com/towpath/towpath/internal/directives"
)

// chartWalker collects the files of a chart directory as Helm's own loader does:
// without what .helmignore names, through links, without byte order marks.
type chartWalker struct {
	*reader
	root  string
	rules *ignore.Rules
	files []*loader.BufferedFile
}

// maxChartDepth bounds directories in directories, since a link may point upwards.
const maxChartDepth = 40

func ignoreRules(r *reader, name string) (*ignore.Rules, error) {
	rules := ignore.Empty()
	data, err := r.file(name)
	if err == nil {
		rules, err = ignore.Parse(bytes.NewReader(data))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	rules.AddDefaults()
	return rules, nil
}

// walk adds what is below a directory of the chart.
func (w *chartWalker) walk(dir string, depth int) error {
	if depth > maxChartDepth {
		return fmt.Errorf("%s: the chart's directories are too deep, or a link leads in a circle", path.Join(w.root, dir))
	}
	at, err := directives.Resolve(w.tree, path.Join(w.root, dir))
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(w.tree, at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(path.Join(dir, e.Name()), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *chartWalker) entry(name string, depth int) error {
	at, err := directives.Resolve(w.tree, path.Join(w.root, name))
	if err != nil {
		return err
	}
	info, err := fs.Lstat(w.tree, at)
	if err != nil {
		return err
	}
	switch {
	case w.rules.Ignore(name, info):
		return nil
	case info.IsDir():
		return w.walk(name, depth+1)
	case info.Size() > loader.MaxDecompressedFileSize:
		return fmt.Errorf("%s has %d bytes, more than the %d a chart's file may have", at, info.Size(), loader.MaxDecompressedFileSize)
	}
	data, err := w.file(at)
	if err != nil {
		return err
	}
	w.files = append(w.files, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(data, []byte("\uFEFF"))})
	return nil
}

// refuseSchemas refuses schemas of values that refer to other documents, which
// Helm would fetch, or read from the host's disk.
func refuseSchemas(c *chart.Chart, name string) error {
	if c.Schema != nil {
		decoder := json.NewDecoder(bytes.NewReader(c.Schema))
		var schema any
		if err := decoder.Decode(&schema); err != nil {
			return fmt.Errorf("%s: values.schema.json: %w", name, err)
		}
		if err := refuseReferences(path.Join(name, "values.schema.json"), schema); err != nil {
			return err
		}
	}
	for _, d := range c.Dependencies() {
		if err := refuseSchemas(d, path.Join(name, "charts", d.Name())); err != nil {
			return err
		}
	}
	return nil
}

func refuseReferences(file string, schema any) error {
	switch schema := schema.(type) {
	case []any:
		for _, v := range schema {
			if err := refuseReferences(file, v); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, v := range schema {
			text, _ := v.(string)
			switch {
			case text != "" && strings.HasSuffix(strings.ToLower(key), "ref") && key[0] == '$' && text[0] != '#':
				return &RefusedError{file, text, "the schema refers to another document, and nothing is fetched while rendering"}
			case key == "$schema" && text != "" && !knownDraft(text):
				return &RefusedError{file, text, "it is no draft of JSON Schema that is built in, and nothing is fetched while rendering"}
			}
			if err := refuseReferences(file, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// knownDraft reports whether a meta-schema is one that the library brings along.
func knownDraft(schema string) bool {
	_, schema, _ = strings.Cut(schema, "://")
	switch strings.TrimSuffix(schema, "#") {
	case "json-schema.org/schema", "json-schema.org/draft-04/schema", "json-schema.org/draft-06/schema",
		"json-schema.org/draft-07/schema", "json-schema.org/draft/2019-09/schema", "json-schema.org/draft/2020-12/schema":
		return true
	}
	return false
}
