package config

import (
	"errors"
	"path"
	"regexp"
	"time"

	"github.com/towpath/towpath/internal/expression"
)

// evaluator turns raw leaves into values in one scope. What goes wrong is
// gathered as mistakes; the value is then the zero value, so that building goes
// on and finds the next one.
type evaluator struct {
	*collector
	scope expression.Scope
	when  freightState
}

// freightState is what the freight of the scope is worth.
type freightState int

const (
	noFreight freightState = iota // an expression that needs freight is a mistake
	standIn                       // only things that do not exist are mistakes
	actual
)

// text evaluates a string and checks its format. It is empty where the key is
// absent, or where it only has a value with real freight.
func (e *evaluator) text(t Text) string {
	if !t.Set() {
		return ""
	}
	static := t.template.Static()
	if !static && e.when == noFreight {
		e.add(t.At, "%s can not depend on freight", t.field.label())
		return ""
	}
	value, err := t.template.String(e.scope)
	if err != nil {
		e.failed(t.At, err, static)
		return ""
	}
	if t.template.Plain() {
		return value // checked when it was decoded
	}
	if !static && e.when == standIn {
		return ""
	}
	if !e.checkValue(t.At, t.field, value) {
		return ""
	}
	return value
}

// failed reports an expression that could not be evaluated. With a stand-in for
// freight, only names that do not exist are certain to be mistakes.
func (e *evaluator) failed(at At, err error, static bool) {
	var unknown *expression.UnknownError
	if e.when == standIn && !static && !errors.As(err, &unknown) {
		return
	}
	e.add(at, "%s", err)
}

// or evaluates a string that has a default.
func (e *evaluator) or(t Text, absent string) string {
	if !t.Set() {
		return absent
	}
	return e.text(t)
}

// path evaluates a path to its clean form. Like a text, it is empty where it is
// not known.
func (e *evaluator) path(t Text, absent string) string {
	if s := e.or(t, absent); s != "" {
		return path.Clean(s)
	}
	return ""
}

// texts evaluates a list of strings.
func (e *evaluator) texts(l List[Text]) []string {
	var out []string
	for _, t := range l.Items {
		if s := e.text(t); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// duration evaluates a duration; 0 where it is absent.
func (e *evaluator) duration(t Text) time.Duration {
	d, err := time.ParseDuration(e.or(t, "0"))
	if err != nil {
		return 0 // reported by its format
	}
	return d
}

// regexps evaluates a list of regular expressions.
func (e *evaluator) regexps(l List[Text]) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, source := range e.texts(l) {
		if compiled, err := regexp.Compile(source); err == nil { // else reported by its format
			out = append(out, compiled)
		}
	}
	return out
}

// value evaluates any YAML value.
func (e *evaluator) value(v Value) any { return e.any(v.data) }

func (e *evaluator) any(data any) any {
	switch v := data.(type) {
	case leaf:
		static := v.template.Static()
		if !static && e.when == noFreight {
			e.add(v.At, "a value here can not depend on freight")
			return nil
		}
		value, err := v.template.Eval(e.scope)
		if err != nil {
			e.failed(v.At, err, static)
			return nil
		}
		return clone(value)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = e.any(v[i])
		}
		return out
	case *object:
		out := make(map[string]any, len(v.keys))
		for i, key := range v.keys {
			out[key] = e.any(v.values[i])
		}
		return out
	}
	return data
}

// clone copies lists and maps, so that a variable is nobody's to change.
func clone(value any) any {
	switch v := value.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clone(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = clone(v[key])
		}
		return out
	}
	return value
}

// vars evaluates a layer of variables over those below it.
func (e *evaluator) vars(layer Map[Value], below map[string]any) map[string]any {
	out := make(map[string]any, len(below)+len(layer.Entries))
	for name, value := range below {
		out[name] = value
	}
	for _, entry := range layer.Entries {
		out[entry.Key.Value] = e.value(entry.Value)
	}
	return out
}
