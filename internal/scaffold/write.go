package scaffold

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath/towpath/examples"
)

// Where the files of a draft go.
const (
	PipelineFile = ".towpath/pipeline.yaml"
	PolicyFile   = ".towpath/policy.yaml"
	WorkflowFile = ".github/workflows/towpath.yml"
)

// draft writes the files for an application.
func (a app) draft(at Place) Draft {
	p := pen{app: a, name: pipelineName(at.Repository)}
	out := Draft{Files: []File{
		{PipelineFile, []byte(p.pipeline())}, {PolicyFile, []byte(p.policy())}, {WorkflowFile, workflow(at.Branch)},
	}}
	where := "the folders of " + a.dir
	if a.single {
		where = a.dir
	}
	out.Found = append(out.Found, fmt.Sprintf("%s in %s", a.kind, where))
	var order []string
	for i, s := range a.stages {
		text := s.name
		if before := a.before(i); len(before) > 0 {
			text += " after " + strings.Join(before, " and ")
		}
		order = append(order, text)
	}
	why := "by their names"
	if a.known() == 0 {
		why = "no names of stages were found, so these two"
	}
	out.Found = append(out.Found, fmt.Sprintf("stages %s: %s", strings.Join(order, ", "), why))
	for _, i := range a.images {
		out.Found = append(out.Found, fmt.Sprintf("image %s, which every stage has: %s", i.repository(), i.because()))
	}
	if len(a.images) == 0 {
		out.Found = append(out.Found, "no image, so that freight is made of commits alone")
	}
	return out
}

// pen writes one pipeline.
type pen struct {
	app
	name string
}

func pipelineName(repository string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(path.Base(repository)), "-"), "-")
	if name == "" {
		return "app"
	}
	return name
}

// text writes a scalar of YAML in flow style.
func text(value string) string {
	if plainScalar.MatchString(value) && !slices.Contains(yamlWords, strings.ToLower(value)) {
		return value
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		return `""` // a string always can be
	}
	return string(quoted)
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9./_-]*$`)
	yamlWords   = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)

func list(values []string) string {
	var out []string
	for _, v := range values {
		out = append(out, text(v))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// word is how directives name the stage: by its name where that is what the folders
// and files are called, else by a variable of its own.
func (p pen) word() string {
	if slices.ContainsFunc(p.stages, func(s stage) bool { return s.word != "" && s.word != s.name }) {
		return "${{ vars.place }}"
	}
	return "${{ stage }}"
}

func (p pen) pipeline() string {
	var out strings.Builder
	fmt.Fprintf(&out, `# A first pipeline, written by `+"`action init`"+`. What may stand here:
# https://github.com/towpath/towpath/blob/main/docs/configuration.md
apiVersion: towpath/v1
name: %s

warehouses:
  - name: app # what is new here is freight
    subscriptions:
`, text(p.name))
	for _, i := range p.images {
		fmt.Fprintf(&out, "      - image: {repository: %s%s}\n", text(i.repository()), i.rule())
	}
	fmt.Fprintf(&out, "      - git: {%s}\n", p.follows())
	out.WriteString(`
defaults:
  stage:
    # What is merged counts as verified. Once something tests a stage, say where its
    # result is: {gates: [{name: e2e, check: e2e}]}
    verification: none

stages:
`)
	for i, s := range p.stages {
		fmt.Fprintf(&out, "  - name: %s\n", text(s.name))
		if p.word() != "${{ stage }}" {
			fmt.Fprintf(&out, "    vars: {place: %s}\n", text(s.word))
		}
		fmt.Fprintf(&out, "    requests: [{warehouse: app%s}]%s\n", p.from(i), map[bool]string{true: " # with `soak: 1h` only what has been there so long"}[i == 1])
		if i > 0 {
			out.WriteString("    updates: *assemble\n")
			continue
		}
		out.WriteString("    updates: &assemble\n      - directives: # on a workspace that starts empty\n")
		p.directives(&out)
	}
	return out.String()
}

func (p pen) from(i int) string {
	before := p.before(i)
	switch len(before) {
	case 0:
		return ""
	case 1:
		return ", from: " + list(before)
	}
	return ", from: " + list(before) + ", availability: all"
}

// rule is how an image's tags are chosen among, by the one it has.
func (i image) rule() string {
	switch {
	case i.tag == "" || versioned.MatchString(i.tag):
		return ""
	case moving.MatchString(i.tag):
		return ", select: digest, constraint: " + text(i.tag)
	}
	return ", select: newest-build"
}

func (i image) because() string {
	switch {
	case i.tag == "":
		return "its versions"
	case versioned.MatchString(i.tag):
		return fmt.Sprintf("its versions, as %s is one", i.tag)
	case moving.MatchString(i.tag):
		return fmt.Sprintf("what its tag %s points at", i.tag)
	}
	return fmt.Sprintf("its newest build, since %s is no version", i.tag)
}

var (
	versioned = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+].*)?$`)
	moving    = regexp.MustCompile(`^(latest|main|master|edge|stable|develop|dev|nightly)$`)
)

// parts are what is copied: for every stage alike, and what is its own.
func (p pen) parts() []string {
	out := slices.Clone(p.shared)
	if !slices.ContainsFunc(out, func(part string) bool { return within(p.own(), part) }) {
		out = append(out, p.own())
	}
	if p.values != "" && !within(p.values, p.dir) {
		out = append(out, p.valuesFile(p.word()))
	}
	slices.Sort(out)
	return out
}

// own is the folder that a stage is built from.
func (p pen) own() string {
	if p.single {
		return p.dir
	}
	return path.Join(p.dir, p.word())
}

func (p pen) valuesFile(word string) string { return strings.ReplaceAll(p.values, stageMark, word) }

// follows are the paths whose changes are freight.
func (p pen) follows() string {
	if slices.Contains(p.parts(), ".") {
		return `exclude: [".towpath/**", ".github/**", "**/*.md"]`
	}
	include := []string{p.dir + "/**"}
	for _, part := range p.shared {
		switch {
		case within(part, p.dir):
		case slices.Contains(p.sharedFiles, part):
			include = append(include, part)
		default:
			include = append(include, part+"/**")
		}
	}
	if p.values != "" && !within(p.values, p.dir) {
		include = append(include, p.valuesFile("*"))
	}
	slices.Sort(include)
	return "include: " + list(include)
}

func (p pen) directives(out *strings.Builder) {
	put := func(format string, args ...any) { fmt.Fprintf(out, "          "+format+"\n", args...) }
	own := p.own()
	for _, part := range p.parts() {
		put("- copy: {from: %s, to: %s}", text(part), text(part))
	}
	var pins, values []string
	for _, i := range p.images {
		if i.values == "" {
			pins = append(pins, i.pin())
			continue
		}
		for _, part := range []string{"tag", "digest"} {
			values = append(values, fmt.Sprintf("{key: %s, value: \"${{ image('%s').%s }}\"}", text(i.values+"."+part), i.name, part))
		}
	}
	images := ""
	if len(pins) > 0 {
		images = ", images: [" + strings.Join(pins, ", ") + "]"
	}
	switch p.kind {
	case Kustomize:
		if images != "" {
			put("- kustomize: {path: %s%s} # pins them", text(own), images)
		}
		fmt.Fprintf(out, "        render:\n          kustomize: {path: %s}\n", text(own))
	case Helm:
		if len(values) > 0 {
			put("- helm: {chart: %s, values: [%s]}", text(own), strings.Join(values, ", "))
		}
		files := ""
		if p.values != "" {
			files = ", values: " + list([]string{p.valuesFile(p.word())})
		}
		fmt.Fprintf(out, "        render:\n          helm: {chart: %s, release: %s%s%s} # perhaps namespace, kubeVersion\n", text(own), text(pipelineName(own)), files, images)
	default:
		fmt.Fprintf(out, "        render:\n          apps: [{name: %s, directory: {path: %s%s}}]\n", text(p.name), text(own), images)
	}
}

// pin is how the image is named where it is pinned.
func (i image) pin() string {
	if i.newName == "" {
		return text(i.name)
	}
	return fmt.Sprintf("{name: %s, newName: %s}", text(i.name), text(i.newName))
}

// policy lets everything come by itself but for what comes last.
func (p pen) policy() string {
	var out strings.Builder
	out.WriteString(`# Who may do what, written by ` + "`action init`" + `. Own this file by CODEOWNERS.
apiVersion: towpath/v1
dashboard: true # an issue that shows what every stage holds and waits for
stages: # the first that matches counts
`)
	last := p.stages[len(p.stages)-1].level
	for _, s := range p.stages {
		if s.level == last && len(p.stages) > 1 {
			fmt.Fprintf(&out, "  - {match: %s, auto: false} # by /promote %s only, in a comment\n", text(p.name+"/"+s.name), s.name)
		}
	}
	fmt.Fprintf(&out, "  - {match: %q, auto: true} # a pull request as soon as it is available; merge: auto merges it, too\n", p.name+"/*")
	return out.String()
}

// workflow is the one of the examples, for a default branch.
func workflow(branch string) []byte {
	var out strings.Builder
	for line := range strings.Lines(string(examples.Workflow)) {
		if strings.HasPrefix(line, "  workflow_run:") { // names a workflow of its own
			continue
		}
		out.WriteString(strings.Replace(line, "branches: [main, ", "branches: ["+text(branch)+", ", 1))
	}
	return []byte(out.String())
}
