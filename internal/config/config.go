// Package config turns the bytes of the two files under .towpath into pipelines
// and a policy.
//
// It knows the language: its keys, their formats, what fits together, and where
// in a file each value stands, so that every mistake has a position and all are
// reported at once. Files are decoded strictly into raw types, which the schema
// and the reference are generated from, and then built into the types of the
// domain; what exists there is valid. The repository's tree is handed in; git,
// clocks and the network are not its business.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// Where the files of the language live in a repository.
const (
	PipelineFile = ".towpath/pipeline.yaml"
	PipelineGlob = ".towpath/pipelines/*.yaml"
	PolicyFile   = ".towpath/policy.yaml"
	overrideName = "towpath.yaml"
)

// File is one file of the configuration.
type File struct {
	Name string // as positions name it
	Data []byte
}

// Context is what the configuration is about.
type Context struct {
	Repository    string // owner/name
	DefaultBranch string
	Tree          fs.FS // the repository at the configuration's commit, for `each` and stamps; may be nil

	asked *asked
}

// Config is what is valid in the two files.
type Config struct {
	Pipelines []Pipeline // by file, then in the order of `each`
	Policy    promote.Policy
	Dashboard bool     // an issue shows all pipelines
	Broken    []string // the files that hold a mistake, sorted
	Accepts   bool     // the policy lets pipelines of other repositories write here

	rules  *rules
	branch string // the default branch
}

// MayWrite tells whether the policy lists a branch among those that pipelines may
// write; a broken one lists none.
func (c *Config) MayWrite(branch string) bool { return c.rules.allows(branch, c.branch) }

// Pipeline is a valid pipeline, with what its expressions and updates need.
type Pipeline struct {
	promote.Pipeline
	File     string
	Position string            // file:line:col of the pipeline's name
	Updates  map[string]Update // what a promotion writes, by stage

	each      map[string]any
	vars      map[string]any // of the pipeline
	stageVars map[string]map[string]any
	gates     map[string][]rawGate   // by stage, of those with gates that look elsewhere
	publish   map[string]*rawPublish // by stage
	whens     map[string]*condition  // by warehouse, of those that have one
	resolved  rawPipeline            // the file with `each` and `defaults` worked in
	built     []builtStage           // what policies are held against
}

// Scope is what the expressions of a stage may name, with one freight per slot.
func (p Pipeline) Scope(stage string, freight []promote.Freight) expression.Scope {
	lane, _ := p.Stage(stage)
	return expression.Scope{
		Pipeline: p.Name, Stage: promote.BareStage(stage), Stamp: lane.Stamp, Vars: p.stageVars[stage], Each: p.each, Freight: freight,
	}
}

// Read returns the files of the configuration that are in a tree. The policy is
// nil where there is none.
func Read(tree fs.FS) (pipelines []File, policy *File, err error) {
	names, err := fs.Glob(tree, PipelineGlob)
	if err != nil {
		return nil, nil, fmt.Errorf("list %s: %w", PipelineGlob, err)
	}
	slices.Sort(names)
	for _, name := range append([]string{PipelineFile}, names...) {
		data, err := fs.ReadFile(tree, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", name, err)
		}
		pipelines = append(pipelines, File{Name: name, Data: data})
	}
	data, err := fs.ReadFile(tree, PolicyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return pipelines, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", PolicyFile, err)
	}
	return pipelines, &File{Name: PolicyFile, Data: data}, nil
}

// Parse reads the files. The configuration is never nil and holds the pipelines
// without a mistake; the mistakes are those of all the others, sorted. A policy
// with a mistake leaves out every pipeline, since nothing says what they may do.
// No policy at all means that nothing is automatic and that only stage/** may be
// written.
func Parse(pipelines []File, policy *File, ctx Context) (*Config, Mistakes) {
	found := &collector{}
	ctx.asked = &asked{left: maxWork, numbers: map[string]number{}, folders: map[string][]string{}}
	rules := parsePolicy(policy, found)
	var built []builtPipeline
	for _, file := range pipelines {
		built = append(built, parsePipelines(file, ctx, found)...)
	}
	checkTogether(built, rules, ctx, found)

	config := &Config{Dashboard: rules.board, rules: rules, branch: ctx.DefaultBranch}
	if !rules.broken {
		config.Policy = rules.policy
		config.Accepts = len(rules.accept) > 0
	}
	for _, p := range built {
		if !p.mistakes.empty() {
			found.join(p.mistakes)
		} else if !rules.broken {
			config.Pipelines = append(config.Pipelines, p.pipeline)
		}
	}
	mistakes := found.sorted()
	for _, m := range mistakes {
		config.Broken = append(config.Broken, m.File)
	}
	slices.Sort(config.Broken)
	config.Broken = slices.Compact(config.Broken)
	return config, mistakes
}

// overrideFile is where an instance of `each: {directories}` may set its vars.
func overrideFile(directory string) string { return path.Join(directory, overrideName) }
