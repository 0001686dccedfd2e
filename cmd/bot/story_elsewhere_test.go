package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// outsideAct makes a repository of somebody who does not know the App.
func (w *world) outsideAct(s *story, args []string) error {
	owner, name, ok := strings.Cut(or(args, 0, ""), "/")
	if !ok {
		return usage("outside oss/lib [dir]")
	}
	files, err := w.filesOf(os.DirFS(s.MkAbs(or(args, 1, path.Base(args[0])))))
	if err != nil {
		return err
	}
	return w.hub.CreateRepo(owner, name, files)
}

// inAct makes later commands mean a repository.
func (w *world) inAct(_ *story, args []string) error {
	w.repo = or(args, 0, "")
	return nil
}

func (w *world) privateAct(_ *story, args []string) error {
	return w.hub.SetPrivate(or(args, 0, ""), true)
}

// dropAct moves a branch of a repository back, and removes what nothing leads to
// any more, as forges do some day.
func (w *world) dropAct(_ *story, args []string) error {
	if len(args) != 3 {
		return usage("drop acme/shared main main~1")
	}
	git := w.hub.GitDir(args[0])
	commit, err := bareGit(git, nil, "rev-parse", args[2])
	if err != nil {
		return err
	}
	if err := w.hub.SetBranch(args[0], args[1], commit, "you"); err != nil {
		return err
	}
	if _, err := bareGit(git, nil, "reflog", "expire", "--expire=now", "--all"); err != nil {
		return err
	}
	_, err = bareGit(git, nil, "gc", "--prune=now", "--quiet")
	return err
}

// tagAct makes or moves a tag, annotated where it has a message; without a commit
// it is deleted. Anything in the repository can be tagged.
func (w *world) tagAct(_ *story, args []string) error {
	repository, tag := w.where(w.spoken(or(args, 0, "")))
	what := or(args, 1, "")
	if tag == "" || len(args) > 3 {
		return usage("tag [acme/other:]v1.0.0 [main [message]]")
	}
	if what != "" {
		var err error
		if what, err = bareGit(w.hub.GitDir(repository), nil, "rev-parse", "--verify", what); err != nil {
			return err
		}
	}
	return w.hub.SetTag(repository, tag, what, or(args, 2, ""), "you")
}

// linkAct commits a link in the place of a file.
func (w *world) linkAct(s *story, args []string) error {
	if len(args) != 3 {
		return usage("link main .towpath/policy.yaml ../ops/policy.yaml")
	}
	git, branch := w.hub.GitDir(w.repo), args[0]
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(w.dir, "index")}
	target := filepath.Join(w.dir, "target")
	if err := os.WriteFile(target, []byte(args[2]), 0o600); err != nil {
		return err
	}
	blob, err := bareGit(git, env, "hash-object", "-w", target)
	if err != nil {
		return err
	}
	for _, command := range [][]string{{"read-tree", branch}, {"update-index", "--add", "--cacheinfo", "120000," + blob + "," + args[1]}} {
		if _, err := bareGit(git, env, command...); err != nil {
			return err
		}
	}
	tree, err := bareGit(git, env, "write-tree")
	if err != nil {
		return err
	}
	commit, err := bareGit(git, env, "-c", "user.name=you", "-c", "user.email=you@example.org", "commit-tree", "-p", branch, "-m", "Link", tree)
	if err != nil {
		return err
	}
	return w.hub.SetBranch(w.repo, branch, commit, "you")
}

// bareGit runs git in a bare repository and returns what it prints.
func bareGit(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
