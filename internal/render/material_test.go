package render

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/directives"
)

// overlay is one that kustomize's own tests build.
type overlay struct {
	name  string // the test, and which of its builds
	path  string
	files map[string]string
}

// R1: what kustomize's own tests build comes out as `kustomize build` prints it, or
// fails in both.
func TestKustomizesOwnMaterial(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: it runs kustomize some hundred times")
	}
	kustomize := commandLine(t, "kustomize")
	pool := newPool(t, Limits{})
	printed, failed := 0, 0
	for _, o := range ownOverlays(t) {
		t.Run(o.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range o.files {
				file := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(kustomize, "build", o.path)
			cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=/nowhere", "https_proxy=http://127.0.0.1:9", "http_proxy=http://127.0.0.1:9"}
			want, wantErr := cmd.Output()
			got, err := pool.Kustomize(t.Context(), os.DirFS(dir), directives.KustomizeBuild{Path: o.path})
			switch {
			case (err == nil) != (wantErr == nil):
				t.Errorf("we say %v, the command line %v", err, wantErr)
			case err == nil:
				printed++
				compare(t, got, want)
			default:
				failed++
			}
		})
	}
	if t.Logf("%d overlays printed, %d failed", printed, failed); printed < 200 {
		t.Errorf("only %d overlays were compared", printed)
	}
}

// ownOverlays reads the tests of kustomize's own module: what they write into
// their file system as literals before they build.
func ownOverlays(t *testing.T) []overlay {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kustomize/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(string(bytes.TrimSpace(dir)), "krusty", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	r := testReader{functions: map[string]*ast.FuncDecl{}, texts: map[string]string{}}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		r.declare(file)
	}
	for _, name := range slices.Sorted(maps.Keys(r.functions)) {
		if strings.HasPrefix(name, "Test") {
			r.files, r.complete, r.test = map[string]string{}, true, name
			r.call(r.functions[name], r.texts)
		}
	}
	return r.found
}

// testReader follows the calls of a test, in order, and knows no more of Go.
type testReader struct {
	functions map[string]*ast.FuncDecl
	texts     map[string]string // constants of the package
	found     []overlay

	test     string
	files    map[string]string
	complete bool // everything written was understood
}

func (r *testReader) declare(file *ast.File) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				r.functions[d.Name.Name] = d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					r.assign(r.texts, v.Names, v.Values)
				}
			}
		}
	}
}

func (r *testReader) assign(texts map[string]string, names []*ast.Ident, values []ast.Expr) {
	for i, name := range names {
		if i >= len(values) {
			return
		}
		if text, ok := textOf(values[i], texts); ok {
			texts[name.Name] = text
		} else {
			delete(texts, name.Name)
		}
	}
}

func (r *testReader) call(f *ast.FuncDecl, texts map[string]string) {
	texts = maps.Clone(texts)
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.RangeStmt, *ast.ForStmt:
			r.complete = false // tables are not followed
			return false
		case *ast.AssignStmt:
			var names []*ast.Ident
			for _, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok {
					names = append(names, name)
				}
			}
			r.assign(texts, names, n.Rhs)
		case *ast.ValueSpec:
			r.assign(texts, n.Names, n.Values)
		case *ast.CallExpr:
			r.called(n, texts)
		}
		return true
	})
}

func (r *testReader) called(c *ast.CallExpr, texts map[string]string) {
	var args []string
	for _, arg := range c.Args {
		text, ok := textOf(arg, texts)
		if !ok {
			break
		}
		args = append(args, text)
	}
	switch f := c.Fun.(type) {
	case *ast.Ident:
		if called := r.functions[f.Name]; called != nil && called.Body != nil {
			r.call(called, r.bound(called, c, texts))
		}
	case *ast.SelectorExpr:
		r.harness(f.Sel.Name, args)
	}
}

// bound are the texts that a function is called with.
func (r *testReader) bound(f *ast.FuncDecl, c *ast.CallExpr, texts map[string]string) map[string]string {
	out := maps.Clone(r.texts)
	i := 0
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			if i < len(c.Args) {
				if text, ok := textOf(c.Args[i], texts); ok {
					out[name.Name] = text
				}
			}
			i++
		}
	}
	return out
}

// harness is a call of kustomize's test harness.
func (r *testReader) harness(method string, args []string) {
	kinds := map[string]string{
		"WriteK": "\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
		"WriteC": "\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
	}
	switch {
	case method == "Reset":
		r.files = map[string]string{}
	case method == "WriteF" && len(args) == 2:
		r.files[path.Join(".", args[0])] = args[1]
	case kinds[method] != "" && len(args) == 2:
		r.files[path.Join(".", args[0], "kustomization.yaml")] = kinds[method] + args[1]
	case strings.HasPrefix(method, "Write") || method == "MkDir":
		r.complete = false
	case (method == "Run" || method == "RunWithErr") && len(args) > 0 && r.complete && len(r.files) > 0:
		o := overlay{fmt.Sprintf("%s-%d", r.test, len(r.found)), strings.TrimPrefix(path.Clean(args[0]), "/"), map[string]string{}}
		for name, text := range r.files {
			o.files[strings.TrimPrefix(name, "/")] = text
		}
		if o.path == "" {
			o.path = "."
		}
		r.found = append(r.found, o)
	}
}

// textOf is the value of an expression of constants.
func textOf(e ast.Expr, texts map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		text, ok := texts[e.Name]
		return text, ok
	case *ast.ParenExpr:
		return textOf(e.X, texts)
	case *ast.BinaryExpr:
		a, okA := textOf(e.X, texts)
		b, okB := textOf(e.Y, texts)
		return a + b, okA && okB && e.Op == token.ADD
	case *ast.CallExpr: // filepath.Join
		if f, ok := e.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Join" {
			return "", false
		}
		var parts []string
		for _, arg := range e.Args {
			part, ok := textOf(arg, texts)
			if !ok {
				return "", false
			}
			parts = append(parts, part)
		}
		return path.Join(parts...), true
	}
	return "", false
}
