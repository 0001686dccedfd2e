package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/google/uuid"
)

// serveCommands run the program with settings of its own, and call the bot as
// others do.
func serveCommands() map[string]command {
	return map[string]command{
		"serve": (*world).serveCommand,
		"term":  (*world).termCommand,
		"get":   (*world).getCommand,
		"post":  (*world).postCommand,
		"store": (*world).storeCommand,
	}
}

// serveCommand starts `bot serve` with variables and flags: serve
// TOWPATH_DATA_DIR=$WORK/data --listen 127.0.0.1:0. It waits until the bot
// listens; the front then leads to it, and the bot stays until `term`.
func (w *world) serveCommand(s *story, args []string) error {
	if w.running != nil {
		return errors.New("a bot runs already")
	}
	w.clock.run()
	var flags []string
	env := append(os.Environ(), "TOWPATH_GITHUB_URL="+w.hub.URL(), "TOWPATH_GITHUB_API_URL="+w.hub.APIURL())
	for _, word := range args {
		if strings.HasPrefix(word, "TOWPATH_") {
			env = append(env, word)
		} else {
			flags = append(flags, word)
		}
	}
	path, _, _ := strings.Cut(s.Getenv("PATH"), string(os.PathListSeparator))
	cmd := exec.Command(filepath.Join(path, executable), append([]string{"serve"}, flags...)...)
	cmd.Env, cmd.Dir, cmd.Stderr = env, s.MkAbs("."), &w.logs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { _ = cmd.Wait(); close(p.ended) }() // the story looks at how it ended
	if err != nil {
		<-p.ended
		return fmt.Errorf("the bot did not start: %s: %s", cmd.ProcessState, w.logs.String())
	}
	p.web = strings.TrimPrefix(strings.TrimSpace(line), "serving on ")
	address, err := url.Parse(p.web)
	if err != nil {
		return err
	}
	w.behind.Store(address)
	w.running = p
	s.print(line)
	return nil
}

// termCommand ends the bot as systems do, by SIGTERM, and prints how it ended.
func (w *world) termCommand(s *story, _ []string) error {
	p, ok := w.running.(*process)
	if !ok {
		return errors.New("no process runs")
	}
	err := w.end(func() error {
		err := p.cmd.Process.Signal(syscall.SIGTERM)
		<-p.ended
		return err
	})
	s.print(p.cmd.ProcessState.String() + "\n")
	return err
}

// getCommand prints the status and the body of a page of the bot.
func (w *world) getCommand(s *story, args []string) error {
	if len(args) != 1 {
		return usage("get /healthz")
	}
	response, err := http.Get(w.address + args[0])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	s.print(fmt.Sprintf("%s\n%s", response.Status, w.names().plain(string(text))))
	return err
}

// storeCommand takes the inbox away from the bot, as a full disk would.
func (w *world) storeCommand(_ *story, args []string) error {
	b, ok := w.running.(*inside)
	if !ok || or(args, 0, "") != "down" {
		return usage("store down, with a bot that is no process")
	}
	if err := w.settle(); err != nil {
		return err
	}
	return b.inbox.Close()
}

const postUsage = "post path file|-size=n [-times=n] [-method=GET] [-type=text/plain] [-secret=…|-unsigned] [Header=value]…"

// call is one delivery of a story.
type call struct {
	method, url string
	body        []byte
	header      http.Header
}

// postCommand sends a delivery to the bot, signed as its kind is, and prints the
// status and the text of the answer; with -times, so many at once, and how many
// answers there were of each.
func (w *world) postCommand(s *story, args []string) error {
	if len(args) < 2 {
		return usage(postUsage)
	}
	options := map[string]string{"-times": "1", "-method": http.MethodPost, "-type": "application/json", "-secret": labSecret, "-size": "0"}
	c := call{url: w.address + args[0], header: http.Header{}}
	if strings.HasPrefix(args[0], "/webhooks/registry/distribution") {
		options["-type"] = "application/vnd.docker.distribution.events.v1+json"
	}
	if !strings.HasPrefix(args[1], "-") {
		text, err := w.filled(s.ReadFile(args[1]))
		if err != nil {
			return err
		}
		c.body = []byte(w.spoken(text))
	}
	for _, word := range args[1:] {
		key, value, _ := strings.Cut(word, "=")
		if _, known := options[key]; known || key == "-unsigned" {
			options[key] = value
		} else if value != "" {
			c.header.Set(key, value)
		}
	}
	size, err := strconv.Atoi(options["-size"])
	if err != nil {
		return usage(postUsage)
	}
	c.body = append(c.body, bytes.Repeat([]byte(" "), size)...)
	c.method = options["-method"]
	c.header.Set("Content-Type", options["-type"])
	if _, unsigned := options["-unsigned"]; !unsigned {
		c.sign(args[0], options["-secret"])
	}
	times, err := strconv.Atoi(options["-times"])
	if err != nil {
		return usage(postUsage)
	}
	text, err := c.send(times)
	s.print(text)
	return err
}

func (c *call) sign(path, secret string) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(c.body)
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	switch path {
	case "/webhooks/github":
		c.header.Set("X-Hub-Signature-256", signature)
		if c.header.Get("X-GitHub-Delivery") == "" {
			c.header.Set("X-GitHub-Delivery", uuid.NewString())
		}
	case "/webhooks/registry/distribution":
		c.header.Set("Authorization", "Bearer "+secret)
	default:
		c.header.Set("X-Towpath-Signature-256", signature)
	}
}

// send sends so many at once, and tells the answers, sorted.
func (c *call) send(times int) (string, error) {
	answers, problems := make([]string, times), make([]error, times)
	var group sync.WaitGroup
	for i := range times {
		group.Go(func() {
			request, err := http.NewRequest(c.method, c.url, bytes.NewReader(c.body))
			if err != nil {
				problems[i] = err
				return
			}
			request.Header = c.header.Clone()
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				problems[i] = err
				return
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			answers[i], problems[i] = fmt.Sprintf("%d %s", response.StatusCode, strings.TrimSpace(string(text))), err
		})
	}
	group.Wait()
	slices.Sort(answers)
	var out strings.Builder
	for i, n := 0, 0; i < times; i += n {
		for n = 1; i+n < times && answers[i+n] == answers[i]; n++ {
		}
		if out.WriteString(strings.TrimSpace(answers[i])); n > 1 {
			fmt.Fprintf(&out, " ×%d", n)
		}
		out.WriteString("\n")
	}
	return out.String(), errors.Join(problems...)
}

// apiAct calls GitHub's API as a system does that may write to the repository, with
// a body from a file, and prints the status and the answer.
func (w *world) apiAct(s *story, args []string) error {
	if len(args) != 3 {
		return usage("api POST repos/acme/app/statuses/<commit:main> file")
	}
	path, err := w.filled(args[1])
	if err != nil {
		return err
	}
	const token, user = "ghp_delivery", "delivery"
	w.hub.AddToken(token, user)
	if err := w.hub.SetPermission(w.repo, user, "write"); err != nil {
		return err
	}
	c := call{method: args[0], url: w.hub.APIURL() + path, body: []byte(s.ReadFile(args[2])), header: http.Header{}}
	c.header.Set("Authorization", "Bearer "+token)
	c.header.Set("Content-Type", "application/json")
	text, err := c.send(1)
	s.print(text)
	return err
}
