package settings

import (
	"os"
	"path/filepath"
	"slices"
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

func settingsOf(t *testing.T, args, environ []string) (*Values, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(flags, environ)
}

func TestFlagsOverVariablesOverFile(t *testing.T) {
	file := write(t, "listen: file\ngithub-url: file\ndata-dir: file\n")
	v, err := settingsOf(t, []string{"--config", file, "--listen", "flag"},
		[]string{"TOWPATH_LISTEN=variable", "TOWPATH_GITHUB_URL=variable", "HOME=/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"listen": "flag", "github-url": "variable", "data-dir": "file", "github-app-id": ""} {
		if v.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, v.Get(name), want)
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
	if got := v.Secrets("webhook-secret"); len(got) != 2 || string(got[0]) != "new" || string(got[1]) != "old" {
		t.Errorf("webhook secrets %q", got)
	}
	if v.Get("github-private-key") != "key" {
		t.Errorf("private key %q", v.Get("github-private-key"))
	}
	cfg, err := v.Registries()
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
