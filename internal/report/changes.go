package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/directives"
)

// maxPlain is how many changed resources are shown without a fold around them.
const maxPlain = 10

// resources shows what the promotion changes, in at most so many bytes. Values
// of Secrets are not in it: the giver has left them out.
func resources(changes []directives.ResourceChange, room int) string {
	if len(changes) == 0 {
		return "### Changes\n\nNo resource and no other file changes.\n\n"
	}
	before := "### Changes: " + counts(changes) + "\n\n"
	after := "\n"
	if len(changes) > maxPlain {
		before += "<details><summary>Resources and fields</summary>\n\n"
		after = "\n</details>\n\n"
	}
	before += tableHead("", "resource", "field", "now", "new")
	const rest = 100 // for the line that says how many are left out
	var rows []string
	for _, c := range changes {
		rows = append(rows, change(c))
	}
	text, left := fit(rows, room-len(before)-len(after)-rest)
	if left > 0 {
		after = fmt.Sprintf("\nThe list is cut: %d more, see the changed files.\n", left) + after
	}
	return before + text + after
}

// counts is "2 changed, 1 added".
func counts(changes []directives.ResourceChange) string {
	count := map[directives.Action]int{}
	for _, c := range changes {
		count[c.Action]++
	}
	var out []string
	for _, action := range []directives.Action{directives.Changed, directives.Added, directives.Removed} {
		if n := count[action]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, action))
		}
	}
	return strings.Join(out, ", ")
}

// change is one resource with its fields, a row each.
func change(c directives.ResourceChange) string {
	name := "file " + code(c.Path)
	if c.Kind != "" {
		name = code(c.Kind) + " " + code(strings.TrimPrefix(c.Namespace+"/"+c.Name, "/"))
	}
	action := string(c.Action)
	var b strings.Builder
	for _, f := range c.Fields {
		b.WriteString(tableRow(action, name, code(f.Path), orNothing(f.Old), orNothing(f.New)))
		action, name = "", ""
	}
	if len(c.Fields) == 0 {
		b.WriteString(tableRow(action, name))
	}
	if c.More > 0 {
		b.WriteString(tableRow("", "", fmt.Sprintf("and %d more", c.More)))
	}
	return b.String()
}
