package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/report"
)

const (
	maxEdits = 100 // open pull requests of which the edit is looked at
	maxPaths = 300 // of one of them that are listed; of more, it is taken to edit the configuration
)

// reportEdits tells on every open pull request that edits the configuration what
// it would mean (H4). The head is whosever it is: it is parsed, and nothing in it
// is obeyed. A head is looked at once.
func (l *look) reportEdits(ctx context.Context) error {
	if l.config.commit == "" {
		return nil
	}
	pulls, err := l.repo.OpenPullRequests(ctx, l.branch, maxEdits)
	if err != nil {
		return err
	}
	l.mu.Lock()
	before := l.edits[l.name]
	l.mu.Unlock()
	told := map[string]bool{}
	var fresh []forge.PullRequest
	var needs []gitrepo.Need
	for _, pull := range pulls {
		if before[pull.HeadSHA] {
			told[pull.HeadSHA] = true
			continue
		}
		fresh = append(fresh, pull)
		needs = append(needs, gitrepo.Need{Commit: pull.HeadSHA, Ahead: true, Optional: true})
	}
	if err := l.git.Prefetch(ctx, needs...); err != nil {
		l.Log.Info("heads of pull requests are read one by one", "repo", l.name, "error", err)
	}
	var failed error
	for _, pull := range fresh {
		done, err := l.reportEdit(ctx, pull)
		told[pull.HeadSHA] = done
		failed = errors.Join(failed, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.edits[l.name] = told
	return failed
}

// reportEdit tells on one pull request. One that can not be read waits for another
// look and asks for none: it may be its author's doing.
func (l *look) reportEdit(ctx context.Context, pull forge.PullRequest) (done bool, err error) {
	tree, err := l.git.Tree(ctx, pull.HeadSHA)
	if err != nil {
		return l.unread(pull, err)
	}
	folder := ""
	switch info, err := tree.Lstat(".towpath"); {
	case err == nil:
		folder = gitID(info)
	case !errors.Is(err, fs.ErrNotExist):
		return l.unread(pull, err)
	}
	if folder == l.config.folder {
		return true, nil
	}
	files, err := l.repo.ChangedFiles(ctx, pull.Number, maxPaths)
	if err != nil {
		return false, err
	}
	if len(files) < maxPaths && !slices.ContainsFunc(files, configures) {
		return true, nil // the default branch has moved on, no more
	}
	pipelines, policy, err := config.Read(tree)
	if err != nil {
		return l.unread(pull, err)
	}
	_, mistakes := config.Parse(pipelines, policy, config.Context{Repository: l.name, DefaultBranch: l.branch, Tree: tree})
	check := l.check(report.Edited(mistakes.Lines()), pull.HeadSHA)
	for _, m := range mistakes {
		check.Annotations = append(check.Annotations, forge.Annotation{Path: m.File, Line: max(m.Line, 1), Message: report.Remark(m.Message)})
	}
	err = l.repo.WriteCheck(ctx, check)
	return err == nil, err
}

func (l *look) unread(pull forge.PullRequest, err error) (bool, error) {
	l.Log.Warn("head of a pull request can not be read", "repo", l.name, "pr", pull.Number, "error", err)
	return false, nil
}

// configures tells whether a path is part of the configuration.
func configures(path string) bool {
	return path == ".towpath" || strings.HasPrefix(path, ".towpath/")
}
