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
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

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
	layout layout
	tip    int // number of the newest freight
}

// freight is what one round promotes: the newest commit of main, and an image.
type freight struct {
	number int
	digest string
}

// newWorld starts a world with repositories of the same generated content.
func newWorld(dir string, files int, at layout, repositories ...string) (_ *world, err error) {
	w := &world{dir: dir, layout: at, images: httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))}
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
	material := filepath.Join(dir, "material.git")
	if err := generate(material, files, at, w.image()); err != nil {
		return nil, fmt.Errorf("generate %d files: %w", files, err)
	}
	for _, full := range repositories {
		if err := w.add(full, material); err != nil {
			return nil, err
		}
	}
	if err := os.RemoveAll(material); err != nil {
		return nil, err
	}
	return w, w.hub.InstallApp(githubtest.AppConfig{ID: appID, PublicKey: &key.PublicKey}, repositories...)
}

// add imports the material, packed with bitmaps as a forge keeps it: that makes
// cloning cheap.
func (w *world) add(full, material string) error {
	owner, repo, _ := strings.Cut(full, "/")
	if err := w.hub.ImportRepo(owner, repo, material); err != nil {
		return err
	}
	if out, err := exec.Command("git", "--git-dir", w.hub.GitDir(full), "repack", "-adbq").CombinedOutput(); err != nil {
		return fmt.Errorf("git repack: %w: %s", err, out)
	}
	return w.hub.SetPermission(full, ciPerson, "write")
}

func (w *world) close() {
	w.images.Close()
	if w.hub != nil {
		_ = w.hub.Stop()
	}
}

func (w *world) image() string { return strings.TrimPrefix(w.images.URL, "http://") + "/acme/app-0000" }

// cloneURL is what CI clones, with its token.
func (w *world) cloneURL(repository string) (string, error) {
	u, err := url.Parse(w.hub.CloneURL(repository))
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword("x-access-token", ciToken)
	return u.String(), nil
}

// bring makes the next freight: an image, and a commit in each repository.
func (w *world) bring(ctx context.Context, repositories ...string) (freight, error) {
	w.tip++
	f := freight{number: w.tip}
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
	content := configMap(fmt.Sprint("round ", f.number))
	for _, repository := range repositories {
		if _, err := w.hub.Push(repository, "main", fmt.Sprint("Change ", f.number), "dev", map[string]*string{changed: &content}); err != nil {
			return f, err
		}
	}
	return f, nil
}

// accept merges the one open pull request and reports that it works.
func (w *world) accept(repository string) error {
	for _, pull := range w.hub.Pulls(repository) {
		if pull.State != "open" {
			continue
		}
		commit, err := w.hub.Merge(repository, pull.Number, "merge", "dev")
		if err != nil {
			return err
		}
		return w.hub.SetStatus(repository, commit, "e2e", "success", ciPerson)
	}
	return fmt.Errorf("%s has no open promotion", repository)
}
