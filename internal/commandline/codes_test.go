package commandline

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/render"
)

// Whatever is used wrongly ends with 2 and a word on the standard error, and prints
// nothing else.
func TestExitCodes(t *testing.T) {
	renderer := render.NewPool(render.Limits{})
	defer renderer.Close()
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, ".towpath"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, ".towpath/pipeline.yaml"), []byte("apiVersion: towpath/v1\nname: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type row struct {
		args []string
		want int
	}
	rows := []row{
		{[]string{"nonsense"}, 2}, {nil, 0}, {[]string{"--help"}, 0},
		{[]string{"completion"}, 2}, {[]string{"completion", "tcsh"}, 2}, {[]string{"completion", "bash", "more"}, 2}, {[]string{"completion", "bash"}, 0},
		{[]string{"completion", "zsh"}, 0}, {[]string{"completion", "fish"}, 0}, {[]string{"completion", "powershell"}, 0},
		{[]string{"validate", "--repo", broken}, 1}, {[]string{"validate", "--json", "--repo", broken}, 1}, {[]string{"validate", "--json", "--expand"}, 2},
		{[]string{"validate", "--repo", t.TempDir()}, 1}, {[]string{"validate", "--json", "--repo", "../../examples/guestbook"}, 0},
		{[]string{"graph", "--repo", broken}, 1}, {[]string{"graph", "--json", "--repo", broken}, 1}, {[]string{"graph", "--json", "--format", "dot"}, 2},
		{[]string{"render", "--repo", broken, "--stage", "x", "--freight", "x", "--out", "x"}, 1}, {[]string{"render"}, 2},
		{[]string{"why"}, 2}, {[]string{"verify", "a", "b", "maybe"}, 2}, {[]string{"adopt"}, 2}, {[]string{"freight"}, 2}, {[]string{"run", "--jobs", "0"}, 2},
		{[]string{"plan", "--snapshot", filepath.Join(broken, "none")}, 1}, {[]string{"plan", "--at", "noon"}, 2},
		{[]string{"init", "--repo", t.TempDir()}, 2},
	}
	for _, cmd := range (Command{}).root(renderer).Commands() {
		rows = append(rows, row{[]string{cmd.Name(), "--nonsense"}, 2}, row{[]string{cmd.Name(), "--help"}, 0})
		if flag := cmd.Flags().Lookup("github-url"); flag != nil { // nobody has said who asks
			args := map[string][]string{"why": {"x"}, "adopt": {"x"}, "freight": {"x"}, "verify": {"x", "y", "pass"}, "init": {"--ledger"}}[cmd.Name()]
			rows = append(rows, row{append([]string{cmd.Name(), "--repo", "acme/web"}, args...), 2})
		}
	}
	for _, r := range rows {
		var out, problems bytes.Buffer
		c := Command{Args: r.args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &problems, Now: time.Now}
		if code := c.Main(); code != r.want {
			t.Errorf("%q: exit %d, want %d\n%s%s", r.args, code, r.want, out.String(), problems.String())
		}
		if r.want == 2 && (out.Len() > 0 || problems.Len() == 0) {
			t.Errorf("%q: prints %q and %q", r.args, out.String(), problems.String())
		}
	}
}

func TestMistakesAsJSON(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/guestbook")); err != nil {
		t.Fatal(err)
	}
	judge := func(want int) Judgement {
		t.Helper()
		code, out, errs := action("validate", "--json", "--repo", dir)
		var got Judgement
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != want || errs != "" {
			t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
		}
		return got
	}
	if got := judge(0); got.Version != 1 || !got.Valid || len(got.Mistakes) != 0 {
		t.Errorf("got %+v", got)
	}
	name := filepath.Join(dir, ".towpath/policy.yaml")
	if err := os.WriteFile(name, []byte("apiVersion: towpath/v1\nstages: [{match: '*', autos: true}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := judge(1)
	if got.Valid || len(got.Mistakes) != 1 || got.Mistakes[0].File != ".towpath/policy.yaml" || got.Mistakes[0].Line != 2 || got.Mistakes[0].Column != 23 || !strings.Contains(got.Mistakes[0].Message, "autos") {
		t.Errorf("got %+v", got)
	}
}
