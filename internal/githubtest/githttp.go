package githubtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// backendPath finds git-http-backend, which lives in git's own directory.
var backendPath = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return "", err
	}
	return filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"), nil
})

// serveGit hands a request of git's smart HTTP protocol to git http-backend.
// Pushing needs a token with the right to write, reading a private repository
// one with the right to read.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.PathValue("repo"), ".git")
	service := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if service == "refs" {
		service = r.URL.Query().Get("service")
	}
	push := service == "git-receive-pack"
	repo, who, status := s.admitGit(r, r.PathValue("owner")+"/"+name, push)
	if status != 0 {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	backend, err := backendPath()
	if err != nil {
		http.Error(w, "git is missing", http.StatusInternalServerError)
		return
	}
	login := ""
	if who.user != nil {
		login = who.user.Login
	}
	_, rest, _ := strings.Cut(r.URL.Path[1:], "/")
	_, rest, _ = strings.Cut(rest, "/")
	in := r.Clone(r.Context())
	in.URL.Path = "/" + rest
	in.Header.Del("Authorization")
	if in.ContentLength < 0 {
		// CGI wants a length; git sends large packs in chunks.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "body could not be read", http.StatusBadRequest)
			return
		}
		in.Body, in.ContentLength, in.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	handler := &cgi.Handler{
		Path: backend, Dir: string(repo.git), Stderr: io.Discard, InheritEnv: []string{"PATH"},
		Env: gitEnv("GIT_PROJECT_ROOT="+string(repo.git), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER="+login,
			"GIT_PROTOCOL="+r.Header.Get("Git-Protocol")),
	}
	if !push || r.Method != http.MethodPost {
		handler.ServeHTTP(w, in)
		return
	}
	// As on GitHub, the answer does not wait for what follows from the push. But
	// whoever asks for anything after it does: the state is held until the refs
	// are noticed and the events queued.
	answer := &heldAnswer{header: w.Header(), status: http.StatusOK}
	handler.ServeHTTP(answer, in)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { // also when a fault cuts the answer
		if err := s.notice(repo, who.user); err != nil {
			panic(fmt.Errorf("refs of %s could not be read: %w", repo.name, err))
		}
	}()
	w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes()) // the pusher may be gone; the push stays
	_ = http.NewResponseController(w).Flush()
}

// admitGit checks credentials as git sends them: the token as the password of
// Basic authentication, whatever the user's name. A non-zero status refuses.
func (s *Server) admitGit(r *http.Request, name string, push bool) (*repo, actor, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, err := s.authenticate(r)
	if err != nil || who.app != nil {
		return nil, actor{}, http.StatusUnauthorized
	}
	repo := s.repos[fold(name)]
	known := who.user != nil
	if repo == nil || s.level(repo, who) < read {
		if known {
			return nil, who, http.StatusNotFound
		}
		return nil, who, http.StatusUnauthorized
	}
	if push && s.level(repo, who) < write {
		if known {
			return nil, who, http.StatusForbidden
		}
		return nil, who, http.StatusUnauthorized
	}
	return repo, who, 0
}

// heldAnswer keeps an answer until it may go out.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }
