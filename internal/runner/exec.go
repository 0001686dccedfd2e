package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/process"
	"github.com/towpath/towpath/internal/promote"
)

// making is what the commands of directives come to while a stage is on its way. Each
// is run once for the same files and freight, however often looks ask for it.
type making struct {
	mu    sync.Mutex
	begun map[[sha256.Size]byte]*made // by what they were run for
	last  *made                       // the one that was begun last
	steps []Step                      // that ended
	over  bool                        // the stage is on its way no more
	own   sync.WaitGroup
}

func newMaking() *making { return &making{begun: map[[sha256.Size]byte]*made{}} }

// made is one command, for certain files.
type made struct {
	cancel context.CancelFunc
	done   bool
	left   *directives.Workspace
	err    error
}

// executor gives the looks what runs the commands of directives, for as long as the
// context lasts. A command is begun and not waited for, since other stages go on
// meanwhile; when it is done there is another look.
func (r *run) executor(life context.Context) engine.Executor {
	return func(_ context.Context, of engine.Execution, workspace fs.FS) (fs.FS, error) {
		l := r.lane(of.Pipeline, of.Stage)
		if l == nil {
			return nil, fmt.Errorf("stage %s is not on its way", of.Stage)
		}
		key, err := identity(of, workspace)
		if err != nil {
			return nil, err
		}
		l.making.mu.Lock()
		defer l.making.mu.Unlock()
		m := l.making.begun[key]
		switch {
		case m != nil && m.done:
			return m.left, m.err
		case m != nil || l.making.over:
			return nil, directives.ErrRunning
		}
		return nil, r.begin(life, l, of, key, workspace)
	}
}

// begin writes the workspace down and begins the command in it. What was begun before
// is done, or was begun for files that are not wanted any more.
func (r *run) begin(life context.Context, l *lane, of engine.Execution, key [sha256.Size]byte, workspace fs.FS) error {
	if before := l.making.last; before != nil {
		before.cancel()
	}
	dir, err := os.MkdirTemp(r.Commands.Temp, "exec-")
	if err != nil {
		return err
	}
	if err := copyInto(dir, workspace); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	ctx, cancel := context.WithCancel(life)
	m := &made{cancel: cancel}
	l.making.begun[key], l.making.last = m, m
	turn := r.slots.Queue(l.length)
	l.making.own.Go(func() {
		defer cancel()
		tale := Step{Command: of.Command, Outcome: "cancelled"}
		var left *directives.Workspace
		var failed error
		_ = turn.Do(ctx, func() { left, failed = r.make(ctx, l, of, dir, &tale) }) // else it was stopped before it began
		r.remove(l.name+"/exec", dir)
		l.making.mu.Lock()
		defer l.making.mu.Unlock()
		if m.left, m.err, m.done = left, failed, true; ctx.Err() != nil {
			delete(l.making.begun, key) // it came to nothing
		}
		l.making.steps = append(l.making.steps, tale)
		r.looks.want()
	})
	return directives.ErrRunning
}

// remove takes a folder away whose directories may be read-only.
func (r *run) remove(about, dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return err
	}) // what could not be changed is not removed, and that is told
	if err := os.RemoveAll(dir); err != nil {
		r.Out.Say(about, "left a folder behind: "+err.Error())
	}
}

// make runs the command and reads what it left.
func (r *run) make(ctx context.Context, l *lane, of engine.Execution, dir string, tale *Step) (*directives.Workspace, error) {
	about := l.name + "/exec"
	r.Out.Say(about, "runs "+spoken(of.Command))
	tale.Started = time.Now()
	left, err := r.makeIn(ctx, l, of, dir, about)
	took := time.Since(tale.Started)
	tale.Seconds = took.Seconds()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		tale.Outcome, tale.Note = "failed", err.Error()
	default:
		tale.Outcome = "succeeded"
	}
	r.Out.Say(about, strings.TrimSpace(tale.Outcome+" "+tale.Note)+" after "+span(took))
	return left, err
}

func (r *run) makeIn(ctx context.Context, l *lane, of engine.Execution, dir, about string) (*directives.Workspace, error) {
	environ, err := r.Commands.environ(of.Repository, l, of.Freight)
	if err != nil {
		return nil, err
	}
	var said tail
	limited, cancel := context.WithTimeoutCause(ctx, of.Timeout, fmt.Errorf("it was not done within %s", promote.Span(of.Timeout)))
	defer cancel()
	err = process.Run(limited, process.Command{
		Args: of.Command, Dir: dir, Env: environ, Grace: r.Grace,
		Line: func(line []byte) { said.add(r.Out.hidden(line)); r.Out.Line(about, line) },
	})
	if err != nil {
		return nil, errors.New(err.Error() + said.text())
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	left, err := directives.Taken(ctx, root.FS())
	if err != nil {
		return nil, fmt.Errorf("the command left what can not be taken: %w", err)
	}
	return left, nil
}

// goesOn tells whether a command is to be waited for.
func (m *making) goesOn() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last != nil && !m.last.done
}

// spoken is a command on one line.
func spoken(words []string) string {
	out := make([]string, len(words))
	for i, word := range words {
		if out[i] = word; word == "" || strings.ContainsFunc(word, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
			out[i] = strconv.Quote(word)
		}
	}
	return strings.Join(out, " ")
}

// end stops what goes on for the stage, and waits for it.
func (m *making) end() []Step {
	m.mu.Lock()
	m.over = true
	if m.last != nil {
		m.last.cancel()
	}
	m.mu.Unlock()
	m.own.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.last = nil, nil // what they left may be much
	return m.steps
}

// identity is of everything that a command is run for. Freight counts by its id: when
// it was selected, two lookers may say differently.
func identity(of engine.Execution, workspace fs.FS) (key [sha256.Size]byte, err error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %s\n", of.Command, of.Timeout)
	for _, f := range of.Freight {
		fmt.Fprintf(hash, "%q %q\n", f.Warehouse, f.ID)
	}
	err = fs.WalkDir(workspace, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var data []byte
		info, err := entry.Info()
		switch {
		case err != nil:
		case entry.Type() == fs.ModeSymlink:
			var to string
			to, err = fs.ReadLink(workspace, name)
			data = []byte(to)
		case entry.Type().IsRegular():
			data, err = fs.ReadFile(workspace, name)
		}
		if err == nil {
			fmt.Fprintf(hash, "%q %s %d\n", name, info.Mode(), len(data))
			hash.Write(data)
		}
		return err
	})
	return [sha256.Size]byte(hash.Sum(nil)), err
}

// The end of what a command said, for who asks why it failed.
const (
	lastLines = 5
	lineWidth = 200
)

type tail [][]byte

func (t *tail) add(line []byte) {
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return
	}
	*t = append(*t, bytes.Clone(line[:min(len(line), lineWidth)]))
	*t = (*t)[max(0, len(*t)-lastLines):]
}

func (t tail) text() string {
	if len(t) == 0 {
		return ""
	}
	return "; it said last: " + string(bytes.Join(t, []byte(" | ")))
}
