package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func settingsOf(t *testing.T, args, environ []string) (*values, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return load(flags, environ)
}

func TestFlagsOverVariablesOverFile(t *testing.T) {
	file := write(t, "listen: file\ngithub-url: file\ndata-dir: file\n")
	v, err := settingsOf(t, []string{"--config", file, "--listen", "flag"},
		[]string{"TOWPATH_LISTEN=variable", "TOWPATH_GITHUB_URL=variable", "HOME=/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"listen": "flag", "github-url": "variable", "data-dir": "file", "github-app-id": ""} {
		if v.byName[name] != want {
			t.Errorf("%s is %q, want %q", name, v.byName[name], want)
		}
	}
}

// A secret comes from a variable or from a file, and a line end is no part of it.
func TestValuesFromFiles(t *testing.T) {
	v, err := settingsOf(t, []string{"--github-private-key-file", write(t, "key\n")}, []string{
		"TOWPATH_WEBHOOK_SECRET_FILE=" + write(t, "new\nold\n"),
		"TOWPATH_REGISTRY_GHCR=ghcr.io/acme bot word",
		"TOWPATH_REGISTRY_GHCR_FOR=acme/*, other/app",
		"TOWPATH_REGISTRY_QUAY_FILE=" + write(t, "quay.io bot other\n"),
		"TOWPATH_REGISTRY_QUAY_FOR=*",
		"TOWPATH_REGISTRY_DOCKER_CONFIG_FOR=acme/app",
		"TOWPATH_CHART_HOSTS=charts.internal, 10.0.0.1:8443",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := secrets(v.byName["webhook-secret"]); len(got) != 2 || string(got[0]) != "new" || string(got[1]) != "old" {
		t.Errorf("webhook secrets %q", got)
	}
	if v.byName["github-private-key"] != "key" {
		t.Errorf("private key %q", v.byName["github-private-key"])
	}
	cfg, err := v.registries()
	if err != nil {
		t.Fatal(err)
	}
	if logins := cfg.Credentials; len(logins) != 2 || logins[0].Prefix != "acme" || logins[1].Password != "other" ||
		!slices.Equal(logins[0].For, []string{"acme/*", "other/app"}) || !slices.Equal(logins[1].For, []string{"*"}) {
		t.Errorf("%d credentials: %+v", len(logins), logins)
	}
	if !slices.Equal(cfg.DockerConfigFor, []string{"acme/app"}) || !slices.Equal(cfg.ChartHosts, []string{"charts.internal", "10.0.0.1:8443"}) {
		t.Errorf("the Docker configuration is for %q, chart hosts are %q", cfg.DockerConfigFor, cfg.ChartHosts)
	}
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
