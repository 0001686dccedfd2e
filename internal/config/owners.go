package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Owners is the policy of a repository that pipelines of other repositories are
// to write to: which of them it accepts, what they may write, and the least that
// they must ask for (H3, H5).
type Owners struct {
	// Mistakes of the file. With one, it says nothing for certain but whom it
	// accepts.
	Mistakes Mistakes

	rules      *rules
	repository string // as pipelines name it
	branch     string // its default branch
}

// ReadOwners reads the policy from the default branch's tree. Positions name the
// repository. Without the file nobody is accepted.
func ReadOwners(tree fs.FS, repository, defaultBranch string) (*Owners, error) {
	out := &Owners{rules: &rules{}, repository: repository, branch: defaultBranch}
	data, err := fs.ReadFile(tree, PolicyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", PolicyFile, err)
	}
	found := &collector{}
	out.rules = parsePolicy(&File{Name: repository + "/" + PolicyFile, Data: data}, found)
	// A bare stage means that of any pipeline: a freeze or a window must not be
	// missed because the pipeline is somewhere else.
	out.rules.resolveMatches(nil, found)
	out.Mistakes = found.sorted()
	return out, nil
}

// Accepts tells whether the lane of a pipeline may write here at all.
func (o *Owners) Accepts(p promote.Pipeline, lane string) bool {
	return slices.ContainsFunc(o.rules.accept, func(a rawAccept) bool {
		return promote.NormaliseRepository(a.From.Value) == promote.NormaliseRepository(p.Repository) &&
			slices.ContainsFunc(values(a.Stages), func(pattern string) bool {
				if !strings.Contains(pattern, "/") {
					pattern = "*/" + pattern
				}
				return promote.Matches(pattern, p.Name, lane)
			})
	})
}

// Policy is what the owners say of the stages that write here.
func (o *Owners) Policy() promote.Policy { return o.rules.policy }

// MayWrite tells whether the owners list a branch among those that pipelines may
// write.
func (o *Owners) MayWrite(branch string) bool { return o.rules.allows(branch, o.branch) }

// Refuses is what a stage asks for that the owners do not allow: a place that is
// not listed under `writes`, or less than they require. Every mistake names the
// line of their policy.
func (o *Owners) Refuses(p Pipeline, lane string) Mistakes {
	found := &collector{}
	built := builtPipeline{pipeline: p, stages: p.built, mistakes: found}
	here := Context{Repository: o.repository, DefaultBranch: o.branch}
	for _, s := range p.built {
		for _, l := range s.lanes {
			if l.domain.Name != promote.StageOf(lane) {
				continue
			}
			for _, u := range l.updates {
				built.checkBranch(u, here)
			}
			built.checkWrites(l, o.rules, here)
			built.checkFloor(s, l, o.rules, here)
		}
	}
	return found.sorted()
}
