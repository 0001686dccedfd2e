package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// describe says where and with what the bench is run.
func describe(ctx context.Context, dir string, rounds int) (string, error) {
	versions := []string{runtime.Version()}
	for _, tool := range [][]string{{"git", "version"}, {"kustomize", "version"}, {"helm", "version", "--short"}} {
		out, err := exec.CommandContext(ctx, tool[0], tool[1:]...).Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w", strings.Join(tool, " "), err)
		}
		versions = append(versions, strings.TrimPrefix(tool[0]+" "+strings.TrimSpace(string(out)), "git "))
	}
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("of unknown commit")
	}
	versions = append(versions, "towpath "+strings.TrimSpace(string(commit)))
	return fmt.Sprintf("machine:  %s, %d cores, %s/%s; all files under %s\nversions: %s\nrounds:   %d paired ones in shuffled order; times are medians",
		processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, dir, strings.Join(versions, ", "), rounds), nil
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // there is none elsewhere
	if name := field(string(text), "model name"); name != "" {
		return name
	}
	return "unknown processor"
}

// field is a field of one of Linux's own files.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// rules say what the figures are and are not.
const rules = `shell:    is told the image; it clones, builds, commits and pushes, with the token in every request.
          "Best" is the fastest of full, depth 1, sparse and blobless.
towpath:  is told of the push to main as its webhook is; image, refs and everything else it finds out.
          Warm: its mirror is on disk. Cold: a new engine that has nothing on disk. A renderer is running,
          and each round has a new image, so that nothing rendered before is of use.
delay:    is added to requests to the git server, to both sides; not to GitHub's API and to the registry,
          which the shell does not ask.`
