package commandline

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The example of docs/snapshot.md is what it says, and so are its variations.
func TestExampleOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/snapshot.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string) string {
		found := regexp.MustCompile("(?s)\n```" + kind + "\n(.*?)```\n").FindSubmatch(text)
		if found == nil {
			t.Fatalf("docs/snapshot.md has no %s", kind)
		}
		return string(found[1])
	}
	plan := func(file string, args ...string) string {
		var out, errs bytes.Buffer
		c := Command{Args: append([]string{"plan", "--snapshot", "-"}, args...), Stdin: strings.NewReader(file), Stdout: &out, Stderr: &errs, Now: time.Now}
		if code := c.Main(); code != 0 {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		return out.String()
	}
	file := block("json")
	if got, want := plan(file), block("text"); got != want {
		t.Errorf("the document says\n%s\nand the program\n%s", want, got)
	}
	promoted := regexp.MustCompile(`(?m)^prod +promote `)
	if got := plan(strings.Replace(file, `"1h"`, `"15m"`, 1)); !promoted.MatchString(got) {
		t.Errorf("with a shorter soak:\n%s", got)
	}
	if got := plan(file, "--at", "2026-12-01T10:00:00Z"); !promoted.MatchString(got) {
		t.Errorf("an hour later:\n%s", got)
	}
	if got := plan(strings.Replace(file, `"success"`, `"failure"`, 1)); !strings.Contains(got, "waiting for test") || !strings.Contains(got, "gate e2e in test failed: failure") {
		t.Errorf("with a failure:\n%s", got)
	}
	for _, args := range [][]string{{"--save", "x"}, {"--repo", "acme/app"}, {"--at", "noon"}} {
		c := Command{Args: append([]string{"plan", "--snapshot", "-"}, args...), Stdin: strings.NewReader(file), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Now: time.Now}
		if code := c.Main(); code != exitMisused {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}
