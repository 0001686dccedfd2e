package githubtest

import (
	"fmt"
	"maps"
	"slices"
)

// Pulls lists the pull requests of a repository by number. Like the other
// questions below it answers nothing for a repository that is not there.
func (s *Server) Pulls(repo string) []Pull {
	r, unlock, err := s.find(repo)
	if err != nil {
		return nil
	}
	defer unlock()
	var list []Pull
	for _, t := range r.pulls() {
		list = append(list, t.export())
	}
	return list
}

// Mergeable is GitHub's mergeable_state of a pull request.
func (s *Server) Mergeable(repo string, number int) (string, error) {
	r, t, unlock, err := s.findThread(repo, number, true)
	if err != nil {
		return "", err
	}
	defer unlock()
	v, err := s.judge(r, t)
	return v.state, err
}

// Issues lists the issues of a repository that are no pull requests.
func (s *Server) Issues(repo string) []Issue {
	r, unlock, err := s.find(repo)
	if err != nil {
		return nil
	}
	defer unlock()
	var list []Issue
	for _, t := range r.threads {
		if t.pull == nil {
			one := t.Issue
			one.Labels = slices.Clone(one.Labels)
			list = append(list, one)
		}
	}
	return list
}

// Comments lists the comments of an issue or a pull request, oldest first.
func (s *Server) Comments(repo string, number int) []Comment {
	_, t, unlock, err := s.findThread(repo, number, false)
	if err != nil {
		return nil
	}
	defer unlock()
	var list []Comment
	for _, cm := range t.comments {
		one := *cm
		one.Reactions = slices.Clone(cm.Reactions)
		list = append(list, one)
	}
	return list
}

// CheckRuns lists all check runs of a commit, oldest first.
func (s *Server) CheckRuns(name, sha string) []CheckRun {
	return pick(s, name, func(r *repo) []*CheckRun { return r.checks }, func(run *CheckRun) bool { return run.HeadSHA == sha })
}

// Statuses lists all statuses of a commit, oldest first.
func (s *Server) Statuses(name, sha string) []Status {
	return pick(s, name, func(r *repo) []*Status { return r.statuses }, func(st *Status) bool { return st.SHA == sha })
}

// WorkflowRuns lists all workflow runs, oldest first.
func (s *Server) WorkflowRuns(name string) []WorkflowRun {
	return pick(s, name, func(r *repo) []*WorkflowRun { return r.runs }, func(*WorkflowRun) bool { return true })
}

func pick[T any](s *Server, name string, from func(*repo) []*T, wanted func(*T) bool) []T {
	r, unlock, err := s.find(name)
	if err != nil {
		return nil
	}
	defer unlock()
	var list []T
	for _, one := range from(r) {
		if wanted(one) {
			list = append(list, *one)
		}
	}
	return list
}

// Refs maps the full names of all refs, refs/pull apart, to their commits.
func (s *Server) Refs(repo string) map[string]string {
	r, unlock, err := s.find(repo)
	if err != nil {
		return nil
	}
	defer unlock()
	return maps.Clone(r.refs)
}

// ReadFile returns the content of a path at a branch, tag or commit.
func (s *Server) ReadFile(repo, ref, path string) (string, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return "", err
	}
	defer unlock()
	text, err := r.git.readFile(ref, path)
	if err != nil {
		return "", fmt.Errorf("read %s at %s of %s: %w", path, ref, repo, err)
	}
	return string(text), nil
}

// Files lists all paths at a branch, tag or commit, sorted.
func (s *Server) Files(repo, ref string) ([]string, error) {
	r, unlock, err := s.find(repo)
	if err != nil {
		return nil, err
	}
	defer unlock()
	files, err := r.git.diff(emptyTree, ref)
	if err != nil {
		return nil, fmt.Errorf("list files at %s of %s: %w", ref, repo, err)
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths, nil
}

// GitDir is the directory of the bare repository, for a git of one's own.
func (s *Server) GitDir(repo string) string {
	r, unlock, err := s.find(repo)
	if err != nil {
		return ""
	}
	defer unlock()
	return string(r.git)
}
