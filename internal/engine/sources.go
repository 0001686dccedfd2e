package engine

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// sources hands source trees to the directives and notes which were used.
type sources struct {
	work    *stageWork
	freight []promote.Freight
	used    map[promote.SourceCommit]bool
}

// tree resolves a source and opens its tree.
func (s *sources) tree(ctx context.Context, ref directives.SourceRef) (fs.FS, error) {
	from, err := s.work.source(ctx, ref.Repository)
	if err != nil {
		return nil, err
	}
	commit, err := s.commit(ctx, from, ref)
	if err != nil {
		return nil, err
	}
	s.used[promote.SourceCommit{Repository: ref.Repository, Ref: ref.Ref, Commit: commit}] = true
	tree, err := from.git.Tree(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("commit %s of %s: %w", promote.ShortID(commit), ref.Repository, err)
	}
	return tree, nil
}

// commit is where a source is read: at `ref:`, at the commit in the freight, in
// a stage with upstreams at the commit that the upstream arrival used, so that
// what was verified is what is promoted, and else at the configuration commit.
// Another repository has none of its own there.
func (s *sources) commit(ctx context.Context, from *source, ref directives.SourceRef) (string, error) {
	own := promote.NormaliseRepository(ref.Repository) == "."
	switch {
	case ref.Ref == "head" && own:
		return s.work.config.commit, nil
	case ref.Ref == "head":
		return from.at(heads + from.branch), nil
	case ref.Ref != "":
		return from.named(ctx, ref.Ref)
	}
	if commit, err := promote.CommitIn(s.freight, ref.Repository, ref.Warehouse); commit != "" || err != nil {
		return commit, err
	}
	if arrival, ok := s.upstream(); ok {
		for _, used := range arrival.Sources {
			if used.Repository == ref.Repository && used.Ref == "" {
				return used.Commit, nil
			}
		}
	}
	if !own {
		return "", fmt.Errorf("the freight holds no commit of %s: subscribe to it, or say which with `ref:`", ref.Repository)
	}
	return s.work.config.commit, nil
}

// upstream is the arrival by which this freight is available: of the stages it
// comes from, the latest one that verified it and let it soak. Where none does
// any more, for what is held already, it is the latest arrival.
func (s *sources) upstream() (promote.Arrival, bool) {
	snapshot := s.work.view.Snapshot
	var best promote.Arrival
	for _, f := range s.freight {
		request, _ := s.work.at.stage.Request(f.Warehouse)
		for _, from := range s.work.pipeline.Upstreams(request) {
			standing := snapshot.StandingAcross(s.work.pipeline.Lanes(from), f.Warehouse, f.ID)
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
			if request.TakesFrom(a.Stage) && a.Freight[f.Warehouse] == f.ID {
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
		from, err := s.work.source(ctx, used.Repository)
		if err != nil {
			return nil, err
		}
		changed, err := changedPaths(ctx, from.git, old, used.Commit)
		if gitrepo.IsMissing(err) {
			changed, err = []string{"everything: the commit that was verified is gone"}, nil
		}
		if err != nil {
			return nil, err
		}
		for _, name := range changed {
			if from.git != s.work.git {
				name = used.Repository + ": " + name
			}
			out = append(out, name)
		}
	}
	if arrival.Config != "" && arrival.Config != s.work.config.commit {
		changed, err := changedPaths(ctx, s.work.git, arrival.Config, s.work.config.commit)
		if gitrepo.IsMissing(err) {
			changed, err = []string{s.work.pipeline.File}, nil
		}
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
