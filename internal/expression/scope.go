package expression

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Scope is what the expressions of one place may name. An empty Pipeline, Stage
// or Stamp is not known there at all.
type Scope struct {
	Pipeline string
	Stage    string
	Stamp    string
	Vars     map[string]any    // of the stamp over the stage over the pipeline
	Each     map[string]any    // the name that `each` gives, with its value
	Freight  []promote.Freight // one per slot
}

// UnknownError says that an expression names something that does not exist, or
// that is not one thing: a name, a variable, an artifact that the freight does
// not hold or that two slots hold differently.
type UnknownError struct{ Message string }

func (e *UnknownError) Error() string { return e.Message }

// Image is what image(repository) gives.
type Image struct {
	Tag      string `expr:"tag"`
	Digest   string `expr:"digest"`
	Hex      string `expr:"hex"` // the digest without its algorithm
	Ref      string `expr:"ref"` // repository@digest
	Revision string `expr:"revision"`
}

// Commit is what commit(repository) gives.
type Commit struct {
	ID    string `expr:"id"`
	Short string `expr:"short"`
}

// Chart is what chart(name) gives.
type Chart struct {
	Name    string `expr:"name"`
	Version string `expr:"version"`
	Digest  string `expr:"digest"`
}

// Freight is what freight(warehouse) gives.
type Freight struct {
	ID    string `expr:"id"`
	Alias string `expr:"alias"`
}

// Reserved says whether a name has a meaning of its own in expressions, so that
// `each` can not give it away.
func Reserved(name string) bool {
	_, ok := declared()[name]
	return ok || slices.Contains(builtins, name) || slices.Contains(keywords, name)
}

// keywords of the language that are no functions.
var keywords = []string{"true", "false", "nil", "not", "and", "or", "in", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"}

// declared are all names that can ever be in scope, with their types.
func declared() map[string]any {
	env := Scope{}.environment()
	env["pipeline"], env["stage"], env["stamp"] = "", "", ""
	return env
}

// environment is the scope as the language takes it.
func (s Scope) environment() map[string]any {
	env := map[string]any{
		"image":   s.image,
		"commit":  s.commit,
		"chart":   s.chart,
		"freight": s.freight,
		"replace": replace,
		"string":  text,
		"vars":    s.Vars,
	}
	for name, value := range map[string]string{"pipeline": s.Pipeline, "stage": s.Stage, "stamp": s.Stamp} {
		if value != "" {
			env[name] = value
		}
	}
	maps.Copy(env, s.Each)
	return env
}

// image is image(repository[, warehouse]).
func (s Scope) image(repository string, warehouse ...string) (Image, error) {
	found, err := pick(s, "image "+repository, warehouse, func(f promote.Freight) (promote.Image, bool) {
		return f.Image(repository)
	}, func(a, b promote.Image) bool { return a.Digest == b.Digest && a.Tag == b.Tag })
	if err != nil {
		return Image{}, err
	}
	_, hex, _ := strings.Cut(found.Digest, ":")
	return Image{
		Tag: found.Tag, Digest: found.Digest, Hex: hex,
		Ref: found.Repository + "@" + found.Digest, Revision: found.Revision,
	}, nil
}

// commit is commit(repository[, warehouse]).
func (s Scope) commit(repository string, warehouse ...string) (Commit, error) {
	found, err := pick(s, "commit of "+repository, warehouse, func(f promote.Freight) (promote.Commit, bool) {
		return f.Commit(repository)
	}, func(a, b promote.Commit) bool { return a.ID == b.ID })
	if err != nil {
		return Commit{}, err
	}
	return Commit{ID: found.ID, Short: promote.ShortID(found.ID)}, nil
}

// chart is chart(name[, warehouse]). The name is the one of an index, or the
// last part of an OCI repository.
func (s Scope) chart(name string, warehouse ...string) (Chart, error) {
	found, err := pick(s, "chart "+name, warehouse, func(f promote.Freight) (promote.Chart, bool) {
		return f.Chart(name)
	}, func(a, b promote.Chart) bool { return a == b })
	if err != nil {
		return Chart{}, err
	}
	return Chart{Name: name, Version: found.Version, Digest: found.Digest}, nil
}

// freight is freight(warehouse).
func (s Scope) freight(warehouse string) (Freight, error) {
	for _, f := range s.Freight {
		if f.Warehouse == warehouse {
			return Freight{ID: f.ID, Alias: f.Alias}, nil
		}
	}
	return Freight{}, &UnknownError{Message: fmt.Sprintf("there is no freight of warehouse %s here", warehouse)}
}

// pick finds the one artifact in the freight of all slots, or of the warehouse
// that is named. Slots that hold different ones are an error, since any choice
// would be a guess.
func pick[A any](s Scope, what string, warehouse []string, find func(promote.Freight) (A, bool), same func(a, b A) bool) (A, error) {
	var found, none A
	var in, of []string
	if len(warehouse) > 1 {
		return none, fmt.Errorf("%s: name one warehouse at most", what)
	}
	for _, f := range s.Freight {
		if len(warehouse) == 1 && f.Warehouse != warehouse[0] {
			continue
		}
		of = append(of, f.Warehouse)
		artifact, ok := find(f)
		if !ok {
			continue
		}
		if len(in) > 0 && !same(found, artifact) {
			return none, &UnknownError{Message: fmt.Sprintf("%s differs between the freight of %s and %s; name the warehouse as a second argument", what, in[0], f.Warehouse)}
		}
		found, in = artifact, append(in, f.Warehouse)
	}
	if len(in) > 0 {
		return found, nil
	}
	if len(of) == 0 {
		of = append(warehouse, "no warehouse")[:1]
	}
	return none, &UnknownError{Message: fmt.Sprintf("%s is not in the freight of %s", what, strings.Join(of, ", "))}
}

// replace is the function of that name, with a bound on its result.
func replace(s, from, to string) (string, error) {
	if from == "" {
		return "", errors.New("replace needs something to look for")
	}
	if len(s)+strings.Count(s, from)*(len(to)-len(from)) > maxResult {
		return "", fmt.Errorf("the result is longer than %d KiB", maxResult>>10)
	}
	return strings.ReplaceAll(s, from, to), nil
}

// text is string(value).
func text(value any) (string, error) {
	out, ok := scalar(value)
	if !ok {
		return "", errors.New("string takes a string, a number or a boolean")
	}
	return out, nil
}
