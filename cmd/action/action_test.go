package main_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What action.yml runs takes the program that its sums name, never another one, and
// builds it where there is none to be had.
func TestProgramOfTheAction(t *testing.T) {
	release := "#!/bin/sh\necho release \"$@\" \"$INPUT_STAGE\"\n"
	source := "package main\n\nimport \"os\"\n\nfunc main() { println(\"built\", os.Args[1], os.Getenv(\"INPUT_STAGE\")) }\n"
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(release)))
	name := "towpath-action-" + runtime.GOOS + "-" + runtime.GOARCH
	for _, c := range []struct{ name, sums, want, fails string }{
		{"released", sum + " " + name + " file://DIR/release", "release workflow $(exit 1)", ""},
		{"another one", strings.Repeat("0", 64) + " " + name + " file://DIR/release", "", "is not what scripts/action.sums says it is; nothing of it was run"},
		{"gone", sum + " " + name + " file://DIR/nowhere", "built workflow $(exit 1)", ""},
		{"for another machine", sum + " towpath-action-plan9-mips file://DIR/release", "built workflow $(exit 1)", ""},
		{"no release", "", "built workflow $(exit 1)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			script, err := os.ReadFile("../../scripts/action.sh")
			must(t, err)
			for file, text := range map[string]string{
				"release": release, "a/scripts/action.sh": string(script), "a/scripts/action.sums": strings.ReplaceAll(c.sums, "DIR", dir) + "\n",
				"a/go.mod": "module example.com/a\n\ngo 1.24\n", "a/cmd/action/main.go": source,
			} {
				file = filepath.Join(dir, file)
				must(t, os.MkdirAll(filepath.Dir(file), 0o755))
				must(t, os.WriteFile(file, []byte(text), 0o755))
			}
			for range 2 { // the second step of a job finds it there
				cmd := exec.Command(filepath.Join(dir, "a/scripts/action.sh"))
				cmd.Env = append(os.Environ(), "RUNNER_TEMP="+dir, "RUNNER_OS=", "RUNNER_ARCH=", "INPUT_STAGE=$(exit 1)", "GOFLAGS=", "GOTOOLCHAIN=local")
				out, err := cmd.CombinedOutput()
				if c.fails != "" {
					if err == nil || !strings.Contains(string(out), c.fails) || strings.Contains(string(out), "release workflow") {
						t.Errorf("%v: %s", err, out)
					}
					continue
				}
				if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), c.want) {
					t.Errorf("%v: %s", err, out)
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
