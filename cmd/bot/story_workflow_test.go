package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func workflowCommands() map[string]command {
	return map[string]command{"act": (*world).actCommand}
}

const actUsage = "act event [key=value]…"

// actCommand lets nektos/act run the story's workflows (the files below workflows/)
// for an event, as GitHub would: in a checkout of the action, with the token of a
// workflow. The action's program is this test's, by its sum. The words after the
// event are its payload: `comment.body=/promote prod`. For act every event is of the
// checkout's commit, which the story's repository does not have.
func (w *world) actCommand(s *story, args []string) error {
	if len(args) == 0 {
		return usage(actUsage)
	}
	if err := w.settle(); err != nil {
		return err
	}
	dir, err := w.checkout(s)
	if err != nil {
		return err
	}
	payload := map[string]any{}
	for _, word := range args[1:] {
		path, value, _ := strings.Cut(w.spoken(word), "=")
		at, keys := payload, strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			if at[key] == nil {
				at[key] = map[string]any{}
			}
			at = at[key].(map[string]any)
		}
		at[keys[len(keys)-1]] = value
	}
	event, err := json.Marshal(payload)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "event.json"), event, 0o600)
	}
	if err != nil {
		return err
	}
	token, err := w.hub.WorkflowToken(w.repo)
	if err != nil {
		return err
	}
	cmd := exec.Command("act", args[0], "--eventpath", "event.json", "--platform", "ubuntu-latest=-self-hosted", "--actor", "you",
		"--secret", "GITHUB_TOKEN="+token,
		"--env", "GITHUB_SERVER_URL="+w.hub.URL(), "--env", "GITHUB_API_URL="+strings.TrimSuffix(w.hub.APIURL(), "/"),
		"--env", "TOWPATH_CHART_HOSTS="+w.registry.Addr().String(), "--env", storyTime+"="+w.clock.Now().Format(time.RFC3339Nano))
	cmd.Dir = dir
	home := filepath.Join(w.dir, "home")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	text, err := cmd.CombinedOutput()
	said := actLine.ReplaceAllString(w.names().plain(string(text)), "")
	s.print(columns.ReplaceAllString(said, "$1  "))
	return err
}

// actLine is what act writes before a line of a step.
var actLine = regexp.MustCompile(`(?m)^\[[^\]]*\]\s+(\| )?`)

// checkout makes a repository of the story's workflows, with the action beside them.
func (w *world) checkout(s *story) (string, error) {
	dir := s.MkAbs("checkout")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	path, _, _ := strings.Cut(s.Getenv("PATH"), string(os.PathListSeparator))
	program := filepath.Join(path, actionExecutable)
	data, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	sums := fmt.Sprintf("%x %s-%s-%s file://%s\n", sha256.Sum256(data), actionExecutable, runtime.GOOS, runtime.GOARCH, program)
	var failed error
	write := func(name string, text []byte) {
		name = filepath.Join(dir, name)
		failed = errors.Join(failed, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, text, 0o755))
	}
	for _, name := range []string{"action.yml", "scripts/action.sh"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		failed = errors.Join(failed, err)
		write(name, text)
	}
	write("scripts/action.sums", []byte(sums))
	workflows, err := filepath.Glob(s.MkAbs("workflows/*.yml"))
	for _, name := range workflows {
		text, read := os.ReadFile(name)
		err = errors.Join(err, read)
		// What people take from a release is the checkout here.
		here := bytes.ReplaceAll(text, []byte("- uses: towpath/towpath@v0"), []byte("- uses: actions/checkout@v4\n      - uses: ./"))
		write(".github/workflows/"+filepath.Base(name), here)
	}
	if failed = errors.Join(failed, err); failed != nil {
		return "", failed
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://github.com/" + w.repo + ".git"}, {"add", "."},
		{"-c", "user.name=you", "-c", "user.email=you@example.com", "commit", "-q", "-m", "Begin"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, text)
		}
	}
	return dir, nil
}
