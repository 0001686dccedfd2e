package main

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	containers "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/uuid"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/registry"
)

const (
	labApp    = 1
	labSecret = "demo"
)

// lab is a whole world on loopback: a GitHub, a container registry and a bot.
type lab struct {
	dir      string
	hub      *githubtest.Server
	registry net.Listener
	bot      net.Listener
	address  string // where deliveries reach the bot
	key      []byte
	public   *rsa.PublicKey
	closers  []func()
}

// labConfig is what tests want otherwise than the demo.
type labConfig struct {
	clock  func() time.Time                // of GitHub; nil: time.Now
	api    func(http.Handler) http.Handler // put around GitHub's API
	images func(http.Handler) http.Handler // put around the registry
}

// newLab starts the GitHub and the registry, and reserves the bot's address.
func newLab(cfg labConfig) (_ *lab, err error) {
	l := &lab{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.dir, err = os.MkdirTemp("", "towpath-demo-"); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, func() { _ = os.RemoveAll(l.dir) })
	key, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	l.public = &key.PublicKey
	l.key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.Mkdir(filepath.Join(l.dir, "github"), 0o700); err != nil {
		return nil, err
	}
	l.hub, err = githubtest.Start(githubtest.Config{Dir: filepath.Join(l.dir, "github"), Clock: cfg.clock, Playground: true, Wrap: cfg.api})
	if err != nil {
		return nil, fmt.Errorf("start the GitHub stand-in: %w", err)
	}
	l.closers = append(l.closers, func() { _ = l.hub.Stop() })
	if l.registry, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	handler := containers.New(containers.Logger(log.New(io.Discard, "", 0)))
	if cfg.images != nil {
		handler = cfg.images(handler)
	}
	images := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = images.Serve(l.registry) }()
	l.closers = append(l.closers, func() { _ = images.Close() })
	if l.bot, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	l.address = "http://" + l.bot.Addr().String()
	return l, nil
}

func (l *lab) close() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
}

// addRepository makes acme/<name> out of a tree, with the image repository of
// the example replaced by the one on loopback, and installs the App on it.
func (l *lab) addRepository(name string, tree fs.FS) (string, error) {
	files, err := l.filesOf(tree)
	if err != nil {
		return "", err
	}
	if err := l.hub.CreateRepo("acme", name, files); err != nil {
		return "", err
	}
	return "acme/" + name, l.install("acme/" + name)
}

// filesOf reads a tree whose images are in the lab's registry.
func (l *lab) filesOf(tree fs.FS) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, path)
		files[path] = strings.ReplaceAll(string(data), "ghcr.io/acme/", l.registry.Addr().String()+"/acme/")
		return err
	})
	return files, err
}

func (l *lab) install(repository string) error {
	if err := l.hub.SetPermission(repository, "you", "admin"); err != nil {
		return err
	}
	return l.hub.InstallApp(githubtest.AppConfig{
		ID: labApp, Slug: "towpath", PublicKey: l.public, WebhookURL: l.address + "/webhooks/github", Secret: labSecret,
	}, repository)
}

// options are what a bot of this world runs with.
func (l *lab) options(logs io.Writer) options {
	return options{
		forge:          forge.Config{URL: l.hub.URL(), APIURL: l.hub.APIURL(), AppID: labApp, PrivateKey: l.key, Pace: forge.Pace{Burst: 1000, PerHour: 100000}},
		webhookSecrets: [][]byte{[]byte(labSecret)}, registrySecrets: [][]byte{[]byte(labSecret)},
		registries: registry.Config{ChartHosts: []string{l.registry.Addr().String()}},
		dataDir:    filepath.Join(l.dir, "bot"), sweepEvery: time.Minute,
		now: time.Now, after: time.After, log: slog.New(slog.NewTextHandler(logs, nil)),
	}
}

// startBot runs the bot as `bot serve` does, until the lab is closed.
func (l *lab) startBot(ctx context.Context, logs io.Writer) <-chan error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, l.bot, l.options(logs))
		close(done)
	}()
	l.closers = append(l.closers, func() { cancel(); <-done })
	return done
}

// newImage makes an image; the same seed gives the same layers.
func newImage(seed int64, built time.Time) (v1.Image, error) {
	image, err := random.Image(512, 1, random.WithSource(rand.NewSource(seed)))
	if err != nil {
		return nil, err
	}
	return mutate.CreatedAt(image, v1.Time{Time: built})
}

// pushImage pushes an image under a tag, and returns its digest.
func (l *lab) pushImage(ctx context.Context, image v1.Image, repository, tag string) (digest string, err error) {
	ref, err := name.NewTag(l.registry.Addr().String() + "/" + repository + ":" + tag)
	if err != nil {
		return "", err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("push image: %w", err)
	}
	hash, err := image.Digest()
	return hash.String(), err
}

// tell sends the notification of Docker's registry.
func (l *lab) tell(ctx context.Context, repository, tag, digest string) error {
	body := fmt.Sprintf(`{"events":[{"id":%q,"action":"push","target":{"repository":%q,"tag":%q,"digest":%q},"request":{"host":%q}}]}`,
		uuid.NewString(), repository, tag, digest, l.registry.Addr())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.address+"/webhooks/registry/distribution", bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/vnd.docker.distribution.events.v1+json")
	request.Header.Set("Authorization", "Bearer "+labSecret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("the bot answered %s: %s", response.Status, text)
	}
	return nil
}
