package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/process"
	"github.com/towpath/towpath/internal/promote"
)

// Commands is what the commands of gates and directives share.
type Commands struct {
	Environ []string // of which they get what is harmless
	Dir     string   // the folder that the run was started in
	Temp    string   // where their own folders are made
	URL     string   // of details, for the ledger
	Now     func() time.Time
}

// command is a gate's command for one arrival.
type command struct {
	lane       *lane
	gate       promote.Gate
	arrival    promote.Arrival
	freight    []promote.Freight
	repository string
}

func (c command) step() string { return c.lane.name + "/" + c.gate.Name }

// execute runs the command in a copy of what arrived, which goes with it.
func (r *run) execute(ctx context.Context, c command) error {
	dir, err := os.MkdirTemp(r.Commands.Temp, "stage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.lane.stage.HasBranch() {
		folder, err := r.Engine.Folder(ctx, c.lane.stage.Target, c.arrival.Commit)
		if err == nil && folder != nil {
			err = copyInto(dir, folder)
		}
		if err != nil {
			return fmt.Errorf("the stage's files: %w", err)
		}
	}
	environ, err := r.Commands.environ(c.repository, c.lane, c.freight)
	if err != nil {
		return err
	}
	environ = append(environ, "TOWPATH_GATE="+c.gate.Name, "TOWPATH_COMMIT="+c.arrival.Commit)
	if c.gate.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.gate.Within, fmt.Errorf("no result within %s", promote.Span(c.gate.Within)))
		defer cancel()
	}
	return process.Run(ctx, process.Command{
		Args: []string{"sh", "-ec", c.gate.Run}, Dir: dir, Env: environ, Grace: r.Grace,
		Line: func(line []byte) { r.Out.Line(c.step(), line) },
	})
}

// copyInto writes a tree into a folder and nowhere else: a link is made as it is, and
// nothing is written through one.
func copyInto(dir string, tree fs.FS) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			return root.Mkdir(name, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			to, err := fs.ReadLink(tree, name)
			if err != nil {
				return err
			}
			return root.Symlink(to, name)
		case !entry.Type().IsRegular():
			return nil // a submodule: its files are elsewhere
		}
		return copyFile(root, tree, name, entry)
	})
}

func copyFile(root *os.Root, tree fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	from, err := tree.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if closed := to.Close(); err == nil {
		err = closed
	}
	return err
}

// harmless are the variables that commands get of those that a run has. None of them
// holds a secret.
var harmless = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM", "CI",
	"SystemRoot", "TEMP", "TMP", "PATHEXT", "ComSpec", "USERPROFILE",
}

// environ is the environment of a command that is run for a stage with freight.
func (all Commands) environ(repository string, l *lane, freight []promote.Freight) ([]string, error) {
	var out []string
	for _, line := range all.Environ {
		if key, _, _ := strings.Cut(line, "="); slices.Contains(harmless, key) {
			out = append(out, line)
		}
	}
	list, err := json.Marshal(freight)
	if err != nil {
		return nil, err
	}
	return append(out,
		"TOWPATH_REPOSITORY="+repository, "TOWPATH_PIPELINE="+l.pipeline, "TOWPATH_STAGE="+l.stage.Name, "TOWPATH_STAMP="+l.stage.Stamp,
		"TOWPATH_FREIGHT="+string(list), "TOWPATH_STARTED_IN="+all.Dir,
	), nil
}

// Output is where everything is said, a line at a time.
type Output struct {
	mu      sync.Mutex
	to      io.Writer
	secrets [][]byte
	line    []byte
}

// minSecret is how short a value is no secret: hiding it would hide words.
const minSecret = 8

// NewOutput writes to somebody, and hides the values of some variables, each of
// their lines for itself, and the passwords of registries.
func NewOutput(to io.Writer, environ []string) *Output {
	o := &Output{to: to}
	for _, line := range environ {
		key, value, _ := strings.Cut(line, "=")
		var hidden []string
		switch words := strings.Fields(value); {
		case secret(key):
			hidden = strings.Split(value, "\n")
		case strings.HasPrefix(key, "TOWPATH_REGISTRY_") && !strings.HasSuffix(key, "_FOR") && len(words) == 3: // host, user, password
			hidden = words[2:]
		}
		for _, text := range hidden {
			if text = strings.TrimSpace(text); len(text) >= minSecret {
				o.secrets = append(o.secrets, []byte(text))
			}
		}
	}
	return o
}

func secret(key string) bool {
	key = strings.ToUpper(key)
	return slices.ContainsFunc([]string{"TOKEN", "SECRET", "PASSWORD", "PRIVATE_KEY"}, func(part string) bool { return strings.Contains(key, part) }) &&
		!strings.HasSuffix(key, "_FILE") && !strings.HasSuffix(key, "_FOR")
}

// Say writes a line of ours about a stage or a step.
func (o *Output) Say(about, text string) { o.Line(about, []byte(text)) }

// Line writes a line, whole, behind what it is about.
func (o *Output) Line(about string, line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line = append(o.line[:0], '[')
	o.line = o.hidden(append(append(append(o.line, about...), "] "...), line...))
	_, _ = o.to.Write(append(o.line, '\n'))
}

func (o *Output) hidden(line []byte) []byte {
	for _, secret := range o.secrets {
		if bytes.Contains(line, secret) {
			line = bytes.ReplaceAll(line, secret, []byte("***"))
		}
	}
	return line
}
