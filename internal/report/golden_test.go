package report

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Every text as people get it. The files are Markdown, to be read and looked at.
func TestTexts(t *testing.T) {
	for name, text := range map[string]func(t *testing.T) string{
		"pull-first":           firstPromotion,
		"pull-update":          updateByImage,
		"pull-blocked":         blockedPromotion,
		"pull-warnings":        promotionWithWarnings,
		"pull-two-slots":       promotionOfTwoSlots,
		"pull-soaked":          soakedPromotion,
		"pull-charts":          promotionOfCharts,
		"check-proposed":       func(*testing.T) string { return written(Proposed(proposed().view(), "prod")) },
		"check-blocked":        func(*testing.T) string { return written(Proposed(withdrawn().view(), "prod")) },
		"check-waiting":        func(*testing.T) string { return written(Waiting([]View{narrow(halfway(), "prod")})) },
		"check-soaking":        func(*testing.T) string { return written(Waiting([]View{narrow(soaking(), "prod")})) },
		"check-by-hand":        func(*testing.T) string { return written(Waiting([]View{narrow(ready(), "prod")})) },
		"check-several":        func(*testing.T) string { return written(Waiting([]View{withdrawn().view(), halfway().view()})) },
		"check-broken":         brokenConfiguration,
		"status":               status,
		"status-held":          func(*testing.T) string { return Status([]View{held().view()}, nil, nil) },
		"status-drift":         func(*testing.T) string { return Status([]View{drifted().view()}, nil, nil) },
		"status-render-failed": func(*testing.T) string { return Status([]View{renderFailed()}, nil, nil) },
		"status-one-stage":     oneStage,
		"status-broken": func(*testing.T) string {
			return Status(nil, nil, []string{".towpath/pipeline.yaml:3:1: unknown key \"stagse\""})
		},
		"status-nothing":        func(*testing.T) string { return Status(nil, nil, nil) },
		"outcome-promoted":      func(*testing.T) string { return asked(ready(), nil) },
		"outcome-pinned":        func(*testing.T) string { return asked(proposedPin(), map[string]string{"app": "calm-heron"}) },
		"outcome-refused":       func(*testing.T) string { return asked(halfway(), nil) },
		"outcome-soaking":       func(*testing.T) string { return asked(soaking(), nil) },
		"outcome-unknown":       func(*testing.T) string { return asked(ready(), map[string]string{"app": "evil`@octo"}) },
		"outcome-proposed":      func(*testing.T) string { return asked(proposed(), nil) },
		"outcome-current":       alreadyThere,
		"outcome-render-failed": renderFailedOutcome,
		"hold":                  holds,
		"history":               func(*testing.T) string { return PlainHistory(withdrawn().view()) },
		"plain":                 func(*testing.T) string { return Plain(halfway().view()) },
	} {
		t.Run(name, func(t *testing.T) {
			got := text(t)
			file := filepath.Join("testdata", name+".md")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (-update writes it anew); got:\n%s", file, got)
			}
			if name != "plain" && name != "history" {
				wellFormed(t, got)
			}
		})
	}
}

func written(c Check) string {
	return fmt.Sprintf("`%s` is %s: *%s*\n\n%s", c.Name, c.Conclusion, c.Title, c.Summary)
}

func pull(w *world, stage string, changes ...directives.ResourceChange) string {
	title, body := PullRequest(w.view(), stage, changes)
	return "*" + title + "*\n\n" + body
}

func firstPromotion(*testing.T) string {
	w := newWorld()
	w.snapshot.Facts.Freight = []promote.Freight{first}
	w.propose("test", first, promote.Automatic, 3, 1)
	return pull(w, "test",
		directives.ResourceChange{Group: "apps", Kind: "Deployment", Namespace: "guestbook", Name: "web", Path: "manifests/web.yaml", Action: directives.Added},
		directives.ResourceChange{Kind: "Service", Namespace: "guestbook", Name: "web", Path: "manifests/service.yaml", Action: directives.Added},
		directives.ResourceChange{Path: "README.md", Action: directives.Added})
}

func updateByImage(*testing.T) string { return pull(proposed(), "prod", deployment("1.4.2")) }

// withdrawn is a world in which uat-b failed after the promotion was proposed (A7).
func withdrawn() *world {
	w := proposed()
	w.result("smoke", "failure", 140, "uat-b")
	return w
}

func blockedPromotion(*testing.T) string { return pull(withdrawn(), "prod", deployment("1.4.2")) }

func promotionWithWarnings(*testing.T) string {
	w := proposed()
	w.snapshot.Facts.Freight[1].Images = []promote.Image{{Repository: "ghcr.io/acme/guestbook", Tag: "1.3.0", Digest: second.Images[0].Digest}}
	w.snapshot.Stages["prod"].Open.Proposal.Unverified = []string{".towpath/pipeline.yaml", "lib/labels.yaml"}
	w.snapshot.Facts.Arrivals = append(w.snapshot.Facts.Arrivals, promote.Arrival{Stage: "prod", Manner: promote.ByDrift, Commit: id("b"), Tree: id("b"), At: minute(90)})
	v := w.view()
	v.Verdicts[3].Reasons = append(v.Verdicts[3].Reasons, promote.Reason{Kind: promote.CombinationUnseen})
	changes := []directives.ResourceChange{deployment("1.3.0")}
	for i := range 12 {
		changes = append(changes, directives.ResourceChange{Kind: "ConfigMap", Name: fmt.Sprintf("settings-%d", i), Action: directives.Removed})
	}
	changes[3].Action, changes[3].Fields, changes[3].More = directives.Changed, []directives.FieldChange{{Path: "data.level", New: "debug"}}, 17
	title, body := PullRequest(v, "prod", changes)
	return "*" + title + "*\n\n" + body
}

func promotionOfTwoSlots(*testing.T) string {
	w := ready()
	flags := promote.Freight{ID: id("4"), Alias: "quiet-fox", Warehouse: "flags", Commits: []promote.Commit{{Repository: "acme/flags", ID: id("4")}}, Selected: minute(1)}
	w.snapshot.Facts.Freight = append([]promote.Freight{flags}, w.snapshot.Facts.Freight...)
	w.pipeline.Warehouses = append(w.pipeline.Warehouses, promote.Warehouse{Name: "flags"})
	for i := range w.pipeline.Stages {
		r := w.pipeline.Stages[i].Requests[0]
		r.Warehouse = "flags"
		w.pipeline.Stages[i].Requests = append(w.pipeline.Stages[i].Requests, r)
	}
	for _, a := range w.snapshot.Facts.Arrivals {
		a.Freight["flags"] = flags.ID
	}
	w.propose("prod", second, "octo", 130, 12)
	w.snapshot.Stages["prod"].Open.Proposal.Freight["flags"] = flags.ID
	w.snapshot.Stages["prod"].Open.Proposal.Rule = "app: all of uat-a, uat-b: uat-a, uat-b (2 of 2 verified)"
	return pull(w, "prod", deployment("1.4.2"))
}

func promotionOfCharts(*testing.T) string {
	w := ready()
	chart := func(repository, name, version string) promote.Chart {
		return promote.Chart{Repository: repository, Name: name, Version: version, Digest: "sha256:" + id(version[:1]) + id(version[:1])[:24]}
	}
	w.snapshot.Facts.Freight[0].Charts = []promote.Chart{
		chart("oci://ghcr.io/acme/charts/redis", "", "2.0.0"), chart("https://charts.acme.io", "web", "1.10.0"), chart("https://charts.acme.io", "cron", "3.0.0"),
	}
	w.snapshot.Facts.Freight[1].Charts = []promote.Chart{
		chart("https://charts.evil.io", "redis", "2.1.0"), chart("https://charts.acme.io", "web", "1.9.0"), chart("https://charts.acme.io", "lamp", "4.0.0"),
	}
	w.propose("prod", second, promote.Automatic, 130, 12)
	return pull(w, "prod")
}

// soaking is a world in which prod wants an hour of soak, at a time when it has
// not passed yet.
func soaking() *world {
	w := ready()
	w.pipeline.Stages[3].Requests[0].Soak = time.Hour
	w.snapshot.Now = minute(150)
	return w
}

func soakedPromotion(*testing.T) string {
	w := soaking()
	w.snapshot.Now = minute(181)
	w.propose("prod", second, promote.Automatic, 181, 12)
	return pull(w, "prod", deployment("1.4.2"))
}

// halfway is a world in which one of two upstreams is verified.
func halfway() *world {
	w := everywhere()
	w.arrive(second, 110, "test")
	w.result("smoke", "success", 112, "test")
	w.arrive(second, 120, "uat-a")
	w.result("smoke", "success", 125, "uat-a")
	w.propose("uat-b", second, promote.Automatic, 121, 11)
	return w
}

func narrow(w *world, stages ...string) View {
	return narrowed([]View{w.view()}, map[string][]string{"guestbook": stages})[0]
}

func held() *world {
	w := ready()
	w.snapshot.Facts.Holds = []promote.Hold{{Stage: "prod", Cause: promote.HeldByCommand, By: "octo", Reason: "release party, see #7 and <b>@acme/sre</b>", Until: minute(2000), At: minute(130)}}
	return w
}

func drifted() *world {
	w := ready()
	w.snapshot.Facts.Arrivals = append(w.snapshot.Facts.Arrivals, promote.Arrival{Stage: "uat-b", Manner: promote.ByDrift, Commit: id("b"), Tree: id("b"), At: minute(135)})
	return w
}

func renderFailed() View {
	v := everywhere().view()
	v.Verdicts[0].Action = promote.Held
	v.Verdicts[0].Freight = map[string]string{"app": second.ID}
	v.Verdicts[0].Reasons = []promote.Reason{{Kind: promote.RenderFailed, Stage: "test", Note: "directive 2 (kustomize, `stages/test`): no kustomization file |\n in <stages/test>"}}
	return v
}

func renderFailedOutcome(*testing.T) string {
	v := renderFailed()
	v.Verdicts[0].Refused = true
	return Outcome(v, "test")
}

func brokenConfiguration(*testing.T) string {
	return written(Broken([]string{`.towpath/pipeline.yaml:12:5: unknown key "auto": it belongs in .towpath/policy.yaml`, ".towpath/policy.yaml:3:1: `*/prod` matches no stage"}))
}

func status(*testing.T) string {
	w := proposed()
	w.snapshot.Passed = []promote.Passed{
		{Warehouse: "app", Item: "guestbook:1.5.0-rc.1", Reason: "excluded", Detail: "a pre-release, and the constraint `>=1.0.0` names none"},
		{Warehouse: "app", Item: "guestbook:<b>|`@octo", Reason: "unreadable", Detail: "<b>|@octo"},
	}
	return Status([]View{w.view()}, nil, nil)
}

func oneStage(*testing.T) string {
	return Status([]View{halfway().view()}, map[string][]string{"guestbook": {"uat-b"}}, nil)
}

func asked(w *world, freight map[string]string) string {
	w.ask("prod", freight)
	return Outcome(w.view(), "prod")
}

// proposedPin is a world in which the first freight is asked for where the
// second is the candidate.
func proposedPin() *world {
	w := ready()
	w.arrive(second, 140, "prod")
	w.snapshot.Facts.Freight = append(w.snapshot.Facts.Freight, guestbook("3", "bold-owl", "1.4.3", 145))
	w.arrive(w.snapshot.Facts.Freight[2], 150, "test", "uat-a", "uat-b")
	w.result("smoke", "success", 151, "test", "uat-a", "uat-b")
	return w
}

func alreadyThere(*testing.T) string {
	w := ready()
	w.arrive(second, 140, "prod")
	w.ask("prod", nil)
	v := w.view()
	v.Verdicts[3].Action = promote.Current // as the engine leaves it when nothing differs (P6)
	return Outcome(v, "prod")
}

func holds(*testing.T) string {
	return Hold(promote.Hold{Stage: "prod"}) + "\n\n" + Hold(promote.Hold{Stage: "prod", Until: minute(60)}) + "\n\n" + Hold(promote.Hold{Stage: "prod", Released: true}) + "\n"
}
