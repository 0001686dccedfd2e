package engine

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// leaveAlone marks the stages that this look is not to bring freight into, and those
// whose commands it runs.
func (l *look) leaveAlone(p config.Pipeline, states map[string]promote.StageState) {
	for name, state := range states {
		meant := l.lanes[p.Name+"/"+name]
		state.Left = l.lanes != nil && !meant
		state.Runs = meant && l.exec != nil && l.config.parsed.Policy.Exec
		states[name] = state
	}
}

// Prepare assembles and renders stages ahead of time, given as pipeline/stage, with
// the newest freight there is, and writes nothing: what was rendered is remembered by
// the renderer. It returns what was wrong, by stage. Sources that follow from an
// upstream arrival may be others in the end, so it is only a foretaste.
func (e *Engine) Prepare(ctx context.Context, repository string, stages []string) (map[string]error, error) {
	l, err := e.observe(ctx, repository)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", repository, err)
	}
	defer l.hold()()
	l.lanes, l.ahead = map[string]bool{}, map[string]*plan{}
	for _, name := range stages {
		l.ahead[name] = nil
	}
	l.newRound().decide(ctx)
	wrong := map[string]error{}
	for name, p := range l.ahead {
		if p != nil && p.err != nil {
			wrong[name] = p.err
		}
	}
	return wrong, l.vain.failed
}

// lookAhead plans what a promotion of the newest freight would do, where that is asked
// for.
func (w *stageWork) lookAhead() {
	name := w.pipeline.Name + "/" + w.at.stage.Name
	if _, asked := w.ahead[name]; !asked || w.at.stage.Kind != promote.Assembled {
		return
	}
	early := promote.Verdict{Stage: w.at.stage.Name, Action: promote.Wait, Freight: map[string]string{}}
	for _, f := range w.view.Snapshot.Facts.Freight {
		if _, slot := w.at.stage.Request(f.Warehouse); slot && f.Channel == "" {
			early.Freight[f.Warehouse] = f.ID
		}
	}
	if len(early.Freight) < len(w.at.stage.Requests) {
		return // it has nothing to be rendered with yet
	}
	w.verdict = &early
	w.plan = w.planned()
	w.ahead[name] = w.plan
}

// Folder is a stage's folder at a commit; nil where there is nothing. It goes on
// being readable for as long as the engine's mirrors are.
func (e *Engine) Folder(ctx context.Context, target promote.Target, commit string) (fs.FS, error) {
	repo, err := e.Forge.Repository(ctx, target.Repository)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", target.Repository, err)
	}
	info := repo.Info()
	git, err := e.Git.Repo(gitrepo.Remote{URL: info.CloneURL, Credentials: repo.GitCredentials, ID: info.ID, Size: info.Size})
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(target.Path, "/")
	if err := git.Prefetch(ctx, gitrepo.Need{Commit: commit, Paths: []string{name}}); err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", target.Name(), promote.ShortID(commit), err)
	}
	tree, err := git.Tree(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", target.Name(), promote.ShortID(commit), err)
	}
	return subfolder(tree, name)
}
