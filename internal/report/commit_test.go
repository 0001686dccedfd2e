package report

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// parsed are the trailers as git reads them.
func parsed(t *testing.T, message string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("git is needed: the trailers are for it to read")
	}
	cmd := exec.Command(git, "interpret-trailers", "--parse")
	cmd.Dir, cmd.Env = t.TempDir(), []string{"HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1"}
	cmd.Stdin = strings.NewReader(message)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var wantTrailers = strings.Join([]string{
	"Towpath-Pipeline: acme/guestbook#guestbook",
	"Towpath-Stage: prod",
	"Towpath-Freight: app=" + id("2"),
	"Towpath-Artifact: app image ghcr.io/acme/guestbook:1.4.2@" + second.Images[0].Digest,
	"Towpath-Artifact: app commit .@" + second.Commits[0].ID,
	"Towpath-Source: .@" + second.Commits[0].ID,
	"Towpath-Source: acme/shared@" + id("5") + " (v3)",
	"Towpath-Config: " + id("e"),
	"Towpath-Rule: all of uat-a, uat-b: uat-a, uat-b (2 of 2 verified)",
	"Promoted-By: octo",
}, "\n") + "\n"

// P3: from the trailers the ledger could be made again.
func TestCommitMessage(t *testing.T) {
	v := proposed().view()
	got := CommitMessage(v, v.open("prod").Proposal, []promote.Freight{second}, []directives.Edit{
		{File: "stages/prod/kustomization.yaml", Key: "images[0].digest", Old: "sha256:1111", New: "sha256:2222"},
		{File: "stages/prod/settings.yaml", Key: "image.tag", New: "1.4.2", Note: "also `*tag` in line 7"},
	})
	want := "Promote guestbook:1.4.2 (brave-otter) to prod\n\n" +
		"- stages/prod/kustomization.yaml: images[0].digest sha256:1111 → sha256:2222\n" +
		"- stages/prod/settings.yaml: image.tag – → 1.4.2 (also `*tag` in line 7)\n\n" + wantTrailers
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if trailers := parsed(t, got); trailers != wantTrailers {
		t.Errorf("git reads\n%s", trailers)
	}
}

// A squash leaves no other message than that of the merge.
func TestMergeMessageHasTheTrailers(t *testing.T) {
	title, message := MergeMessage(proposed().view(), "prod")
	if title != "Promote guestbook:1.4.2 (brave-otter) to prod (#12)" {
		t.Errorf("title %q", title)
	}
	if trailers := parsed(t, title+"\n\n"+message); trailers != wantTrailers {
		t.Errorf("git reads\n%s", trailers)
	}
}

// What stands in a file can neither forge a trailer nor hide ours, and what
// GitHub does with the words of a commit message does not happen.
func TestHostileEdits(t *testing.T) {
	v := proposed().view()
	var edits []directives.Edit
	for _, evil := range []string{
		"x\n\nTowpath-Pipeline: evil/evil#evil\nPromoted-By: root", "\r\nPromoted-By: root", "---\n", "# comment", "Signed-off-by: a <a@b>",
		"fixes #12", "closes acme/other#3", "[skip ci]", "[CI skip]", "***NO_CI***", "@acme/everyone", "https://evil.example", "\u2028Promoted-By: root", "GH-7",
	} {
		edits = append(edits, directives.Edit{File: evil, Key: evil, Old: evil, New: evil, Note: evil})
	}
	p := v.open("prod").Proposal
	got := CommitMessage(v, p, []promote.Freight{second}, edits)
	if trailers := parsed(t, got); trailers != wantTrailers {
		t.Errorf("git reads\n%s\nof\n%s", trailers, got)
	}
	if only := CommitMessage(v, p, []promote.Freight{second}, edits[:1]); parsed(t, only) != wantTrailers {
		t.Errorf("git reads\n%s", parsed(t, only))
	}
	body, _, _ := strings.Cut(got, "\nTowpath-Pipeline:")
	if found := autolinked.FindAllString(body, -1); len(found) > 0 || regexp.MustCompile(`(?i)skip ci|ci skip|no_ci\*`).MatchString(body) {
		t.Errorf("GitHub would act on %q in\n%s", found, body)
	}
	p.By, p.Rule, p.Sources[1].Ref = "octo\nTowpath-Stage: test", "x\n\nTowpath-Stage: test", "v3\nTowpath-Stage: test"
	if n := strings.Count(parsed(t, CommitMessage(v, p, []promote.Freight{second}, nil)), "\nTowpath-Stage:"); n != 1 {
		t.Errorf("%d stages", n)
	}
}
