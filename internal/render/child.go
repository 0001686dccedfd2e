package render

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"sync"
)

// child is a pool's child, as its parent sees it.
type child struct {
	cmd   *exec.Cmd
	in    io.Closer // the child ends when it is closed
	to    *gob.Encoder
	from  *gob.Decoder
	last  lastWords
	ended chan struct{} // closed when the process is gone
}

func start(limits Limits) (*child, error) {
	cmd, err := command()
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, in: in, to: gob.NewEncoder(in), from: gob.NewDecoder(bufio.NewReaderSize(out, 64<<10)), ended: make(chan struct{})}
	cmd.Stderr = &c.last
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(c.ended)
	}()
	registerValues()
	if err := c.to.Encode(order{Limits: &limits}); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// kill ends the child at once. It has no children of its own.
func (c *child) kill() { _ = c.cmd.Process.Kill() }

func (c *child) lives() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// render has a job done and meanwhile answers the child's questions about the
// tree. An error means that the child is of no more use.
func (c *child) render(tree fs.FS, j job) (*done, error) {
	if err := c.to.Encode(order{Job: &j, Given: j.given(tree)}); err != nil {
		return nil, err
	}
	var unreadable error
	for {
		var r report
		if err := c.from.Decode(&r); err != nil {
			return nil, err
		}
		if r.Done != nil {
			r.Done.unreadable = unreadable
			return r.Done, nil
		}
		if r.Question == nil {
			return nil, errors.New("it says nothing that is understood")
		}
		a, err := r.Question.answer(tree)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unreadable = err
		}
		if err := c.to.Encode(order{Answer: a}); err != nil {
			return nil, err
		}
	}
}

// Exit codes of a child, besides Go's own.
const (
	exitDone   = 0
	exitMemory = 3
)

// outOfMemory is what Go says, and with cgo the C library, where the kernel gives no
// more memory: to the heap, or to the stack of one more thread.
var outOfMemory = regexp.MustCompile("out of memory|cannot allocate memory|pthread_create failed|failed to create new OS thread")

// cause says why a child that was killed by nobody here is gone. What it printed
// is not repeated: it may hold what a Secret holds (R4).
func (c *child) cause(err error, limits Limits) error {
	<-c.ended
	words := c.last.String()
	switch state := c.cmd.ProcessState; {
	case state.ExitCode() == exitMemory || outOfMemory.MatchString(words):
		return fmt.Errorf("the renderer ran out of memory (limit %d MiB)", limits.Memory>>20)
	case strings.Contains(words, "stack overflow"):
		return fmt.Errorf("the renderer ran out of stack (limit %d MiB): something contains itself", maxStack>>20)
	default:
		return fmt.Errorf("the renderer died (%s): %w", state, err)
	}
}

// lastWords keeps the beginning of what a dying child prints.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

var _ io.Writer = (*lastWords)(nil)

func (l *lastWords) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, data[:min(len(data), 4096-len(l.text))]...)
	return len(data), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
