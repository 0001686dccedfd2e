package command_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/command"
)

// FuzzParse holds, for any comment: nothing panics, what comes out is commands
// or one harmless reply, every stage is one that exists, and the same text in a
// fence, in a quote, in a list or under `<details>` does nothing at all (C1).
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/promote prod app=brave-otter\n/hold web/test 'a b' --until 2026-12-01",
		"/hold uat \"x\\\"\" --until=a/b#1\r\n/unhold uat\r\n\r\n/status\r/help",
		"/promote nowhere\n/cancel `@acme/sre`<b>\n/takeover x\n/promote 'a",
		"<details>\n\n/promote prod\n\n</details>\n\n/status",
		"a <!-- b -->\n/cancel ``a`\n\n|a|\n|-|\n/status\n\n[^1]: b\n\n~~~\n/help",
		"/status\x00\xff\u202e\n/status pr\u03bfd",
	} {
		f.Add(seed)
	}
	known := names("shop/test", "shop/prod", "web/test", "shop/uat")
	f.Fuzz(func(t *testing.T, body string) {
		commands, mistake := command.Parse(body, known)
		switch {
		case mistake != nil && commands != nil:
			t.Errorf("%d commands and a reply", len(commands))
		case mistake != nil:
			if bad := harm(mistake.Text); bad != "" {
				t.Errorf("the reply holds %s:\n%s", bad, mistake.Text)
			}
		case len(commands) > 10:
			t.Errorf("%d commands", len(commands))
		}
		for _, c := range commands {
			for _, s := range c.Stages {
				if !slices.Contains(known.Stages, s) {
					t.Errorf("unknown stage %s", s)
				}
			}
			if strings.ContainsAny(c.Reason, "\r\n\x00") {
				t.Errorf("reason %q", c.Reason)
			}
		}
		for name, wrapped := range inert(body) {
			if commands, mistake := command.Parse(wrapped, known); commands != nil || mistake != nil {
				t.Errorf("in a %s: %q gave %v and %v", name, wrapped, commands, mistake)
			}
		}
	})
}

// inert puts a comment where nothing of it may act.
func inert(body string) map[string]string {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	fence := "~~~"
	for strings.Contains(body, fence) {
		fence += "~"
	}
	wrapped := map[string]string{
		"fence": fence + "\n" + body + "\n" + fence,
		"quote": "> " + strings.ReplaceAll(body, "\n", "\n> "),
		"list":  "- a\n  " + strings.ReplaceAll(body, "\n", "\n  "),
	}
	if !strings.Contains(strings.ToLower(body), "</details") {
		wrapped["details"] = "<details>\n\n" + body + "\n\n</details>"
	}
	return wrapped
}
