package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/forge"
)

// running is a bot that runs.
type running interface {
	idle(ctx context.Context) error // blocks until nothing is to be done
	caughtUp() error                // blocks until it has seen what the clock says
	stop() error                    // as Ctrl-C does
	kill() error                    // at once
}

func botCommands() map[string]command {
	return map[string]command{
		"bot":    (*world).botCommand,
		"clock":  (*world).clockCommand,
		"settle": func(w *world, _ *story, _ []string) error { return w.settle() },
	}
}

func (w *world) clockCommand(s *story, args []string) error {
	if len(args) == 2 && args[0] == "advance" {
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		if err := w.settle(); err != nil {
			return err
		}
		return w.advance(d)
	}
	return errors.New("usage: clock advance 1h30m")
}

const botUsage = "usage: bot start [-process] [-empty] [-token] [-sweep] | stop | kill [before|after METHOD path-regexp]"

func (w *world) botCommand(s *story, args []string) error {
	if len(args) == 0 {
		return errors.New(botUsage)
	}
	switch {
	case args[0] == "start":
		return w.startStoryBot(s, args[1:])
	case w.running == nil:
		return errors.New("no bot runs")
	case args[0] == "stop":
		if err := w.settle(); err != nil {
			return err
		}
		return w.end(w.running.stop)
	case args[0] == "kill" && len(args) == 1:
		return w.end(w.running.kill)
	case args[0] == "kill" && len(args) == 4:
		return w.trap.killAt(w.running, args[1], args[2], args[3])
	}
	return errors.New(botUsage)
}

func (w *world) end(how func() error) error {
	err := how()
	w.running = nil
	w.behind.Store(nil)
	w.clock.forget()
	return err
}

func (w *world) startStoryBot(s *story, flags []string) (err error) {
	if w.running != nil {
		return errors.New("a bot runs already")
	}
	if slices.Contains(flags, "-empty") {
		if err := os.RemoveAll(filepath.Join(w.dir, "bot")); err != nil {
			return err
		}
	}
	if slices.Contains(flags, "-process") {
		w.running, err = w.startProcess(s)
	} else {
		w.running, err = w.startInside(slices.Contains(flags, "-token"), slices.Contains(flags, "-sweep"))
	}
	return err
}

// inside is a bot in this process, with the story's clock.
type inside struct {
	*bot
	clock  *storyClock
	cancel context.CancelFunc
	done   chan error
}

func (w *world) startInside(token, sweep bool) (running, error) {
	o := w.options(&w.logs)
	o.now, o.after, o.sweepEvery = w.clock.Now, w.clock.after, 0
	if sweep {
		o.sweepEvery = sweepEvery
	}
	if token {
		w.hub.AddToken("ghp_story", "towpath-user")
		if err := w.hub.SetPermission(w.repo, "towpath-user", "admin"); err != nil {
			return nil, err
		}
		o.forge.AppID, o.forge.PrivateKey, o.forge.Token = 0, nil, "ghp_story"
	}
	o.forge.Pace = forge.Pace{Burst: 100_000, PerHour: 1_000_000} // the clock stands still
	ctx, cancel := context.WithCancel(context.Background())
	b, err := newBot(ctx, o)
	if err != nil {
		cancel()
		return nil, err
	}
	b.now = w.clock.inboxNow // from here on only the inbox asks by it
	listener, err := w.listen()
	if err != nil {
		cancel()
		return nil, err
	}
	in := &inside{bot: b, clock: w.clock, cancel: cancel, done: make(chan error, 1)}
	go func() { in.done <- b.serve(ctx, listener) }()
	return in, in.caughtUp()
}

func (b *inside) idle(ctx context.Context) error { return b.inbox.Idle(ctx) }

func (b *inside) caughtUp() error {
	sweeps := 0
	if b.sweepEvery > 0 {
		sweeps = 1
	}
	return b.clock.caughtUp(1, sweeps)
}

func (b *inside) stop() error { b.cancel(); return <-b.done }
func (b *inside) kill() error { return b.stop() }

// process is the real program, in real time.
type process struct {
	cmd   *exec.Cmd
	web   string
	ended chan struct{}
	once  sync.Once
}

func (w *world) startProcess(s *story) (running, error) {
	w.clock.run()
	path := strings.Split(s.Getenv("PATH"), string(os.PathListSeparator))[0]
	key := filepath.Join(w.dir, "app.pem")
	if err := os.WriteFile(key, w.key, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(path, executable), "serve")
	cmd.Env = append(os.Environ(),
		"TOWPATH_LISTEN=127.0.0.1:0", "TOWPATH_GITHUB_URL="+w.hub.URL(), "TOWPATH_GITHUB_API_URL="+w.hub.APIURL(),
		"TOWPATH_GITHUB_APP_ID="+strconv.Itoa(labApp), "TOWPATH_GITHUB_PRIVATE_KEY_FILE="+key,
		"TOWPATH_WEBHOOK_SECRET="+labSecret, "TOWPATH_REGISTRY_SECRET="+labSecret, "TOWPATH_DATA_DIR="+filepath.Join(w.dir, "bot"))
	cmd.Stderr = &w.logs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the bot did not start: %w", err)
	}
	address, err := url.Parse(strings.TrimPrefix(strings.TrimSpace(line), "serving on "))
	if err != nil {
		return nil, err
	}
	w.behind.Store(address)
	p := &process{cmd: cmd, web: address.String(), ended: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.ended) }() // how it ended is what the story looks at
	return p, nil
}

var (
	depthLine = regexp.MustCompile(`(?m)^towpath_inbox_depth (\d+)`)
	looksLine = regexp.MustCompile(`(?m)^towpath_look_seconds_count\{`)
)

// idle asks the bot's metrics. A bot that was killed has nothing to do.
func (p *process) idle(ctx context.Context) error {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		text, err := get(ctx, p.web+"/metrics")
		if depth := depthLine.FindStringSubmatch(text); err == nil && depth != nil && depth[1] == "0" && looksLine.MatchString(text) {
			return nil
		}
		select {
		case <-p.ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ctx.Err(), text)
		case <-poll.C:
		}
	}
}

func (p *process) caughtUp() error { return nil }

func (p *process) stop() error {
	err := p.cmd.Process.Signal(os.Interrupt)
	<-p.ended
	if err == nil && p.cmd.ProcessState.ExitCode() != 0 {
		err = fmt.Errorf("the bot ended with %s", p.cmd.ProcessState)
	}
	return err
}

func (p *process) kill() error {
	p.once.Do(func() { _ = p.cmd.Process.Kill() }) // it may be dead already
	<-p.ended
	return nil
}

// trap does something at the bot's next call of the API that matches.
type trap struct {
	mu     sync.Mutex
	do     func()
	before bool // the call is carried out
	abort  bool // the answer does not reach the bot
	method string
	path   *regexp.Regexp
}

// killAt kills a process before such a call is carried out, or before it is answered.
func (t *trap) killAt(bot running, moment, method, path string) error {
	if _, ok := bot.(*process); !ok {
		return errors.New("only a bot that was started with -process can be killed at a request")
	}
	return t.set(func() { _ = bot.kill() }, moment == "before", true, method, path)
}

func (t *trap) set(do func(), before, abort bool, method, path string) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.do, t.before, t.abort, t.method = do, before, abort, method
	t.path, err = regexp.Compile(path)
	return err
}

// spring takes the trap when the request is the one that it waits for.
func (t *trap) spring(r *http.Request) (do func(), before, abort bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.do == nil || r.Method != t.method || !t.path.MatchString(r.URL.Path) {
		return nil, false, false
	}
	do, t.do = t.do, nil
	return do, t.before, t.abort
}

func (t *trap) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		do, before, abort := t.spring(r)
		if do != nil && before {
			do()
			if abort {
				panic(http.ErrAbortHandler)
			}
		}
		next.ServeHTTP(w, r)
		if do != nil && !before {
			do()
		}
	})
}
