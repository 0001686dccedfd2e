package directives

import (
	"errors"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxLeaves bounds how many values one file may have to be compared by value.
const maxLeaves = 200_000

// readResources returns the values of all resources in a file, and false when it
// holds anything that is no resource, or the same one twice. Lists are opened.
func readResources(data []byte) (map[resourceID]map[string]leaf, bool) {
	found := map[resourceID]map[string]leaf{}
	left := maxLeaves
	for d := range (stream{data: data}).documents() {
		n, err := readDocument(d.data)
		if err != nil || n != nil && !addResource(found, n, &left) {
			return nil, false
		}
	}
	return found, len(found) > 0
}

func addResource(found map[resourceID]map[string]leaf, n *yaml.Node, left *int) bool {
	var m manifest
	if n.Kind != yaml.MappingNode || n.Decode(&m) != nil || m.Kind == "" || m.APIVersion == "" {
		return false
	}
	if items, is := m.listed(n); is {
		for _, item := range items {
			if !addResource(found, item, left) {
				return false
			}
		}
		return true
	}
	id := resourceID{m.group(), m.Kind, m.Metadata.Namespace, m.name()}
	if _, twice := found[id]; twice {
		return false
	}
	f := flattener{fields: map[string]leaf{}, left: left}
	if f.walk(n, "", false, 0) != nil {
		return false
	}
	found[id] = f.fields
	return true
}

// flattener turns a resource into its values by path.
type flattener struct {
	fields map[string]leaf
	left   *int
}

var errTooMuch = errors.New("too many values")

// walk hides every value under a Secret, also under one that is nested in
// another resource or written in a string there, and what a kustomization
// generates Secrets from (R4).
func (f *flattener) walk(n *yaml.Node, at string, hidden bool, depth int) error {
	if *f.left--; *f.left < 0 || depth > 100 {
		return errTooMuch
	}
	switch n.Kind {
	case yaml.AliasNode:
		return f.walk(n.Alias, at, hidden, depth+1)
	case yaml.MappingNode:
		hidden = hidden || holdsSecret(n)
		for i := 0; i < len(n.Content); i += 2 {
			name := n.Content[i].Value
			below := hidden || generatesSecrets(name)
			if err := f.walk(n.Content[i+1], joinField(at, name), below, depth+1); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		named := itemNames(n)
		for i, item := range n.Content {
			name := strconv.Itoa(i)
			if named != nil {
				name = named[i]
			}
			if err := f.walk(item, at+"["+name+"]", hidden, depth+1); err != nil {
				return err
			}
		}
	}
	if n.Kind == yaml.ScalarNode || len(n.Content) == 0 {
		f.fields[at] = leaf{scalarText(n), hidden || secretText.MatchString(n.Value)}
	}
	return nil
}

// joinField names a field of a mapping; a name with dots is told apart by quotes.
func joinField(at, name string) string {
	if strings.ContainsAny(name, ".[]") {
		return at + `["` + name + `"]`
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

// itemNames returns name=… for each item where all have a name of their own, so
// that an item that moved is not a change of every item. Otherwise nil.
func itemNames(n *yaml.Node) []string {
	names := make([]string, len(n.Content))
	seen := map[string]bool{}
	for i, item := range n.Content {
		name := field(item, "name")
		if name == "" || seen[name] {
			return nil
		}
		seen[name] = true
		names[i] = "name=" + name
	}
	return names
}

// scalarText tells the string "1" from the number 1.
func scalarText(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "{}"
	case n.Kind == yaml.SequenceNode:
		return "[]"
	case n.ShortTag() == "!!str":
		var plain yaml.Node
		if yaml.Unmarshal([]byte(n.Value), &plain) == nil && len(plain.Content) == 1 && plain.Content[0].Kind == yaml.ScalarNode && plain.Content[0].ShortTag() != "!!str" {
			return strconv.Quote(n.Value)
		}
	}
	return n.Value
}
