package commandline

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"
)

// progress shows what is being done now to somebody who waits at a terminal: one
// line that is rewritten in place, and gone when anything else is printed. It is safe
// for parallel use; nil shows nothing.
type progress struct {
	mu    sync.Mutex
	out   *os.File
	faint bool
	shown bool
}

// watch shows progress on a terminal, and nowhere else: neither where the output is
// kept in a file, nor in CI, nor on a terminal that can not go back in its line.
func (c Command) watch() *progress {
	file, ok := c.Stderr.(*os.File)
	kind, ci := c.getenv("TERM"), c.getenv("CI")
	if !ok || !term.IsTerminal(int(file.Fd())) || kind == "" || kind == "dumb" || ci != "" && ci != "false" {
		return nil
	}
	return &progress{out: file, faint: c.getenv("NO_COLOR") == ""}
}

const (
	clearLine = "\r\x1b[2K"
	faint     = "\x1b[2m"
	plain     = "\x1b[0m"
)

// say shows what is being done now.
func (p *progress) say(what string) {
	if p == nil {
		return
	}
	width, _, err := term.GetSize(int(p.out.Fd()))
	if err != nil || width < 2 {
		width = 80
	}
	text := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, what+" …"))
	line := string(text[:min(len(text), width-1)]) // a full line would move on to the next
	if p.faint {
		line = faint + line + plain
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	_, _ = fmt.Fprint(p.out, clearLine+line) // nobody is there to be told
}

// clear takes the line away.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *progress) wipe() {
	if p.shown {
		_, _ = fmt.Fprint(p.out, clearLine)
		p.shown = false
	}
}

// around makes a writer take the line away before it writes.
func (p *progress) around(out io.Writer) io.Writer {
	if p == nil {
		return out
	}
	return &wiping{p, out}
}

type wiping struct {
	progress *progress
	io.Writer
}

func (w *wiping) Write(data []byte) (int, error) {
	w.progress.mu.Lock()
	defer w.progress.mu.Unlock()
	w.progress.wipe()
	return w.Writer.Write(data)
}
