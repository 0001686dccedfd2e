package command_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/command"
)

// shop is the one pipeline of most tests; twoPipelines share the stage prod.
var (
	shop         = names("shop/test", "shop/uat", "shop/prod")
	twoPipelines = names("web/test", "web/prod", "api/prod")
)

func names(stages ...string) command.Names {
	var n command.Names
	for _, s := range stages {
		pipeline, name, _ := strings.Cut(s, "/")
		n.Stages = append(n.Stages, command.Stage{Pipeline: pipeline, Name: name})
	}
	return n
}

// summary writes commands in one line: verb, stages, and what else is set.
func summary(commands []command.Command) string {
	var all []string
	for _, c := range commands {
		words := []string{c.Verb}
		for _, s := range c.Stages {
			words = append(words, s.String())
		}
		for _, w := range slices.Sorted(maps.Keys(c.Freight)) {
			words = append(words, w+"="+c.Freight[w])
		}
		for _, g := range c.Gates {
			words = append(words, "gate "+g)
		}
		if c.All {
			words = append(words, "all")
		}
		if c.Reason != "" {
			words = append(words, fmt.Sprintf("reason %q", c.Reason))
		}
		if !c.Until.At.IsZero() {
			words = append(words, "until "+c.Until.At.Format(time.RFC3339))
		}
		if c.Until.PullRequest != "" {
			words = append(words, "until "+c.Until.PullRequest)
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "; ")
}

// TestCases runs the rows of C1 as they are. A row's note says which commands
// come out, or what the reply says.
func TestCases(t *testing.T) {
	// notes are the ones whose substance is not simply their own words.
	notes := map[string]string{
		"promote test (once)":                            "promote shop/test",
		"hold prod; unhold prod (the last one wins)":     "hold shop/prod; unhold shop/prod",
		"promote prod; another bot's verb is left alone": "promote shop/prod",
		"promote prod":                      "promote shop/prod",
		"promote test; promote prod":        "promote shop/test; promote shop/prod",
		"hold prod, no reason":              "hold shop/prod",
		"hold prod, reason, until":          `hold shop/prod reason "waiting for release notes" until 2026-12-01T00:00:00Z`,
		"help":                              "help",
		"did you mean prod":                 "there is no stage `PROD`; did you mean `prod`?",
		"lists the stages":                  "there is no stage `nowhere`; the stages are `test`, `uat` and `prod`",
		"unknown flag":                      "unknown flag `--foo`",
		"unbalanced quote":                  "the quote `'` is not closed",
		"nothing is evaluated":              "there is no stage `$(id)`",
		"a Greek o":                         "did you mean `prod`?",
		"one mistake in ours and none runs": "line 2, `/promote nowhere`: there is no stage `nowhere`",
	}
	var cases struct {
		Rows []struct{ Body, Outcome, Note string }
	}
	data, err := os.ReadFile("../../testdata/cases/commands.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range cases.Rows {
		commands, mistake := command.Parse(row.Body, shop)
		want, known := notes[row.Note]
		switch row.Outcome {
		case "run":
			if mistake != nil {
				t.Errorf("%q: want %s, got the reply\n%s", row.Body, want, mistake.Text)
			} else if got := summary(commands); !known || got != want {
				t.Errorf("%q: got %s, want %s", row.Body, got, want)
			}
		case "ignore":
			if commands != nil || mistake != nil {
				t.Errorf("%q: got %v and %v, want nothing", row.Body, commands, mistake)
			}
		case "usage":
			if mistake == nil || commands != nil {
				t.Errorf("%q: got %v, want usage and no commands", row.Body, commands)
			} else if !known && row.Note != "" || !strings.Contains(mistake.Text, want) || !strings.Contains(mistake.Text, "Usage: `/promote ") {
				t.Errorf("%q: want %q and the usage in\n%s", row.Body, want, mistake.Text)
			}
		default:
			t.Errorf("%q: unknown outcome %q", row.Body, row.Outcome)
		}
	}
}

// TestArguments is about what the words of a command mean (C, C1, C2, H1).
func TestArguments(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{"/promote test prod", "promote shop/test shop/prod"},
		{"/promote prod test prod", "promote shop/prod shop/test"},
		{"/promote shop/prod prod", "promote shop/prod"},
		{"/promote prod app=brave-otter", "promote shop/prod app=brave-otter"},
		{"/promote app=0f3c flags=calm-newt prod", "promote shop/prod app=0f3c flags=calm-newt"},
		{`/promote "prod"`, "promote shop/prod"},
		{`/promote pr'o'd`, "promote shop/prod"},
		{"/Cancel uat", "cancel shop/uat"},
		{"/unhold uat", "unhold shop/uat"},
		{"/status", "status"},
		{"/status uat test", "status shop/uat shop/test"},
		{"/override brave-otter prod --reason the shop is down", `override shop/prod =brave-otter reason "the shop is down"`},
		{`/override app=brave-otter prod --reason "down --until noon"`, `override shop/prod app=brave-otter reason "down --until noon"`},
		{`/override --reason=down brave-otter prod`, `override shop/prod =brave-otter reason "down"`},
		{"/retest prod", "retest shop/prod"},
		{"/retest prod e2e perf e2e", "retest shop/prod gate e2e gate perf"},
		{"/retest prod ALL e2e all", "retest shop/prod gate ALL gate e2e all"},
		{"/approve prod, it looks good", "approve"},
		{"/hold prod", "hold shop/prod"},
		{"/hold prod bad  data\tin it", `hold shop/prod reason "bad data in it"`},
		{`/hold prod 'say "no"'`, `hold shop/prod reason "say \"no\""`},
		{`/hold prod "say \"no\" \\ \n"`, `hold shop/prod reason "say \"no\" \\ \\n"`},
		{`/hold prod "don't"`, `hold shop/prod reason "don't"`},
		{`/hold prod test`, `hold shop/prod reason "test"`},
		{`/hold prod a - b -- c`, `hold shop/prod reason "a - b -- c"`},
		{`/hold prod "--until" 2026-12-01`, `hold shop/prod reason "--until 2026-12-01"`},
		{`/hold prod ''`, "hold shop/prod"},
		{"/hold prod @acme/qa <3 `x`", "hold shop/prod reason \"@acme/qa <3 `x`\""},
		{"/hold --until 2026-12-01 prod", "hold shop/prod until 2026-12-01T00:00:00Z"},
		{"/hold prod --until=2026-12-01 for the freeze", `hold shop/prod reason "for the freeze" until 2026-12-01T00:00:00Z`},
		{`/hold prod --until="2026-12-01"`, "hold shop/prod until 2026-12-01T00:00:00Z"},
		{"/hold prod --until 2026-12-01T09:30:00+02:00", "hold shop/prod until 2026-12-01T07:30:00Z"},
		{"/hold prod --until acme/web.site#12", "hold shop/prod until acme/web.site#12"},
	} {
		commands, mistake := command.Parse(tc.body, shop)
		if mistake != nil {
			t.Errorf("%s: %s", tc.body, mistake.Text)
		} else if got := summary(commands); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.body, got, tc.want)
		}
	}
}

// C2: a bare stage is enough where only one pipeline has it.
func TestStageOfSeveralPipelines(t *testing.T) {
	commands, mistake := command.Parse("/promote test\n/promote api/prod", twoPipelines)
	if mistake != nil {
		t.Fatal(mistake.Text)
	}
	if got := summary(commands); got != "promote web/test; promote api/prod" {
		t.Errorf("got %s", got)
	}
}

func TestIdenticalCommandsRunOnceAndTheLastWordStaysLast(t *testing.T) {
	body := "/hold prod\r\n/promote test app=a\r\n/promote shop/test app=a\r\n/unhold prod\r\n/hold  'prod'"
	commands, mistake := command.Parse(body, shop)
	if mistake != nil {
		t.Fatal(mistake.Text)
	}
	if got := summary(commands); got != "promote shop/test app=a; unhold shop/prod; hold shop/prod" {
		t.Errorf("got %s", got)
	}
	var lines []int
	for _, c := range commands {
		lines = append(lines, c.Line)
	}
	if want := []int{3, 4, 5}; !reflect.DeepEqual(lines, want) {
		t.Errorf("lines %v, want %v", lines, want)
	}
}

func TestAtMostTenCommands(t *testing.T) {
	ten := strings.Repeat("/status prod\n/status test\n", 5)
	if _, mistake := command.Parse(ten, shop); mistake != nil {
		t.Errorf("ten: %s", mistake.Text)
	}
	commands, mistake := command.Parse(ten+"/status uat\n", shop)
	if mistake == nil || commands != nil || !strings.Contains(mistake.Text, "holds 11 commands, and 10 are the most") {
		t.Errorf("eleven: got %v and %v", commands, mistake)
	}
	if _, mistake := command.Parse(ten+"/lgtm\n", shop); mistake != nil {
		t.Errorf("ten and another bot's: %s", mistake.Text)
	}
}

func TestHelpAndUsageNameEveryCommand(t *testing.T) {
	help := command.Help()
	for _, verb := range []string{"promote", "cancel", "hold", "unhold", "status", "help"} {
		usage := command.Usage(verb)
		if !strings.HasPrefix(usage, "`/"+verb) {
			t.Errorf("usage of %s: %q", verb, usage)
		}
		synopsis, _, _ := strings.Cut(usage, ", where ")
		if strings.Count(help, "| "+synopsis+" | ") != 1 {
			t.Errorf("help has not one row for %s:\n%s", synopsis, help)
		}
	}
	for _, verb := range []string{"lgtm", ""} {
		if got := command.Usage(verb); got != "" {
			t.Errorf("usage of %q: %q", verb, got)
		}
	}
}
