package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

var endlessChart = chartWith(map[string]string{"templates/a.yaml": "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"})

// A child goes with its parent, also from the middle of a rendering.
func TestChildrenEndWithTheirParent(t *testing.T) {
	c, err := start(Limits{}.orDefaults())
	if err != nil {
		t.Fatal(err)
	}
	j := job{Helm: &directives.HelmTemplate{Chart: "c", Release: "r"}}
	if err := c.to.Encode(order{Job: &j, Given: j.given(endlessChart)}); err != nil {
		t.Fatal(err)
	}
	if err := c.in.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if code := c.cmd.ProcessState.ExitCode(); code != exitDone {
		t.Errorf("it ended with %s", c.cmd.ProcessState)
	}
}

// A context ends a rendering, and the wait for one.
func TestRenderingsEndWithTheirContext(t *testing.T) {
	pool := newPool(t, Limits{})
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var wait sync.WaitGroup
	for range cap(pool.slots) + 2 {
		wait.Go(func() {
			if _, err := pool.Helm(ctx, endlessChart, directives.HelmTemplate{Chart: "c", Release: "r"}); !errors.Is(err, why) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	for len(pool.slots) < cap(pool.slots) {
		if err := pool.Warm(); err != nil { // something to do until they all work
			t.Fatal(err)
		}
	}
	cancel(why)
	wait.Wait()
}

// R2: renderings at the same time do not disturb each other, nor does what one of
// them does to its child; children are kept.
func TestPoolsWorkInParallel(t *testing.T) {
	pool := newPool(t, Limits{Memory: 160 << 20})
	bomb := chartWith(map[string]string{"templates/a.yaml": `{{ repeat 2000000000 "x" }}`})
	want, err := New(Limits{}).Kustomize(t.Context(), tree(overlayOf(5)), directives.KustomizeBuild{Path: "overlay"})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 24 {
		wait.Go(func() {
			if i%8 == 0 {
				if _, err := pool.Helm(t.Context(), bomb, directives.HelmTemplate{Chart: "c", Release: "r"}); err == nil {
					t.Error("the bomb is no error")
				}
				return
			}
			got, err := pool.Kustomize(t.Context(), tree(overlayOf(5)), directives.KustomizeBuild{Path: "overlay"})
			if err != nil {
				t.Error(err)
				return
			}
			compare(t, got, want)
		})
	}
	wait.Wait()
	if n := len(pool.idle); n == 0 || n > cap(pool.slots) {
		t.Errorf("%d children are kept, at most %d work", n, cap(pool.slots))
	}
}

// A child that died while nobody looked is not asked, and a closed pool keeps none.
func TestDeadChildrenAreReplaced(t *testing.T) {
	pool := newPool(t, Limits{})
	render := func() {
		t.Helper()
		if _, err := pool.Kustomize(t.Context(), tree(overlayOf(1)), directives.KustomizeBuild{Path: "overlay"}); err != nil {
			t.Fatal(err)
		}
	}
	render()
	first := pool.idle[0]
	render()
	if len(pool.idle) != 1 || pool.idle[0] != first {
		t.Error("the child was not kept")
	}
	first.kill()
	<-first.ended
	render()
	last := pool.idle[0]
	pool.Close()
	<-last.ended
	render()
	if len(pool.idle) != 0 {
		t.Error("a closed pool keeps children")
	}
}

// Values come to the templates with the types that they have.
func TestValuesKeepTheirTypes(t *testing.T) {
	chart := chartWith(map[string]string{"templates/a.yaml": manifest + "data:\n  v: |\n{{ range $k, $v := .Values }}    {{ $k }}={{ $v | typeOf }}:{{ $v | toJson }}\n{{ end }}"})
	template := directives.HelmTemplate{Chart: "c", Release: "r", Values: map[string]any{
		"text": "1", "int": 1000000, "long": int64(math.MaxInt64), "float": 1e6, "whole": 3.0, "yes": true, "no": false,
		"list": []any{nil, 1, "x", map[string]any{"a": nil}}, "map": map[string]any{"b": []any{}, "c": 0}, "gone": nil, "empty": map[string]any{},
	}}
	want, err := New(Limits{}).Helm(t.Context(), chart, template)
	if err != nil {
		t.Fatal(err)
	}
	got, err := newPool(t, Limits{}).Helm(t.Context(), chart, template)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, want)
	if template.Values["list"].([]any)[0] != nil {
		t.Error("the caller's values were changed")
	}
}

// R1: values that no file of YAML makes come to the templates as from one.
func TestValuesAreThoseOfAFile(t *testing.T) {
	const text = "day: 2001-02-03\nmoment: 2001-02-03T04:05:06.7+01:00\nnight: {list: [2001-02-03T00:00:00+01:00, a]}\nsmall: 7\nwords: [a, b]\n"
	day := time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)
	zone := time.FixedZone("", 3600)
	files := map[string]string{"templates/a.yaml": manifest + "data:\n  v: |\n{{ toYaml .Values | indent 4 }}\n  type: {{ typeOf .Values.day }} {{ typeOf .Values.words }}\n"}
	chart := chartWith(files)
	files["values.yaml"] = text
	fromFile := chartWith(files)
	template := directives.HelmTemplate{Chart: "c", Release: "r"}
	dir := t.TempDir()
	if err := os.CopyFS(dir, fromFile); err != nil {
		t.Fatal(err)
	}
	want := printed(t, dir, "helm", "template", "r", "c")
	template.Values = map[string]any{
		"day": day, "moment": time.Date(2001, 2, 3, 4, 5, 6, 7e8, zone),
		"night": map[string]any{"list": []any{day.Add(-time.Hour).In(zone), "a"}}, "small": int8(7), "words": []string{"a", "b"},
	}
	for name, renderer := range map[string]directives.Renderer{"here": New(Limits{}), "child": newPool(t, Limits{})} {
		t.Run(name, func(t *testing.T) {
			got, err := renderer.Helm(t.Context(), chart, template)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, want)
		})
	}
	template.Values = map[string]any{"no": func() {}}
	if _, err := New(Limits{}).Helm(t.Context(), chart, template); err == nil || !strings.Contains(err.Error(), "no:") {
		t.Errorf("the error is %v", err)
	}
}

// R2: what a job leaves in a child is not the next one's.
func TestBigJobsLeaveNothingBehind(t *testing.T) {
	if raced() {
		t.Skip("SKIPPED: the race detector takes the memory that the jobs may")
	}
	pool := newPool(t, Limits{})
	big := chartWith(map[string]string{"templates/a.yaml": manifest + `{{ $l := list }}{{ range until 300 }}{{ $l = append $l (repeat 1000000 "x") }}{{ end }}`})
	template := directives.HelmTemplate{Chart: "c", Release: "r"}
	if _, err := pool.Helm(t.Context(), big, template); err != nil {
		t.Fatal(err)
	}
	if len(pool.idle) != 1 {
		t.Fatal("the child was not kept")
	}
	template.Values = map[string]any{"x": strings.Repeat("x", muchMemory*2)} // what it arrived in is kept for the next one
	if _, err := pool.Helm(t.Context(), chartWith(map[string]string{"templates/a.yaml": manifest}), template); err != nil {
		t.Fatal(err)
	}
	if len(pool.idle) != 0 {
		t.Error("a child that holds much is kept")
	}
}

// R2: what jobs leave in idle children is the machine's again.
func TestIdleChildrenGiveMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{jobs: make(chan order)}
		go w.next()
		garbage := bytes.Repeat([]byte("x"), 4*muchMemory)
		before := used()
		runtime.KeepAlive(garbage)
		time.Sleep(collectAfter + releaseAfter)
		synctest.Wait()
		if after := used(); before-after < 3*muchMemory {
			t.Errorf("of %d bytes %d are held", before, after)
		}
		w.jobs <- order{}
	})
}

// R2: a machine with many processors has not as much memory for children.
func TestChildrenAreFew(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	if n := cap(NewPool(Limits{}).slots); n != maxChildren {
		t.Errorf("%d children work at once", n)
	}
}

// R2: a kept child that dies has no part in the next job's fate.
func TestJobsOutliveKeptChildren(t *testing.T) {
	pool := newPool(t, Limits{})
	worn, err := start(Limits{Memory: 1 << 20}.orDefaults())
	if err != nil {
		t.Fatal(err)
	}
	pool.keep(worn)
	some := chartWith(map[string]string{"templates/a.yaml": manifest + `{{ range until 100 }}{{ $_ := repeat 1000000 "x" }}{{ end }}`})
	if _, err := pool.Helm(t.Context(), some, directives.HelmTemplate{Chart: "c", Release: "r"}); err != nil {
		t.Error(err)
	}
	if slices.Contains(pool.idle, worn) {
		t.Error("it did not die")
	}
}

// strict is a tree that notes what is read, and can not read one file.
type strict struct {
	fstest.MapFS
	broken string
	read   *[]string
}

var errUnreachable = errors.New("unreachable")

func (s strict) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == s.broken {
		return nil, fmt.Errorf("list %s: %w", name, errUnreachable)
	}
	return s.MapFS.ReadDir(name)
}

func (s strict) ReadFile(name string) ([]byte, error) {
	*s.read = append(*s.read, name)
	if name == s.broken {
		return nil, fmt.Errorf("read %s: %w", name, errUnreachable)
	}
	return s.MapFS.ReadFile(name)
}

// The children's trees are as lazy as the parent's: of directories that nobody
// asks for, nothing is read.
func TestOnlyWhatIsNeededIsRead(t *testing.T) {
	files := overlayOf(3)
	for i := range 100 {
		files[fmt.Sprintf("other/%d.yaml", i)] = manifest
		files[fmt.Sprintf("%d.yaml", i)] = manifest
	}
	var read []string
	if _, err := newPool(t, Limits{}).Kustomize(t.Context(), strict{tree(files), "", &read}, directives.KustomizeBuild{Path: "overlay"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range read {
		if !strings.HasPrefix(name, "overlay/") && !strings.HasPrefix(name, "base/") {
			t.Errorf("%s was read", name)
		}
	}
	if len(read) != 5 {
		t.Errorf("read is %v", read)
	}
}

// Why a tree could not be read is for the caller to know.
func TestErrorsOfTheTreeComeThrough(t *testing.T) {
	var read []string
	for _, broken := range []string{"base/r1.yaml", "base", "overlay", "."} {
		_, err := newPool(t, Limits{}).Kustomize(t.Context(), strict{tree(overlayOf(3)), broken, &read}, directives.KustomizeBuild{Path: "overlay"})
		if !errors.Is(err, errUnreachable) {
			t.Errorf("%s: the error is %v", broken, err)
		}
	}
}

// R2: more is not even sent to a child.
func TestInputIsBoundedForChildren(t *testing.T) {
	files := tree(overlayOf(3))
	files["base/r1.yaml"].Data = []byte(strings.Repeat("#", 100_000))
	if a, err := (&question{Dir: "base", File: "r1.yaml", Max: 10_000}).answer(files); err != nil || a.Files[0].Data != nil || a.Files[0].Size != 100_000 {
		t.Errorf("the answer is %v, %v", a, err)
	}
	_, err := newPool(t, Limits{Input: 10_000}).Kustomize(t.Context(), files, directives.KustomizeBuild{Path: "overlay"})
	if err == nil || !strings.Contains(err.Error(), errTooMuchInput.Error()) {
		t.Errorf("the error is %v", err)
	}
}

// A program that does not serve must not start itself for ever.
func TestWorkersStartNoWorkers(t *testing.T) {
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{args[0], workerArgument}
	if err := newPool(t, Limits{}).Warm(); err == nil {
		t.Error("it did")
	}
}

// BenchmarkPool is one rendering here next to the same in a child.
func BenchmarkPool(b *testing.B) {
	Warm()
	chart := chartWith(map[string]string{"templates/a.yaml": manifest})
	pool := newPool(b, Limits{})
	for _, where := range []struct {
		name string
		directives.Renderer
	}{{"here", New(Limits{})}, {"child", pool}} {
		for _, resources := range []int{3, 30, 300} {
			files := tree(overlayOf(resources))
			b.Run(fmt.Sprintf("kustomize-%d/%s", resources, where.name), func(b *testing.B) {
				for b.Loop() {
					if _, err := where.Kustomize(b.Context(), files, directives.KustomizeBuild{Path: "overlay"}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run("helm/"+where.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := where.Helm(b.Context(), chart, directives.HelmTemplate{Chart: "c", Release: "r"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a job brings is what is not asked for, one question after the other.
func TestJobsBringWhatTheyBeginWith(t *testing.T) {
	files := tree(map[string]string{
		"apps/web/prod/kustomization.yaml":      "resources:\n- ../base\n- \"../../../shared/db\" # ours\n- ../no\n- ../../../../out\n- own.yaml\ncomponents: [extra,./more]\n",
		"apps/web/prod/extra/kustomization.yml": "patches: [{path: p.yaml}]\n",
		"apps/web/prod/more/Kustomization":      "resources: []\n",
		"apps/web/prod/unnamed/a.yaml":          "",
		"apps/web/base/kustomization.yaml":      "resources:\n- https://example.org/x\n- ../prod\n",
		"shared/db/kustomization.yaml":          "",
		"chart/Chart.yaml":                      "",
		"chart/templates/a.yaml":                "",
		"chart/charts/sub/Chart.yaml":           "",
	})
	for _, c := range []struct {
		job  job
		want string
	}{
		{job{Kustomize: &directives.KustomizeBuild{Path: "apps/web/prod"}}, ". apps apps/web apps/web/base apps/web/no apps/web/prod apps/web/prod/extra apps/web/prod/more shared shared/db"},
		{job{Helm: &directives.HelmTemplate{Chart: "chart"}}, ". chart chart/charts chart/charts/sub chart/templates"},
		{job{Kustomize: &directives.KustomizeBuild{Path: "."}}, "."},
	} {
		var got []string
		for _, g := range c.job.given(files) {
			got = append(got, g.Dir)
		}
		slices.Sort(got)
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s brings %s, not %s", c.job.path(), got, c.want)
		}
	}
}
