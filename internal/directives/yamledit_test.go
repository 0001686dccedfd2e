package directives

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func key(name string) keyStep           { return keyStep{key: name} }
func index(i int) keyStep               { return keyStep{kind: byIndex, index: i} }
func named(field, value string) keyStep { return keyStep{kind: byField, key: field, value: value} }

func TestKeyPaths(t *testing.T) {
	for text, want := range map[string]keyPath{
		"a": {key("a")}, "a.b": {key("a"), key("b")}, `a\.b`: {key("a.b")}, "a/b": {key("a/b")}, "80": {key("80")},
		"l[0]": {key("l"), index(0)}, "l[12].x": {key("l"), index(12), key("x")}, "[0][1]": {index(0), index(1)},
		"l[name=web].x": {key("l"), named("name", "web"), key("x")}, "l[name=a.b/c]": {key("l"), named("name", "a.b/c")},
		`l[a\=b=c\]d]`: {key("l"), named("a=b", "c]d")}, `a\[0]`: {key("a[0]")}, `a\\b`: {key(`a\b`)}, "l[name=]": {key("l"), named("name", "")},
	} {
		path, err := parseKey(text)
		if err != nil || !slices.Equal(path, want) || path.String() != text {
			t.Errorf("%s is %q, %v; want %q", text, path, err, want)
		}
	}
	for _, key := range []string{"", ".", "a.", ".a", "a..b", "a.[0]", "a[", "a[0", "a[]", "a[-1]", "a[x]", "a[=x]", "a[0]b", "a[n=x", `a\`} {
		if _, err := parseKey(key); err == nil {
			t.Errorf("%q is a key", key)
		}
	}
}

// Lines of several megabytes.
func TestLongLinesCanBeEdited(t *testing.T) {
	long := strings.Repeat("é", 2<<20)
	before := "a: {blob: \"" + long + "\", tag: v1}\nb: " + strings.Repeat("x", 3<<20) + "\n"
	after, _, err := setValues([]byte(before), []setting{{path: keyPath{{key: "a"}, {key: "tag"}}, value: scalar{"!!str", "v2"}}})
	if err != nil || string(after) != strings.Replace(before, "v1", "v2", 1) {
		t.Errorf("%v, %d bytes became %d", err, len(before), len(after))
	}
}

func TestOnlySimpleValuesCanBeSet(t *testing.T) {
	for _, value := range []any{[]any{1}, map[string]any{}, "\xff", int8(1)} {
		if _, err := newSetting(Value{Key: "a", Value: value}, false); err == nil {
			t.Errorf("%#v can be set", value)
		}
	}
}

func BenchmarkSetValue(b *testing.B) {
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "key%d:\n  image: {repository: ghcr.io/acme/app, tag: v1} # %d\n", i, i)
	}
	data := []byte(text.String())
	s := []setting{{path: keyPath{{key: "key150"}, {key: "image"}, {key: "tag"}}, value: scalar{"!!str", "v2"}}}
	for b.Loop() {
		if _, _, err := setValues(data, s); err != nil {
			b.Fatal(err)
		}
	}
}
