package promote

import (
	"reflect"
	"testing"
)

// No kind of fact is forgotten when facts are put together, or taken for nothing.
func TestFactsWhole(t *testing.T) {
	for i := range reflect.TypeFor[Facts]().NumField() {
		var one Facts
		list := reflect.ValueOf(&one).Elem().Field(i)
		list.Set(reflect.MakeSlice(list.Type(), 1, 1))
		name := reflect.TypeFor[Facts]().Field(i).Name
		if one.Empty() {
			t.Errorf("%s alone is empty", name)
		}
		for _, merged := range []Facts{one.Merge(Facts{}), Facts{}.Merge(one)} {
			if reflect.ValueOf(merged).Field(i).Len() != 1 {
				t.Errorf("%s is lost", name)
			}
		}
	}
}
