package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// P12, L2: kill -9 at every line at which something was written or is about to
// be, then start again, also with an empty data folder.
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
				testscript.Run(t, testscript.Params{
					Files: []string{"../../testdata/script/crash/promotion.txtar"},
					Setup: func(env *testscript.Env) error {
						env.Setenv("MOMENT", kill.moment)
						env.Setenv("METHOD", kill.method)
						env.Setenv("REQUEST", kill.request)
						env.Setenv("AGAIN", again)
						return setup(env)
					},
					Cmds:          commands(),
					Condition:     func(word string) (bool, error) { return word == kill.during, nil },
					UpdateScripts: *update && kill.during == "",
				})
			})
		}
	}
}
