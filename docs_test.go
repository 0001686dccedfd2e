package towpath_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// function finds a function of the product by its file.
func function(t *testing.T, file, name string) *ast.FuncDecl {
	t.Helper()
	for _, s := range product(t) {
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.name == file && f.Name.Name == name {
				return f
			}
		}
	}
	t.Fatalf("%s has no function %s", file, name)
	return nil
}

// fields are the texts that a composite literal anywhere in the node gives to a
// field, in their order.
func fields(node ast.Node, field string) []string {
	var out []string
	ast.Inspect(node, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == field {
				out = append(out, texts(pair.Value)...)
			}
		}
		return true
	})
	return out
}

// texts are the string literals in a node.
func texts(node ast.Node) []string {
	var out []string
	ast.Inspect(node, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

// keys are the keys of the map literals in a node.
func keys(node ast.Node) []string {
	var out []string
	ast.Inspect(node, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			if _, ok := pair.Key.(*ast.BasicLit); ok {
				out = append(out, texts(pair.Key)...)
			}
		}
		return true
	})
	return out
}

func TestOperationTellsEverythingThereIsToSetAndToCall(t *testing.T) {
	text := read(t, "docs/operation.md")
	needed := map[string][]string{}
	settings := function(t, "internal/settings/settings.go", "settings")
	for _, name := range fields(settings, "name") {
		variable := "TOWPATH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		needed["setting"] = append(needed["setting"], "| `"+name+"`", "`"+variable+"`")
	}
	for _, standard := range fields(settings, "standard") {
		needed["default"] = append(needed["default"], "`"+standard+"`")
	}
	for _, route := range texts(function(t, "cmd/bot/routes.go", "routes")) {
		if method, path, ok := strings.Cut(route, " "); ok && (method == "GET" || method == "POST") {
			needed["address"] = append(needed["address"], "`"+method+" "+strings.TrimSuffix(path, "{$}")+"`")
		}
	}
	for _, name := range fields(function(t, "cmd/bot/routes.go", "newMetrics"), "Name") {
		needed["metric"] = append(needed["metric"], "`"+name+"`")
	}
	for _, event := range keys(function(t, "internal/webhook/github.go", "githubEvents")) {
		needed["event"] = append(needed["event"], "`"+event+"`")
	}
	for _, kind := range keys(function(t, "internal/webhook/registry.go", "registryKinds")) {
		needed["kind of registry"] = append(needed["kind of registry"], "`"+kind+"`", "/webhooks/registry/"+kind)
	}
	for _, what := range []string{"setting", "default", "address", "metric", "event", "kind of registry"} {
		if len(needed[what]) == 0 {
			t.Errorf("no %s was found in the code", what)
		}
		for _, words := range needed[what] {
			if !strings.Contains(text, words) {
				t.Errorf("docs/operation.md does not name the %s %s", what, words)
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
)

// anchors are the places in a document that links may point at, as GitHub
// names them.
func anchors(text string) []string {
	var out []string
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(h[1]), "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := entry.Name(); entry.IsDir() && name != "." && (base == "testdata" || base == "bin" || base[0] == '.') {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, name), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := name
			if target != "" {
				file = filepath.Join(filepath.Dir(name), filepath.FromSlash(target))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, file)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
