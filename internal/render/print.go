package render

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	yamlv2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// asYAML is what ResMap.AsYaml prints, by as many hands as there are: it is a quarter
// of a rendering.
func asYAML(resources []*resource.Resource) ([]byte, error) {
	texts, problems := make([][]byte, len(resources)), make([]error, len(resources))
	var next atomic.Int64
	var hands sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(resources)) {
		hands.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(resources)); i = next.Add(1) - 1 {
				problems[i] = guarded(func() (err error) {
					texts[i], err = yamlOf(resources[i])
					return err
				})
			}
		})
	}
	hands.Wait()
	for i, err := range problems {
		if err != nil {
			return nil, fmt.Errorf("print %s: %w", resources[i].CurId(), err)
		}
	}
	return bytes.Join(texts, []byte("---\n")), nil
}

// yamlOf is what Resource.AsYAML prints. That writes YAML, reads it again, writes
// JSON and reads that, for the sake of values which most resources do not have.
func yamlOf(r *resource.Resource) ([]byte, error) {
	if node := r.YNode(); node != nil && node.Kind == yaml.MappingNode {
		if value, ok := value(node, maxPlainDepth); ok {
			return yamlv2.Marshal(value)
		}
	}
	return r.AsYAML()
}

// What is deeper or has longer keys may be an error to one of the readers.
const (
	maxPlainDepth = 100
	maxPlainKey   = 128
)

// plainText reports whether there is nothing in a text that would be escaped.
func plainText(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) < 0
}

// value is what a node means, when there can be no two opinions on that.
func value(n *yaml.Node, depth int) (any, bool) {
	if depth == 0 || n.Anchor != "" || n.HeadComment+n.LineComment+n.FootComment != "" || n.Style&(yaml.TaggedStyle|yaml.FoldedStyle) != 0 {
		return nil, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		return mapping(n, depth-1)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			var ok bool
			if out[i], ok = value(item, depth-1); !ok {
				return nil, false
			}
		}
		return out, n.ShortTag() == yaml.NodeTagSeq
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil, false
}

func mapping(n *yaml.Node, depth int) (any, bool) {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, ok := value(n.Content[i], depth)
		key, isText := name.(string)
		if _, twice := out[key]; !ok || !isText || twice || key == "" || key == "<<" || len(key) > maxPlainKey || strings.Contains(key, "\n") {
			return nil, false
		}
		if out[key], ok = value(n.Content[i+1], depth); !ok {
			return nil, false
		}
	}
	inOrder := make(map[string]any, len(out)) // some keys have none when they are printed, and come as they came
	for _, key := range slices.Sorted(maps.Keys(out)) {
		inOrder[key] = out[key]
	}
	return inOrder, n.ShortTag() == yaml.NodeTagMap
}

func scalar(n *yaml.Node) (any, bool) {
	tag := n.ShortTag()
	if tag == yaml.NodeTagString {
		return n.Value, plainText(n.Value)
	}
	if n.Style != 0 {
		return nil, false
	}
	switch number, err := strconv.Atoi(n.Value); {
	case tag == yaml.NodeTagInt && err == nil && strconv.Itoa(number) == n.Value:
		return number, true
	case tag == yaml.NodeTagBool && (n.Value == "true" || n.Value == "false"):
		return n.Value == "true", true
	case tag == yaml.NodeTagNull && n.Value == "null":
		return nil, true
	}
	return nil, false
}
