package directives

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// D6: what a command leaves takes the place of the workspace, for the directives that
// follow and for them alone: it can be taken again as it was.
func TestExecTakesThePlaceOfTheWorkspace(t *testing.T) {
	left, err := Taken(t.Context(), fstest.MapFS{
		"b/run": {Data: []byte("run"), Mode: 0o711}, "b/plain": {Data: []byte("plain"), Mode: 0o600},
		"link": {Data: []byte("b/plain"), Mode: fs.ModeSymlink}, "empty/empty": {Mode: fs.ModeDir | 0o755},
	})
	if err != nil {
		t.Fatal(err)
	}
	env := envOf(fstest.MapFS{"a": file("a"), "b/plain": file("old")})
	env.Exec = func(_ context.Context, e Exec, workspace fs.FS) (fs.FS, error) {
		if got, _ := fs.ReadFile(workspace, "a"); string(got) != "a" || !slices.Equal(e.Command, []string{"make"}) {
			t.Errorf("%q, %q", got, e.Command)
		}
		return left, nil
	}
	program := Program{Steps: []Step{
		{Index: 1, Directive: Copy{From: ".", To: "."}}, {Index: 2, Directive: Exec{Command: []string{"make"}}},
		{Index: 3, Directive: Write{File: "b/plain", Content: "new"}}, {Index: 4, Directive: Delete{Path: "b/run"}},
	}}
	for range 2 {
		result, err := Run(t.Context(), program, env, nil)
		if err != nil {
			t.Fatal(err)
		}
		wantOnly(t, result.Tree, map[string]string{"b/plain": "new", "link": "new"})
	}
	for name, mode := range map[string]fs.FileMode{"b/run": 0o755, "b/plain": 0o644, "link": fs.ModeSymlink | 0o777} {
		if info, err := fs.Lstat(left, name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := fs.Lstat(left, "empty"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an empty folder was taken")
	}
}

// D6: nobody but who is told how runs a command, and one that goes on is no failure.
func TestExecWithoutAnybodyWhoRunsCommands(t *testing.T) {
	program := Program{Steps: []Step{{Index: 1, Directive: Exec{Command: []string{"make", "it"}}}}}
	_, err := Run(t.Context(), program, envOf(fstest.MapFS{}), nil)
	if err == nil || err.Error() != "directive 1 (exec make): only `action run` runs commands" {
		t.Errorf("%v", err)
	}
	env := envOf(fstest.MapFS{})
	env.Exec = func(context.Context, Exec, fs.FS) (fs.FS, error) { return nil, ErrRunning }
	if _, err := Run(t.Context(), program, env, nil); !errors.Is(err, ErrRunning) {
		t.Errorf("%v", err)
	}
}

// huge is a tree with a file that says to be of a size, and can not be read.
type huge struct {
	fstest.MapFS
	size int64
}

func (h huge) Lstat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(h.MapFS, name)
	return sized{info, h.size}, err
}

func (h huge) ReadLink(string) (string, error) { return "", fs.ErrInvalid }

func (h huge) ReadFile(string) ([]byte, error) { return nil, errors.New("it was read") }

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

// D1 D6: what can not be on a branch is refused by its name, and so is too much, unread.
func TestWhatIsNotTaken(t *testing.T) {
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	for name, tree := range map[string]fs.FS{
		`the path "a/.Git" goes through ".Git", which belongs to git`:    fstest.MapFS{"a/.Git/config": file("x")},
		`the path "a/b\\c" contains a backslash`:                         fstest.MapFS{`a/b\c`: file("x")},
		`the link a/out leaves the tree: it points at "../../etc"`:       fstest.MapFS{"a/out": link("../../etc")},
		`the link a/out leaves the tree: it points at "/etc"`:            fstest.MapFS{"a/out": link("/etc")},
		`the link out: the path ".git/x" goes through ".git", which bel`: fstest.MapFS{"out": link(".git/x")},
		`"a/pipe" is neither a file nor a directory`:                     fstest.MapFS{"a/pipe": {Mode: fs.ModeNamedPipe}},
		`"a/socket" is neither a file nor a directory`:                   fstest.MapFS{"a/socket": {Mode: fs.ModeSocket}},
		`"a/device" is neither a file nor a directory`:                   fstest.MapFS{"a/device": {Mode: fs.ModeDevice}},
		`"large" has more than 100 MiB`:                                  huge{fstest.MapFS{"large": file("x")}, maxFile + 1},
		"it was read":                                                    huge{fstest.MapFS{"large": file("x")}, maxFile},
	} {
		if _, err := Taken(t.Context(), tree); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%q, want %q", err, name)
		}
	}
	many := fstest.MapFS{}
	for i := range 3 {
		many[fmt.Sprint("f", i)] = file("x")
	}
	if _, err := (&taking{tree: many, entries: 2, bytes: maxLeft}).dir(t.Context(), "."); !errors.Is(err, errTooManyEntries) {
		t.Errorf("%v", err)
	}
	if _, err := (&taking{tree: huge{many, 5}, entries: 3, bytes: 4}).dir(t.Context(), "."); err == nil || err.Error() != "it has more than 256 MiB" {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Taken(ended, many); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
