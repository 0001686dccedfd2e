package promote

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// takeover is a pipeline with a warehouse that has channels, one that has none, and
// a stage dev of both, with prod behind it.
func takenPipeline() Pipeline {
	return Pipeline{
		Name: "web",
		Warehouses: []Warehouse{
			{Name: "app", Images: []ImageSubscription{{Repository: "ghcr.io/acme/web", Channels: []Channel{
				{Name: "pr", Tag: regexp.MustCompile(`^pr-(\d+)-`), Repository: "acme/web"}, {Name: "nightly", Tag: regexp.MustCompile(`^nightly-`), Repository: "."},
			}}}},
			{Name: "flags"},
		},
		Stages: []Stage{
			{Name: "dev", OnArrival: true, Requests: []Request{{Warehouse: "app"}, {Warehouse: "flags"}}},
			{Name: "prod", OnArrival: true, Requests: []Request{{Warehouse: "app", From: []string{"dev"}}}},
		},
	}
}

func image(tag string) []Image { return []Image{{Repository: "ghcr.io/acme/web", Tag: tag}} }

func takenSnapshot(now int) Snapshot {
	return Snapshot{Now: minute(now), Stages: map[string]StageState{}, Facts: Facts{
		Freight: []Freight{
			{ID: "old", Alias: "old", Warehouse: "app", Images: image("1.0.0"), Selected: minute(1)},
			{ID: "f1", Alias: "f1", Warehouse: "flags", Selected: minute(1)},
			{ID: "pre", Alias: "pre", Warehouse: "app", Images: image("pr-7-a"), Channel: "pr-7", Selected: minute(2)},
			{ID: "other", Alias: "other", Warehouse: "app", Images: image("pr-8-a"), Channel: "pr-8", Selected: minute(3)},
			{ID: "new", Alias: "new", Warehouse: "app", Images: image("1.1.0"), Selected: minute(4)},
			{ID: "f2", Alias: "f2", Warehouse: "flags", Selected: minute(4)},
		},
		Arrivals:  []Arrival{{Stage: "dev", Manner: ByMerge, Freight: map[string]string{"app": "new", "flags": "f1"}, Commit: "c1", Tree: "t1", At: minute(5)}},
		Takeovers: []Takeover{{Stage: "dev", Channel: "pr", Number: 7, By: "ann", At: minute(6), Until: minute(60)}},
	}}
}

// T1: what a takeover brings and keeps away, by time and by who asks.
func TestTakeoverDecides(t *testing.T) {
	hand, auto := Policy{}, Policy{Stages: []StagePolicy{{Match: "*/*", Auto: true}}}
	held := func(freight string) func(*Snapshot) {
		return func(s *Snapshot) {
			s.Facts.Arrivals = append(s.Facts.Arrivals, Arrival{
				Stage: "dev", Manner: ByMerge, Freight: map[string]string{"app": freight, "flags": "f1"}, Commit: "c2", Tree: "t2", At: minute(10)})
		}
	}
	open := func(freight string, approved bool) func(*Snapshot) {
		return func(s *Snapshot) {
			s.Stages["dev"] = StageState{Open: &Open{
				Proposal: Proposal{Stage: "dev", Freight: map[string]string{"app": freight, "flags": "f1"}}, PullRequest: 1, Approved: approved}}
		}
	}
	closed := Policy{Stages: []StagePolicy{{Match: "*/*", Auto: true, Windows: Windows{{Deny: true, From: minute(0), To: minute(90)}},
		Override: Exemption{People: 1, Over: []Rule{OverWindow, OverVerification}}}}}
	back := func(freight map[string]string) func(*Snapshot) {
		return func(s *Snapshot) {
			s.Asks = []Ask{{Stage: "dev", Freight: freight, Back: true, By: "bob", At: s.Now}}
		}
	}
	arrived := func(freight, tree string, at int) func(*Snapshot) {
		return func(s *Snapshot) {
			s.Facts = s.Facts.Merge(Facts{Arrivals: []Arrival{{
				Stage: "dev", Manner: ByMerge, Freight: map[string]string{"app": freight, "flags": "f1"}, Commit: "c" + tree, Tree: "t" + tree, At: minute(at)}}})
			s.Stages["dev"] = StageState{Head: Head{Tree: "t" + tree}}
		}
	}
	before, since := arrived("old", "0", 4), arrived("new", "1", 60) // the files of new once more
	for _, row := range []struct {
		name   string
		policy Policy
		now    int
		given  []func(*Snapshot)
		stage  string
		want   string // action and freight
		reason string
	}{
		{name: "its freight, although older, and nothing else of any slot", policy: auto, now: 20, want: "promote app=pre flags=f1", reason: "dev is taken over by ann for pr-7"},
		{name: "without a /promote as well", policy: hand, now: 20, want: "promote app=pre flags=f1"},
		{name: "there already", policy: auto, now: 20, given: []func(*Snapshot){held("pre")}, want: "current app=pre flags=f1", reason: "dev is taken over by ann for pr-7"},
		{name: "nothing of it yet", policy: auto, now: 20, given: []func(*Snapshot){func(s *Snapshot) { s.Facts.Takeovers[0].Number = 9 }}, want: "wait", reason: "warehouse app has no image of pr-9 yet"},
		{name: "an ordinary promotion gives way, approved or not", policy: auto, now: 20, given: []func(*Snapshot){open("new", true)}, want: "promote app=pre flags=f1"},
		{name: "its own approved one waits as ever", policy: auto, now: 20, given: []func(*Snapshot){open("pre", true)}, want: "open app=pre flags=f1"},
		{name: "nowhere else", policy: auto, now: 20, given: []func(*Snapshot){held("pre")}, stage: "prod", want: "wait app=new", reason: "dev is taken over by ann for pr-7"},
		{name: "rejected, and no older one in its place", policy: auto, now: 20, given: []func(*Snapshot){func(s *Snapshot) {
			s.Facts.Rejections = []Rejection{{Stage: "dev", Warehouse: "app", Freight: "pre", By: "bob", At: minute(15)}}
		}}, want: "wait app=pre", reason: "rejected"},
		{name: "over by time: the newest ordinary freight", policy: auto, now: 60, given: []func(*Snapshot){held("pre")}, want: "promote app=new flags=f2"},
		{name: "over, and nobody needs to ask", policy: hand, now: 60, given: []func(*Snapshot){held("pre")}, want: "promote app=new flags=f2"},
		{name: "released", policy: auto, now: 20, given: []func(*Snapshot){held("pre"), func(s *Snapshot) {
			s.Facts.Takeovers = append(s.Facts.Takeovers, Takeover{Stage: "dev", Channel: "pr", Number: 7, By: "bob", At: minute(12), Released: true})
		}}, want: "promote app=new flags=f2"},
		{name: "what it left open gives way", policy: auto, now: 60, given: []func(*Snapshot){open("pre", true)}, want: "promote app=new flags=f2"},
		{name: "held by somebody all the same", policy: auto, now: 20, given: []func(*Snapshot){func(s *Snapshot) {
			s.Facts.Holds = []Hold{{Stage: "dev", Cause: HeldByCommand, By: "bob", At: minute(7)}}
		}}, want: "held", reason: "held by bob"},
		{name: "asked for something else", policy: auto, now: 20, given: []func(*Snapshot){func(s *Snapshot) {
			s.Asks = []Ask{{Stage: "dev", Freight: map[string]string{"app": "new"}, By: "bob", At: minute(20)}}
		}}, want: "wait", reason: "dev is taken over by ann for pr-7"},
		{name: "asked for elsewhere", policy: auto, now: 20, given: []func(*Snapshot){func(s *Snapshot) {
			s.Asks = []Ask{{Stage: "prod", Freight: map[string]string{"app": "pre"}, By: "bob", At: minute(20)}}
		}}, stage: "prod", want: "wait", reason: "freight pre is of pr-7: only a stage that is taken over for that gets it"},
		{name: "while its window is closed, although that lets other freight in", policy: closed, now: 20, given: []func(*Snapshot){func(s *Snapshot) {
			s.Facts.Overrides = []Override{{Stage: "dev", Warehouse: "flags", Freight: "f2", By: "bob", At: minute(15)}}
		}}, want: "wait app=pre", reason: "window closed"},
		{name: "an override is not for pre-releases", policy: closed, now: 20, given: []func(*Snapshot){held("pre"), func(s *Snapshot) {
			s.Facts.Overrides = []Override{{Stage: "prod", Warehouse: "app", Freight: "pre", By: "bob", At: minute(15)}}
			s.Asks = []Ask{{Stage: "prod", Freight: map[string]string{"app": "pre"}, By: "bob", At: minute(20)}}
		}}, stage: "prod", want: "wait", reason: "freight pre is of pr-7"},
		{name: "going back brings nothing else", policy: auto, now: 20, given: []func(*Snapshot){held("pre"), back(nil)}, want: "wait", reason: "dev is taken over by ann for pr-7"},
		{name: "nor does it by name", policy: auto, now: 20, given: []func(*Snapshot){held("pre"), back(map[string]string{"app": "new"})}, want: "wait", reason: "dev is taken over by ann for pr-7"},
		{name: "after it, going back leaves out what it brought", policy: auto, now: 60, given: []func(*Snapshot){before, held("pre"), since, back(nil)}, want: "promote app=old flags=f1"},
		{name: "and by name as well", policy: auto, now: 60, given: []func(*Snapshot){before, held("pre"), since, back(map[string]string{"app": "pre"})}, want: "wait", reason: "freight pre is of pr-7"},
		{name: "what went back within it must not be merged after it", policy: auto, now: 60, given: []func(*Snapshot){held("new"), open("pre", false), func(s *Snapshot) {
			s.Stages["dev"].Open.Proposal.Back = &Back{Commit: "c2"}
			s.Facts.Holds = []Hold{{Stage: "dev", Cause: HeldByRollback, By: "bob", At: minute(20)}}
		}}, want: "open app=pre flags=f1", reason: "freight pre is of pr-7"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := takenSnapshot(row.now)
			for _, given := range row.given {
				given(&s)
			}
			for _, v := range Decide(takenPipeline(), row.policy, s) {
				if v.Stage != row.stage && !(row.stage == "" && v.Stage == "dev") {
					continue
				}
				if got := strings.TrimSpace(string(v.Action) + " " + key(v.Freight)); got != row.want {
					t.Errorf("decided %s, want %s: %+v", got, row.want, v)
				}
				var why []string
				for _, r := range slices.Concat(v.Reasons, v.Blocked) {
					why = append(why, r.String())
				}
				if !strings.Contains(strings.Join(why, "\n"), row.reason) {
					t.Errorf("reasons %q, want %q", why, row.reason)
				}
			}
		})
	}
}

// T1 A5: the stage is looked at when the time is over.
func TestTakeoverEndsByItself(t *testing.T) {
	s := takenSnapshot(20)
	for _, v := range Decide(takenPipeline(), Policy{Stages: []StagePolicy{{Match: "*/*", Auto: true}}}, s) {
		if !v.Until.Equal(minute(60)) {
			t.Errorf("%s changes at %s, want %s", v.Stage, v.Until, minute(60))
		}
	}
}

// T1: the words by which a stage is taken over, and hostile ones.
func TestTake(t *testing.T) {
	p := takenPipeline()
	for word, want := range map[string]string{
		"pr-7": "pr 7", "nightly": "nightly 0", "pr-999999999": "pr 999999999",
		"pr": "", "pr-": "", "pr-0": "", "pr-07": "", "pr--7": "", "pr-1e3": "", "pr-99999999999999999999": "", "nightly-3": "", "Pr-7": "", "": "", "pr-7\n": "",
	} {
		c, number, err := p.Take(p.Stages[0], word)
		if got := ""; err == nil {
			if got = c.Name + " " + string(rune('0'+number%10)); number > 9 {
				got = "pr 999999999"
			}
			if got != want {
				t.Errorf("%q is %s, want %q", word, got, want)
			}
		} else if want != "" || !strings.Contains(err.Error(), "there are `nightly`, `pr-<number>`") {
			t.Errorf("%q: %v", word, err)
		}
	}
	if _, _, err := p.Take(Stage{Name: "flags", Requests: []Request{{Warehouse: "flags"}}}, "pr-7"); errorText(err) != "no warehouse that `flags` takes from has a channel" {
		t.Errorf("a stage of another warehouse: %v", err)
	}
}

// F7: tags of a channel, and whose they are; what pushers write is only read.
func TestChannelHas(t *testing.T) {
	c := Channel{Name: "pr", Tag: regexp.MustCompile(`^pr-(\d+)-`)}
	for tag, want := range map[string]int{"pr-7-a": 7, "pr-007-a": 7, "pr-0-a": -1, "pr-99999999999999999999-a": -1, "xpr-7-a": -1, "pr-7": -1, "pr--7-a": -1} {
		if number, ok := c.Has(tag); ok != (want > 0) || ok && number != want {
			t.Errorf("%s is of %d, %v; want %d", tag, number, ok, want)
		}
	}
}
