// Package process runs programs of others and ends them for sure: each in a process
// group of its own, its output line by line, and never waited for longer than it is
// given. It knows nothing of what the programs are for.
package process

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

// Command is a program to run.
type Command struct {
	Args  []string // the program and its arguments
	Dir   string
	Env   []string      // all of its environment
	Grace time.Duration // between being asked to end and being killed
	Line  func(line []byte)
}

// maxLine bounds what is kept of a line that does not end; a longer one comes in pieces.
const maxLine = 64 << 20

// Run runs a program and waits for it. Line is told every line that it and its
// children write, without its end, one after the other; what it is given is good
// until it returns. When the context ends, the program's group is asked to end, and
// killed after the grace period; the error is the cause of that. What the program leaves behind is ended likewise:
// whoever holds the pipe, or has left the group, delays the end by no more than that.
func Run(ctx context.Context, c Command) error {
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, in, in
	inGroup(cmd)
	err = cmd.Start()
	in.Close()
	if err != nil {
		return err
	}
	read, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(read)
		lines(out, c.Line)
	}()
	go func() { ended <- cmd.Wait() }()
	return c.await(ctx, cmd, out, read, ended)
}

// look is how often it is looked whether a group is still there: nobody tells.
const look = 20 * time.Millisecond

// await waits for the program, and then for what it left behind.
func (c Command) await(ctx context.Context, cmd *exec.Cmd, out io.Closer, read <-chan struct{}, ended <-chan error) error {
	var kill, again <-chan time.Time
	end := func() {
		if kill == nil {
			askToEnd(cmd)
			kill = time.After(c.Grace)
		}
	}
	var result error
	killed := false
	for stop := ctx.Done(); ended != nil || read != nil || !killed && there(cmd); {
		if ended == nil && read == nil {
			again = time.After(look)
		}
		select {
		case <-stop:
			stop = nil
			end()
		case result = <-ended:
			ended = nil
			end()
		case <-read:
			read = nil
		case <-again:
		case <-kill:
			killed = true
			killAll(cmd)
			if ended != nil {
				result = <-ended
				ended = nil
			}
			out.Close()
			if read != nil {
				<-read
				read = nil
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var status *exec.ExitError
	if errors.As(result, &status) {
		return errors.New(status.String()) // "exit status 3", "signal: killed"
	}
	return result
}

// lines reads to the end, whatever the length of lines.
func lines(from io.Reader, tell func([]byte)) {
	r := bufio.NewReaderSize(from, 64<<10)
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		full := len(line) >= maxLine
		switch {
		case err == nil:
			tell(trimmed(line))
			line = line[:0]
		case errors.Is(err, bufio.ErrBufferFull) && full:
			tell(line)
			line = line[:0]
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			if len(line) > 0 {
				tell(trimmed(line))
			}
			return
		}
	}
}

func trimmed(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
