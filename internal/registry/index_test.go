package registry

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func (l listing) String() string {
	var out strings.Builder
	for _, name := range l.names {
		v := l.versions[name]
		text := strings.TrimSpace(v.url + " " + v.digest)
		if v.broken != "" {
			text = "broken: " + v.broken
		}
		fmt.Fprintf(&out, "%s %s\n", name, text)
	}
	return out.String()
}

// F4: what an index says of a chart, and what of that is not believed.
func TestIndex(t *testing.T) {
	cases, err := filepath.Glob("testdata/index/*.txtar")
	must(t, err)
	for _, name := range cases {
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			must(t, err)
			found, err := parseIndex(archive.Files[0].Data, "redis")
			got := found.String()
			if err != nil {
				got = "error: " + err.Error() + "\n"
			}
			if want := string(archive.Files[1].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// large is an index with so many other charts, of a kilobyte each, around ours.
func large(others int) []byte {
	var out strings.Builder
	out.WriteString("apiVersion: v1\nentries:\n")
	for i := range others {
		fmt.Fprintf(&out, "  a%06d:\n  - description: %s\n    urls:\n    - a.tgz\n    version: 1.0.0\n", i, strings.Repeat("x", 1000))
	}
	out.WriteString("  redis:\n  - urls:\n    - redis.tgz\n    version: 1.0.0\n  zero:\n  - version: 1.0.0\n")
	return []byte(out.String())
}

// A large index is read by its lines alone, and one that has none is refused, as
// is one that would be large in memory.
func TestLargeIndex(t *testing.T) {
	index := large(maxChart/1000 + 1)
	found, err := parseIndex(index, "redis")
	if must(t, err); found.String() != "1.0.0 redis.tgz\n" {
		t.Errorf("found %s", found)
	}
	far := "entries:\n  redis:\n  - {version: 1.0.0, urls: [" + strings.Repeat("x", maxURL+1) + "]}\n"
	if found, err = parseIndex([]byte(far), "redis"); err != nil || found.versions["1.0.0"].broken == "" {
		t.Errorf("a long address: %s, %v", found, err)
	}
	for name, data := range map[string]string{
		"one line":    `{"entries": {"redis": [{"version": "` + strings.Repeat("1", maxChart) + `"}]}}`,
		"one chart":   "entries:\n  redis:\n  - version: " + strings.Repeat("1", maxChart),
		"many values": "entries:\n  redis:\n  - urls: [" + strings.Repeat("{a},", maxNodes/2) + "]\n",
	} {
		if found, err := parseIndex([]byte(data), "redis"); err != errTooLarge {
			t.Errorf("%s: %d versions, error %v", name, len(found.names), err)
		}
	}
}

// Whatever is in an index, reading it ends and makes nothing that is larger.
func FuzzIndex(f *testing.F) {
	cases, err := filepath.Glob("testdata/index/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := parseIndex(data, "redis")
		if err != nil {
			return
		}
		total := 0
		for _, name := range found.names {
			v := found.versions[name]
			if total += len(name) + len(v.url); v.digest != "" && !digestName.MatchString(v.digest) || v.url == "" && v.broken == "" {
				t.Errorf("%q: %+v", name, v)
			}
		}
		if len(found.names) != len(found.versions) || total > len(data) {
			t.Errorf("%d versions of %d, %d bytes out of %d", len(found.names), len(found.versions), total, len(data))
		}
	})
}
