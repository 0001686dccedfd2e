package snapshot_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/snapshot"
)

func document() snapshot.Document {
	nightly, err := promote.ParseCron("15 3 * * *", "Europe/Berlin")
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	freight := promote.Freight{Alias: "brave-otter", Warehouse: "app", Selected: at, Images: []promote.Image{{Repository: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:" + strings.Repeat("a", 64)}}}
	freight.ID = freight.Identify()
	slots := map[string]string{"app": freight.ID}
	arrival := promote.Arrival{Stage: "test", Manner: promote.ByMerge, Freight: slots, Commit: strings.Repeat("c", 40), Tree: strings.Repeat("d", 40), At: at, PullRequest: 1}
	return snapshot.Document{
		Version: 1,
		Pipeline: promote.Pipeline{
			Repository: "acme/app", Name: "web",
			Warehouses: []promote.Warehouse{{Name: "app", Images: []promote.ImageSubscription{{Repository: "ghcr.io/acme/web", Select: promote.SelectSemver, Allow: []*regexp.Regexp{regexp.MustCompile(`^v?\d+`)}}}}},
			Stages: []promote.Stage{
				{Name: "test", OnArrival: true, Requests: []promote.Request{{Warehouse: "app"}}, Target: promote.Target{Repository: "acme/app", Branch: "stage/test", Path: "."}},
				{Name: "prod", Gates: []promote.Gate{{Name: "e2e", Source: promote.FromCheck, Match: "e2e", Required: true, Within: 90 * time.Minute}},
					Requests: []promote.Request{{Warehouse: "app", From: []string{"test"}, Availability: promote.Strategy{Kind: promote.All}, Soak: time.Hour}}},
				{Name: "nightly", Kind: promote.Fileless, OnArrival: true, Requests: []promote.Request{{Warehouse: "app", From: []string{"test"}}},
					Schedule: &promote.Schedule{Cron: nightly, Unchanged: true}},
			},
		},
		Policy: promote.Policy{Stages: []promote.StagePolicy{{Match: "*/*", Auto: true, Merge: promote.Merge{Method: "squash"}}}},
		Snapshot: promote.Snapshot{
			Now: at.Add(10 * time.Minute), Facts: promote.Facts{Freight: []promote.Freight{freight}, Arrivals: []promote.Arrival{arrival}},
			Stages: map[string]promote.StageState{"test": {Head: promote.Head{Commit: arrival.Commit, Tree: arrival.Tree}}},
		},
	}
}

// What was written is read again as the same, and decided alike.
func TestRoundTrip(t *testing.T) {
	before := document()
	data, err := snapshot.Write(before)
	if err != nil {
		t.Fatal(err)
	}
	after, err := snapshot.Read(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	again, err := snapshot.Write(after)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("%v\n%s\nwas written again as\n%s", err, data, again)
	}
	decide := func(d snapshot.Document) []promote.Verdict { return promote.Decide(d.Pipeline, d.Policy, d.Snapshot) }
	if got, want := decide(after), decide(before); !reflect.DeepEqual(got, want) || got[1].Reasons[0].Kind != promote.WaitingFor || got[2].Until.IsZero() {
		t.Errorf("decided %+v, not %+v", got, want)
	}
	for _, want := range []string{`"soak": "1h"`, `"within": "1h30m"`, `"onArrival": true`, `"allow": [`, `"pullRequest": 1`, `"kind": "all"`, `"line": "15 3 * * *"`, `"unchanged": true`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("there is no %s in\n%s", want, data)
		}
	}
}

func TestRefused(t *testing.T) {
	data, err := snapshot.Write(document())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, old, new, want string }{
		{"no JSON", "{", "[", "it is not JSON"},
		{"another version", `"version": 1`, `"version": 2`, "version is 2, and this program reads version 1"},
		{"an unknown field", `"soak"`, `"soaked"`, "pipeline.stages[1].requests[0].soaked: there is no such field"},
		{"no duration", `"1h"`, `"an hour"`, `pipeline.stages[1].requests[0].soak: "an hour" is no duration`},
		{"no cron line", "15 3 * * *", "15 3", "pipeline.stages[2].schedule: parse cron line"},
		{"no time", `"now": "2026`, `"now": "in 2026`, "it is no snapshot"},
		{"an unknown upstream", "\"test\"\n", "\"nowhere\"\n", `pipeline.stages[1].requests[0]: there is no stage "nowhere" before it`},
		{"an unknown warehouse", `"warehouse": "app"`, `"warehouse": "other"`, `there is no warehouse "other"`},
		{"a rule that can not be met", `"kind": "all"`, `"kind": "most"`, `availability "most" is unknown`},
		{"a stage twice", `"name": "prod"`, `"name": "test"`, `the name "test" is empty or there twice`},
		{"more than one value", "\n}\n", "\n}\n{}", "something behind"},
	} {
		t.Run(row.name, func(t *testing.T) {
			broken := strings.ReplaceAll(string(data), row.old, row.new)
			if _, err := snapshot.Read([]byte(broken)); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v\n%s", err, broken)
			}
		})
	}
}

// Whatever is read can be decided about.
func FuzzRead(f *testing.F) {
	data, err := snapshot.Write(document())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1,"snapshot":{"now":"2026-01-05T09:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := snapshot.Read(data)
		if err != nil {
			return
		}
		promote.Decide(d.Pipeline, d.Policy, d.Snapshot)
		again, err := snapshot.Write(d)
		if err != nil || !json.Valid(again) {
			t.Fatalf("%v: %s", err, again)
		}
		if _, err := snapshot.Read(again); err != nil {
			t.Fatalf("what was written can not be read: %v\n%s", err, again)
		}
	})
}

// Whatever a decision looks at can be written: no field of it is more than data.
func TestEveryFieldIsData(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var visit func(of reflect.Type, at string)
	visit = func(of reflect.Type, at string) {
		if seen[of] || of == reflect.TypeFor[time.Time]() || of == reflect.TypeFor[regexp.Regexp]() {
			return
		}
		seen[of] = true
		switch of.Kind() {
		case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
			t.Errorf("%s is a %s, which no file can hold", at, of.Kind())
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(of.Elem(), at)
		case reflect.Struct:
			for i := range of.NumField() {
				if f := of.Field(i); f.IsExported() {
					visit(f.Type, at+"."+f.Name)
				} else if of != reflect.TypeFor[promote.Cron]() { // which is parsed anew
					t.Errorf("%s has the field %s, which no file shows", at, f.Name)
				}
			}
		}
	}
	visit(reflect.TypeFor[snapshot.Document](), "Document")
}
