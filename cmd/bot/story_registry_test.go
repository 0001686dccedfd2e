package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// registryCommands are what happens in a registry besides plain pushes.
func registryCommands() map[string]command {
	return acting(map[string]command{
		"retag": (*world).retagAct,
		"build": (*world).buildAct,
		"junk":  (*world).junkAct,
	})
}

func (w *world) tagged(repository, tag string) (name.Tag, error) {
	return name.NewTag(w.lab.registry.Addr().String() + "/" + repository + ":" + tag)
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
