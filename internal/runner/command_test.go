package runner

import (
	"strings"
	"testing"
)

// X7: what the job knows is hidden in what commands print, each line of it, and the
// passwords of registries.
func TestSecretsAreHidden(t *testing.T) {
	environ := []string{
		"GITHUB_TOKEN=ghp_0123456789", "TOWPATH_GITHUB_PRIVATE_KEY=-----BEGIN\r\nMIIEpAIBAAKCAQEA\nshort\n", "TOWPATH_SECRET_X_FILE=/run/secrets/x",
		"TOWPATH_REGISTRY_GHCR=ghcr.io/acme robot-user hunter2-hunter2", "TOWPATH_REGISTRY_GHCR_FOR=acme/one acme/two acme/three", "HOME=/home/somebody",
	}
	var out strings.Builder
	o := NewOutput(&out, environ)
	o.Line("test/smoke", []byte("ghp_0123456789 MIIEpAIBAAKCAQEA hunter2-hunter2 short robot-user acme/three /run/secrets/x /home/somebody"))
	if want := "[test/smoke] *** *** *** short robot-user acme/three /run/secrets/x /home/somebody\n"; out.String() != want {
		t.Errorf("%s", out.String())
	}
}
