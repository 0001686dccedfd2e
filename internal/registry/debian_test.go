package registry

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/towpath/towpath/internal/promote"
)

// The same against the distribution registry, the one that most people run.
func TestDistributionRegistry(t *testing.T) {
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("SKIPPED: docker-registry (Debian package docker-registry) is not installed; nothing was tried against the distribution registry")
	}
	b := &bench{t: t, host: startRegistry(t, program)}
	b.push("1.0.0", build{salt: "old", created: "2026-01-02T00:00:00Z"})
	index := b.pushIndex("1.1.0", build{salt: "amd", platform: "linux/amd64", created: "2026-01-01T00:00:00Z", revision: "c0ffee"},
		build{salt: "arm", platform: "linux/arm64"})
	c := b.client()

	found := discover(t, c, withPlatform(b.sub(promote.SelectSemver), "linux/amd64"), promote.Image{})
	if found.Image.Digest != index || found.Image.Revision != "c0ffee" {
		t.Errorf("semver: found %+v", found)
	}
	previous := found.Image
	if found := discover(t, c, b.sub(promote.SelectNewestBuild), promote.Image{}); found.Image.Tag != "1.0.0" {
		t.Errorf("newest-build: found %+v", found)
	}
	again := b.push("1.1.0", build{salt: "again"})
	if found := discover(t, c, b.sub(promote.SelectSemver), previous); found.Image.Digest != again {
		t.Errorf("F2: found %+v", found)
	}
	if _, err := c.Resolve(t.Context(), b.repository(), "9.9.9", ""); kindIn(err) != NotFound {
		t.Errorf("F5: %v", err)
	}
	nothing := b.sub(promote.SelectSemver)
	nothing.Repository = b.host + "/acme/none"
	if found := discover(t, c, nothing, promote.Image{}); found.OK {
		t.Errorf("found %+v in a repository that is not there", found)
	}
}

// startRegistry runs the registry on a port that the system chooses, and reads
// from its log which one that is.
func startRegistry(t *testing.T, program string) (host string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: 127.0.0.1:0}\n", dir), 0o600))
	command := exec.Command(program, "serve", config)
	output, err := command.StderrPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	listening := regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if match := listening.FindStringSubmatch(lines.Text()); match != nil {
			go func() { _, _ = io.Copy(io.Discard, output) }() // or it would stop at a full pipe
			return match[1]
		}
	}
	t.Fatal("docker-registry ended without listening")
	return ""
}
