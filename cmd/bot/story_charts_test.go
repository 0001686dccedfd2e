package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// chartCommands are what happens to Helm charts, in the registry and in an index.
func chartCommands() map[string]command {
	return acting(map[string]command{"chart": (*world).chartAct})
}

func (w *world) chartAct(_ *story, args []string) error {
	args, quiet := option(args, "-no-event")
	args, broken := option(args, "-broken")
	switch {
	case len(args) >= 3 && args[0] == "push":
		return w.pushChart(args[1], args[2], or(args, 3, ""), quiet)
	case len(args) >= 4 && args[0] == "list":
		data, err := chartArchive(args[2], args[3], or(args, 4, ""))
		if err != nil {
			return err
		}
		w.images[w.indexes.list(args[1], args[2], args[3], data, broken)] = args[2] + "-" + args[3] + or(args, 4, "")
		return nil
	case len(args) == 4 && args[0] == "unlist":
		w.indexes.unlist(args[1], args[2], args[3])
		return nil
	}
	return usage("chart push acme/redis 1.0.0 [build] [-no-event], chart list acme/stable redis 1.0.0 [build] [-broken], chart unlist acme/stable redis 1.0.0")
}

// pushChart pushes a chart as `helm push` does.
func (w *world) pushChart(repository, version, build string, quiet bool) error {
	name := repository[strings.LastIndexByte(repository, '/')+1:]
	data, err := chartArchive(name, version, build)
	if err != nil {
		return err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json")
	layer := static.NewLayer(data, "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
	if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{}}); err != nil {
		return err
	}
	tag := strings.ReplaceAll(version, "+", "_")
	digest, err := w.pushImage(context.Background(), image, repository, tag)
	if err != nil {
		return err
	}
	w.images[digest] = name + "-" + version + build
	if quiet || w.running == nil {
		return nil
	}
	return w.tell(context.Background(), repository, tag, digest)
}

// chartArchive packs a chart whose bytes follow from the words alone.
func chartArchive(name, version, build string) ([]byte, error) {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	files := tar.NewWriter(packed)
	for _, file := range [][2]string{
		{"Chart.yaml", fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)},
		{"values.yaml", fmt.Sprintf("build: %q\n", build)},
		{"templates/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  version: {{ .Chart.Version | quote }}\n"},
	} {
		header := &tar.Header{Name: name + "/" + file[0], Mode: 0o644, Size: int64(len(file[1])), Typeflag: tar.TypeReg}
		if err := files.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := files.Write([]byte(file[1])); err != nil {
			return nil, err
		}
	}
	if err := files.Close(); err != nil {
		return nil, err
	}
	err := packed.Close()
	return out.Bytes(), err
}

// chartIndexes are repositories of charts as plain files of a web server, by
// path. The zero value has none.
type chartIndexes struct {
	mu       sync.Mutex
	entries  map[string]map[string]string // path of the index → name and version → entry
	archives map[string][]byte            // by path
}

// list puts a chart into an index, and returns the digest of its archive.
func (c *chartIndexes) list(repository, name, version string, data []byte, broken bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	index, file := "/"+repository+"/index.yaml", name+"-"+version+".tgz"
	if c.entries == nil {
		c.entries, c.archives = map[string]map[string]string{}, map[string][]byte{}
	}
	if c.entries[index] == nil {
		c.entries[index] = map[string]string{}
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	listed := digest
	if broken {
		listed = strings.Repeat("0", 64)
	}
	c.archives["/"+repository+"/"+file] = data
	c.entries[index][name+" "+version] = fmt.Sprintf("  - apiVersion: v2\n    digest: %s\n    name: %s\n    urls:\n    - %s\n    version: %s\n", listed, name, file, version)
	return "sha256:" + digest
}

func (c *chartIndexes) unlist(repository, name, version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries["/"+repository+"/index.yaml"], name+" "+version)
	delete(c.archives, "/"+repository+"/"+name+"-"+version+".tgz")
}

// around serves the indexes and the archives, and everything else by next.
func (c *chartIndexes) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		data, ok := c.file(r.URL.Path)
		if !ok {
			next.ServeHTTP(rw, r)
			return
		}
		_, _ = rw.Write(data) // a reader that is gone is none of ours
	})
}

func (c *chartIndexes) file(path string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entries, ok := c.entries[path]; ok {
		return []byte(indexText(entries)), true
	}
	data, ok := c.archives[path]
	return data, ok
}

func indexText(entries map[string]string) string {
	var out strings.Builder
	out.WriteString("apiVersion: v1\nentries:\n")
	last := ""
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if name, _, _ := strings.Cut(key, " "); name != last {
			fmt.Fprintf(&out, "  %s:\n", name)
			last = name
		}
		out.WriteString(entries[key])
	}
	return out.String()
}
