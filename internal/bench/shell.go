package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed promote.sh
var script string

// Names of the shell's variants.
const (
	shellDepth1 = "shell, depth 1"
	shellFull   = "shell, full"
	shellSparse = "shell, sparse and blobless"
	shellAll    = "shell, sparse, blobless, depth 1"
)

// shells are the ways to clone that people choose from, the first of which is what
// most workflows do.
func shells(w *world, repository string, to target) []*shell {
	var out []*shell
	for _, v := range []struct{ name, clone string }{
		{shellDepth1, "--depth 1"},
		{shellFull, ""},
		{shellSparse, "--filter=blob:none --sparse"},
		{shellAll, "--depth 1 --filter=blob:none --sparse"},
	} {
		out = append(out, &shell{
			world: w, title: v.name, variant: fmt.Sprint("variant-", len(out)), clone: v.clone, repository: repository, to: to,
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
	to         target
}

func (s *shell) name() string     { return s.title }
func (s *shell) pushesTo() string { return s.repository }

// folders are what a sparse clone checks out.
func (s *shell) folders() string {
	if s.to.folder == "." {
		return app
	}
	return app + " " + s.to.folder
}

// branch is where it pushes one freight.
func (s *shell) branch(f freight) string { return fmt.Sprintf("shell/%s-%d", s.variant, f.number) }

func (s *shell) promote(ctx context.Context, f freight) (lap, error) {
	dir := filepath.Join(s.world.dir, "shell")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return lap{}, err
	}
	out := lap{branch: s.branch(f)}
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(gitSettings(), "PATH="+os.Getenv("PATH"), "HOME="+dir, "TMPDIR="+dir,
		"CLONE="+s.clone, "FOLDERS="+s.folders(), "URL="+s.world.hub.CloneURL(s.repository),
		"APP="+app, "OVERLAY="+s.to.stage, "TARGET="+s.to.branch, "OUTPUT="+s.to.folder,
		"IMAGE="+s.world.image(), "DIGEST="+f.digest, "BRANCH="+out.branch)
	before := s.world.gitRequests()
	start := time.Now()
	said, err := cmd.CombinedOutput()
	out.took[untilPushed] = time.Since(start)
	if err != nil {
		return lap{}, fmt.Errorf("promote.sh: %w\n%s", err, said)
	}
	out.git = s.world.gitRequests() - before
	return out, os.RemoveAll(dir)
}

// gitSettings are git's, from the environment. The token goes with every request,
// as actions/checkout has it, which spares git the requests that are refused.
func gitSettings() []string {
	token := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + ciToken))
	return []string{
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Basic " + token,
		"GIT_AUTHOR_NAME=ci", "GIT_AUTHOR_EMAIL=ci@example.org", "GIT_COMMITTER_NAME=ci", "GIT_COMMITTER_EMAIL=ci@example.org",
	}
}
