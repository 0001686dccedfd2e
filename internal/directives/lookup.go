package directives

import (
	"errors"

	"gopkg.in/yaml.v3"
)

// Lookup returns what is at a key path of a YAML file, for who reads it and edits
// nothing. What a Secret holds is nobody's to read.
func Lookup(data []byte, key string) (*yaml.Node, error) {
	path, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	text, err := parseYAML(data)
	if err != nil {
		return nil, err
	}
	found, err := text.find(path)
	switch {
	case err != nil:
		return nil, err
	case len(found.rest) > 0:
		return nil, found.missing(path)
	case found.hidden:
		return nil, errors.New("it is in a Secret")
	}
	return found.node, nil
}
