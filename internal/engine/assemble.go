package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
)

// assembly is a stage's files as a promotion makes them.
type assembly struct {
	freight    []promote.Freight
	root       string // tree of the whole branch
	content    string // identity of the stage's part of it
	sources    []promote.SourceCommit
	config     string // commit of the configuration that it was made by
	edits      []directives.Edit
	unverified []string
	base       string // commit the promotion is made on
	created    bool   // base is a root commit of ours, to be pushed as well
}

func (a *assembly) sameAs(p promote.Proposal) bool {
	freight := map[string]string{}
	for _, f := range a.freight {
		freight[f.Warehouse] = f.ID
	}
	return p.Tree == a.content && maps.Equal(p.Freight, freight)
}

// runDirectives makes the stage's files. Everything they look at is freight, the
// configuration commit and recorded sources, so doing it again gives the same bytes.
func (w *stageWork) runDirectives(ctx context.Context) (*directives.Result, error) {
	current, err := w.currentFolder(ctx)
	if err != nil {
		return nil, err
	}
	if w.plan.restored != nil {
		return w.restore(ctx, current)
	}
	env := &directives.Env{Freight: w.plan.freight, Source: w.plan.sources.tree, Chart: w.registry.Chart, Renderer: w.Renderer}
	if w.view.Snapshot.Stages[w.at.stage.Name].Runs {
		env.Exec = func(ctx context.Context, e directives.Exec, workspace fs.FS) (fs.FS, error) {
			return w.exec(ctx, Execution{Exec: e, Repository: w.pipeline.Repository, Pipeline: w.pipeline.Name, Stage: w.at.stage.Name, Freight: w.plan.freight}, workspace)
		}
	}
	result, err := directives.Run(ctx, w.plan.program, env, current)
	if err != nil {
		return nil, w.renderFailure(err)
	}
	return result, nil
}

// assembly puts what the directives made into the branch's tree.
func (w *stageWork) assembly(ctx context.Context) (_ *assembly, err error) {
	p := w.plan
	if p.err != nil {
		return nil, p.err
	}
	out := &assembly{freight: p.freight, base: w.at.head.Commit, config: w.config.commit, edits: p.result.Edits}
	if before := p.restored; before != nil {
		out.sources, out.config = before.Sources, before.Config
		return out, w.writeTree(ctx, out, p.result.Tree)
	}
	out.sources = p.sources.commits()
	if out.unverified, err = p.sources.unverified(ctx); err != nil {
		return nil, err
	}
	return out, w.writeTree(ctx, out, p.result.Tree)
}

// renderFailure is what the configuration, a source or a manifest got wrong.
// Not being able to ask is no failure of the stage: the look is tried again. Nor is a
// command that goes on.
func (w *stageWork) renderFailure(err error) error {
	var unreachable *gitrepo.UnreachableError
	var unasked askError
	if errors.As(err, &unreachable) || errors.As(err, &unasked) || errors.Is(err, directives.ErrRunning) {
		return err
	}
	var refused *registry.Error
	if errors.As(err, &refused) && refused.Temporary() { // the other stages go on meanwhile
		w.verdict.Until = soon(w.verdict.Until, w.now.Add(discoverAgain))
	}
	return &failure{reason: promote.Reason{Kind: promote.RenderFailed, Stage: w.at.stage.Name, Note: err.Error()}}
}

func (w *stageWork) currentFolder(ctx context.Context) (fs.FS, error) {
	if w.at.head.Tree == "" && len(w.at.update.Preserve) == 0 || w.at.head.Commit == "" {
		return nil, nil
	}
	return w.folder(ctx, w.at, w.at.head.Commit)
}

// writeTree puts the result into the branch's tree, and makes the branch's root
// commit where there is no branch yet: GitHub wants a base with common history (P9).
func (w *stageWork) writeTree(ctx context.Context, out *assembly, result fs.FS) (err error) {
	target := w.at.stage.Target
	base := ""
	if out.base == "" {
		if target.Path != "." {
			return &failure{reason: promote.Reason{Kind: promote.PromotionFailed, Note: "branch " + target.Branch + " does not exist"}}
		}
		if out.base, err = w.rootCommit(ctx); err != nil {
			return err
		}
		out.created = true
	} else {
		commit, err := w.at.home.git.Commit(ctx, out.base)
		if err != nil {
			return err
		}
		base = commit.Tree
	}
	if out.root, err = w.batch.WriteTree(ctx, base, target.Path, result); err != nil {
		return w.renderFailure(err)
	}
	tree, err := w.batch.Tree(ctx, out.root)
	if err != nil {
		return err
	}
	folder, err := subfolder(tree, target.Path)
	if err != nil || folder == nil {
		return err
	}
	out.content, err = contentID(folder, w.at.update.Preserve)
	return err
}

// rootCommit is the empty first commit of a stage branch: always the same one.
func (w *stageWork) rootCommit(ctx context.Context) (string, error) {
	tree, err := w.batch.WriteFiles(ctx, "", nil)
	if err != nil {
		return "", err
	}
	who := gitrepo.Signature{Name: "towpath", Email: "towpath@users.noreply.github.com", When: time.Unix(1735689600, 0).UTC()}
	return w.batch.WriteCommit(gitrepo.CommitSpec{
		Tree: tree, Author: who, Committer: who,
		Message: fmt.Sprintf("Begin stage %s\n\nTowpath-Pipeline: %s\nTowpath-Stage: %s\n", w.at.stage.Name, w.pipeline.ID(), w.at.stage.Name),
	})
}
