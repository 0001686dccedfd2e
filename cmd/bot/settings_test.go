package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What is refused says where it stands and never what a secret is.
func TestRefusedSettings(t *testing.T) {
	const secret = "hunter2"
	for _, row := range []struct {
		name          string
		args, environ []string
		want          string
	}{
		{"nothing at all", nil, nil, "no webhook secret"},
		{"no access", nil, []string{"TOWPATH_WEBHOOK_SECRET=" + secret}, "no access to GitHub"},
		{"unknown variable", nil, []string{"TOWPATH_WEBHOK_SECRET=" + secret}, "TOWPATH_WEBHOK_SECRET is unknown"},
		{"unknown key", []string{"--config", write(t, "listn: x\n")}, nil, `unknown key "listn"`},
		{"both ways", nil, []string{"TOWPATH_GITHUB_TOKEN=" + secret, "TOWPATH_GITHUB_TOKEN_FILE=x"}, "both itself and as a file"},
		{"no such file", nil, []string{"TOWPATH_GITHUB_TOKEN_FILE=/does/not/exist"}, "/does/not/exist"},
		{"token and App", nil, []string{"TOWPATH_WEBHOOK_SECRET=" + secret, "TOWPATH_GITHUB_TOKEN=" + secret, "TOWPATH_GITHUB_APP_ID=1"}, "both a token and an App"},
		{"an id that is none", nil, []string{"TOWPATH_WEBHOOK_SECRET=" + secret, "TOWPATH_GITHUB_APP_ID=x", "TOWPATH_GITHUB_PRIVATE_KEY=" + secret}, "is not a number"},
		{"a key that is none", nil, []string{"TOWPATH_WEBHOOK_SECRET=" + secret, "TOWPATH_GITHUB_APP_ID=1", "TOWPATH_GITHUB_PRIVATE_KEY=" + secret}, "key"},
		{"a credential that is none", nil, []string{"TOWPATH_REGISTRY_X=" + secret}, "TOWPATH_REGISTRY_X"},
		{"a credential for nobody", nil, []string{"TOWPATH_REGISTRY_X=ghcr.io bot " + secret}, "TOWPATH_REGISTRY_X_FOR: the repositories"},
		{"a credential for what is no repository", nil, []string{"TOWPATH_REGISTRY_X=ghcr.io bot " + secret, "TOWPATH_REGISTRY_X_FOR=" + secret}, "TOWPATH_REGISTRY_X_FOR: word 1 is neither"},
		{"nobody's credential", nil, []string{"TOWPATH_REGISTRY_X_FOR=acme/*"}, "there is no login TOWPATH_REGISTRY_X"},
		{"an outside system without a secret", nil, []string{"TOWPATH_EXTERNAL_X=", "TOWPATH_EXTERNAL_X_FOR=acme/*"}, "TOWPATH_EXTERNAL_X: it is empty"},
		{"an outside system for nobody", nil, []string{"TOWPATH_EXTERNAL_X=" + secret}, "TOWPATH_EXTERNAL_X_FOR: the repositories"},
		{"nobody's outside system", nil, []string{"TOWPATH_EXTERNAL_X_FOR=acme/*"}, "there is no secret TOWPATH_EXTERNAL_X"},
		{"a secret as a flag", []string{"--webhook-secret", secret}, nil, "unknown flag"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir()}, row.args...)
			code := run(args, row.environ, &out, &errs)
			if code == 0 || !strings.Contains(errs.String(), row.want) {
				t.Errorf("exit %d, %s", code, errs.String())
			}
			if strings.Contains(out.String()+errs.String(), secret) {
				t.Errorf("the secret is in the output: %s%s", out.String(), errs.String())
			}
		})
	}
}
