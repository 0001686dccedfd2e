package directives

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Chart unpacks a chart of the freight.
type Chart struct {
	Name      string // of an index, or the last part of an OCI repository
	To        string
	Warehouse string
}

// Kind implements Directive.
func (Chart) Kind() string { return "chart" }

// Target is where the directive writes, for errors.
func (c Chart) Target() string { return c.To }

// Apply puts the chart's files at To, in the place of whatever is there: a file
// that an older version had must not stay between the templates.
func (c Chart) Apply(ctx context.Context, ws *Workspace, env *Env) error {
	chart, err := c.find(env.Freight)
	if err != nil {
		return err
	}
	archive, err := env.Chart(ctx, chart)
	if err != nil {
		return fmt.Errorf("fetch the chart %s %s: %w", c.Name, chart.Version, err)
	}
	files, err := unpack(archive)
	if err != nil {
		return fmt.Errorf("the archive of the chart %s %s: %w", c.Name, chart.Version, err)
	}
	if err := ws.Remove(c.To); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		if err := ws.WriteFile(path.Join(c.To, f.name), f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

func (c Chart) find(freight []promote.Freight) (promote.Chart, error) {
	var found []promote.Chart
	for _, f := range freight {
		for _, chart := range f.Charts {
			if chartName(chart) == c.Name && (c.Warehouse == "" || c.Warehouse == f.Warehouse) && !slices.Contains(found, chart) {
				found = append(found, chart)
			}
		}
	}
	switch len(found) {
	case 0:
		return promote.Chart{}, fmt.Errorf("the freight has no chart %s", c.Name)
	case 1:
		return found[0], nil
	}
	return promote.Chart{}, fmt.Errorf("several slots hold a chart %s: `warehouse` must choose one", c.Name)
}

func chartName(c promote.Chart) string {
	if c.Name != "" {
		return c.Name
	}
	return path.Base(c.Repository)
}

// Bounds of what is unpacked: bytes, of which Helm allows as many, and entries.
const (
	maxUnpacked = 100 << 20
	maxEntries  = 10_000
)

type unpackedFile struct {
	name string // below the chart's folder
	data []byte
	mode fs.FileMode
}

// unpack reads a packed chart: one folder with files, of which one is Chart.yaml.
// An entry that is anything else, leads elsewhere or is there twice is refused by
// its name, and so is an archive beyond the bounds.
func unpack(archive []byte) ([]unpackedFile, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, errors.New("it is not a gzip file")
	}
	u := unpacker{left: maxUnpacked, seen: map[string]bool{}}
	entries := tar.NewReader(io.LimitReader(unzipped, maxUnpacked))
	for range maxEntries {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			if !u.seen["Chart.yaml"] {
				return nil, errors.New("there is no Chart.yaml in it")
			}
			return u.files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it can not be read behind %q: %w", u.last, err)
		}
		if err := u.entry(header, entries); err != nil {
			return nil, fmt.Errorf("the entry %q: %w", header.Name, err)
		}
	}
	return nil, fmt.Errorf("it has more than %d entries", maxEntries)
}

type unpacker struct {
	files []unpackedFile
	left  int64           // bytes
	top   string          // the chart's folder
	seen  map[string]bool // names of files: true, of folders: false
	last  string
}

func (u *unpacker) entry(header *tar.Header, content io.Reader) error {
	u.last = header.Name
	switch header.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg, tar.TypeDir:
	default:
		return errors.New("only files and folders are unpacked: no links, no devices")
	}
	full := strings.TrimSuffix(strings.TrimPrefix(header.Name, "./"), "/")
	if full == "." || full == "" {
		return nil
	}
	if err := CheckPath(full); err != nil {
		return err
	}
	top, name, inside := strings.Cut(full, "/")
	if u.top == "" {
		u.top = top
	}
	switch {
	case top != u.top:
		return fmt.Errorf("the archive has several folders, also %q", u.top)
	case header.Typeflag == tar.TypeDir:
		return u.claim(name, false)
	case !inside:
		return errors.New("a file beside the chart's folder")
	case header.Size > u.left: // also of a sparse file, which has none of it in the archive
		return fmt.Errorf("the archive has more than %d MiB unpacked", maxUnpacked>>20)
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	u.left -= int64(len(data))
	u.files = append(u.files, unpackedFile{name, data, fileMode(header.FileInfo().Mode())})
	return u.claim(name, true)
}

// claim notes a name and the folders that it lies in. No name is two files, nor
// both file and folder.
func (u *unpacker) claim(name string, file bool) error {
	for ; name != "." && name != ""; name, file = path.Dir(name), false {
		is, taken := u.seen[name]
		if taken && (is || file) {
			return fmt.Errorf("%s is in the archive twice", name)
		}
		u.seen[name] = file
	}
	return nil
}
