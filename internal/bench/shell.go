package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed promote.sh
var script string

// shells are the ways to clone that people choose from. The first is what most
// workflows do.
func shells(w *world, repository string) []contender {
	var out []contender
	for _, v := range []struct{ name, clone string }{
		{"depth 1", "--depth 1"},
		{"full", ""},
		{"sparse and blobless", "--filter=blob:none --sparse"},
		{"sparse, blobless, depth 1", "--depth 1 --filter=blob:none --sparse"},
	} {
		out = append(out, &shell{
			world: w, title: "shell, " + v.name, variant: fmt.Sprint("variant-", len(out)), clone: v.clone, repository: repository,
		})
	}
	return out
}

// shell promotes by promote.sh.
type shell struct {
	world      *world
	title      string
	variant    string // names its branches
	clone      string // options of git clone
	repository string
}

func (s *shell) name() string     { return s.title }
func (s *shell) pushesTo() string { return s.repository }

// folders are what a sparse clone checks out.
func (s *shell) folders() string {
	if s.world.layout.folder == "." {
		return app
	}
	return app + " " + s.world.layout.folder
}

// branch is where it pushes one freight.
func (s *shell) branch(f freight) string { return fmt.Sprintf("shell/%s-%d", s.variant, f.number) }

func (s *shell) promote(ctx context.Context, f freight) (lap, error) {
	url, err := s.world.cloneURL(s.repository)
	if err != nil {
		return lap{}, err
	}
	dir := filepath.Join(s.world.dir, "shell")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return lap{}, err
	}
	out := lap{branch: s.branch(f)}
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=ci", "GIT_AUTHOR_EMAIL=ci@example.org", "GIT_COMMITTER_NAME=ci", "GIT_COMMITTER_EMAIL=ci@example.org",
		"CLONE=" + s.clone, "FOLDERS=" + s.folders(), "URL=" + url, "APP=" + app, "TARGET=" + s.world.layout.branch, "OUTPUT=" + s.world.layout.folder,
		"IMAGE=" + s.world.image(), "DIGEST=" + f.digest, "BRANCH=" + out.branch,
	}
	start := time.Now()
	said, err := cmd.CombinedOutput()
	out.took[untilPushed] = time.Since(start)
	if err != nil {
		return lap{}, fmt.Errorf("promote.sh: %w\n%s", err, said)
	}
	return out, os.RemoveAll(dir)
}
