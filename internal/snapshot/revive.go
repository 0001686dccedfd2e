package snapshot

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

var cadences = reflect.TypeFor[promote.Cron]()

// revive parses the cron lines of what was read: a cadence knows more than its JSON.
func revive(v reflect.Value, at string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return revive(v.Elem(), at)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := revive(v.Index(i), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if v.Type() == cadences {
			return reviveCron(v, at)
		}
		for _, f := range reflect.VisibleFields(v.Type()) {
			if !f.IsExported() || len(f.Index) > 1 || whole(f.Type) {
				continue
			}
			place := strings.TrimPrefix(at+"."+nameOf(f), ".")
			if f.Anonymous {
				place = at
			}
			if err := revive(v.FieldByIndex(f.Index), place); err != nil {
				return err
			}
		}
	}
	return nil
}

func reviveCron(v reflect.Value, at string) error {
	written := v.Interface().(promote.Cron)
	if written.Line == "" {
		return nil
	}
	parsed, err := promote.ParseCron(written.Line, written.Zone)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	v.Set(reflect.ValueOf(parsed))
	return nil
}
