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
// named, in order, and then the versions of dependencies (D4). A key or a
// dependency that is not there is an error.
func (h Helm) Apply(ctx context.Context, ws *Workspace, env *Env) error {
	for _, v := range h.Values {
		file := cmp.Or(v.File, "values.yaml")
		if !fs.ValidPath(file) {
			return fmt.Errorf("the value file %q leaves the chart", file)
		}
		if err := ws.set(path.Join(h.Chart, file), []Value{v}, false, setValues); err != nil {
			return err
		}
	}
	if len(h.Dependencies) == 0 {
		return nil
	}
	return h.setDependencies(ctx, ws, env)
}

// Kind implements Directive.
func (YAML) Kind() string { return "yaml" }

// Target is the file that the directive changes, for errors.
func (y YAML) Target() string { return y.File }

// Apply sets the values in the file, in order (D5).
func (y YAML) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	return ws.set(y.File, y.Set, y.Create, setValues)
}

// setter sets values in the bytes of a file.
type setter func(data []byte, settings []setting) ([]byte, []Edit, error)

// set sets values in a file, in order.
func (w *Workspace) set(name string, values []Value, create bool, in setter) error {
	if err := CheckPath(name); err != nil {
		return err
	}
	settings := make([]setting, len(values))
	for i, v := range values {
		var err error
		if settings[i], err = newSetting(v, create); err != nil {
			return err
		}
	}
	return w.edit(name, func(data []byte) ([]byte, []Edit, error) {
		if len(data) > maxYAML {
			return nil, nil, fmt.Errorf("the file has %d bytes, more than the %d that are edited", len(data), maxYAML)
		}
		return in(data, settings)
	})
}

// maxYAML is the largest file that is edited or compared, in bytes.
const maxYAML = 32 << 20
