package commandline

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// The line never goes on in the next one, says nothing that a terminal would act on,
// and is gone before anything else is printed.
func TestProgress(t *testing.T) {
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 5, Cols: 10}); err != nil {
		t.Fatal(err)
	}
	p := Command{Environ: []string{"TERM=xterm", "NO_COLOR=1", "CI=false"}, Stderr: terminal}.watch()
	out := p.around(terminal)
	p.clear() // nothing is there
	p.say("a\x1b[31mb\nc, and much more than there is room for")
	if _, err := io.WriteString(out, "word\n"); err != nil {
		t.Fatal(err)
	}
	p.say("d")
	p.clear()
	p.clear()
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	_, _ = io.Copy(&raw, screen)
	want := clearLine + "a�[31mb�c" + clearLine + "word\r\n" + clearLine + "d …" + clearLine
	if raw.String() != want {
		t.Errorf("got  %q\nwant %q", raw.String(), want)
	}
}

func TestNobodyWaits(t *testing.T) {
	_, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	for environ, shown := range map[string]bool{"TERM=xterm": true, "": false, "TERM=dumb": false, "TERM=xterm CI=1": false, "TERM=xterm CI=false": true} {
		if got := (Command{Environ: strings.Fields(environ), Stderr: terminal}).watch() != nil; got != shown {
			t.Errorf("%s: shown %v", environ, got)
		}
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, out := range []io.Writer{file, &bytes.Buffer{}} {
		p := Command{Environ: []string{"TERM=xterm"}, Stderr: out}.watch()
		if p.say("x"); p != nil || p.around(out) != out {
			t.Errorf("shown on %T", out)
		}
	}
}
