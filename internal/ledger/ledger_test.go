package ledger

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func facts() promote.Facts {
	freight := map[string]string{"app": "f1"}
	return promote.Facts{
		Freight: []promote.Freight{{
			ID: "f1", Alias: "calm-otter", Warehouse: "app", Selected: at,
			Images: []promote.Image{{Repository: "ghcr.io/acme/app", Tag: "1.0.0", Digest: "sha256:00"}},
		}},
		Proposals:  []promote.Proposal{{Stage: "test", Freight: freight, Base: "b", Tree: "t", Rule: "any", By: promote.Automatic, At: at}},
		Arrivals:   []promote.Arrival{{Stage: "test", Manner: promote.ByMerge, Freight: freight, Commit: "c", Tree: "t", At: at.Add(time.Minute)}},
		Results:    []promote.Result{{Stage: "test", Commit: "c", Source: promote.FromStatus, Name: "e2e / a", State: "success", At: at}},
		Holds:      []promote.Hold{{Stage: "prod", Cause: promote.HeldByCommand, By: "ann", Reason: "why", At: at}},
		Rejections: []promote.Rejection{{Stage: "prod", Warehouse: "app", Freight: "f1", By: "bob", At: at}},
		Ticks:      []promote.Tick{{Stage: "nightly", At: at}},
		Overrides:  []promote.Override{{Stage: "prod", Warehouse: "app", Freight: "f1", By: "ann", At: at}},
		Alerts:     []promote.Alert{{Stage: "test", Kind: promote.AlertStale, State: promote.AlertRaised, At: at}},
		Told:       []promote.Told{{Stage: "test", Alert: "a", Receiver: "slack X", At: at}},
		Takeovers:  []promote.Takeover{{Stage: "test", By: "ann", At: at}},
		Attempts:   []promote.Attempt{{Stage: "test", Gate: "e2e", Commit: "c", Number: 1, At: at}},
		Runs:       []promote.AttemptRun{{Stage: "test", Gate: "e2e", Commit: "c", Number: 1, ID: 7, At: at}},
		Published:  []promote.Publication{{Stage: "test", Warehouse: "app", Freight: "f1", To: "ghcr.io/acme/verified", Commit: "c", Arrived: at, At: at}},
	}
}

func tree(files map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{"README.md": {Data: []byte(Readme)}}
	for name, data := range files {
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

// L1: what is written is what is read, whatever the pipeline.
func TestRoundTrip(t *testing.T) {
	for i := range reflect.TypeFor[promote.Facts]().NumField() {
		if reflect.ValueOf(facts()).Field(i).Len() == 0 {
			t.Errorf("nothing is tried of %s", reflect.TypeFor[promote.Facts]().Field(i).Name)
		}
	}
	files, err := Files("web", facts())
	if err != nil {
		t.Fatal(err)
	}
	name, data, err := HandledFile(promote.Handled{Comment: 7, Author: "ann", Outcome: "done", At: at})
	if err != nil {
		t.Fatal(err)
	}
	files[name] = data
	book, err := Read(tree(files))
	if err != nil {
		t.Fatal(err)
	}
	if got := book.Pipelines["web"]; !reflect.DeepEqual(got, facts()) {
		t.Errorf("got %+v\nwant %+v", got, facts())
	}
	if book.Handled[7].Author != "ann" || len(book.Pipelines) != 1 {
		t.Errorf("handled %v, pipelines %v", book.Handled, book.Pipelines)
	}
}

// Two writers that saw the same fact write the same file; two facts of one
// moment are two files.
func TestNames(t *testing.T) {
	once, err := Files("web", facts())
	if err != nil {
		t.Fatal(err)
	}
	twice := facts()
	twice.Holds = append(twice.Holds, promote.Hold{Stage: "prod", Warehouse: "app", Cause: promote.HeldByPin, By: "ann", At: at})
	more, err := Files("web", twice)
	if err != nil {
		t.Fatal(err)
	}
	if len(more) != len(once)+1 {
		t.Errorf("%d files, then %d", len(once), len(more))
	}
	for name := range once {
		if string(once[name]) != string(more[name]) {
			t.Errorf("%s is not the same twice", name)
		}
	}
}

// Freight that is selected again is the newest again, and is known once.
func TestSelectedAgain(t *testing.T) {
	first, second := facts(), promote.Facts{}
	other := first.Freight[0]
	other.ID, other.Selected = "f2", at.Add(time.Minute)
	again := first.Freight[0]
	again.Selected = at.Add(time.Hour)
	second.Freight = []promote.Freight{other, again}
	files, err := Files("web", first)
	if err != nil {
		t.Fatal(err)
	}
	more, err := Files("web", second)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range more {
		files[name] = data
	}
	book, err := Read(tree(files))
	if err != nil {
		t.Fatal(err)
	}
	got := book.Pipelines["web"].Freight
	if len(got) != 2 || got[0].ID != "f2" || got[1].ID != "f1" || !got[1].Selected.Equal(again.Selected) {
		t.Errorf("freight %+v", got)
	}
}

// A fact that can not be read is named: half a ledger would decide wrongly.
func TestUnreadableFact(t *testing.T) {
	files := map[string][]byte{"web/stages/test/arrivals/x.json": []byte("{")}
	if _, err := Read(tree(files)); err == nil || !strings.Contains(err.Error(), "web/stages/test/arrivals/x.json") {
		t.Errorf("got %v", err)
	}
}
