package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// Adoption asks for what is on a stage's branch already, written by others, to be
// taken for an arrival (P20).
type Adoption struct {
	Pipeline, Stage string
	// Commits are what no file tells: the commit, by repository, that the files
	// were made from. A tag or branch will do.
	Commits map[string]string
}

// Adopted is what was found and recorded.
type Adopted struct {
	Arrival promote.Arrival
	Freight []promote.Freight
}

// Adopt finds the artifacts in the files of a stage and records that their freight
// is there, and who says so. The stage must say `adopt: true`, which policy must
// allow. The next promotion replaces the files.
func (e *Engine) Adopt(ctx context.Context, repository string, wish Adoption) (*Adopted, error) {
	return untilFirst(func() (*Adopted, error) { return e.adopt(ctx, repository, wish) })
}

func (e *Engine) adopt(ctx context.Context, repository string, wish Adoption) (*Adopted, error) {
	l, err := e.observe(ctx, repository)
	if err != nil {
		return nil, err
	}
	defer l.hold()()
	p, stage, err := l.meantStage(wish.Pipeline, wish.Stage)
	if err != nil {
		return nil, err
	}
	by, err := l.self(ctx, command.Stage{Pipeline: p.Name, Name: stage.Name})
	if err != nil {
		return nil, err
	}
	at, err := l.place(ctx, p, stage, l.book.Pipelines[p.Name])
	if err != nil {
		return nil, err
	}
	trouble, err := l.trouble(ctx, p, at)
	if err != nil {
		return nil, err
	}
	holding, held := at.facts.Holding(stage.Name)
	switch {
	case stage.Kind != promote.Assembled || !at.update.Adopt:
		return nil, &refusal{fmt.Sprintf("stage %s does not say `adopt: true` in its update", stage.Name)}
	case len(at.keptOut()) > 0:
		return nil, &refusal{at.keptOut()[0].String()}
	case len(trouble) > 0:
		return nil, &refusal{trouble[0].String()}
	case held:
		return nil, &refusal{fmt.Sprintf("%s holds freight already, since an arrival by %s at %s", stage.Name, holding.Manner, promote.ShortID(holding.Commit))}
	case at.head.Tree == "":
		return nil, &refusal{fmt.Sprintf("there is nothing in %s to adopt", cmp.Or(strings.TrimSuffix(stage.Target.Branch+"/"+stage.Target.Path, "/."), stage.Name))}
	}
	r := l.newRound()
	freight, err := r.adoptedFreight(ctx, p, at, wish.Commits)
	if err != nil {
		return nil, err
	}
	commit, err := at.home.git.Commit(ctx, at.head.Commit)
	if err != nil {
		return nil, err
	}
	arrival := promote.Arrival{
		Stage: stage.Name, Manner: promote.ByAdoption, Freight: map[string]string{}, Commit: at.head.Commit, Tree: at.head.Tree, At: l.now, By: by, Config: l.config.commit,
		Repository: at.home.number(), Target: stage.Target,
	}
	if commit.Committer.When.Before(l.now) {
		arrival.At = commit.Committer.When
	}
	for _, f := range freight {
		arrival.Freight[f.Warehouse] = f.ID
	}
	news := promote.Facts{Arrivals: []promote.Arrival{arrival}}
	r.record(p.Name, news, arrivalLines(p.Name, news)...)
	return &Adopted{arrival, freight}, r.write(ctx)
}

// meantStage finds a stage by its name, and its pipeline where several have one.
func (l *look) meantStage(named, name string) (config.Pipeline, promote.Stage, error) {
	var pipeline config.Pipeline
	var stage promote.Stage
	var in []string
	for _, p := range l.config.parsed.Pipelines {
		if s, ok := p.Stage(name); ok && (named == "" || named == p.Name) {
			pipeline, stage, in = p, s, append(in, p.Name+"/"+s.Name)
		}
	}
	switch len(in) {
	case 1:
		return pipeline, stage, nil
	case 0:
		text := fmt.Sprintf("there is no stage %q", strings.TrimPrefix(named+"/"+name, "/"))
		if lanes := l.lanesOf(named, name); len(lanes) > 0 {
			return pipeline, stage, &refusal{fmt.Sprintf("stage %q has several lanes: say which of %s", name, strings.Join(lanes, ", "))}
		}
		if lines := l.config.mistakes.Lines(); len(lines) > 0 {
			text += ", and the configuration is broken: " + lines[0]
		}
		return pipeline, stage, &refusal{text}
	}
	return pipeline, stage, &refusal{fmt.Sprintf("several pipelines have a stage %q: %s", name, strings.Join(in, ", "))}
}

// lanesOf are the lanes of a stage, of any pipeline where none is named.
func (l *look) lanesOf(named, name string) (out []string) {
	for _, p := range l.config.parsed.Pipelines {
		for _, lane := range p.Lanes(name) {
			if named == "" || named == p.Name {
				out = append(out, lane.Name)
			}
		}
	}
	return out
}

// self is who we act for, who must have the right to promote into the stage. An
// App acts for whoever has its key.
func (l *look) self(ctx context.Context, stage command.Stage) (string, error) {
	self, err := l.Forge.Self(ctx)
	if err != nil || l.Forge.IsApp() {
		return self, err
	}
	denied, err := l.may(ctx, "promote", stage, self)
	if err == nil && denied != "" {
		err = &refusal{denied}
	}
	return self, err
}

// adoptedFreight makes freight of what the files of a stage name, for every slot.
func (r *round) adoptedFreight(ctx context.Context, p config.Pipeline, at *place, commits map[string]string) ([]promote.Freight, error) {
	folder, err := r.folder(ctx, at, at.head.Commit)
	if err != nil {
		return nil, err
	}
	found, err := directives.FindArtifacts(folder)
	if err != nil {
		return nil, err
	}
	var out []promote.Freight
	for _, request := range at.stage.Requests {
		w := p.Warehouses[slices.IndexFunc(p.Warehouses, func(w promote.Warehouse) bool { return w.Name == request.Warehouse })]
		g := &gathering{look: r.look, pipeline: p, warehouse: w, facts: r.book.Pipelines[p.Name]}
		if g.given, err = chosenFrom(w, found, commits); err != nil {
			return nil, &refusal{fmt.Sprintf("warehouse %s: %s", w.Name, err)}
		}
		freight, complete, err := g.gather(ctx)
		if err != nil {
			return nil, fmt.Errorf("warehouse %s: %w", w.Name, err)
		}
		if !complete {
			return nil, &refusal{g.nothing()}
		}
		for i, image := range freight.Images {
			freight.Images[i].Tag = cmp.Or(image.Tag, tagOf(found, image))
		}
		freight.ID, freight.Selected, freight.Manual, freight.By = freight.Identify(), r.now, true, "adopted from "+at.stage.Name
		freight.Alias = r.alias(p.Name, freight.ID, g.facts)
		if known, ok := g.facts.FreightByID(freight.ID); ok {
			out = append(out, known)
			continue
		}
		r.record(p.Name, promote.Facts{Freight: []promote.Freight{freight}}, freightLines(p.Name, []promote.Freight{freight})...)
		out = append(out, freight)
	}
	return out, nil
}

// chosenFrom names the one artifact of each subscription that the files name. What
// is not there, or there in several versions, is a mistake that says so.
func chosenFrom(w promote.Warehouse, found directives.Artifacts, commits map[string]string) (promote.Chosen, error) {
	out := promote.Chosen{Images: map[string]string{}, Charts: map[string]string{}, Commits: map[string]string{}}
	for _, s := range w.Images {
		var versions []string
		for _, image := range found.Images {
			if image.Repository == s.Repository {
				versions = append(versions, cmp.Or(image.Digest, image.Tag))
			}
		}
		version, err := theOne("image "+s.Repository, versions)
		if err != nil {
			return out, err
		}
		out.Images[s.Repository] = version
	}
	for _, s := range w.Charts {
		var versions []string
		for _, chart := range found.Charts {
			if chart.Name == s.Name {
				versions = append(versions, chart.Version)
			}
		}
		version, err := theOne("chart "+s.Name, versions)
		if err != nil {
			return out, err
		}
		out.Charts[s.Name] = version
	}
	for _, s := range w.Gits {
		id := commits[promote.NormaliseRepository(s.Repository)]
		if id == "" {
			return out, fmt.Errorf("no file tells which commit of %s this is: say it with --commit %s=COMMIT", s.Repository, s.Repository)
		}
		out.Commits[s.Repository] = id
	}
	return out, nil
}

func theOne(what string, versions []string) (string, error) {
	slices.Sort(versions)
	switch versions = slices.Compact(versions); len(versions) {
	case 0:
		return "", fmt.Errorf("the files name no %s", what)
	case 1:
		return versions[0], nil
	}
	return "", fmt.Errorf("the files name several versions of %s: %s", what, strings.Join(versions, ", "))
}

// tagOf is the tag that the files give an image besides its digest.
func tagOf(found directives.Artifacts, image promote.Image) string {
	for _, i := range found.Images {
		if i.Repository == image.Repository && i.Digest == image.Digest && i.Tag != "" {
			return i.Tag
		}
	}
	return ""
}
