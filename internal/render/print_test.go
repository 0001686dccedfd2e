package render

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// telling are seeds, of six hundred thousand, at which a value has a second meaning: by
// its folding, its style, and the order of keys that have none.
var telling = []uint64{21492, 77165, 295852}

// R1: what is printed without detours is what the library prints.
func TestPlainResourcesArePrintedTheSame(t *testing.T) {
	factory := provider.NewDefaultDepProvider().GetResourceFactory()
	short := 0
	const tries = 20_000
	for n := range tries {
		seed := uint64(n)
		if n < len(telling) {
			seed = telling[n]
		}
		node := nodes{rand.New(rand.NewPCG(seed, 0))}.mapping(3)
		node.Content = append(node.Content, yaml.MustParse("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}").YNode().Content...)
		resources, err := factory.ResourcesFromRNodes([]*yaml.RNode{yaml.NewRNode(node)})
		if err != nil {
			continue // kustomize does not take it
		}
		want, wrong := resources[0].AsYAML()
		if _, ok := value(resources[0].YNode(), maxPlainDepth); !ok {
			continue
		}
		short++
		got, err := yamlOf(resources[0])
		for range 50 { // some keys have no order: "08" is before "0x", that before "1", and that before "08"
			if string(got) != string(want) {
				want, wrong = resources[0].AsYAML()
			}
		}
		if wrong != nil || err != nil || string(got) != string(want) {
			t.Fatalf("seed %d prints\n%s(%v), not\n%s(%v)", seed, got, err, want, wrong)
		}
	}
	if short < tries/4 || short > tries*3/4 {
		t.Errorf("%d of %d were plain", short, tries)
	}
}

// nodes makes random ones.
type nodes struct{ *rand.Rand }

func (n nodes) one(of ...string) string { return of[n.IntN(len(of))] }

func (n nodes) node(depth int) *yaml.Node {
	switch {
	case depth > 0 && n.IntN(3) == 0:
		return n.mapping(depth - 1)
	case depth > 0 && n.IntN(3) == 0:
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: n.one("", yaml.NodeTagSeq), Style: n.flow()}
		for range n.IntN(4) {
			out.Content = append(out.Content, n.node(depth-1))
		}
		return out
	}
	return n.scalar()
}

func (n nodes) flow() yaml.Style {
	if n.IntN(4) == 0 {
		return yaml.FlowStyle
	}
	return 0
}

func (n nodes) mapping(depth int) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: n.one("", yaml.NodeTagMap), Style: n.flow()}
	for range n.IntN(5) {
		key := n.scalar()
		if n.IntN(10) > 0 {
			key = yaml.NewStringRNode(n.text()).YNode()
		}
		out.Content = append(out.Content, key, n.node(depth))
	}
	return out
}

func (n nodes) scalar() *yaml.Node {
	out := &yaml.Node{Kind: yaml.ScalarNode, Value: n.text()}
	if n.IntN(3) > 0 {
		out.Tag = yaml.NodeTagString
	}
	styles := []yaml.Style{0, 0, 0, 0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}
	out.Style = styles[n.IntN(len(styles))]
	switch n.IntN(100) {
	case 0:
		out.LineComment = "# why"
	case 1:
		out.Anchor = "a"
	case 2, 3:
		out.Tag = n.one(yaml.NodeTagInt, yaml.NodeTagBool, yaml.NodeTagNull, yaml.NodeTagFloat, "!ours")
	}
	return out
}

func (n nodes) text() string {
	if n.IntN(3) == 0 {
		return n.one("", "1", "0", "-1", "-0", "08", "0x1f", "0o17", "1_000", "123456789012345678", "1234567890123456789012", "1.0", "1e3", ".5", ".inf", "nan",
			"true", "True", "yes", "No", "on", "y", "null", "~", "Null", "<<", "=", "2001-02-03", "12:30", "2001-02-03T04:05:06Z", "!x", "&a", "*a", "- a", "a: b", "#c", "a #b",
			"---", "...", "{a: b}", "[a]", "@x", "`x`", "%a", "|", ">", "?", "? a", "\"q\"", "'q'", `\n`, strings.Repeat("long words ", 20)+"end", strings.Repeat("x", 200))
	}
	const alphabet = "aaabc01 :-#\n\n,[]{}&*!|>'\"%@`<=?~.\\/_^$()\t\u00e9\u2028"
	letters := []rune(alphabet)
	if n.IntN(2) == 0 {
		letters = letters[:14]
	}
	var out strings.Builder
	for range n.IntN(12) {
		out.WriteRune(letters[n.IntN(len(letters))])
	}
	return out.String()
}
