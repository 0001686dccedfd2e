package report

import (
	"reflect"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/promote"
)

// L4: what trailers say is read back, whoever merged them and however.
func TestReadTrailers(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	all := promote.Freight{Warehouse: "app", Images: []promote.Image{
		{Repository: "localhost:5000/acme/web", Tag: "1.4.2", Digest: digest}, {Repository: "ghcr.io/acme/api", Tag: "main", Digest: digest, ByTag: true},
		{Repository: "ghcr.io/acme/job", Digest: digest},
	}, Charts: []promote.Chart{{Repository: "oci://ghcr.io/acme/redis", Name: "redis", Version: "1.0.0", Digest: digest}},
		Commits: []promote.Commit{{Repository: ".", ID: id("4"), Tag: "v1"}, {Repository: "acme/lib", ID: id("5")}}}
	all.ID = all.Identify()
	byHand := promote.Freight{Warehouse: "flags", Commits: []promote.Commit{{Repository: ".", ID: id("6")}}, Manual: true, By: "octo"}
	byHand.ID = byHand.Identify()
	channel := promote.Freight{Warehouse: "next", Commits: []promote.Commit{{Repository: ".", ID: id("7")}}, Channel: "pr-123"}
	channel.ID = channel.Identify()
	freight := []promote.Freight{all, byHand, channel}

	v := proposed().view()
	p := v.open("prod").Proposal
	p.Config, p.Back = id("8"), &promote.Back{Comment: 12}
	want := Trailers{
		Pipeline: "acme/guestbook#guestbook", Stage: "prod", Slots: map[string]string{"app": all.ID, "flags": byHand.ID, "next": channel.ID},
		Freight: freight, Sources: p.Sources, Config: p.Config, By: p.By, Rollback: true,
	}
	message := CommitMessage(v, p, freight, nil)
	for name, text := range map[string]string{
		"commit": message, "browser": strings.ReplaceAll(message, "\n", "\r\n"), "squash": message + "\nCo-authored-by: octo <octo@acme.test>\n",
	} {
		if got, ok := ReadTrailers(text); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read\n%+v\nwant\n%+v", name, got, want)
		}
	}
	if got, ok := ReadTrailers(strings.Replace(message, "web:1.4.2@sha256:a", "web:1.4.2@sha256:b", 1)); !ok || len(got.Freight) != 2 || got.Slots["app"] != all.ID {
		t.Errorf("artifacts that the id does not follow from: %+v, %v", got, ok)
	}
	for _, text := range []string{"", "Notes\n", message + message, "Towpath-Pipeline: a/b#c\nTowpath-Stage: d\n", message + "Towpath-Freight: app=" + id("1") + "\n"} {
		if got, ok := ReadTrailers(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func FuzzReadTrailers(f *testing.F) {
	v := proposed().view()
	f.Add(CommitMessage(v, v.open("prod").Proposal, []promote.Freight{second}, nil))
	f.Add("Towpath-Pipeline: a\nTowpath-Stage: b\nTowpath-Freight: a=" + id("1") + "\nTowpath-Artifact: a  \n")
	f.Fuzz(func(t *testing.T, message string) {
		told, ok := ReadTrailers(message)
		for _, freight := range told.Freight {
			if !ok || freight.Identify() != freight.ID || told.Slots[freight.Warehouse] != freight.ID {
				t.Errorf("%q tells of %+v", message, freight)
			}
		}
	})
}
