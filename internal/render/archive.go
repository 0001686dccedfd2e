package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
)

// unpacking inspects packed charts before Helm unpacks them: it would take links
// and devices for empty files, and unpack archives in archives without end.
type unpacking struct {
	left  int64 // bytes that may still come out, of all archives together
	depth int
}

// maxPacked is how deep packed charts may lie in packed charts.
const maxPacked = 5

func newUnpacking() *unpacking { return &unpacking{left: loader.MaxDecompressedChartSize} }

// packed inspects the archives in charts/ of a chart's files.
func (u *unpacking) packed(chart string, files []*loader.BufferedFile) error {
	for _, f := range files {
		dir, base := path.Split(f.Name)
		if path.Base(dir) == "charts" && path.Ext(base) == ".tgz" && !strings.ContainsRune("._", rune(base[0])) {
			if err := u.archive(path.Join(chart, f.Name), f.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

// archive inspects an archive and those in it.
func (u *unpacking) archive(name string, data []byte) error {
	if u.depth++; u.depth > maxPacked {
		return &RefusedError{name, path.Base(name), fmt.Sprintf("charts are packed in charts more than %d times", maxPacked)}
	}
	defer func() { u.depth-- }()
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s is no packed chart: %w", name, err)
	}
	entries := tar.NewReader(unzipped)
	var files []*loader.BufferedFile
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return u.packed(name, files)
		}
		if err != nil {
			return fmt.Errorf("%s is no packed chart: %w", name, err)
		}
		if why := refusedEntry(header); why != "" {
			return &RefusedError{name, header.Name, why}
		}
		if u.left -= header.Size; u.left < 0 {
			return &RefusedError{name, header.Name, fmt.Sprintf("unpacked it would come to more than %d bytes", loader.MaxDecompressedChartSize)}
		}
		if path.Ext(header.Name) != ".tgz" {
			continue
		}
		inner, err := io.ReadAll(entries)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", name, header.Name, err)
		}
		_, below, _ := strings.Cut(header.Name, "/")
		files = append(files, &loader.BufferedFile{Name: below, Data: inner})
	}
}

// refusedEntry says why an entry of an archive is not unpacked.
func refusedEntry(h *tar.Header) string {
	name := strings.ReplaceAll(h.Name, `\`, "/")
	switch {
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir && h.Typeflag != tar.TypeXGlobalHeader:
		return "it is neither a file nor a directory"
	case path.IsAbs(name) || strings.Contains("/"+name+"/", "/../"):
		return "it lies outside of the chart"
	case h.Size > loader.MaxDecompressedFileSize:
		return fmt.Sprintf("it has %d bytes, more than the %d a chart's file may have", h.Size, loader.MaxDecompressedFileSize)
	}
	return ""
}
