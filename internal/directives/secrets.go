package directives

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// isSecretKind reports whether nothing of a resource may be shown (R4).
func isSecretKind(name string) bool {
	return strings.EqualFold(name, "Secret") || strings.EqualFold(name, "SecretList")
}

// secretText finds a manifest of a Secret inside a string, as in an inline patch.
var secretText = regexp.MustCompile(`(?im)["']?\bkind["']?[ \t]*:[ \t]*["']?Secret(List)?\b`)

// holdsSecret reports whether a mapping is a Secret. A kind that comes by a merge
// key, or as one of several, counts, and so does one that could be behind more merge
// keys than are followed.
func holdsSecret(n *yaml.Node) bool {
	mappings := merging(n, nil)
	for _, m := range mappings {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if m.Content[i].Value == "kind" && isSecretKind(followed(m.Content[i+1]).Value) {
				return true
			}
		}
	}
	return len(mappings) > maxLinks
}

// generatesSecrets is the field of a kustomization that holds literals of Secrets.
func generatesSecrets(name string) bool { return strings.EqualFold(name, "secretGenerator") }
