package registry

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	maxIndex = 32 << 20 // bytes of an index.yaml
	maxChart = 4 << 20  // of them that are about one chart, or whose lines do not tell charts apart
	maxNodes = 400_000  // values in those, at a few hundred bytes each
	maxURL   = 2048     // of an archive
)

// listing is what an index says of one chart.
type listing struct {
	etag     string
	names    []string // of the versions, in the order of the index
	versions map[string]listed
}

// listed is one version in an index.
type listed struct {
	url    string // as written: absolute, or relative to the index
	digest string // "sha256:…" of the archive; empty: the index does not say
	broken string // why the version can not be taken; empty: it can
}

// size is about how many bytes the listing takes in memory.
func (l listing) size() int {
	const overhead = 200 // of an entry of the map and of its strings
	n := overhead
	for name, v := range l.versions {
		n += overhead + 2*len(name) + len(v.url) + len(v.digest)
	}
	return n
}

var errIndex = errors.New("index.yaml can not be parsed")

// parseIndex reads what an index.yaml says of a chart. Where a version is there
// twice, the first one counts. Aliases are not followed, so nothing in it can be
// larger than it is.
func parseIndex(data []byte, name string) (listing, error) {
	out := listing{versions: map[string]listed{}}
	if block, byLines := cut(data, name); byLines {
		data = block
	}
	if len(data) > maxChart || beginnings(data) > maxNodes {
		return out, errTooLarge
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return out, errIndex
	}
	if len(document.Content) != 1 {
		return out, nil // it is empty
	}
	entries := valueOf(document.Content[0], "entries")
	versions := valueOf(entries, name)
	switch {
	case entries == nil:
		return out, errIndex
	case versions == nil || versions.Tag == "!!null":
		return out, nil
	case versions.Kind != yaml.SequenceNode:
		return out, errIndex
	}
	for _, entry := range versions.Content {
		version := scalar(valueOf(entry, "version"))
		if _, twice := out.versions[version]; version == "" || twice {
			continue
		}
		out.names = append(out.names, version)
		out.versions[version] = readEntry(entry)
	}
	return out, nil
}

// beginnings counts the characters with one of which every value begins, but for
// the key in front of it.
func beginnings(data []byte) int {
	n := 0
	for _, b := range data {
		switch b {
		case '\n', ',', '[', '{', '-':
			n++
		}
	}
	return n
}

var bareDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

func readEntry(entry *yaml.Node) listed {
	var v listed
	if digest := strings.TrimPrefix(strings.ToLower(scalar(valueOf(entry, "digest"))), "sha256:"); bareDigest.MatchString(digest) {
		v.digest = "sha256:" + digest
	} else if digest != "" {
		v.broken = "the digest in the index is no SHA-256"
	}
	urls := valueOf(entry, "urls")
	if urls != nil && urls.Kind == yaml.SequenceNode && len(urls.Content) > 0 {
		v.url = scalar(urls.Content[0]) // the others are mirrors that Helm does not ask either
	}
	if v.url == "" || len(v.url) > maxURL {
		v.url, v.broken = "", "the index gives no address of the archive"
	}
	return v
}

// valueOf returns the value of a key; nil where there is none.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func scalar(node *yaml.Node) string {
	if node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// cut takes one chart out of an index that is written as Helm does, with a line
// for each chart, since a large one holds thousands of others. It returns false
// where the lines do not tell, and an empty index where the chart is not there.
func cut(index []byte, name string) ([]byte, bool) {
	out := []byte("entries:\n")
	known, inEntries, taking := false, false, false
	depth := 0 // of the charts' names; 0: not seen yet
	for line := range bytes.Lines(index) {
		text := bytes.TrimLeft(line, " ")
		indent := len(line) - len(text)
		text = bytes.TrimRight(text, "\r\n\t ")
		switch {
		case len(text) == 0 || text[0] == '#':
		case indent == 0:
			if known && inEntries && text[0] == '-' || bytes.HasPrefix(text, []byte("entries: ")) {
				return nil, false
			}
			inEntries, taking = string(text) == "entries:", false
			known = known || inEntries
		case inEntries && (depth == 0 || indent == depth) && text[0] != '-':
			depth = indent
			key, rest, _ := bytes.Cut(text, []byte(":"))
			taking = string(bytes.Trim(key, `"'`)) == name
			if taking && len(rest) > 0 || bytes.ContainsAny(text[:1], "{[?&*\t") {
				return nil, false
			}
		}
		if taking {
			out = append(out, line...)
		}
	}
	return out, known
}
