package towpath_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWorkflowsAreRight lets actionlint judge every workflow of the repository, those
// in the documents as well.
func TestWorkflowsAreRight(t *testing.T) {
	lint := filepath.Join(cmp.Or(os.Getenv("TOWPATH_TOOLS"), "bin"), "actionlint")
	if _, err := os.Stat(lint); err != nil {
		t.Skip("SKIPPED: actionlint is not installed; run scripts/tools.sh")
	}
	files, err := filepath.Glob("examples/*/.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range append(documents, "README.md") {
		for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, document), -1) {
			if text := block[1]; strings.Contains(text, "\njobs:") {
				file := filepath.Join(t.TempDir(), "workflow.yml")
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				files = append(files, file)
			}
		}
	}
	if len(files) < 3 {
		t.Errorf("only %q are judged: is the README's workflow not found?", files)
	}
	if out, err := exec.Command(lint, append([]string{"-no-color"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
