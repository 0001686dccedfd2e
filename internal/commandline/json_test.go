package commandline

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/report"
	"github.com/towpath/towpath/internal/runner"
)

// docs/json.md names every field of what is told as JSON, and no other ones.
func TestTheDocumentNamesEveryField(t *testing.T) {
	text, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		sections[title] = body
	}
	for title, value := range map[string]any{
		"validate": Judgement{}, "plan, status": report.Tale{}, "why": whyTale{}, "history": report.HistoryTale{}, "graph": report.GraphTale{},
		"promote, freight": Deed{}, "cleanup": CleanupTale{}, "run": runner.Report{},
	} {
		body, ok := sections[title]
		if !ok {
			t.Errorf("docs/json.md has no section %q", title)
		}
		if title == "promote, freight" {
			body += sections["plan, status"]
		}
		said := map[string]bool{}
		for _, m := range regexp.MustCompile("`([a-zA-Z]+)(?:\\[\\])?`").FindAllStringSubmatch(body, -1) {
			said[m[1]] = true
		}
		for _, field := range jsonFields(reflect.TypeOf(value), map[reflect.Type]bool{}) {
			if !said[field] && field != "version" {
				t.Errorf("docs/json.md, %s, does not name %q", title, field)
			}
		}
	}
}

func jsonFields(of reflect.Type, seen map[reflect.Type]bool) []string {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return jsonFields(of.Elem(), seen)
	case reflect.Struct:
	default:
		return nil
	}
	if seen[of] || of == reflect.TypeFor[time.Time]() {
		return nil
	}
	seen[of] = true
	var out []string
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name != "" {
			out = append(out, name)
		}
		out = append(out, jsonFields(f.Type, seen)...)
	}
	return out
}
