package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/towpath/towpath/internal/render"
)

// apart is an engine with its renderer in a process of its own, so that its memory
// is not that of the GitHub stand-in and the registry.
type apart struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	to   *json.Encoder
	from *json.Decoder
}

// apartArgument is what the bench is started with to be that process.
const apartArgument = "engine"

func isApart(args []string) bool { return len(args) == 2 && args[1] == apartArgument }

// assignment is what that process hears first.
type assignment struct {
	Wiring     wiring
	Repository string
	Branches   []string // of the promotions
}

// ask is one look that it is told to take.
type ask struct{ Commit string } // that the webhook of a push tells, or empty

// told is what came of it.
type told struct {
	Promoted bool
	Failed   string
}

// startApart starts such a process with a running renderer, from a copy of the
// program that nobody else has in memory. Its data is left from an engine that is no
// more, or empty.
func startApart(ctx context.Context, a assignment) (*apart, error) {
	program, err := copyOfProgram()
	if err != nil {
		return nil, err
	}
	p := &apart{cmd: exec.CommandContext(ctx, program, apartArgument)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.to, p.from = json.NewEncoder(p.in), json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.Remove(program))
	}
	return p, p.to.Encode(a)
}

// look has it look once.
func (p *apart) look(commit string) (promoted bool, err error) {
	if err := p.to.Encode(ask{commit}); err != nil {
		return false, err
	}
	var t told
	if err := p.from.Decode(&t); err != nil {
		return false, fmt.Errorf("the engine's process: %w", err)
	}
	if t.Failed != "" {
		err = errors.New(t.Failed)
	}
	return t.Promoted, err
}

// close ends the process, by the end of its input.
func (p *apart) close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait(), os.Remove(p.cmd.Path))
}

func copyOfProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	from, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp("", "towpath-bench-engine-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return to.Name(), errors.Join(err, to.Chmod(0o700), to.Close())
}

// serveApart is what that process does.
func serveApart(ctx context.Context, in io.Reader, out io.Writer) error {
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	var a assignment
	if err := from.Decode(&a); err != nil {
		return err
	}
	pool := render.NewPool(render.Limits{})
	defer pool.Close()
	if err := pool.Warm(); err != nil {
		return err
	}
	m := newMeter(a.Branches)
	engine, err := newEngine(a.Wiring, pool, m)
	if err != nil {
		return err
	}
	for {
		var q ask
		if err := from.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		m.reset()
		if q.Commit != "" {
			engine.Expect(a.Repository, "refs/heads/main", q.Commit)
		}
		var t told
		if _, err := engine.Look(ctx, a.Repository); err != nil {
			t.Failed = err.Error()
		}
		now, _ := m.read()
		t.Promoted = !now.pushed.IsZero()
		if err := to.Encode(t); err != nil {
			return err
		}
	}
}
