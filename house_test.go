// Package towpath_test pins what holds for the whole house and belongs to no
// room of it: who imports whom, what pure means, and that the documents name
// what there is. The table of packages in docs/design.md is the one source.
package towpath_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/towpath/towpath/"

// room is a row of the table.
type room struct {
	pure  bool
	all   bool     // may import everything of ours
	ours  []string // packages of ours, as folders
	alone []string // libraries that nobody else may import
}

// house reads the table of packages.
func house(t *testing.T) map[string]room {
	t.Helper()
	text := read(t, "docs/design.md")
	quoted := regexp.MustCompile("`([^`]+)`")
	rooms := map[string]room{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		name := quoted.FindStringSubmatch(cells[0])
		if len(cells) != 4 || name == nil {
			continue
		}
		r := room{pure: strings.Contains(cells[1], "**Pure**")}
		switch imports := strings.TrimSpace(cells[2]); imports {
		case "all":
			r.all = true
		case "–":
		default:
			for _, short := range strings.Split(imports, ",") {
				if short = strings.TrimSpace(short); short != "examples" {
					short = "internal/" + short
				}
				r.ours = append(r.ours, short)
			}
		}
		for _, library := range quoted.FindAllStringSubmatch(cells[3], -1) {
			r.alone = append(r.alone, library[1])
		}
		rooms[name[1]] = r
	}
	if len(rooms) == 0 {
		t.Fatal("docs/design.md has no table of packages")
	}
	return rooms
}

// source is one Go file of ours.
type source struct {
	name, dir string
	test      bool
	*ast.File
}

func (s source) imports() []string {
	var out []string
	for _, spec := range s.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			out = append(out, name)
		}
	}
	return out
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := entry.Name(); entry.IsDir() && name != "." && (base == "testdata" || base == "bin" || base[0] == '.' || base[0] == '_') {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		name = filepath.ToSlash(name)
		out = append(out, source{name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), File: file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// product are the files that are built into something.
func product(t *testing.T) []source {
	return slices.DeleteFunc(sources(t), func(s source) bool { return s.test })
}

func TestImportsOfOursAreThoseOfTheTable(t *testing.T) {
	rooms := house(t)
	used := map[string]map[string]bool{}
	for _, s := range product(t) {
		r, known := rooms[s.dir]
		if used[s.dir] == nil {
			used[s.dir] = map[string]bool{}
			if !known {
				t.Errorf("%s is not in the table of docs/design.md", s.dir)
			}
		}
		for _, name := range s.imports() {
			imported, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			used[s.dir][imported] = true
			if !r.all && !slices.Contains(r.ours, imported) {
				t.Errorf("%s imports %s, which the table of docs/design.md does not allow", s.name, imported)
			}
			if r.pure && !rooms[imported].pure {
				t.Errorf("%s is pure and imports %s, which is not", s.name, imported)
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(rooms)) {
		if used[dir] == nil {
			t.Errorf("the table of docs/design.md has %s, which does not exist", dir)
			continue
		}
		for _, imported := range rooms[dir].ours {
			if !used[dir][imported] {
				t.Errorf("the table of docs/design.md lets %s import %s, which it does not", dir, imported)
			}
		}
	}
}

// A library that the table gives to somebody is hidden there: the longest prefix
// that fits an import says to whom.
func TestLibrariesStayWhereTheyAreHidden(t *testing.T) {
	owners := map[string][]string{}
	for dir, r := range house(t) {
		for _, library := range r.alone {
			owners[library] = append(owners[library], dir)
		}
	}
	within := func(name, library string) bool { return name == library || strings.HasPrefix(name, library+"/") }
	used := map[string]bool{}
	for _, s := range product(t) {
		for _, name := range s.imports() {
			hidden := ""
			for library := range owners {
				if within(name, library) && len(library) > len(hidden) {
					hidden = library
				}
			}
			used[hidden+" "+s.dir] = true
			if hidden != "" && !slices.Contains(owners[hidden], s.dir) {
				t.Errorf("%s imports %s, which is for %s alone", s.name, name, strings.Join(owners[hidden], " and "))
			}
		}
	}
	for library, dirs := range owners {
		for _, dir := range dirs {
			if !used[library+" "+dir] {
				t.Errorf("the table of docs/design.md gives %s to %s, which does not import it", library, dir)
			}
		}
	}
}

func TestPurePackagesReachForNothing(t *testing.T) {
	rooms := house(t)
	outside := []string{"os", "net", "net/http", "log", "syscall", "math/rand", "crypto/rand"}
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep"}
	for _, s := range product(t) {
		if !rooms[s.dir].pure {
			continue
		}
		for _, name := range s.imports() {
			if slices.Contains(outside, name) || strings.HasPrefix(name, "os/") || strings.HasPrefix(name, "log/") {
				t.Errorf("%s is pure and imports %s", s.name, name)
			}
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := selector.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
					t.Errorf("%s is pure and asks the clock: time.%s", s.name, selector.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestNothingRunsByBeingImported(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.name)
			}
		}
	}
}

func TestEveryPackageSaysWhatItKnows(t *testing.T) {
	said := map[string]bool{}
	for _, s := range product(t) {
		begin := "Package " + s.Name.Name + " "
		if s.Name.Name == "main" {
			begin = "Command " + path.Base(s.dir) + " "
		}
		said[s.dir] = said[s.dir] || strings.HasPrefix(s.Doc.Text(), begin)
	}
	for _, dir := range slices.Sorted(maps.Keys(said)) {
		if !said[dir] {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// The bot has the stand-in aboard, for the demo, but not what judges it.
func TestTheBotLinksNothingOfTheTests(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "./cmd/bot", "./cmd/action")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if name == "testing" || strings.HasPrefix(name, "github.com/getkin/kin-openapi") || strings.HasPrefix(name, "github.com/rogpeppe/go-internal") {
			t.Errorf("a program of ours links %s", name)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
