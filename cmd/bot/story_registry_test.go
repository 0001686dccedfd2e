package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// registryCommands are what happens in a registry besides plain pushes.
func registryCommands() map[string]command {
	return acting(map[string]command{
		"retag":  (*world).retagAct,
		"series": (*world).seriesAct,
		"build":  (*world).buildAct,
		"junk":   (*world).junkAct,

		"distribution": (*world).distributionAct,
		"await":        (*world).awaitAct,
	})
}

func (w *world) tagged(repository, tag string) (name.Tag, error) {
	return name.NewTag(w.lab.registry.Addr().String() + "/" + repository + ":" + tag)
}

// showImage prints what a tag points at.
func (w *world) showImage(repository, tag string) (string, error) {
	ref, err := w.tagged(repository, tag)
	if err != nil {
		return "", err
	}
	found, err := remote.Get(ref, remote.WithAuth(&authn.Basic{Username: "octo", Password: labSecret}))
	if answer := (*transport.Error)(nil); errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	image, err := found.Image()
	if err != nil {
		return "", err
	}
	layers, err := image.Layers()
	for _, layer := range layers {
		content, readErr := layer.Compressed()
		if readErr == nil {
			_, readErr = io.Copy(io.Discard, content) // which compares it with its digest
		}
		err = errors.Join(err, readErr)
	}
	return found.Digest.String(), err
}

// seriesAct pushes many images, each after the one before has settled.
func (w *world) seriesAct(s *story, args []string) error {
	if len(args) != 3 {
		return usage("series acme/web 1.1. 100")
	}
	n, err := strconv.Atoi(args[2])
	for i := 1; i <= n && err == nil; i++ {
		if err = w.act(); err == nil {
			err = w.imageAct(s, []string{"push", args[0], args[1] + strconv.Itoa(i)})
		}
	}
	return err
}

// retagAct gives the image of a tag another tag, and tells the bot.
func (w *world) retagAct(_ *story, args []string) error {
	if len(args) != 3 {
		return usage("retag acme/web 1.0.0 1.1.0")
	}
	from, err := w.tagged(args[0], args[1])
	if err != nil {
		return err
	}
	to, err := w.tagged(args[0], args[2])
	if err != nil {
		return err
	}
	image, err := remote.Get(from)
	if err != nil {
		return err
	}
	if err := remote.Tag(to, image); err != nil {
		return err
	}
	return w.tell(context.Background(), args[0], args[2], image.Digest.String())
}

// buildAct pushes an image that was built at a time of its own.
func (w *world) buildAct(_ *story, args []string) error {
	if len(args) != 3 {
		return usage("build acme/web nightly-7 2026-01-04T00:00:00Z")
	}
	built, err := time.Parse(time.RFC3339, args[2])
	if err != nil {
		return err
	}
	image, err := newImage(built.Unix(), built)
	if err != nil {
		return err
	}
	digest, err := w.pushImage(context.Background(), image, args[0], args[1])
	if err != nil {
		return err
	}
	w.images[digest] = args[1]
	return w.tell(context.Background(), args[0], args[1], digest)
}

// junkAct pushes a tag that is no image although it says so, and tells the bot.
func (w *world) junkAct(_ *story, args []string) error {
	if len(args) != 2 {
		return usage("junk acme/web 1.0.0")
	}
	address := fmt.Sprintf("http://%s/v2/%s/manifests/%s", w.lab.registry.Addr(), args[0], args[1])
	request, err := http.NewRequest(http.MethodPut, address, strings.NewReader(`{"schemaVersion": 2, "config": "junk"}`))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("the registry answered %s: %s", response.Status, text)
	}
	return w.tell(context.Background(), args[0], args[1], "")
}

const distributionConfig = `version: 0.1
storage: {filesystem: {rootdirectory: %q}}
http: {addr: %q, relativeurls: true}
log: {level: error}
notifications:
  endpoints:
    - name: towpath
      url: %s/webhooks/registry/distribution
      headers: {Authorization: [Bearer %s]}
      timeout: 5s
      threshold: 5
      backoff: 100ms
`

// distributionAct puts Docker's own registry in the place of the one that the
// lab brings: at the same address, with notifications of its own.
func (w *world) distributionAct(s *story, args []string) error {
	if or(args, 0, "") != "start" {
		return usage("distribution start")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	config := filepath.Join(w.dir, "distribution.yml")
	text := fmt.Sprintf(distributionConfig, filepath.Join(w.dir, "distribution"), address, w.address, labSecret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("docker-registry", "serve", config)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it says that it was killed
	})
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	w.distribution.Store(proxy)
	return eventually(func() (bool, error) {
		_, err := get(context.Background(), "http://"+address+"/v2/")
		return err == nil, nil
	})
}

// awaitAct waits for a line of the bot's log that no command has waited for yet:
// for what comes from a process that tells nobody when it has settled.
func (w *world) awaitAct(_ *story, args []string) error {
	line, err := regexp.Compile(or(args, 0, ""))
	if err != nil {
		return err
	}
	return eventually(func() (bool, error) {
		found := line.FindStringIndex(w.logs.String()[w.awaited:])
		if found != nil {
			w.awaited += found[1]
		}
		return found != nil, nil
	})
}

// eventually asks until the answer is yes.
func eventually(ask func() (bool, error)) error {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(settleWithin)
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-poll.C:
		case <-deadline:
			return errors.New("it never came")
		}
	}
}
