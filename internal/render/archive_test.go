package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/towpath/towpath/internal/directives"
)

// packed is a chart as an archive: a good one, and what is added to it.
func packed(t *testing.T, name string, more ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	add := func(h tar.Header, data []byte) {
		h.Size, h.Mode = max(h.Size, int64(len(data))), 0o644
		if err := archive.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(append(data, make([]byte, h.Size-int64(len(data)))...)); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: name + "/Chart.yaml"}, []byte("apiVersion: v2\nname: "+name+"\nversion: 0.1.0\n"))
	add(tar.Header{Name: name + "/templates/a.yaml"}, []byte(strings.ReplaceAll(manifest, "name: a", "name: "+name)))
	for _, h := range more {
		data := []byte(h.Uname) // what is in it
		h.Uname = ""
		add(h, data)
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// R1: packed charts that are more than files are refused, by archive and entry,
// before they are unpacked; as the chart itself, as a dependency, and in one.
func TestPackedChartsThatAreRefused(t *testing.T) {
	tripwires(t)
	pool := newPool(t, Limits{})
	for name, test := range map[string]struct {
		entry []tar.Header
		want  string
	}{
		"link":         {[]tar.Header{{Name: "d/templates/b.yaml", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, `"d/templates/b.yaml" is refused: it is neither a file nor a directory`},
		"link inside":  {[]tar.Header{{Name: "d/templates/b.yaml", Typeflag: tar.TypeSymlink, Linkname: "a.yaml"}}, `"d/templates/b.yaml" is refused`},
		"hard link":    {[]tar.Header{{Name: "d/templates/b.yaml", Typeflag: tar.TypeLink, Linkname: "d/templates/a.yaml"}}, `"d/templates/b.yaml" is refused`},
		"device":       {[]tar.Header{{Name: "d/templates/b.yaml", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}}, `"d/templates/b.yaml" is refused`},
		"block device": {[]tar.Header{{Name: "d/b", Typeflag: tar.TypeBlock}}, `"d/b" is refused`},
		"pipe":         {[]tar.Header{{Name: "d/b", Typeflag: tar.TypeFifo}}, `"d/b" is refused`},
		"upwards":      {[]tar.Header{{Name: "d/../../b"}}, `"d/../../b" is refused: it lies outside`},
		"back inside":  {[]tar.Header{{Name: "d/templates/../../d/b"}}, `"d/templates/../../d/b" is refused: it lies outside`},
		"backslashes":  {[]tar.Header{{Name: `d\..\..\b`}}, `is refused: it lies outside`},
		"absolute":     {[]tar.Header{{Name: "/etc/b"}}, `"/etc/b" is refused: it lies outside`},
		"large file":   {[]tar.Header{{Name: "d/b", Size: loader.MaxDecompressedFileSize + 1}}, `"d/b" is refused: it has 5242881 bytes`},
		"many files":   {bytesOf(21, loader.MaxDecompressedFileSize), `more than 104857600 bytes`},
		"no archive":   {nil, "no packed chart"},
	} {
		archive := packed(t, "d", test.entry...)
		if test.entry == nil {
			archive = []byte("PK no gzip")
		}
		outer := packed(t, "c", tar.Header{Name: "c/charts/d-0.1.0.tgz", Uname: string(archive)})
		places := map[string]struct {
			chart, file string
			tree        fstest.MapFS
		}{
			"chart":      {"d.tgz", "d.tgz: ", fstest.MapFS{"d.tgz": {Data: archive}}},
			"dependency": {"c", "c/charts/d-0.1.0.tgz: ", chartWith(map[string]string{"charts/d-0.1.0.tgz": string(archive)})},
			"deeper":     {"c", "c/charts/e/charts/d-0.1.0.tgz: ", chartWith(map[string]string{"charts/e/Chart.yaml": "apiVersion: v2\nname: e\nversion: 0.1.0\n", "charts/e/charts/d-0.1.0.tgz": string(archive)})},
			"packed":     {"c.tgz", "c.tgz/charts/d-0.1.0.tgz: ", fstest.MapFS{"c.tgz": {Data: outer}}},
		}
		for place, in := range places {
			t.Run(name+"/"+place, func(t *testing.T) {
				out, err := pool.Helm(t.Context(), in.tree, directives.HelmTemplate{Chart: in.chart, Release: "r"})
				if err == nil || !strings.Contains(err.Error(), test.want) || test.entry != nil && !strings.Contains(err.Error(), in.file) {
					t.Errorf("%s%v, want %s%s", out, err, in.file, test.want)
				}
			})
		}
	}
}

func bytesOf(n int, size int64) []tar.Header {
	out := make([]tar.Header, n)
	for i := range out {
		out[i] = tar.Header{Name: "d/files/" + strings.Repeat("x", i+1), Size: size}
	}
	return out
}

// R2: archives in archives end somewhere.
func TestChartsPackedInCharts(t *testing.T) {
	pool := newPool(t, Limits{})
	archive := packed(t, "d")
	for depth := 1; depth <= maxPacked+1; depth++ {
		out, err := pool.Helm(t.Context(), fstest.MapFS{"d.tgz": {Data: archive}}, directives.HelmTemplate{Chart: "d.tgz", Release: "r"})
		if n := strings.Count(string(out), "kind:"); depth <= maxPacked && (err != nil || n != depth) {
			t.Errorf("%d times: %d resources, %v", depth, n, err)
		} else if depth > maxPacked && (err == nil || !strings.Contains(err.Error(), "more than 5 times")) {
			t.Errorf("%d times: %v", depth, err)
		}
		archive = packed(t, "d", tar.Header{Name: "d/charts/d-0.1.0.tgz", Uname: string(archive)})
	}
}
