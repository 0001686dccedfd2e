package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// templates are files of the size and the kind that people keep; @name@ and the
// like stand for what differs.
//
//go:embed material
var templates embed.FS

const (
	history     = 200 // commits
	filesPerApp = 10  // with its two overlays
	app         = "teams/team-000/app-0000"
	changed     = app + "/base/configmap.yaml"
)

// beside is how many applications share a folder. GitHub shows a thousand entries of
// one and then no more, and git takes long over folders that are much wider.
var beside = 25

// folderOf is the folder of the n-th application, of which app is the first.
func folderOf(n int) string { return fmt.Sprintf("teams/team-%03d/app-%04d", n/beside, n) }

// filled is a template with its values, of which name is the service.
func filled(template, name string, more ...string) string {
	text, err := templates.ReadFile("material/" + template)
	if err != nil {
		panic(err) // it is part of the program
	}
	sum := sha256.Sum256([]byte(name))
	values := append([]string{
		"@name@", name, "@id@", hex.EncodeToString(sum[:16]), "@team@", []string{"orders", "stock", "billing", "search", "identity"}[sum[0]%5],
	}, more...)
	return strings.NewReplacer(values...).Replace(string(text))
}

// generate makes a bare repository of about so many files, packed as a forge
// keeps it, and returns their mean size in bytes. The applications are in folders of
// teams; every commit but the first changes one of them.
func generate(dir string, files int, at layout, image string) (mean int, err error) {
	if out, err := exec.Command("git", "init", "--quiet", "--bare", "--initial-branch=main", dir).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("git init: %w: %s", err, out)
	}
	load := exec.Command("git", "--git-dir", dir, "fast-import", "--quiet")
	var trouble bytes.Buffer
	load.Stderr = &trouble
	in, err := load.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := load.Start(); err != nil {
		return 0, err
	}
	h := &historian{out: bufio.NewWriterSize(in, 1<<16)}
	h.write(max(1, files/filesPerApp), at, image)
	if err := h.out.Flush(); err != nil {
		return 0, fmt.Errorf("git fast-import: %w: %s", err, trouble.Bytes())
	}
	if err := in.Close(); err != nil {
		return 0, err
	}
	if err := load.Wait(); err != nil {
		return 0, fmt.Errorf("git fast-import: %w: %s", err, trouble.Bytes())
	}
	return h.mean, repack(dir, "-f") // fast-import packs badly, which would make cloning dear
}

// repack packs a repository with bitmaps.
func repack(dir string, options ...string) error {
	args := append([]string{"--git-dir", dir, "repack", "-adbq"}, options...)
	if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("git repack: %w: %s", err, out)
	}
	return nil
}

// historian writes commits for git fast-import.
type historian struct {
	out   *bufio.Writer
	files int
	bytes int
	mean  int // of the first commit's files
}

func (h *historian) write(apps int, at layout, image string) {
	for n := range history {
		fmt.Fprintf(h.out, "commit refs/heads/main\ncommitter Dev <dev@example.org> %d +0000\ndata <<.\nCommit %d\n.\n", 1700000000+n*60, n)
		if n > 0 {
			dir := folderOf(n * 7919 % apps)
			h.file(dir+"/base/configmap.yaml", configMap(dir, strconv.Itoa(n)))
			continue
		}
		h.file(".towpath/pipeline.yaml", at.pipeline(image))
		h.file(".towpath/policy.yaml", policy)
		for i := range apps {
			dir := folderOf(i)
			if dir == app {
				h.app(dir, image, at.stages()...)
			} else {
				h.app(dir, "registry.example.org/acme/"+path.Base(dir))
			}
		}
		h.mean = h.bytes / h.files
	}
}

func (h *historian) file(name, content string) {
	h.files++
	h.bytes += len(content)
	fmt.Fprintf(h.out, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
}

// app writes an application, with the overlays that all have and those of stages.
func (h *historian) app(dir, image string, stages ...string) {
	name := path.Base(dir)
	h.file(dir+"/README.md", filled("app/README.md", name))
	for _, file := range []string{"kustomization", "deployment", "service", "configmap", "ingress"} {
		file = "base/" + file + ".yaml"
		h.file(path.Join(dir, file), filled("app/"+file, name, "@image@", image, "@revision@", "0"))
	}
	for n, stage := range overlays(stages) {
		for _, file := range []string{"kustomization.yaml", "patch.yaml"} {
			h.file(path.Join(dir, "overlays", stage, file), filled("overlay/"+file, name, "@stage@", stage, "@replicas@", strconv.Itoa(n+2)))
		}
	}
}

// overlays are the stages that an application is written for.
func overlays(stages []string) []string {
	out := []string{"test", "prod"}
	for _, s := range stages {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func configMap(dir, revision string) string {
	return filled("app/base/configmap.yaml", path.Base(dir), "@revision@", revision)
}

// workplace makes a directory for everything, in memory where that can be had:
// on a slow disk whoever writes fewer files wins by the disk's merit.
func workplace(dir string) (string, error) {
	if dir == "" {
		if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
			dir = "/dev/shm"
		}
	}
	made, err := os.MkdirTemp(dir, "towpath-bench-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(made)
}
