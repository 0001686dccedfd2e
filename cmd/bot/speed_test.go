package main

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/examples"
	"github.com/towpath/towpath/internal/githubtest"
)

// One image push is exactly one pull request, at the first stage, whose commit
// pins the digest. How long it took from the notification on is in the log.
func TestImageBecomesOnePullRequest(t *testing.T) {
	var logs bytes.Buffer
	l, err := newLab(labConfig{})
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{lab: l, out: &logs}
	t.Cleanup(l.close)
	tree, err := fs.Sub(examples.Guestbook, "guestbook")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.hub.CreateOrg("acme"); err != nil {
		t.Fatal(err)
	}
	if d.name, err = l.addRepository("guestbook", tree); err != nil {
		t.Fatal(err)
	}
	l.startBot(t.Context(), &d.logs)
	if err := d.until(t.Context(), "the first look", func() bool {
		return len(l.hub.CheckRuns(d.name, l.hub.Refs(d.name)["refs/heads/main"])) > 0
	}); err != nil {
		t.Fatal(err, d.logs.String())
	}
	image, err := newImage(1, l.hub.Now())
	if err != nil {
		t.Fatal(err)
	}
	digest, err := l.pushImage(t.Context(), image, "acme/guestbook", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := l.tell(t.Context(), "acme/guestbook", "1.0.0", digest); err != nil {
		t.Fatal(err)
	}
	var pull githubtest.Pull
	if pull, err = d.pull(t.Context(), "test"); err != nil {
		t.Fatal(err, d.logs.String())
	}
	t.Logf("from the notification to the pull request: %s", time.Since(start).Round(time.Millisecond))
	files, err := l.hub.Files(d.name, pull.Head)
	if err != nil {
		t.Fatal(err)
	}
	pinned := slices.ContainsFunc(files, func(file string) bool {
		text, err := l.hub.ReadFile(d.name, pull.Head, file)
		return err == nil && strings.Contains(text, "guestbook@"+digest)
	})
	if !pinned {
		t.Errorf("no file pins the digest: %v", files)
	}
	if all := l.hub.Pulls(d.name); len(all) != 1 {
		t.Errorf("%d pull requests", len(all))
	}
}
