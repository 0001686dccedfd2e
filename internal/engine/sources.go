package engine

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// sources hands source trees to the directives and notes which were used.
type sources struct {
	work    *stageWork
	freight []promote.Freight
	used    map[promote.SourceCommit]bool
}

// tree resolves a source once and opens its tree.
func (s *sources) tree(ctx context.Context, ref directives.SourceRef) (fs.FS, error) {
	commit, err := s.commit(ctx, ref)
	if err != nil {
		return nil, err
	}
	s.used[promote.SourceCommit{Repository: ref.Repository, Ref: ref.Ref, Commit: commit}] = true
	tree, err := s.work.git.Tree(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("commit %s of %s: %w", promote.ShortID(commit), ref.Repository, err)
	}
	return tree, nil
}

// commit is where a source is read: at `ref:`, at the commit in the freight, in
// a stage with upstreams at the commit that the upstream arrival used, so that
// what was verified is what is promoted, and else at the configuration commit.
func (s *sources) commit(ctx context.Context, ref directives.SourceRef) (string, error) {
	switch ref.Ref {
	case "":
	case "head":
		return s.work.config.commit, nil
	default:
		return s.named(ctx, ref.Ref)
	}
	found := map[string]bool{}
	for _, f := range s.freight {
		if c, ok := f.Commit(ref.Repository); ok && (ref.Warehouse == "" || ref.Warehouse == f.Warehouse) {
			found[c.ID] = true
		}
	}
	switch commits := slices.Sorted(maps.Keys(found)); {
	case len(commits) > 1:
		return "", fmt.Errorf("several slots hold a commit of %s: say which with `warehouse:`", ref.Repository)
	case len(commits) == 1:
		return commits[0], nil
	}
	if arrival, ok := s.upstream(); ok {
		for _, used := range arrival.Sources {
			if used.Repository == ref.Repository && used.Ref == "" {
				return used.Commit, nil
			}
		}
	}
	return s.work.config.commit, nil
}

// named resolves a branch, a tag or a commit id.
func (s *sources) named(ctx context.Context, name string) (string, error) {
	if len(name) == 40 && strings.Trim(name, "0123456789abcdef") == "" {
		return name, nil
	}
	if commit := s.work.refs[heads+name]; commit != "" {
		return commit, nil
	}
	tags, err := s.work.git.Refs(ctx, "refs/tags/"+name)
	if err != nil {
		return "", fmt.Errorf("tag %s: %w", name, err)
	}
	if commit := tags["refs/tags/"+name]; commit != "" {
		return commit, nil
	}
	return "", fmt.Errorf("ref %q is neither a branch nor a tag", name)
}

// upstream is the arrival by which this freight is available: of the stages it
// comes from, the latest one that verified it and let it soak. Where none does
// any more, for what is held already, it is the latest arrival.
func (s *sources) upstream() (promote.Arrival, bool) {
	snapshot := s.work.view.Snapshot
	var best promote.Arrival
	for _, f := range s.freight {
		request, _ := s.work.at.stage.Request(f.Warehouse)
		for _, from := range request.From {
			stage, _ := s.work.pipeline.Stage(from)
			standing := snapshot.StandingOf(stage, f.Warehouse, f.ID)
			if standing.Verified && standing.Soaked(snapshot.Now) >= request.Soak && standing.Arrival.At.After(best.At) {
				best = standing.Arrival
			}
		}
	}
	if best.Commit != "" {
		return best, true
	}
	for _, a := range slices.Backward(snapshot.Facts.Arrivals) {
		for _, f := range s.freight {
			request, _ := s.work.at.stage.Request(f.Warehouse)
			if slices.Contains(request.From, a.Stage) && a.Freight[f.Warehouse] == f.ID {
				return a, true
			}
		}
	}
	return promote.Arrival{}, false
}

func (s *sources) commits() []promote.SourceCommit {
	out := slices.Collect(maps.Keys(s.used))
	slices.SortFunc(out, func(a, b promote.SourceCommit) int {
		return strings.Compare(a.Repository+" "+a.Ref+" "+a.Commit, b.Repository+" "+b.Ref+" "+b.Commit)
	})
	return out
}

// maxUnverified bounds how many files a pull request names as not verified.
const maxUnverified = 20

// unverified lists the files of the sources and of the configuration that
// differ from what the upstream arrival used (P19).
func (s *sources) unverified(ctx context.Context) ([]string, error) {
	arrival, ok := s.upstream()
	if !ok {
		return nil, nil
	}
	before := map[string]string{}
	for _, used := range arrival.Sources {
		before[used.Repository+" "+used.Ref] = used.Commit
	}
	var out []string
	for _, used := range s.commits() {
		old, known := before[used.Repository+" "+used.Ref]
		if !known {
			old = before[used.Repository+" "]
		}
		if used.Ref == "" || old == "" || old == used.Commit {
			continue
		}
		changed, err := s.work.changedPaths(ctx, old, used.Commit)
		if err != nil {
			return nil, err
		}
		out = append(out, changed...)
	}
	if arrival.Config != "" && arrival.Config != s.work.config.commit {
		changed, err := s.work.changedPaths(ctx, arrival.Config, s.work.config.commit)
		if err != nil {
			return nil, err
		}
		for _, name := range changed {
			if name == s.work.pipeline.File {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxUnverified)], nil
}
