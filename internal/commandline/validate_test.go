package commandline

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func action(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Command{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now}.Main()
	return code, out.String(), errs.String()
}

func TestValidateExample(t *testing.T) {
	if code, out, errs := action("validate", "--repo", "../../examples/guestbook"); code != 0 || out != "" || errs != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	code, out, _ := action("validate", "--repo", "../../examples/guestbook", "--expand")
	if code != 0 || !strings.Contains(out, "stages/uat-a") || strings.Contains(out, "${{ stage }}") {
		t.Fatalf("exit %d, expanded:\n%s", code, out)
	}
}

// Every mistake has a place, all are printed at once, and the exit code is 1.
func TestValidateMistakes(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/guestbook")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, ".towpath/pipeline.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.NewReplacer("from: [uat-a, uat-b]", "from: [uat-a, uat-x]", "select:", "", "constraint:", "constrain:").Replace(string(data))
	if err := os.WriteFile(name, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := action("validate", "--repo", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 1 || len(lines) < 2 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	for i, want := range []string{".towpath/pipeline.yaml:8:", ".towpath/pipeline.yaml:34:"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want it at %s", i, lines[i], want)
		}
	}
}

func TestMisuse(t *testing.T) {
	for _, args := range [][]string{{"rendr"}, {"validate", "--nope"}, {"validate", "extra"}, {"validate", "--repo", "/does/not/exist"}} {
		if code, _, errs := action(args...); code != 2 || errs == "" {
			t.Errorf("%v: exit %d, %q", args, code, errs)
		}
	}
}
