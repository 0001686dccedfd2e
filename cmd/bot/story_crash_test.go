package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/ledger"
)

// crashCommands kill a bot that was started as a process, at a line of its work.
func crashCommands() map[string]command {
	return map[string]command{
		"crash": (*world).crashCommand,
		"dead":  (*world).deadCommand,
		"rival": (*world).rivalCommand,
		"state": printed((*world).showState),
	}
}

const crashUsage = "crash before|after|term METHOD path-regexp"

// crashCommand kills the process at its next such request to GitHub, git
// included: before it has an effect, or after the effect and before the answer.
// With term it only asks the process to stop, and lets the request go on.
func (w *world) crashCommand(_ *story, args []string) error {
	if len(args) != 3 {
		return usage(crashUsage)
	}
	victim, ok := w.running.(*process)
	if !ok {
		return errors.New("only a bot that was started with -process can be killed at a request")
	}
	requests, err := regexp.Compile(args[2])
	if err != nil {
		return err
	}
	if err := w.settle(); err != nil {
		return err
	}
	kill := func() { _ = victim.kill() }
	fault := githubtest.Fault{Method: args[1], Path: requests, Times: 1}
	switch args[0] {
	case "before":
		// The connection of a killed process ends before the request is served.
		fault.Before = func() { kill(); panic(http.ErrAbortHandler) }
	case "after":
		fault.After = kill
	case "term":
		fault.Before = func() { _ = victim.cmd.Process.Signal(syscall.SIGTERM) } // it is alive: it asks
	default:
		return usage(crashUsage)
	}
	w.hub.Fail(fault)
	return nil
}

// rivalCommand lets another bot, with a disk of its own, look at everything and do
// what is to be done while the bot is held at its next such request.
func (w *world) rivalCommand(_ *story, args []string) error {
	if len(args) != 3 {
		return usage("rival before|after METHOD path-regexp")
	}
	requests, err := regexp.Compile(args[2])
	if err != nil {
		return err
	}
	if err := w.settle(); err != nil {
		return err
	}
	fault := githubtest.Fault{Method: args[1], Path: requests, Times: 1}
	look := func() { w.rivalErr = errors.Join(w.rivalErr, w.rivalLook()) }
	if args[0] == "before" {
		fault.Before = look
	} else {
		fault.After = look
	}
	w.hub.Fail(fault)
	return nil
}

// rivalLook runs the other bot until it has nothing left to do.
func (w *world) rivalLook() error {
	o := w.options(&w.logs)
	o.dataDir, o.sweepEvery = filepath.Join(w.dir, "rival"), 0
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	rival, err := newBot(ctx, o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- rival.serve(ctx, listener) }()
	err = rival.inbox.Idle(ctx)
	cancel()
	return errors.Join(err, <-done)
}

// deadCommand waits until the process was killed, or has stopped well: had it not
// reached the line, the story would prove nothing.
func (w *world) deadCommand(_ *story, _ []string) error {
	p, ok := w.running.(*process)
	if !ok {
		return errors.New("no process runs")
	}
	select {
	case <-p.ended:
		if code := p.cmd.ProcessState.ExitCode(); code > 0 {
			return fmt.Errorf("the bot ended by itself: %s", p.cmd.ProcessState)
		}
		return w.end(p.kill)
	case <-time.After(settleWithin):
		return errors.New("the bot was not killed")
	}
}

// showState prints all that a promotion leaves behind, without its times: what a
// crash must not change. Branches with the number of their commits and their
// files, the ledger's facts by kind, pull requests, comments and checks.
func (w *world) showState(_ []string) (string, error) {
	if w.rivalErr != nil {
		return "", fmt.Errorf("the other bot: %w", w.rivalErr)
	}
	var out strings.Builder
	for _, ref := range slices.Sorted(maps.Keys(w.hub.Refs(w.repo))) {
		describe := w.branchState
		if strings.HasSuffix(ref, ledger.Branch) {
			describe = w.ledgerState
		}
		text, err := describe(ref)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	for _, p := range w.hub.Pulls(w.repo) {
		fmt.Fprintf(&out, "#%d %s %s ← %s: %s\n", p.Number, p.State, p.Base, p.Head, p.Title)
		for _, c := range w.hub.Comments(w.repo, p.Number) {
			text, _, _ := strings.Cut(c.Body, "<!--") // what it hides is an id
			fmt.Fprintf(&out, "  %s, %d reactions: %s\n", c.Author, len(c.Reactions), strings.Join(strings.Fields(text), " "))
		}
	}
	return out.String(), nil
}

func (w *world) branchState(ref string) (string, error) {
	commits, err := w.git("rev-list", "--count", ref)
	if err != nil {
		return "", err
	}
	out := fmt.Sprintf("%s: %s commits\n", ref, strings.TrimSpace(commits))
	files, err := w.hub.Files(w.repo, ref)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		text, err := w.hub.ReadFile(w.repo, ref, file)
		if err != nil {
			return "", err
		}
		if ref != "refs/heads/main" {
			out += fmt.Sprintf("  %s: %s\n", file, strings.ReplaceAll(strings.TrimSpace(text), "\n", " "))
		}
	}
	for _, c := range w.hub.CheckRuns(w.repo, w.hub.Refs(w.repo)[ref]) {
		out += fmt.Sprintf("  check %s: %s: %s\n", c.Name, c.Conclusion, c.Title)
	}
	return out, nil
}

func (w *world) ledgerState(ref string) (string, error) {
	files, err := w.hub.Files(w.repo, ref)
	if err != nil {
		return "", err
	}
	kinds := map[string]int{}
	for _, file := range files {
		kinds[path.Dir(file)]++
	}
	out := ref + ":\n"
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		out += fmt.Sprintf("  %s: %d\n", kind, kinds[kind])
	}
	return out, nil
}
