package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/render"
)

// rendering is something to render, by the product's renderer and by the command
// line.
type rendering struct {
	what    string
	want    float64 // how many times as fast
	files   map[string]string
	command []string
	render  func(ctx context.Context, pool *render.Pool, tree fs.FS) ([]byte, error)
}

func renderings() []rendering {
	var out []rendering
	for _, o := range []struct {
		resources int
		want      float64
	}{{3, 8}, {30, 3}, {300, 1.5}} {
		out = append(out, rendering{
			what: fmt.Sprintf("render an overlay of %d resources", o.resources), want: o.want, files: overlayOf(o.resources),
			command: []string{"kustomize", "build", "overlay"},
			render: func(ctx context.Context, pool *render.Pool, tree fs.FS) ([]byte, error) {
				return pool.Kustomize(ctx, tree, directives.KustomizeBuild{Path: "overlay"})
			},
		})
	}
	return append(out, rendering{
		what: "render a chart of 120 templates", want: 2, files: chartOf(120),
		command: []string{"helm", "template", "shop", "chart", "--namespace", "prod"},
		render: func(ctx context.Context, pool *render.Pool, tree fs.FS) ([]byte, error) {
			return pool.Helm(ctx, tree, directives.HelmTemplate{Chart: "chart", Release: "shop", Namespace: "prod"})
		},
	})
}

// kinds are what both are made of, as many of each.
var kinds = []string{"deployment", "service", "configmap"}

// overlayOf is an overlay over a base of so many resources.
func overlayOf(resources int) map[string]string {
	files := map[string]string{}
	var base strings.Builder
	base.WriteString("resources:\n")
	for n := range resources {
		kind, name := kinds[n%len(kinds)], fmt.Sprintf("app-%04d", n/len(kinds))
		file := name + "-" + kind + ".yaml"
		files["base/"+file] = filled("app/base/"+kind+".yaml", name, "@image@", "registry.example.org/acme/"+name, "@revision@", "0")
		base.WriteString("  - " + file + "\n")
	}
	files["base/kustomization.yaml"] = base.String()
	for _, file := range []string{"kustomization.yaml", "patch.yaml"} {
		files["overlay/"+file] = filled("overlay/"+file, "app-0000", "@stage@", "prod", "@replicas@", "3", "../../base", "../base")
	}
	files["overlay/kustomization.yaml"] += "images:\n  - name: registry.example.org/acme/app-0000\n    digest: sha256:" + strings.Repeat("a1", 32) + "\n"
	return files
}

// chartOf is a chart of so many templates beside its helpers.
func chartOf(count int) map[string]string {
	files := map[string]string{
		"chart/Chart.yaml": filled("chart/Chart.yaml", ""), "chart/templates/_helpers.tpl": filled("chart/helpers.tpl", ""),
	}
	values := filled("chart/values.yaml", "")
	for n := range count {
		kind, name := kinds[n%len(kinds)], "app-"+strconv.Itoa(n/len(kinds))
		files["chart/templates/"+name+"-"+kind+".yaml"] = filled("chart/"+kind+".yaml", name)
		if n%len(kinds) == 0 {
			values += filled("chart/values-service.yaml", name)
		}
	}
	files["chart/values.yaml"] = values
	return files
}

// raceRenderings has the command line and a running renderer render the same
// files. The cache of renderings stays out of it.
func raceRenderings(ctx context.Context, dir string, all []rendering, rounds int) ([]row, error) {
	pool := render.NewPool(render.Limits{})
	defer pool.Close()
	if err := pool.Warm(); err != nil {
		return nil, err
	}
	var out []row
	for n, r := range all {
		at := filepath.Join(dir, "render-"+strconv.Itoa(n))
		ours, theirs, err := r.race(ctx, at, pool, rounds)
		if err = errors.Join(err, os.RemoveAll(at)); err != nil {
			return nil, fmt.Errorf("%s: %w", r.what, err)
		}
		out = append(out, row{
			what: r.what, figure: theirs / ours, unit: "×", want: r.want, atLeast: true,
			from: fmt.Sprintf("%s %.1f ms, a running renderer %.1f ms", r.command[0], theirs, ours),
		})
	}
	return out, nil
}

// race returns the medians in milliseconds.
func (r rendering) race(ctx context.Context, dir string, pool *render.Pool, rounds int) (ours, theirs float64, err error) {
	for name, text := range r.files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return 0, 0, err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return 0, 0, err
		}
	}
	contenders := []func() ([]byte, error){
		func() ([]byte, error) { return r.render(ctx, pool, os.DirFS(dir)) },
		func() ([]byte, error) { return r.commandLine(ctx, dir) },
	}
	var took [2][]float64
	for n := range rounds + 1 { // the first is not counted: it brings programs into memory
		var printed [2][]byte
		for _, c := range rand.Perm(2) {
			start := time.Now()
			if printed[c], err = contenders[c](); err != nil {
				return 0, 0, err
			}
			if n > 0 {
				took[c] = append(took[c], milliseconds(time.Since(start)))
			}
		}
		if len(printed[0]) == 0 || !bytes.Equal(printed[0], printed[1]) {
			return 0, 0, errors.New("we print something else than the command line")
		}
	}
	return median(took[0]), median(took[1]), nil
}

func (r rendering) commandLine(ctx context.Context, dir string) ([]byte, error) {
	var trouble bytes.Buffer
	cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...)
	cmd.Dir, cmd.Stderr = dir, &trouble
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "KUBECONFIG=/dev/null"}
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(r.command, " "), err, trouble.Bytes())
	}
	return out, err
}
