package engine

import (
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
)

// A push that was told of just before its repository is gone is forgotten with it:
// the look after that has no mirror to fetch it into.
func TestForgottenRepositoriesExpectNothing(t *testing.T) {
	e := New(Config{})
	e.mirrors["acme/app"] = &gitrepo.Repo{}
	e.configs["acme/app"] = &configuration{branch: "main", parsed: &config.Config{}}
	commit := strings.Repeat("1", 40)
	e.Expect("acme/app", "refs/heads/main", commit)
	e.Expect("acme/app", "refs/heads/other", commit)
	e.Expect("acme/other", "refs/heads/main", commit)
	if len(e.expected) != 1 || len(e.expected["acme/app"]) != 1 {
		t.Fatalf("expected %v", e.expected)
	}
	e.forget("acme/app")
	if len(e.expected) != 0 {
		t.Errorf("still expected: %v", e.expected)
	}
}
