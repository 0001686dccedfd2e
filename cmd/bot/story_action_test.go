package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/creack/pty"

	"github.com/towpath/towpath/internal/commandline"
	"github.com/towpath/towpath/internal/forge"
)

// actionExecutable is the command line as a program of its own. `action` is what
// stories say, since it needs to know their GitHub and their time.
const (
	actionExecutable = "towpath-action"
	storyTime        = "STORY_TIME"
	storyMoves       = "STORY_MOVES" // the time goes on from there, as others act meanwhile
)

// actionMain is what cmd/action does, at the time of the story.
func actionMain() {
	process := commandline.Process(time.Now)
	if at, err := time.Parse(time.RFC3339Nano, os.Getenv(storyTime)); err == nil {
		begin := time.Now()
		process.Now = func() time.Time {
			if os.Getenv(storyMoves) != "" {
				return at.Add(time.Since(begin))
			}
			return at
		}
		process.Pace = forge.Pace{Burst: 100_000, PerHour: 1_000_000} // the clock stands still
	}
	os.Exit(process.Main())
}

func actionCommands() map[string]command {
	return map[string]command{"action": (*world).actionCommand, "clone": (*world).cloneCommand}
}

const actionUsage = "action [-app|-token|-workflow|-anonymous] [-as=LOGIN] [-dir=DIR] [-terminal] [-env=NAME=VALUE] [-when=REGEXP -then=ACT] status …"

var columns = regexp.MustCompile(`(?m)(\S) {3,}|^ {20,}`)

// actionCommand runs the command line in the story's folder, as the App unless it
// is told otherwise, about the story's repository. What it prints and writes to a
// file has the story's names.
func (w *world) actionCommand(s *story, args []string) error {
	if err := w.settle(); err != nil {
		return err
	}
	access, dir, as, terminal := "-app", s.MkAbs("."), "you", false
	var more []string
	meanwhile := &meanwhile{}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if pattern, ok := strings.CutPrefix(args[0], "-when="); ok {
			meanwhile.when = append(meanwhile.when, regexp.MustCompile(pattern))
		} else if act, ok := strings.CutPrefix(args[0], "-then="); ok {
			meanwhile.act = append(meanwhile.act, func() error {
				words := strings.Fields(act)
				for i := range words {
					words[i] = strings.ReplaceAll(words[i], "_", " ")
				}
				return actCommands()[words[0]](w, s, words[1:])
			})
		} else if to, ok := strings.CutPrefix(args[0], "-dir="); ok {
			dir = s.MkAbs(to)
		} else if login, ok := strings.CutPrefix(args[0], "-as="); ok {
			as = login
		} else if variable, ok := strings.CutPrefix(args[0], "-env="); ok {
			more = append(more, variable)
		} else if args[0] == "-terminal" {
			terminal = true
		} else {
			access = args[0]
		}
		args = args[1:]
	}
	environ, err := w.accessAs(access, as)
	if err != nil {
		return err
	}
	path, _, _ := strings.Cut(s.Getenv("PATH"), string(os.PathListSeparator))
	for i := range args {
		args[i] = w.spoken(args[i])
	}
	cmd := exec.Command(filepath.Join(path, actionExecutable), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environ...)
	if dir == s.MkAbs(".") {
		cmd.Env = append(cmd.Env, "GITHUB_REPOSITORY="+w.repo)
	}
	if !w.clock.real() {
		cmd.Env = append(cmd.Env, storyTime+"="+w.clock.Now().Format(time.RFC3339Nano))
	}
	cmd.Env = append(cmd.Env, more...)
	if len(meanwhile.when) > 0 {
		cmd.Env = append(cmd.Env, storyMoves+"=yes")
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, meanwhile), &problems
	if terminal {
		err = runAtTerminal(cmd, &problems)
	} else {
		err = cmd.Run()
	}
	if meanwhile.failed != nil || len(meanwhile.when) > 0 {
		s.Fatalf("%v did not happen, or what it was to cause: %v", meanwhile.when, meanwhile.failed)
	}
	// How wide a column is depends on names that differ from run to run.
	s.print(columns.ReplaceAllString(w.names().plain(out.String()), "$1  "))
	if err != nil {
		return fmt.Errorf("%w\n%s", err, problems.String())
	}
	_, _ = s.Stderr().Write([]byte(w.names().plain(problems.String())))
	return nil
}

// runAtTerminal runs a command whose standard error is a terminal of a hundred
// columns, and keeps what the terminal is told: controls as words, and every line
// that is begun anew on a line of its own.
func runAtTerminal(cmd *exec.Cmd, seen *bytes.Buffer) error {
	screen, terminal, err := pty.Open()
	if err != nil {
		return err
	}
	defer screen.Close()
	cmd.Stderr = terminal
	cmd.Env = append([]string{"TERM=xterm"}, cmd.Env...)
	err = errors.Join(pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: 100}), cmd.Start(), terminal.Close())
	if err != nil {
		return err
	}
	var raw bytes.Buffer
	_, _ = io.Copy(&raw, screen) // a terminal ends with an error, when nobody has it any more
	seen.WriteString(strings.NewReplacer("\r\x1b[2K", "\n<anew>", "\x1b[2m", "<faint>", "\x1b[0m", "<plain>", "\r\n", "\n", "\x1b", "<escape>").Replace(raw.String()))
	return cmd.Wait()
}

// meanwhile is what others do while a command goes on, each when it says something:
// one after the other.
type meanwhile struct {
	when   []*regexp.Regexp
	act    []func() error
	said   []byte
	failed error
}

func (m *meanwhile) Write(p []byte) (int, error) {
	m.said = append(m.said, p...)
	if len(m.when) > 0 && m.failed == nil && m.when[0].Match(m.said) {
		act := m.act[0]
		m.when, m.act, m.said = m.when[1:], m.act[1:], nil
		m.failed = act()
	}
	return len(p), nil
}

// accessAs is the environment of somebody who may ask GitHub: the App, a person
// with a token, a job of a workflow, or nobody.
func (w *world) accessAs(who, login string) ([]string, error) {
	addresses := []string{"TOWPATH_GITHUB_URL=" + w.hub.URL(), "TOWPATH_GITHUB_API_URL=" + w.hub.APIURL(), "TOWPATH_CHART_HOSTS=" + w.registry.Addr().String()}
	if address, ok := w.receiver.secret("acme/app", "SLACK"); ok {
		addresses = append(addresses, "TOWPATH_SECRET_SLACK="+address, "TOWPATH_SECRET_SLACK_FOR=acme/app")
	}
	switch who {
	case "-app":
		key := filepath.Join(w.dir, "app.pem")
		return append(addresses, "TOWPATH_GITHUB_APP_ID="+strconv.Itoa(labApp), "TOWPATH_GITHUB_PRIVATE_KEY_FILE="+key), os.WriteFile(key, w.key, 0o600)
	case "-token":
		w.hub.AddToken("ghp_action", login)
		return append(addresses, "GH_TOKEN=ghp_action"), nil
	case "-workflow":
		token, err := w.hub.WorkflowToken(w.repo)
		return []string{"GITHUB_ACTIONS=true", "GITHUB_ACTOR=" + login, "GITHUB_SERVER_URL=" + w.hub.URL(), "GITHUB_API_URL=" + strings.TrimSuffix(w.hub.APIURL(), "/"), "GITHUB_TOKEN=" + token}, err
	case "-anonymous":
		return addresses, nil
	}
	return nil, usage(actionUsage)
}

// cloneCommand clones the story's repository into a folder, as people do.
func (w *world) cloneCommand(s *story, args []string) error {
	if err := w.settle(); err != nil {
		return err
	}
	w.hub.AddToken("ghp_clone", "you")
	address := strings.Replace(w.hub.CloneURL(w.repo), "://", "://you:ghp_clone@", 1)
	cmd := exec.Command("git", "clone", "--quiet", address, s.MkAbs(or(args, 0, "clone")))
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}
