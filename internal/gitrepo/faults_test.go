package gitrepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/towpath/towpath/internal/gitrepo"
)

// on disturbs one service (or command of protocol v2) of the server.
func (s *gitServer) on(service string, disturb func(body []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disturb = func(asked string, body []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool {
		return asked == service && disturb(body, w, git, r)
	}
}

func TestAPushWhoseAnswerIsLostIsASuccess(t *testing.T) {
	cases := map[string]func(body []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool{
		"cut": func(_ []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool {
			answer := httptest.NewRecorder()
			git.ServeHTTP(answer, r)
			w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
			w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
			panic(http.ErrAbortHandler)
		},
		"gateway error": func(_ []byte, w http.ResponseWriter, git http.Handler, r *http.Request) bool {
			git.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return true
		},
	}
	for name, disturb := range cases {
		t.Run(name, func(t *testing.T) {
			server := newGitServer(t)
			r := server.create(t, "acme/app")
			main := r.commit("main", file{"a", "1"})
			repo := mirrorOf(t, "", r)
			server.on("git-receive-pack", disturb)
			id, err := pushFile(repo, main)
			if err != nil {
				t.Fatal(err)
			}
			checkRefs(t, repo, map[string]string{"refs/heads/main": id})
		})
	}
}

// pushFile adds a commit with one new file to main.
func pushFile(repo *gitrepo.Repo, main string) (string, error) {
	ctx := context.Background()
	batch := repo.NewBatch()
	tree, err := batch.WriteFiles(ctx, main, map[string][]byte{"b": []byte("5")})
	if err != nil {
		return "", err
	}
	id, err := batch.WriteCommit(gitrepo.CommitSpec{Tree: tree, Parents: []string{main}, Author: signature, Committer: signature, Message: "b"})
	if err != nil {
		return "", err
	}
	return id, batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", Old: main, New: id})
}

func TestAPushThatWasNotAppliedIsAFailure(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	repo := mirrorOf(t, "", r)
	var refused *gitrepo.RefusedError
	var stale *gitrepo.StaleError
	for _, status := range []int{http.StatusInternalServerError, http.StatusUnauthorized, http.StatusForbidden} {
		server.on("git-receive-pack", func(_ []byte, w http.ResponseWriter, _ http.Handler, _ *http.Request) bool {
			http.Error(w, "the server's words", status)
			return true
		})
		_, err := pushFile(repo, main)
		if err == nil || errors.As(err, &stale) || !strings.Contains(err.Error(), "the server's words") {
			t.Errorf("status %d: %v", status, err)
		}
		if errors.As(err, &refused) != (status == http.StatusForbidden) {
			t.Errorf("status %d: refused or not: %v", status, err)
		}
	}
	checkRefs(t, repo, map[string]string{"refs/heads/main": main})
}

func TestAPushAsksForTheAdvertisementWhereTheServerMinds(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	greeted := false
	server.mu.Lock()
	server.disturb = func(service string, _ []byte, w http.ResponseWriter, _ http.Handler, r *http.Request) bool {
		greeted = greeted || service == "refs" && r.URL.Query().Get("service") == "git-receive-pack"
		if service == "git-receive-pack" && !greeted {
			http.Error(w, "read the advertisement first", http.StatusBadRequest)
			return true
		}
		return false
	}
	server.mu.Unlock()
	repo := mirrorOf(t, "", r)
	id, err := pushFile(repo, main)
	if err != nil {
		t.Fatal(err)
	}
	checkRefs(t, repo, map[string]string{"refs/heads/main": id})
}

// lesserServers are ways to allow less than GitHub does.
func lesserServers() map[string]func(*gitServer, *serverRepo) {
	refuse := func(w http.ResponseWriter, text string) bool {
		fmt.Fprintf(w, "%04xERR %s", len(text)+8, text)
		return true
	}
	return map[string]func(*gitServer, *serverRepo){
		"no filter":      func(_ *gitServer, r *serverRepo) { r.git("config", "uploadpack.allowFilter", "false") },
		"blob:none only": func(_ *gitServer, r *serverRepo) { r.git("config", "uploadpackfilter.tree.allow", "false") },
		"no objects by id": func(s *gitServer, r *serverRepo) {
			s.on("fetch", func(body []byte, w http.ResponseWriter, git http.Handler, req *http.Request) bool {
				heads := r.git("for-each-ref", "--format=%(objectname)")
				for _, part := range bytes.Split(body, []byte("want "))[1:] {
					if !strings.Contains(heads, string(part[:40])) {
						return refuse(w, "upload-pack: not our ref "+string(part[:40]))
					}
				}
				return false
			})
		},
	}
}

func TestOnlyWhatTheServerLacksIsMissing(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", file{"a", "1"})
	gone := strings.Repeat("1", 40)
	for words, missing := range map[string]bool{
		"":                                  false, // an empty answer
		"out of memory, try again later":    false,
		"upload-pack: not our ref " + gone:  true,
		"want " + gone + " not valid":       true,
		"unadvertised object " + gone:       true,
		"the service is not valid any more": false,
	} {
		server.on("fetch", func(_ []byte, w http.ResponseWriter, _ http.Handler, _ *http.Request) bool {
			if words != "" {
				fmt.Fprintf(w, "%04xERR %s", len(words)+8, words)
			}
			return true
		})
		repo := mirrorOf(t, "", r)
		err := fetch(context.Background(), repo, gone)
		var unreachable *gitrepo.UnreachableError
		if err == nil || gitrepo.IsMissing(err) != missing || errors.As(err, &unreachable) == missing {
			t.Errorf("%q: missing %t, want %t: %v", words, gitrepo.IsMissing(err), missing, err)
		}
		optional := repo.Prefetch(context.Background(), gitrepo.Need{Commit: gone, Optional: true})
		if (optional == nil) != missing {
			t.Errorf("%q: optional: %v", words, optional)
		}
	}
}

func TestServersThatAllowLess(t *testing.T) {
	for name, prepare := range lesserServers() {
		t.Run(name, func(t *testing.T) {
			server := newGitServer(t)
			r := server.create(t, "acme/app")
			for i := range 5 {
				r.commit("main", file{"history", fmt.Sprint(i)})
			}
			r.commit("main", append(sampleFiles(), file{"apps/app-000/x", "1"})...)
			r.commit("stage", file{"manifests/a.yaml", "rendered\n"})
			prepare(server, r)
			repo := mirrorOf(t, t.TempDir(), r)
			promote(t, repo)
			r.commit("main", file{"base/a.yaml", "a: 2\n"}, file{"base/new/e.yaml", "e: 1\n"})
			promote(t, repo)
			if got, want := r.git("rev-parse", "stage:manifests"), r.git("rev-parse", "main^{tree}"); got != want {
				t.Errorf("promoted %s, want %s", got, want)
			}
			r.git("fsck", "--strict")
			main := r.git("rev-parse", "main")
			log, err := repo.Log(context.Background(), main, "", 100)
			if err != nil || len(log) != 7 {
				t.Errorf("log: %d commits, %v", len(log), err)
			}
		})
	}
}

func TestCredentialsGoToTheirHostOnly(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	r.commit("main", file{"a", "1"})
	const password = "hunter2-secret"
	r.remote.Credentials = func(context.Context) (string, string, error) { return "x-access-token", password, nil }
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		t.Errorf("another host was asked, Authorization %q", req.Header.Get("Authorization"))
	}))
	defer thief.Close()
	authorised := 0
	server.on("ls-refs", func(_ []byte, w http.ResponseWriter, _ http.Handler, req *http.Request) bool {
		if _, got, _ := req.BasicAuth(); got == password {
			authorised++
		}
		http.Redirect(w, req, thief.URL+req.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	_, err := mirrorOf(t, "", r).Refs(context.Background())
	if err == nil || strings.Contains(err.Error(), password) || authorised != 1 {
		t.Errorf("redirect elsewhere: %v, asked with credentials %d times", err, authorised)
	}
}

func TestARepositoryThatMovedOnItsHostIsFollowed(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/new")
	main := r.commit("main", file{"a", "1"})
	r.remote.URL = server.URL + "/acme/old.git"
	server.mu.Lock()
	server.disturb = func(_ string, _ []byte, w http.ResponseWriter, _ http.Handler, req *http.Request) bool {
		moved := strings.Replace(req.URL.Path, "/old.git", "/new.git", 1)
		if moved == req.URL.Path {
			return false
		}
		http.Redirect(w, req, moved, http.StatusMovedPermanently)
		return true
	}
	server.mu.Unlock()
	repo := mirrorOf(t, "", r)
	id, err := pushFile(repo, main)
	if err != nil {
		t.Fatal(err)
	}
	checkRefs(t, repo, map[string]string{"refs/heads/main": id})
}

func TestARepositoryIsReadAndWrittenInParallel(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.many("main", 600)
	small := r.commit("small", sampleFiles()...)
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			repo := mirrorOf(t, dir, r)
			ctx := context.Background()
			shared, err := repo.Tree(ctx, main)
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					if all, err := readAll(shared); err != nil || len(all) != 600 {
						t.Errorf("read %d files, %v", len(all), err)
					}
					batch := repo.NewBatch()
					tree, err := batch.WriteTree(ctx, small, "copy", shared)
					if err != nil {
						t.Error(err)
						return
					}
					ref := fmt.Sprintf("refs/heads/%s-%d", name, i)
					if err := batch.Push(ctx, gitrepo.Update{Ref: ref, New: write(t, batch, tree, small)}); err != nil {
						t.Error(err)
					}
					if _, err := repo.Diff(ctx, small, main); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
		})
	}
	r.git("fsck", "--strict")
}

func TestARaceOfPushesHasOneWinner(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	main := r.commit("main", file{"a", "1"})
	var mu sync.Mutex
	var won []string
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			ctx := context.Background()
			repo := mirrorOf(t, "", r)
			batch := repo.NewBatch()
			tree, err := batch.WriteFiles(ctx, main, map[string][]byte{"b": []byte(fmt.Sprint(i))})
			if err != nil {
				t.Error(err)
				return
			}
			id := write(t, batch, tree, main)
			err = batch.Push(ctx, gitrepo.Update{Ref: "refs/heads/main", Old: main, New: id})
			mu.Lock()
			defer mu.Unlock()
			var stale *gitrepo.StaleError
			if err == nil {
				won = append(won, id)
			} else if !errors.As(err, &stale) {
				t.Errorf("lost with %v", err)
			}
		})
	}
	group.Wait()
	if head := r.git("rev-parse", "main"); !slices.Equal(won, []string{head}) {
		t.Errorf("main is %s, won: %v", head, won)
	}
}
