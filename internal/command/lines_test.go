package command_test

import (
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/command"
)

// TestWhatActs is C1 where commands.json does not reach: which lines of a
// comment are commands. Every command in it is `/status`.
func TestWhatActs(t *testing.T) {
	const none, one, two = 0, 1, 2
	for _, tc := range []struct {
		name string
		body string
		want int
	}{
		{"the middle of a paragraph", "thanks\n/status\nall", one},
		{"after a comment", "<!-- a <details> -->\n\n/status", one},
		{"after hidden text", "<details>\n\n/status\n\n</details>\n\n/status", one},
		{"after an image", "<img src=x>\n\n/status", one},
		{"after inline void elements", "a<br>b <hr> <INPUT type=x> <br/>\n/status", one},
		{"between lone carriage returns", "hello\r/status\rbye", one},
		{"after a quote with elements that nest", "> <b>a</b> <i>b</i>\n\n/status", one},
		{"in emphasis", "*so\n/status\nit is*", one},
		{"after an ordered list, apart", "1. a\n\n\n/status", one},
		{"after elements that nest", "<ul><li>a</li><li>b</li></ul>\n\n/status", one},
		{"before hidden text", "/status\n\n<details>\n\n/status\n\n</details>", one},
		{"twice around a fence", "/status\n```\n/status\n```\n/status test", two},
		{"before HTML in its paragraph", "/status\na <b>c</b>", one},
		{"trailing white space", "/status \t\n", one},
		{"after a link definition", "[a]: /url\n/status", one},
		{"behind a hard line break", "thanks\\\n/status  \n", one},

		{"indented by one", " /status", none},
		{"indented by three", "a\n   /status", none},
		{"indented by a tab", "a\n\t/status", none},
		{"after a byte order mark", "\ufeff/status", none},
		{"after an entity", "&#47;status", none},
		{"escaped", `\/status`, none},
		{"a verb with a space that is none", "/status\u00a0prod", none},
		{"a verb with a Kelvin sign", "/ta\u212aeover x", none},
		{"a verb with a long s", "/\u017ftatus", none},
		{"a verb with punctuation", "/status: /status. /status, ", none},
		{"a path", "/status/prod", none},
		{"an empty verb", "/ status", none},
		{"a verb with NUL", "/status\x00", none},
		{"a verb that is not text", "/stat\xffus", none},

		{"a setext heading", "/status\n---", none},
		{"a setext heading of one", "/status\n=", none},
		{"a heading over several lines", "a\n/status\nb\n---", none},
		{"an ATX heading", "# /status", none},
		{"a table's head", "/status | a\n---|---\n", none},
		{"a table's row", "| a |\n|---|\n/status", none},
		{"a footnote", "a[^1]\n\n[^1]: b\n/status", none},
		{"a footnote nobody reads", "[^1]: b\n/status", none},
		{"a link's title", "[a]: /url \"\n/status\n\"", none},
		{"a link's address", "[a](\n/status\n)", none},
		{"a link definition's address", "[a]:\n/status\n", none},
		{"the text of an image", "![\n/status\n](x)", none},
		{"a code span over lines", "`a\n/status\nb`", none},
		{"a lazy line of a quote", "> a\n/status", none},
		{"a lazy line of a list", "- a\n/status", none},
		{"a lazy line of an ordered list", "1. a\n/status", none},
		{"a paragraph of a list", "- a\n\n  /status", none},
		{"a nested quote", "> > a\n/status", none},
		{"an unclosed fence of tildes", "~~~~\n~~~\n/status", none},

		{"an HTML block to its blank line", "</details>\n/status", none},
		{"after the end tag on its line", "<details>\n\n</details>\n/status", none},
		{"unclosed details", "<details>\n\na\n\n/status", none},
		{"details closed only in code", "<details>\n\n`</details>`\n\n/status", none},
		{"details closed only in a comment", "<details>\n\n<!-- </details> -->\n\n/status", none},
		{"details closed only in an image", "<details>\n\n![</details>](x)\n\n/status", none},
		{"details closed only in a footnote", "<details>\n\na[^1]\n\n[^1]: b </details>\n\n/status", none},
		{"details closed only in an attribute", "<details>\n\n<b title=\"</details>\">x</b>\n\n/status", none},
		{"details in details", "<details>\n\n<details>\n\n</details>\n\n/status\n\n</details>", none},
		{"details that close themselves", "<details/>\n\n/status", none},
		{"details in capitals", "<DETAILS>\n\n/status\n\n</DETAILS>", none},
		{"details opened in a quote", "> <details>\n\n/status", none},
		{"a table opened in a quote, closed after it", "> <table>\n\n</table>\n\n/status", none},
		{"details opened before a quote, closed in it", "<details>\n\n> </details>\n\n/status", none},
		{"details opened in a list", "- a\n\n  <details>\n\n/status", none},
		{"details opened in a heading", "# a <details>\n\n/status", none},
		{"details opened in a table", "|a|\n|-|\n|<details>|\n\n/status", none},
		{"details that do not nest with a table", "<details>\n<table>\n</details>\n</table>\n\n/status", none},
		{"after elements that do not nest", "<ul><li>a<li>b</ul>\n\n/status", none},
		{"details in what is no text area", "<textarea><details></textarea>\n\n/status", none},
		{"an inline element, same paragraph", "a <span hidden>\n/status\n</span>", none},
		{"an inline element, next paragraph", "a <span hidden>\n\n/status\n\nb</span>", none},
		{"an inline element never closed", "a <sub>b\n\n/status", none},
		{"an inline comment", "a <!--\n/status\n-->", none},
		{"a comment left open in a block", "<div></div> <!-- a\n\n/status\n\n-->", none},
		{"an attribute left open", "<div title=\"\n\n/status\n\n\"></div>", none},
		{"an attribute left open after text", "<div></div>\n<b title=\"\n\n/status", none},
		{"a tag left open", "<div\n\n/status", none},
		{"an end tag left open", "<div></div\n\n/status", none},
		{"a declaration left open", "<div></div><!DOCTYPE\n\n/status", none},
		{"a script", "<script>\n\n/status\n\n</script>", none},
		{"a processing instruction", "<?php\n\n/status\n\n?>", none},
		{"a CDATA section", "<![CDATA[\n\n/status\n\n]]>", none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			commands, mistake := command.Parse(tc.body, shop)
			if mistake != nil {
				t.Fatalf("%q: %s", tc.body, mistake.Text)
			}
			if len(commands) != tc.want {
				t.Errorf("%q: got %d commands, want %d", tc.body, len(commands), tc.want)
			}
		})
	}
}

func TestOnlyWhatGitHubTakesAsACommentIsRead(t *testing.T) {
	const most = 65536
	body := "/status\n\n"
	body += strings.Repeat("é", most-len(body))
	if commands, _ := command.Parse(body, shop); len(commands) != 1 {
		t.Errorf("of the full length: got %v", commands)
	}
	if commands, mistake := command.Parse(body+"é", shop); commands != nil || mistake != nil {
		t.Errorf("too long: got %v and %v", commands, mistake)
	}
}
