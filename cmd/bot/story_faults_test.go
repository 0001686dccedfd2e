package main

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
)

// raceAct lets somebody push to a branch just before the bot's next such call,
// which is after it has read the branches.
func (w *world) raceAct(s *story, args []string) error {
	if len(args) != 4 {
		return usage("race METHOD path-regexp branch path=file")
	}
	to, from, _ := strings.Cut(args[3], "=")
	text := w.local(s.ReadFile(from))
	return w.trap.set(func() {
		if _, err := w.hub.Push(w.repo, args[2], "Faster", "octo", map[string]*string{to: &text}); err != nil {
			w.logs.Write([]byte("race: " + err.Error()))
		}
	}, true, false, args[0], args[1])
}

const faultUsage = "fault never|twice|late event [n] | fault release | " +
	"fault status METHOD path-regexp code [n] [retry-after] | fault cut METHOD path-regexp bytes [n] | fault heal"

func (w *world) faultAct(_ *story, args []string) error {
	modes := map[string]githubtest.DeliveryMode{"never": githubtest.Never, "twice": githubtest.Twice, "late": githubtest.Late}
	switch what := or(args, 0, ""); {
	case what == "release":
		w.hub.Release()
		return nil
	case what == "heal":
		w.hub.Heal()
		return nil
	case what == "status" || what == "cut":
		return w.requestFault(args)
	default:
		mode, ok := modes[what]
		if !ok {
			return usage(faultUsage)
		}
		times, err := strconv.Atoi(or(args, 2, "1"))
		w.hub.FailDelivery(githubtest.DeliveryFault{Event: or(args, 1, ""), Mode: mode, Times: times})
		return err
	}
}

func (w *world) requestFault(args []string) error {
	if len(args) < 4 {
		return usage(faultUsage)
	}
	path, err := regexp.Compile(args[2])
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(or(args, 4, "1"))
	if err != nil {
		return err
	}
	f := githubtest.Fault{Method: args[1], Path: path, Times: times}
	if args[0] == "cut" {
		f.CutAfterBytes = number
	} else {
		f.Status = number
		if f.RetryAfter, err = time.ParseDuration(or(args, 5, "0s")); err != nil {
			return err
		}
	}
	if f.Method == "*" {
		f.Method = ""
	}
	if f.Status != 0 && http.StatusText(f.Status) == "" {
		return usage(faultUsage)
	}
	w.hub.Fail(f)
	return nil
}
