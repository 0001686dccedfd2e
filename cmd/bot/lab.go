package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
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

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/githubtest"
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
	key      []byte
	public   *rsa.PublicKey
	closers  []func()
}

// newLab starts the GitHub and the registry, and reserves the bot's address.
func newLab() (_ *lab, err error) {
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
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	l.public = &key.PublicKey
	l.key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.Mkdir(filepath.Join(l.dir, "github"), 0o700); err != nil {
		return nil, err
	}
	if l.hub, err = githubtest.Start(githubtest.Config{Dir: filepath.Join(l.dir, "github"), Playground: true}); err != nil {
		return nil, fmt.Errorf("start the GitHub stand-in: %w", err)
	}
	l.closers = append(l.closers, func() { _ = l.hub.Stop() })
	if l.registry, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	images := &http.Server{
		Handler:           containers.New(containers.Logger(log.New(io.Discard, "", 0))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { _ = images.Serve(l.registry) }()
	l.closers = append(l.closers, func() { _ = images.Close() })
	l.bot, err = net.Listen("tcp", "127.0.0.1:0")
	return l, err
}

func (l *lab) close() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
}

// addRepository makes acme/<name> out of a tree, with the image repository of
// the example replaced by the one on loopback, and installs the App on it.
func (l *lab) addRepository(name string, tree fs.FS) (string, error) {
	files := map[string]string{}
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, path)
		files[path] = strings.ReplaceAll(string(data), "ghcr.io/acme/", l.registry.Addr().String()+"/acme/")
		return err
	})
	if err != nil {
		return "", err
	}
	if err := l.hub.CreateOrg("acme"); err != nil {
		return "", err
	}
	if err := l.hub.CreateRepo("acme", name, files); err != nil {
		return "", err
	}
	return "acme/" + name, l.install("acme/" + name)
}

func (l *lab) install(repository string) error {
	if err := l.hub.SetPermission(repository, "you", "admin"); err != nil {
		return err
	}
	return l.hub.InstallApp(githubtest.AppConfig{
		ID: labApp, Slug: "towpath", PublicKey: l.public, WebhookURL: l.botURL() + "/webhooks/github", Secret: labSecret,
	}, repository)
}

func (l *lab) botURL() string { return "http://" + l.bot.Addr().String() }

// startBot runs the bot as `bot serve` does, until the lab is closed.
func (l *lab) startBot(ctx context.Context, logs io.Writer) <-chan error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, l.bot, options{
			forge:          forge.Config{URL: l.hub.URL(), APIURL: l.hub.APIURL(), AppID: labApp, PrivateKey: l.key, Pace: forge.Pace{Burst: 1000, PerHour: 100000}},
			webhookSecrets: [][]byte{[]byte(labSecret)}, registrySecrets: [][]byte{[]byte(labSecret)},
			dataDir: filepath.Join(l.dir, "bot"), sweepEvery: time.Minute,
			log: slog.New(slog.NewTextHandler(logs, nil)),
		})
		close(done)
	}()
	l.closers = append(l.closers, func() { cancel(); <-done })
	return done
}

// pushImage pushes a new image under a tag, and tells the bot as a registry does.
func (l *lab) pushImage(ctx context.Context, repository, tag string) (digest string, err error) {
	image, err := random.Image(512, 1)
	if err != nil {
		return "", err
	}
	if image, err = mutate.CreatedAt(image, v1.Time{Time: l.hub.Now()}); err != nil {
		return "", err
	}
	full := l.registry.Addr().String() + "/" + repository
	ref, err := name.NewTag(full + ":" + tag)
	if err != nil {
		return "", err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("push image: %w", err)
	}
	hash, err := image.Digest()
	if err != nil {
		return "", err
	}
	return hash.String(), l.tell(ctx, full, tag, hash.String())
}

// tell sends the notification of Docker's registry.
func (l *lab) tell(ctx context.Context, full, tag, digest string) error {
	host, path, _ := strings.Cut(full, "/")
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	body := fmt.Sprintf(`{"events":[{"id":"%s","action":"push","target":{"repository":%q,"tag":%q,"digest":%q},"request":{"host":%q}}]}`,
		hex.EncodeToString(id), path, tag, digest, host)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.botURL()+"/webhooks/registry/distribution", bytes.NewBufferString(body))
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
