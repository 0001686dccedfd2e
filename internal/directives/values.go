package directives

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
)

// Kind implements Directive.
func (Helm) Kind() string { return "helm" }

// Target is the chart that the directive changes, for errors.
func (h Helm) Target() string { return h.Chart }

// Apply sets the values in the chart's values files, values.yaml where none is
// named, in order (D4). A key that is not there is an error.
func (h Helm) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	for _, v := range h.Values {
		s, err := newSetting(v, false)
		if err != nil {
			return err
		}
		file := cmp.Or(v.File, "values.yaml")
		if !fs.ValidPath(file) {
			return fmt.Errorf("the value file %q leaves the chart", file)
		}
		if err := ws.setValues(path.Join(h.Chart, file), []setting{s}); err != nil {
			return err
		}
	}
	return nil
}

// Kind implements Directive.
func (YAML) Kind() string { return "yaml" }

// Target is the file that the directive changes, for errors.
func (y YAML) Target() string { return y.File }

// Apply sets the values in the file, in order (D5).
func (y YAML) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	settings := make([]setting, len(y.Set))
	for i, v := range y.Set {
		var err error
		if settings[i], err = newSetting(v, y.Create); err != nil {
			return err
		}
	}
	return ws.setValues(y.File, settings)
}

func (w *Workspace) setValues(name string, settings []setting) error {
	if err := CheckPath(name); err != nil {
		return err
	}
	return w.edit(name, func(data []byte) ([]byte, []Edit, error) {
		if len(data) > maxYAML {
			return nil, nil, fmt.Errorf("the file has %d bytes, more than the %d that are edited", len(data), maxYAML)
		}
		return setValues(data, settings)
	})
}

// maxYAML is the largest file that is edited or compared, in bytes.
const maxYAML = 32 << 20
