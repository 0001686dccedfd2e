package render

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/towpath/towpath/internal/directives"
)

// order is what a parent tells its child: first the limits, then jobs, and
// answers to what the child asks meanwhile. One field is set.
type order struct {
	Limits *Limits
	Job    *job
	Given  []given // with the job: answers to what would be asked first
	Answer *answer
}

// report is what a child tells its parent. One field is set.
type report struct {
	Question *question
	Done     *done
}

// done is how a job ended: printed, or failed with a text that is not empty.
type done struct {
	Printed []byte
	Failed  string
	Refused *RefusedError // what is behind the failure, if that
	Spent   bool          // the child holds much memory and should not be kept

	unreadable error // of the tree, what the child could not read
}

func doneOf(o outcome) *done {
	d := &done{Printed: o.printed}
	if o.err != nil {
		d.Failed = o.err.Error()
		errors.As(o.err, &d.Refused)
	}
	return d
}

func (d *done) err() error {
	switch {
	case d.Failed == "":
		return nil
	case d.Refused != nil:
		return &failedError{d.Failed, d.Refused}
	}
	return &failedError{d.Failed, d.unreadable}
}

// failedError is an error that happened in a child.
type failedError struct {
	text  string
	cause error
}

func (e *failedError) Error() string { return e.text }
func (e *failedError) Unwrap() error { return e.cause }

// question asks what is in a directory of the tree, or in a file of it.
type question struct {
	Dir    string
	File   string // empty: what is in the directory
	Beside bool   // the other files as well, which a rendering mostly reads too
	Max    int64  // bytes; of a larger file only the size is told
}

type given struct {
	Dir    string
	Answer *answer
}

// answer tells what was asked, or why not.
type answer struct {
	Entries []treeEntry
	Files   []treeFile
	Failed  string
	Missing bool // Failed, since there is no such thing
}

// treeEntry is an entry of a directory, without its content: to know even its
// size, a tree may have to fetch it.
type treeEntry struct {
	Base   string
	Type   fs.FileMode
	Target string // of a link
}

type treeFile struct {
	Base string
	Size int64
	Data []byte
}

// Files beside the one that was asked for come along up to these bounds: every
// question costs as much as some hundred kilobytes.
const (
	maxBeside      = 512
	maxBesideBytes = 1 << 20
)

// answer looks at the tree.
func (q *question) answer(tree fs.FS) (*answer, error) {
	a := &answer{}
	err := q.look(tree, a)
	if err != nil {
		a = &answer{Failed: err.Error(), Missing: errors.Is(err, fs.ErrNotExist)}
	}
	return a, err
}

func (q *question) look(tree fs.FS, a *answer) error {
	if q.File != "" {
		f, err := q.read(tree, q.File, q.Max)
		if a.Files = append(a.Files, f); err != nil || !q.Beside {
			return err
		}
	}
	entries, err := fs.ReadDir(tree, q.Dir)
	if err != nil {
		return err
	}
	if q.Beside {
		a.Files = append(a.Files, q.beside(tree, entries)...)
	}
	if q.File != "" {
		return nil
	}
	a.Entries = make([]treeEntry, len(entries))
	for i, e := range entries {
		a.Entries[i] = treeEntry{Base: e.Name(), Type: e.Type()}
		if e.Type() == fs.ModeSymlink {
			if a.Entries[i].Target, err = fs.ReadLink(tree, path.Join(q.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *question) read(tree fs.FS, base string, atMost int64) (treeFile, error) {
	name := path.Join(q.Dir, base)
	info, err := fs.Stat(tree, name)
	if err != nil {
		return treeFile{}, err
	}
	f := treeFile{Base: base, Size: info.Size()}
	if f.Size <= atMost {
		f.Data, err = fs.ReadFile(tree, name)
	}
	return f, err
}

// beside reads other files of the directory. What can not be read is left out, and
// an error when it is asked for.
func (q *question) beside(tree fs.FS, entries []fs.DirEntry) (files []treeFile) {
	if len(entries) > maxBeside {
		return nil
	}
	left := int64(maxBesideBytes)
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != q.File {
			if f, err := q.read(tree, e.Name(), left); err == nil && f.Size <= left {
				files, left = append(files, f), left-f.Size
			}
		}
	}
	return files
}

// maxGiven is how many directories come with a job.
const maxGiven = 64

// given are the directories that a job begins with: what it renders and, of a
// kustomization, those that it names; of a chart those in it. They come with their
// files, and with what is in the directories above.
func (j job) given(tree fs.FS) (out []given) {
	known := map[string]bool{}
	give := func(q question) *answer {
		known[q.Dir] = true
		a, err := q.answer(tree)
		if err == nil || errors.Is(err, fs.ErrNotExist) { // else the child asks, so that the error is seen
			out = append(out, given{q.Dir, a})
		}
		return a
	}
	queue := []string{j.path()}
	for len(queue) > 0 && len(out) < maxGiven {
		dir := queue[0]
		queue = queue[1:]
		if known[dir] {
			continue
		}
		for above := path.Dir(dir); dir != "." && !known[above]; above = path.Dir(above) {
			give(question{Dir: above})
		}
		a := give(question{Dir: dir, Beside: true})
		if j.Helm == nil {
			queue = append(queue, a.named(dir)...)
			continue
		}
		for _, e := range a.Entries {
			if e.Type.IsDir() {
				queue = append(queue, path.Join(dir, e.Base))
			}
		}
	}
	return out
}

// named are the directories that a kustomization seems to name. It is not parsed
// here: a word too many costs little.
func (a *answer) named(dir string) (out []string) {
	for _, f := range a.Files {
		if !slices.Contains(konfig.RecognizedKustomizationFileNames(), f.Base) {
			continue
		}
		for _, word := range strings.FieldsFunc(string(f.Data), func(r rune) bool { return strings.ContainsRune(" \t\r\n,[]\"'", r) }) {
			first, _, _ := strings.Cut(path.Clean(word), "/")
			inside := slices.ContainsFunc(a.Entries, func(e treeEntry) bool { return e.Base == first && e.Type.IsDir() })
			if to := path.Join(dir, word); (first == ".." || inside) && fs.ValidPath(to) {
				out = append(out, to)
			}
		}
	}
	return out
}

// registerValues tells gob what values are made of.
func registerValues() {
	gob.Register(map[string]any(nil))
	gob.Register([]any(nil))
}

// helmJob is a job with values as a values file has them.
func helmJob(t directives.HelmTemplate) (job, error) {
	values, err := plain(t.Values)
	if err != nil {
		return job{}, fmt.Errorf("values: %w", err)
	}
	t.Values, _ = values.(map[string]any)
	return job{Helm: &t}, nil
}

// plain returns a copy of a value that is made of maps, lists, texts and numbers: a
// time is the text that a values file has for it, everything else what it is in JSON.
func plain(value any) (any, error) {
	var err error
	switch value := value.(type) {
	case nil, bool, string, int, int64, uint64, float64:
		return value, nil
	case map[string]any:
		out := make(map[string]any, len(value))
		for k, v := range value {
			if out[k], err = plain(v); err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			if out[i], err = plain(v); err != nil {
				return nil, err
			}
		}
		return out, nil
	case time.Time:
		if value.Location() == time.UTC && value.Equal(value.Truncate(24*time.Hour)) {
			return value.Format(time.DateOnly), nil
		}
		return value.Format(time.RFC3339Nano), nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(data, &out)
}

// withEmpty returns a copy of a value in which what is empty is not nil, as gob
// has made it.
func withEmpty(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for k, v := range value {
			out[k] = withEmpty(v)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = withEmpty(v)
		}
		return out
	}
	return value
}
