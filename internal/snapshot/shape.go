package snapshot

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/towpath/towpath/internal/promote"
)

// This file turns JSON as Go writes it into that of the file, and back. The types
// say where durations are, and which fields there are.

var (
	durations = reflect.TypeFor[time.Duration]()
	texts     = reflect.TypeFor[encoding.TextMarshaler]()
)

// whole tells whether a type writes itself: its JSON is one value.
func whole(t reflect.Type) bool {
	return t.Implements(texts) || reflect.PointerTo(t).Implements(texts)
}

// fields are the fields of a struct by their names in the file.
func fields(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous {
			out[nameOf(f)] = f
		}
	}
	return out
}

func nameOf(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	return lower(f.Name)
}

// lower writes a Go name in lower camel case: OnArrival as onArrival, ID as id.
func lower(name string) string {
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) || unicode.IsLower(r) {
			break
		}
		runes[i] = unicode.ToLower(r)
	}
	return string(runes)
}

// outward gives fields their names in the file, writes durations as people do, and
// leaves out what is zero.
func outward(t reflect.Type, value any) any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == durations {
		if n, err := value.(json.Number).Int64(); err == nil {
			return promote.Span(time.Duration(n))
		}
	}
	if whole(t) {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		if t.Kind() == reflect.Map {
			for key, element := range v {
				out[key] = outward(t.Elem(), element)
			}
			return out
		}
		for name, f := range fields(t) {
			element, ok := v[name]
			if !ok {
				element = v[f.Name]
			}
			if !zero(element) {
				out[name] = outward(f.Type, element)
			}
		}
		return out
	case []any:
		for i := range v {
			v[i] = outward(t.Elem(), v[i])
		}
	}
	return value
}

func zero(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || v == "0001-01-01T00:00:00Z"
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, element := range v {
			if !zero(element) {
				return false
			}
		}
		return true
	}
	return false
}

// inward reads durations, and refuses fields that there are not. The names stay:
// Go's JSON reads them in any case.
func inward(t reflect.Type, value any, at string) (any, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if text, ok := value.(string); ok && t == durations {
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no duration such as 1h30m", at, text)
		}
		return int64(d), nil
	}
	if whole(t) {
		return value, nil
	}
	switch v := value.(type) {
	case map[string]any:
		return inwardObject(t, v, at)
	case []any:
		if t.Kind() != reflect.Slice {
			return nil, fmt.Errorf("%s: a list is not expected here", at)
		}
		for i := range v {
			var err error
			if v[i], err = inward(t.Elem(), v[i], fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func inwardObject(t reflect.Type, v map[string]any, at string) (any, error) {
	out := map[string]any{}
	known := map[string]reflect.StructField{}
	switch t.Kind() {
	case reflect.Struct:
		known = fields(t)
	case reflect.Map:
	default:
		return nil, fmt.Errorf("%s: an object is not expected here", at)
	}
	for key, element := range v {
		place := strings.TrimPrefix(at+"."+key, ".")
		of := t
		if t.Kind() == reflect.Map {
			of = t.Elem()
		} else if f, ok := known[key]; ok {
			of = f.Type
		} else {
			return nil, fmt.Errorf("%s: there is no such field", place)
		}
		var err error
		if out[key], err = inward(of, element, place); err != nil {
			return nil, err
		}
	}
	return out, nil
}
