// Package scaffold writes the first configuration of a repository: it looks for
// what could be promoted, kustomizations, charts and manifests, guesses stages from
// the names of folders and files, and says what it guessed and why. It knows what
// people call things; whether the files may be written, and whether they are valid,
// is not its business.
package scaffold

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Place is what the repository goes by.
type Place struct {
	Repository string // owner/name
	Branch     string // the default branch
}

// Draft is a first configuration, and what is to be said about it.
type Draft struct {
	Files []File
	Found []string // what was found and what follows from it, a sentence each
	Left  []string // what was found and not used, and why
}

// File is one file to be written.
type File struct {
	Name string
	Data []byte
}

// Kind is how files become manifests.
type Kind string

// The kinds of what can be promoted.
const (
	Kustomize Kind = "kustomize"
	Helm      Kind = "helm"
	Manifests Kind = "manifests"
)

// app is one thing that can be promoted.
type app struct {
	kind   Kind
	dir    string   // of the stages' folders; of a chart; of what is for every stage
	single bool     // dir itself is what every stage is built from, not a folder of it
	stages []stage  // in their order
	shared []string // what every stage needs besides, files and folders
	images []image

	sharedFiles []string // those of shared that are files

	values string // helm: the file with the values of a stage, with stageMark for its word
	left   []string
}

// stage is a stage that was guessed.
type stage struct {
	name  string
	word  string // of the folder or file
	level int    // those of one level come at once
}

// image is one that all stages have.
type image struct {
	name    string // as the manifests call it
	newName string // what the overlays call it; empty: the same
	tag     string // that it has now
	values  string // helm: where the chart's values have it, as a key path; only where they have a digest, too
}

func (i image) repository() string {
	if i.newName != "" {
		return i.newName
	}
	return i.name
}

// Look makes a draft from the files of a tree. A draft without files says in Left
// what was looked for.
func Look(tree fs.FS, at Place) (Draft, error) {
	s, err := survey(tree)
	if err != nil {
		return Draft{}, err
	}
	apps := append(s.overlays(), s.charts()...)
	for _, other := range []func() []app{s.kustomizations, s.manifests} {
		if len(apps) == 0 {
			apps = other()
		}
	}
	if len(apps) == 0 {
		return Draft{Left: append(s.left,
			"folders with a kustomization.yaml, charts with a Chart.yaml, and folders of manifests were looked for, and none was found")}, nil
	}
	slices.SortStableFunc(apps, func(a, b app) int { return b.known() - a.known() })
	chosen := apps[0]
	s.left = append(s.left, chosen.left...)
	s.gather(&chosen)
	for _, other := range apps[1:] {
		if !within(other.dir, chosen.dir) && !chosen.uses(other.dir) {
			s.leave("%s in %s: this is one pipeline; others go into files of their own in .towpath/pipelines", other.kind, other.dir)
		}
	}
	s.pick(&chosen, at.Repository)
	out := chosen.draft(at)
	out.Left = s.left
	return out, nil
}

// Example is a draft to be edited, for a repository in which there is nothing yet.
func Example(at Place) Draft {
	a := app{kind: Manifests, dir: "deploy", single: true, stages: twoStages(), images: []image{{name: "ghcr.io/" + strings.ToLower(at.Repository)}}}
	out := a.draft(at)
	out.Found = append([]string{"this is an example, not a guess: manifests in the folder deploy that name the image"}, out.Found...)
	return out
}

// known is how many stages were told by names that people use for stages.
func (a app) known() int {
	n := 0
	for _, s := range a.stages {
		if s.word != "" {
			n++
		}
	}
	return n
}

// uses tells whether a folder is a part of what is promoted.
func (a app) uses(dir string) bool {
	return slices.ContainsFunc(a.shared, func(part string) bool { return within(dir, part) || within(part, dir) })
}

// levels are the words for stages, in the order that freight takes.
var levels = [][]string{
	{"dev", "develop", "development", "sandbox", "ci"},
	{"test", "testing", "tst", "qa", "int", "integration"},
	{"staging", "stage", "stg"},
	{"uat", "acceptance", "acc", "preprod", "preproduction", "pre"},
	{"prod", "production", "prd", "live"},
}

// unknownLevel is where a stage goes whose name says nothing: before production.
var unknownLevel = len(levels) - 2

var words = regexp.MustCompile(`[a-z]+`)

// levelOf is the level that a word speaks of. The last part of a word that is known
// counts, so that test-prod is production.
func levelOf(word string) (int, bool) {
	found, ok := 0, false
	for _, part := range words.FindAllString(strings.ToLower(word), -1) {
		for level, names := range levels {
			if slices.Contains(names, part) {
				found, ok = level, true
			}
		}
	}
	if strings.HasPrefix(strings.ToLower(word), "pre-prod") || strings.HasPrefix(strings.ToLower(word), "non") {
		found = unknownLevel
	}
	return found, ok
}

// notStages are folders beside stages that are none.
var notStages = []string{"base", "bases", "common", "shared", "components", "default", "template", "templates", "local", "kind", "minikube"}

// stagesOf makes stages of words, in the order that freight takes, and says what can
// not be one.
func (s *seen) stagesOf(where string, found []string) (out []stage, left []string) {
	for _, word := range found {
		name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(word), "-"), "-")
		level, known := levelOf(word)
		switch {
		case slices.Contains(notStages, strings.ToLower(word)):
			continue
		case name == "" || slices.ContainsFunc(out, func(o stage) bool { return o.name == name }):
			left = append(left, fmt.Sprintf("%s in %s: a stage needs a name of its own in small letters and digits", word, where))
			continue
		case !known:
			level = unknownLevel
			left = append(left, fmt.Sprintf("when %s comes: its name does not say it, so it is put before production", word))
		}
		out = append(out, stage{name: name, word: word, level: level})
	}
	slices.SortStableFunc(out, func(a, b stage) int { return a.level - b.level })
	return out, left
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// twoStages are those of what says nothing of stages.
func twoStages() []stage {
	return []stage{{name: "test", level: 1}, {name: "prod", level: 4}}
}

// before are the stages that the i-th one takes freight from.
func (a app) before(i int) []string {
	last := -1
	for _, s := range a.stages[:i] {
		if s.level < a.stages[i].level {
			last = s.level
		}
	}
	var out []string
	for _, s := range a.stages[:i] {
		if s.level == last {
			out = append(out, s.name)
		}
	}
	return out
}

// within tells whether a path is a folder or in it.
func within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// usable tells whether a path can be written into the files: it means nothing there
// but itself.
func usable(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+@ ", r)
	}) && name == path.Clean(name) && name == strings.TrimSpace(name)
}

// show makes a name from outside printable.
func show(name string) string {
	if usable(name) {
		return name
	}
	return fmt.Sprintf("%+q", name)
}
