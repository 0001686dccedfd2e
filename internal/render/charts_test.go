package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
	"helm.sh/helm/v3/pkg/strvals"

	"github.com/towpath/towpath/internal/directives"
)

// R1: charts as nasty as real ones, by the command lines that stand in front of
// each ($): the same bytes, or a failure in both (!).
func TestNastyCharts(t *testing.T) {
	helm := commandLine(t, "helm")
	pool := newPool(t, Limits{})
	for _, c := range nastyCharts(t) {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, c.files); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd := exec.Command(helm, c.args...)
			cmd.Dir, cmd.Env, cmd.Stderr = dir, []string{"HOME=" + dir, "KUBECONFIG=/dev/null", "TZ=UTC"}, &stderr
			want, wantErr := cmd.Output()
			got, err := c.renderer(pool).Helm(t.Context(), os.DirFS(dir), c.template)
			if (err != nil) != c.fails || (wantErr != nil) != c.fails {
				t.Fatalf("we say %v, the command line %v\n%s", err, wantErr, stderr.Bytes())
			}
			compare(t, got, want)
		})
	}
}

// nasty is one command line of a file in testdata/render/charts.
type nasty struct {
	name     string
	fails    bool
	args     []string // of helm
	template directives.HelmTemplate
	files    fstest.MapFS
}

// renderer is the pool, but for zones of time: the tests' children die of looking
// for them.
func (c nasty) renderer(pool directives.Renderer) directives.Renderer {
	if strings.HasPrefix(c.name, "zones") {
		return New(Limits{})
	}
	return pool
}

func nastyCharts(t *testing.T) (out []nasty) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(material, "charts", "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatal("there are no charts: ", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := chartFiles(t, archive)
		for line := range strings.Lines(string(archive.Comment)) {
			if mark, line, ok := strings.Cut(strings.TrimSpace(line), " helm "); ok && (mark == "$" || mark == "!") {
				args := strings.Fields(line)
				name := strings.TrimSuffix(filepath.Base(name), ".txtar") + ": " + line
				out = append(out, nasty{name, mark == "!", args, helmTemplateOf(t, args), files})
			}
		}
	}
	return out
}

// chartFiles are the files of an archive; a directory called *.tgz is packed.
func chartFiles(t *testing.T, archive *txtar.Archive) fstest.MapFS {
	t.Helper()
	files, packed := fstest.MapFS{}, map[string]*bytes.Buffer{}
	var closers []io.Closer
	writers := map[string]*tar.Writer{}
	for _, f := range archive.Files {
		if base := path.Base(f.Name); strings.HasPrefix(base, "crlf-") {
			f.Data = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
		} else if strings.HasPrefix(base, "bom-") {
			f.Data = append([]byte("\uFEFF"), f.Data...)
		}
		name, inside, isPacked := strings.Cut(f.Name, ".tgz/")
		if !isPacked {
			files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
			continue
		}
		if writers[name] == nil {
			packed[name] = &bytes.Buffer{}
			zip := gzip.NewWriter(packed[name])
			writers[name] = tar.NewWriter(zip)
			closers = append(closers, writers[name], zip)
		}
		if err := writers[name].WriteHeader(&tar.Header{Name: inside, Size: int64(len(f.Data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := writers[name].Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range closers {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range packed {
		files[name+".tgz"] = &fstest.MapFile{Data: data.Bytes(), Mode: 0o644}
	}
	return files
}

// helmTemplateOf is what the arguments of `helm template` mean.
func helmTemplateOf(t *testing.T, args []string) directives.HelmTemplate {
	t.Helper()
	h := directives.HelmTemplate{Release: args[1], Chart: args[2], Values: map[string]any{}}
	flags := flag.NewFlagSet("helm template", flag.ContinueOnError)
	flags.StringVar(&h.Namespace, "n", "", "")
	flags.StringVar(&h.KubeVersion, "kube-version", "", "")
	flags.BoolVar(&h.IncludeCRDs, "include-crds", false, "")
	flags.BoolVar(&h.SkipTests, "skip-tests", false, "")
	flags.Func("a", "", func(v string) error { h.APIVersions = append(h.APIVersions, v); return nil })
	flags.Func("f", "", func(v string) error { h.ValueFiles = append(h.ValueFiles, v); return nil })
	flags.Func("set", "", func(v string) error { return strvals.ParseInto(v, h.Values) })
	if err := flags.Parse(args[3:]); err != nil {
		t.Fatal(err)
	}
	return h
}
