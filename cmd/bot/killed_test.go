package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// P12, L2: kill -9 at every line at which something was written or is about to
// be, then start again, also with an empty data folder. A bot that is told to stop
// finishes what it has begun, or leaves it whole.
func TestKilled(t *testing.T) {
	const push, repository = "git-receive-pack$", "/repos/acme/app$"
	const same, empty = "", "-empty"
	both := []string{same, empty}
	for _, kill := range []struct {
		name, during, moment, method, request string
		disks                                 []string
	}{
		{"never", "", "", "", "", []string{same}},
		{"after the 2xx", "image", "before", "GET", repository, both},
		{"before the push", "image", "before", "POST", push, []string{empty}},
		{"after the push, unanswered", "image", "after", "POST", push, []string{same}},
		{"after the push", "image", "before", "POST", "/pulls$", both},
		{"after the pull request, unanswered", "image", "after", "POST", "/pulls$", []string{same}},
		{"after the pull request", "image", "before", "POST", "/check-runs$", both},
		{"told to stop before the push", "image", "term", "POST", push, []string{same}},
		{"told to stop before the pull request", "image", "term", "POST", "/pulls$", []string{empty}},
		{"after the check", "image", "after", "POST", "/check-runs$", []string{empty}},
		{"after the 2xx of a comment", "comment", "before", "GET", repository, []string{empty}},
		{"after the reaction", "comment", "after", "POST", "/reactions$", []string{same}},
		{"before the push of a comment", "comment", "before", "POST", push, []string{same}},
		{"after the push of a comment", "comment", "after", "POST", push, []string{empty}},
		{"before the comment", "comment", "before", "POST", "/issues/1/comments$", both},
		{"after the comment, unanswered", "comment", "after", "POST", "/issues/1/comments$", []string{empty}},
		{"after the comment", "comment", "before", "POST", "/pulls$", []string{same}},
	} {
		for _, again := range kill.disks {
			t.Run(kill.name+again, func(t *testing.T) {
				disturbed(t, "promotion", kill.during, map[string]string{
					"MOMENT": kill.moment, "METHOD": kill.method, "REQUEST": kill.request, "AGAIN": again,
				})
			})
		}
	}
}

// P12, L2: another bot, which shares nothing with this one but the repository,
// does the same work while this one is held at a line of it.
func TestRival(t *testing.T) {
	const push = "git-receive-pack$"
	for _, rival := range []struct{ name, during, moment, method, request string }{
		{"before the push", "rival-image", "before", "POST", push},
		{"after the push", "rival-image", "after", "POST", push},
		{"before the pull request", "rival-image", "before", "POST", "/pulls$"},
		{"after the pull request", "rival-image", "after", "POST", "/pulls$"},
		{"before the push of a comment", "rival-comment", "before", "POST", push},
		{"before the comment", "rival-comment", "before", "POST", "/issues/1/comments$"},
		{"after the comment", "rival-comment", "after", "POST", "/issues/1/comments$"},
	} {
		t.Run(rival.name, func(t *testing.T) {
			disturbed(t, "promotion", rival.during, map[string]string{"MOMENT": rival.moment, "METHOD": rival.method, "REQUEST": rival.request})
		})
	}
}

// P12, H3: the same where the ledger and the promotion are in two repositories,
// which can not be pushed at once.
func TestKilledElsewhere(t *testing.T) {
	const ledger, deploy = "/acme/app.*git-receive-pack$", "/acme/deploy.*git-receive-pack$"
	for _, kill := range []struct{ name, during, moment, method, request, again string }{
		{"never", "", "", "", "", ""},
		{"after the push of the ledger, unanswered", "image", "after", "POST", ledger, ""},
		{"between the pushes", "image", "before", "POST", deploy, "-empty"},
		{"after the push, unanswered", "image", "after", "POST", deploy, ""},
		{"after the push", "image", "before", "POST", "/repos/acme/deploy/pulls$", "-empty"},
		{"between the pushes of newer freight", "another", "before", "POST", deploy, "-empty"},
		{"after the push of newer freight, unanswered", "another", "after", "POST", deploy, ""},
		{"between the pushes of a delivery", "delivery", "before", "POST", deploy, ""},
		{"after the push of a delivery, unanswered", "delivery", "after", "POST", deploy, "-empty"},
		{"between the pushes of a comment", "comment", "before", "POST", deploy, ""},
		{"after the push of a comment, unanswered", "comment", "after", "POST", deploy, "-empty"},
		{"before the reply", "comment", "before", "POST", "/issues/1/comments$", ""},
	} {
		t.Run(kill.name, func(t *testing.T) {
			disturbed(t, "elsewhere", kill.during, map[string]string{
				"MOMENT": kill.moment, "METHOD": kill.method, "REQUEST": kill.request, "AGAIN": kill.again,
			})
		})
	}
}

// disturbed tells one story with a disturbance in it, which must not show in what
// is left in the end.
func disturbed(t *testing.T, story, during string, env map[string]string) {
	testscript.Run(t, testscript.Params{
		Files: []string{"../../testdata/script/crash/" + story + ".txtar"},
		Setup: func(e *testscript.Env) error {
			for name, value := range env {
				e.Setenv(name, value)
			}
			return setup(e)
		},
		Cmds:          commands(),
		Condition:     func(word string) (bool, error) { return word == during, nil },
		UpdateScripts: *update && during == "",
	})
}
