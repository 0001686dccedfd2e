package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/githubtest"
)

const (
	appID    = 1
	ciToken  = "bench-ci-token"
	ciPerson = "ci"
)

// world is a GitHub and a registry on loopback. Both sides of the race use them.
type world struct {
	dir    string
	hub    *githubtest.Server
	images *httptest.Server
	key    []byte // PEM, of the App
	tip    int    // number of the newest freight
	mean   int    // size of a file in bytes
}

// site is repositories of the same generated content.
type site struct {
	layout       layout
	repositories []string
}

// freight is what one round promotes: the newest commit of main, and an image.
type freight struct {
	number  int
	digest  string
	commits map[string]string // by repository
}

// newWorld starts a world in which every repository has about so many files.
func newWorld(dir string, files int, sites ...site) (_ *world, err error) {
	w := &world{dir: dir, images: httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	w.key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	repos := filepath.Join(dir, "github")
	if err := os.Mkdir(repos, 0o755); err != nil {
		return nil, err
	}
	if w.hub, err = githubtest.Start(githubtest.Config{Dir: repos}); err != nil {
		return nil, err
	}
	w.hub.AddToken(ciToken, ciPerson)
	var all []string
	for _, at := range sites {
		if err := w.add(at, files); err != nil {
			return nil, err
		}
		all = append(all, at.repositories...)
	}
	return w, w.hub.InstallApp(githubtest.AppConfig{ID: appID, PublicKey: &key.PublicKey}, all...)
}

// add generates the content of a site's repositories and imports it.
func (w *world) add(at site, files int) error {
	material := filepath.Join(w.dir, "material.git")
	var err error
	if w.mean, err = generate(material, files, at.layout, w.image()); err != nil {
		return fmt.Errorf("generate %d files: %w", files, err)
	}
	for _, full := range at.repositories {
		owner, repo, _ := strings.Cut(full, "/")
		if err := w.hub.ImportRepo(owner, repo, material); err != nil {
			return err
		}
		if err := repack(w.hub.GitDir(full)); err != nil {
			return err
		}
		if err := w.hub.SetPermission(full, ciPerson, "write"); err != nil {
			return err
		}
	}
	return os.RemoveAll(material)
}

// wiring is what an engine with its data in dir needs to know.
func (w *world) wiring(dir string) wiring {
	return wiring{GitHub: w.hub.URL(), API: w.hub.APIURL(), Key: w.key, Dir: dir}
}

// slow adds a delay to every request to the git server, whoever makes it; those
// to GitHub's API and to the registry stay as they are. Zero takes it away.
func (w *world) slow(delay time.Duration) {
	w.hub.Heal()
	if delay > 0 {
		w.hub.Fail(githubtest.Fault{Path: gitRequest, Before: func() { time.Sleep(delay) }})
	}
}

// far adds a delay to every request to GitHub, git and API alike.
func (w *world) far(delay time.Duration) {
	w.hub.Heal()
	if delay > 0 {
		w.hub.Fail(githubtest.Fault{Before: func() { time.Sleep(delay) }})
	}
}

// gitRequests is how many requests the git server answered so far.
func (w *world) gitRequests() int {
	count := 0
	for _, r := range w.hub.Requests() {
		if gitRequest.MatchString(r.Path) {
			count++
		}
	}
	return count
}

var gitRequest = regexp.MustCompile(`^/[^/]+/[^/]+\.git/`)

func (w *world) close() {
	w.images.Close()
	if w.hub != nil {
		_ = w.hub.Stop()
	}
}

func (w *world) image() string { return strings.TrimPrefix(w.images.URL, "http://") + "/acme/app-0000" }

// bring makes the next freight: an image, and a commit in each repository.
func (w *world) bring(ctx context.Context, repositories ...string) (freight, error) {
	w.tip++
	f := freight{number: w.tip, commits: map[string]string{}}
	image, err := random.Image(512, 1)
	if err != nil {
		return f, err
	}
	tag, err := name.NewTag(fmt.Sprintf("%s:1.0.%d", w.image(), f.number))
	if err != nil {
		return f, err
	}
	if err := remote.Write(tag, image, remote.WithContext(ctx), remote.WithTransport(http.DefaultTransport)); err != nil {
		return f, fmt.Errorf("push image: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return f, err
	}
	f.digest = digest.String()
	content := configMap(app, fmt.Sprint("round ", f.number))
	for _, repository := range repositories {
		f.commits[repository], err = w.hub.Push(repository, "main", fmt.Sprint("Change ", f.number), "dev", map[string]*string{changed: &content})
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// accept merges the open pull requests, of which there must be so many, and
// reports that each works.
func (w *world) accept(repository string, count int) error {
	for _, pull := range w.hub.Pulls(repository) {
		if pull.State != "open" {
			continue
		}
		commit, err := w.hub.Merge(repository, pull.Number, "merge", "dev")
		if err != nil {
			return err
		}
		if err := w.hub.SetStatus(repository, commit, "e2e", "success", ciPerson); err != nil {
			return err
		}
		count--
	}
	if count != 0 {
		return fmt.Errorf("%s has %d open promotions too few", repository, count)
	}
	return nil
}
