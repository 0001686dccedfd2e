package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/promote"
)

func TestWaitingTitles(t *testing.T) {
	other := ready().view()
	other.Pipeline.Name = "flags"
	discovery := narrow(everywhere(), "test")
	discovery.Verdicts[0].Reasons = []promote.Reason{{Kind: promote.DiscoveryFailed, Warehouse: "app", Note: "`ghcr.io` says\n503"}}
	for name, row := range map[string]struct {
		views []View
		want  string
	}{
		"one":             {[]View{narrow(halfway(), "prod")}, "prod: waiting for uat-b (1 of 2 verified)"},
		"only time":       {[]View{narrow(soaking(), "prod")}, "prod: soaking in uat-a until 2026-11-21 15:00 UTC"},
		"by hand":         {[]View{narrow(ready(), "prod")}, "prod: available: /promote prod"},
		"waits then open": {[]View{narrow(halfway(), "uat-a", "uat-b", "prod")}, "prod: waiting for uat-b (1 of 2 verified); uat-b: #11 is open; uat-a: current"},
		"blocked first":   {[]View{narrow(withdrawn(), "test", "prod")}, "prod: #12 must not be merged: gate smoke in uat-b failed: failure; test: current"},
		"discovery":       {[]View{discovery}, "test: discovery failed for warehouse app: ghcr.io says 503"},
		"promoting":       {[]View{narrow(newWorld(), "test")}, "test: promoting guestbook:1.4.2 (brave-otter)"},
		"names apart": {[]View{narrow(halfway(), "prod"), renamed(other, "live")},
			"prod: waiting for uat-b (1 of 2 verified); live: available: /promote live (and 3 more)"},
		"several": {[]View{narrow(halfway(), "prod"), other},
			"guestbook/prod: waiting for uat-b (1 of 2 verified) (and 4 more)"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Waiting(row.views)
			if c.Title != row.want {
				t.Errorf("title %q, want %q", c.Title, row.want)
			}
			if c.Conclusion != "neutral" || c.Name != "towpath" {
				t.Errorf("check %+v", c)
			}
		})
	}
}

// renamed has its own name for every stage, so that no other pipeline has it too.
func renamed(v View, last string) View {
	v.Verdicts, v.Pipeline.Stages = slices.Clone(v.Verdicts), slices.Clone(v.Pipeline.Stages)
	for i := range v.Verdicts {
		name := "other-" + v.Verdicts[i].Stage
		if i == len(v.Verdicts)-1 {
			name = last
			v.Verdicts[i].Reasons = []promote.Reason{{Kind: promote.ByHand, Stage: last}}
		}
		v.Verdicts[i].Stage, v.Pipeline.Stages[i].Name = name, name
	}
	return v
}

func TestTitlesAreShort(t *testing.T) {
	v := halfway().view()
	for i := range v.Verdicts {
		v.Verdicts[i].Reasons = []promote.Reason{{Kind: promote.RenderFailed, Note: strings.Repeat("ü @octo `x`\n", 50)}}
		v.Verdicts[i].Blocked = v.Verdicts[i].Reasons
	}
	for _, c := range []Check{Waiting([]View{v}), Waiting([]View{v, v}), Proposed(v, "prod"), Broken([]string{"x"})} {
		if n := len([]rune(c.Title)); n > 100 || n == 0 || strings.ContainsAny(c.Title, "\n`") {
			t.Errorf("title of %d characters: %q", n, c.Title)
		}
	}
}
