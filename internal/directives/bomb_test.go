package directives

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// endless is a tree in which every folder holds ten more, as ten objects of git
// can be.
type endless struct{}

func (endless) Open(name string) (fs.File, error) { return nil, fs.ErrInvalid }

func (endless) Stat(name string) (fs.FileInfo, error)  { return endlessInfo(name), nil }
func (endless) Lstat(name string) (fs.FileInfo, error) { return endlessInfo(name), nil }
func (endless) ReadLink(string) (string, error)        { return "", fs.ErrInvalid }

func (endless) ReadDir(name string) ([]fs.DirEntry, error) {
	if strings.Count(name, "/") > 8 {
		return nil, nil
	}
	var out []fs.DirEntry
	for n := range 10 {
		out = append(out, fs.FileInfoToDirEntry(endlessInfo(fmt.Sprint("d", n))))
	}
	return out, nil
}

type endlessInfo string

func (i endlessInfo) Name() string       { return string(i) }
func (i endlessInfo) Size() int64        { return 0 }
func (i endlessInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o755 }
func (i endlessInfo) ModTime() time.Time { return time.Time{} }
func (i endlessInfo) IsDir() bool        { return true }
func (i endlessInfo) Sys() any           { return nil }

// A tree without end ends in an error, copied or preserved (D2, R2).
func TestTreesWithoutEnd(t *testing.T) {
	_, err := runProgram(t, endless{}, Program{Steps: []Step{{Index: 1, Directive: Copy{From: ".", To: "."}}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "more than 500000 files and folders") {
		t.Errorf("copied: %v", err)
	}
	source := fstest.MapFS{"a": {Data: []byte("a")}}
	_, err = runProgram(t, source, Program{Steps: []Step{{Index: 1, Directive: Copy{From: ".", To: "."}}}, Preserve: []string{"**/x"}}, endless{})
	if err == nil || !strings.Contains(err.Error(), "more than 500000 files and folders") {
		t.Errorf("preserved: %v", err)
	}
}

func runProgram(t *testing.T, source fs.FS, p Program, current fs.FS) (*Result, error) {
	t.Helper()
	env := &Env{Source: func(context.Context, SourceRef) (fs.FS, error) { return source, nil }}
	return Run(t.Context(), p, env, current)
}
