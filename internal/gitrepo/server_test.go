package gitrepo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/towpath/towpath/internal/gitrepo"
)

// gitServer is the real git behind HTTP, with ways to disturb it.
type gitServer struct {
	*httptest.Server
	root string

	mu       sync.Mutex
	requests []string // service, or the service with the command of protocol v2
	disturb  func(service string, body []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool
}

// newGitServer serves bare repositories, set as GitHub is.
func newGitServer(t testing.TB) *gitServer {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("these tests need git: ", err)
	}
	s := &gitServer{root: t.TempDir()}
	backend := &cgi.Handler{
		Path: program,
		Args: []string{"http-backend"},
		Env: append(isolated(),
			"GIT_PROJECT_ROOT="+s.root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"),
		Stderr: io.Discard,
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.TransferEncoding = nil
		service := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if command, ok := bytes.CutPrefix(body[min(4, len(body)):], []byte("command=")); ok {
			name, _, _ := strings.Cut(string(command), "\n")
			service = name
		}
		s.mu.Lock()
		s.requests = append(s.requests, service)
		disturb := s.disturb
		s.mu.Unlock()
		git := *backend
		git.Env = append(git.Env[:len(git.Env):len(git.Env)], "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
		if disturb == nil || !disturb(service, body, w, &git, r) {
			git.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// asked gives the requests since the last call, in order.
func (s *gitServer) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := strings.Join(s.requests, " ")
	s.requests = nil
	return asked
}

// serverRepo is a bare repository on the server.
type serverRepo struct {
	t      testing.TB
	dir    string
	remote gitrepo.Remote
}

func (s *gitServer) create(t testing.TB, name string) *serverRepo {
	t.Helper()
	r := &serverRepo{
		t:      t,
		dir:    filepath.Join(s.root, name+".git"),
		remote: gitrepo.Remote{URL: s.URL + "/" + name + ".git"},
	}
	run(t, s.root, nil, "init", "--quiet", "--bare", "--initial-branch=main", r.dir)
	for _, setting := range []string{
		"http.receivepack=true", "receive.fsckObjects=true",
		"uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true",
		"uploadpackfilter.allow=false", "uploadpackfilter.blob:none.allow=true",
		"uploadpackfilter.tree.allow=true", "uploadpackfilter.tree.maxDepth=0",
	} {
		key, value, _ := strings.Cut(setting, "=")
		r.git("config", key, value)
	}
	return r
}

// git runs git in the bare repository.
func (r *serverRepo) git(args ...string) string {
	r.t.Helper()
	return run(r.t, r.dir, nil, args...)
}

// file is a file of a commit: its content, "" to remove it; "x:" before the
// content makes it executable, "->" a link.
type file struct{ path, content string }

// commit adds a commit to a branch, made by git alone, and gives its id.
func (r *serverRepo) commit(branch string, files ...file) string {
	r.t.Helper()
	index := filepath.Join(r.t.TempDir(), "index")
	env := []string{"GIT_INDEX_FILE=" + index}
	args := []string{"commit-tree", "-m", "a commit on " + branch}
	old := strings.Repeat("0", 40)
	if out, err := command(r.dir, nil, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch).Output(); err == nil {
		old = strings.TrimSpace(string(out))
		run(r.t, r.dir, env, "read-tree", old)
		args = append(args, "-p", old)
	}
	var updates strings.Builder
	for _, f := range files {
		mode, content := "100644", f.content
		if rest, ok := strings.CutPrefix(content, "x:"); ok {
			mode, content = "100755", rest
		} else if rest, ok := strings.CutPrefix(content, "->"); ok {
			mode, content = "120000", rest
		}
		if content == "" {
			fmt.Fprintf(&updates, "0 %040d\t%s\n", 0, f.path)
			continue
		}
		fmt.Fprintf(&updates, "%s %s\t%s\n", mode, r.blob(content), f.path)
	}
	update := command(r.dir, env, "update-index", "--index-info")
	update.Stdin = strings.NewReader(updates.String())
	if out, err := update.CombinedOutput(); err != nil {
		r.t.Fatalf("git update-index: %v\n%s", err, out)
	}
	tree := run(r.t, r.dir, env, "write-tree")
	id := r.git(append(args, tree)...)
	r.git("update-ref", "refs/heads/"+branch, id, old)
	return id
}

func (r *serverRepo) blob(content string) string {
	r.t.Helper()
	hash := command(r.dir, nil, "hash-object", "-w", "--stdin")
	hash.Stdin = strings.NewReader(content)
	out, err := hash.Output()
	if err != nil {
		r.t.Fatalf("git hash-object: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// many adds a commit with n files in folders of fifty, quickly.
func (r *serverRepo) many(branch string, n int) string {
	r.t.Helper()
	var stream strings.Builder
	fmt.Fprintf(&stream, "commit refs/heads/%s\ncommitter Tester <t@example.org> 1700000000 +0000\ndata 4\nmany\n", branch)
	for i := range n {
		content := fmt.Sprintf("file %d\n%s\n", i, strings.Repeat("some content ", 10))
		fmt.Fprintf(&stream, "M 100644 inline apps/app-%03d/file-%02d.yaml\ndata %d\n%s\n", i/50, i%50, len(content), content)
	}
	r.load(stream.String())
	return r.git("rev-parse", "refs/heads/"+branch)
}

// history adds n commits to a branch, each with new content of the file a.
func (r *serverRepo) history(branch string, n int) {
	r.t.Helper()
	var stream strings.Builder
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/%s\ncommitter T <t@example.org> %d +0000\ndata 1\nx\n", branch, 1700000000+i)
		if i == 0 {
			fmt.Fprintf(&stream, "from refs/heads/%s^0\n", branch)
		}
		content := fmt.Sprint("content ", i)
		fmt.Fprintf(&stream, "M 100644 inline a\ndata %d\n%s\n", len(content), content)
	}
	r.load(stream.String())
}

func (r *serverRepo) load(stream string) {
	r.t.Helper()
	load := command(r.dir, nil, "fast-import", "--quiet")
	load.Stdin = strings.NewReader(stream)
	if out, err := load.CombinedOutput(); err != nil {
		r.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// hook installs a shell script as a hook.
func (r *serverRepo) hook(name, script string) {
	r.t.Helper()
	path := filepath.Join(r.dir, "hooks", name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func isolated() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Tester", "GIT_AUTHOR_EMAIL=t@example.org", "GIT_AUTHOR_DATE=1700000000 +0100",
		"GIT_COMMITTER_NAME=Tester", "GIT_COMMITTER_EMAIL=t@example.org", "GIT_COMMITTER_DATE=1700000000 +0100",
	}
}

func command(dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(isolated(), env...)
	return cmd
}

func run(t testing.TB, dir string, env []string, args ...string) string {
	t.Helper()
	out, err := command(dir, env, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// mirrorOf opens the mirror of a repository, on disk when dir is not "".
func mirrorOf(t testing.TB, dir string, r *serverRepo) *gitrepo.Repo {
	t.Helper()
	mirrors, err := gitrepo.NewMirrors(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := mirrors.Repo(r.remote)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// fetch makes commits available, and nothing of what is in them.
func fetch(ctx context.Context, repo *gitrepo.Repo, commits ...string) error {
	needs := make([]gitrepo.Need, len(commits))
	for i, commit := range commits {
		needs[i].Commit = commit
	}
	return repo.Prefetch(ctx, needs...)
}
