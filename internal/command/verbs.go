package command

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// verb is a verb of the language.
type verb struct {
	name  string
	args  string   // what follows it, as the usage shows it
	note  string   // Markdown that explains args, where they need it
	does  string   // what it does, as a Markdown sentence
	flags []string // the flags it takes, each with a value
	parse func(arguments) (Command, error)
}

// arguments is what follows a verb.
type arguments struct {
	names Names
	words []word            // without the flags
	flags map[string]string // by name, only those that the verb takes
}

// verbs is the whole language: the parser, the usage and the help read it.
func verbs() []verb {
	return []verb{
		{
			name: "promote", args: "<stage>… [<warehouse>=<freight>]…", parse: parsePromote,
			does: "Promotes the newest available freight, or the freight named, into each stage.",
			note: "`<freight>` is an id or an alias",
		},
		{
			name: "cancel", args: "<stage>", parse: parseOneStage,
			does: "Closes the stage's open promotion and rejects its freight for this stage.",
		},
		{
			name: "hold", args: "<stage> [<reason>] [--until <when>]", flags: []string{"until"}, parse: parseHold,
			does: "Holds the stage: nothing is promoted into it until `/unhold`, or until `<when>`.",
			note: "`<when>` is a date such as `2026-12-01` (from midnight UTC), a time such as `2026-12-01T09:00:00Z`, or a pull request such as `owner/repo#7`",
		},
		{
			name: "unhold", args: "<stage>", parse: parseOneStage,
			does: "Ends the hold of the stage.",
		},
		{
			name: "rollback", args: "<stage> [<warehouse>=<freight>]…", parse: parseRollback,
			does: "Goes back to the files of the last verified arrival before this one, or to the freight named, without the upstream rule, and holds the stage.",
		},
		{
			name: "override", args: "[<warehouse>=]<freight> <stage> --reason <words>", flags: []string{"reason"}, parse: parseOverride,
			does: "Lets the freight into the stage past what the policy lets people go past. It promotes nothing by itself.",
		},
		{
			name: "retest", args: "<stage> [<gate>]…", parse: parseRetest,
			does: "Runs the stage's gates that failed or are missing again on what it holds, or the gates named.",
			note: "`<gate>` may be `all`",
		},
		{
			name: "approve", args: "[<words>]", flags: []string{"reason"}, parse: parseApprove,
			does: "Says how to approve: by a review of the promotion's pull request.",
		},
		{
			name: "verify", args: "<stage> <gate> [<result> [<reason>]]", flags: []string{"reason"}, parse: parseVerify,
			does: "Says that what the stage holds passed a manual gate, or failed it.",
			note: "`<result>` is `pass`, which it is also when it is left out, or `fail`",
		},
		{
			name: "status", args: "[<stage>]…", parse: parseStatus,
			does: "Says what each stage holds and what it waits for.",
		},
		{
			name: "why", args: "<thing> [<version>]", parse: parseWhy,
			does: "Tells the way of one thing: seen, taken or not and by which rule, where it is, and what it waits for.",
			note: "`<thing>` is a stage, an image or a chart by its name or repository, a commit, or freight",
		},
		{
			name: "help", parse: parseHelp,
			does: "Shows this table.",
		},
		{
			name: "freight", args: "<warehouse> [<artifact>@<version>]…", parse: parseFreight,
			does: "Makes freight of the artifacts named, and of the newest of the others.",
			note: "`<artifact>` is an image, a chart or a repository that the warehouse subscribes to, by its full name, its last part, or just `image`, `chart` or `commit` where it has one; " +
				"`<version>` is an image's tag or digest, a chart's version, or a commit's full id, tag or branch",
		},
		{
			name: "takeover", args: "<stage> <channel> [--for <duration>]", flags: []string{"for"}, parse: parseTakeover,
			does: "Gives the stage to the newest pre-release of a channel, until `/release`, until the time is over, or until the pull request is closed.",
			note: "`<channel>` is one of an image's `channels` with the number of the pull request, such as `pr-123`; `<duration>` is like `48h` or `90m`",
		},
		{
			name: "release", args: "<stage>", parse: parseOneStage,
			does: "Ends the takeover of the stage, which then gets the newest ordinary freight.",
		},
	}
}

// verbNamed finds a verb of ours, in any case. Letters beyond ASCII that fold
// to ASCII ones, such as the Kelvin sign, are longer and do not count.
func verbNamed(name string) (verb, bool) {
	for _, v := range verbs() {
		if len(v.name) == len(name) && strings.EqualFold(v.name, name) {
			return v, true
		}
	}
	return verb{}, false
}

func parsePromote(a arguments) (Command, error) {
	var c Command
	for _, w := range a.words {
		if strings.Contains(w.text, "=") {
			if err := c.addFreight(w.text); err != nil {
				return c, err
			}
			continue
		}
		if err := c.addStage(a.names, w.text); err != nil {
			return c, err
		}
	}
	if len(c.Stages) == 0 {
		return c, errNoStage
	}
	return c, nil
}

func parseRollback(a arguments) (Command, error) {
	c, err := parsePromote(a)
	if err == nil && len(c.Stages) > 1 {
		err = fmt.Errorf("one stage is expected, then comes %s", code(c.Stages[1].String()))
	}
	return c, err
}

func parseStatus(a arguments) (Command, error) {
	var c Command
	for _, w := range a.words {
		if err := c.addStage(a.names, w.text); err != nil {
			return c, err
		}
	}
	return c, nil
}

func parseOneStage(a arguments) (Command, error) {
	var c Command
	switch len(a.words) {
	case 0:
		return c, errNoStage
	case 1:
		return c, c.addStage(a.names, a.words[0].text)
	default:
		return c, fmt.Errorf("one stage is expected, then comes %s", code(a.words[1].text))
	}
}

func parseRetest(a arguments) (Command, error) {
	var c Command
	if len(a.words) == 0 {
		return c, errNoStage
	}
	for _, w := range a.words[1:] {
		switch {
		case w.text == "all":
			c.All = true
		case !slices.Contains(c.Gates, w.text):
			c.Gates = append(c.Gates, w.text)
		}
	}
	return c, c.addStage(a.names, a.words[0].text)
}

func parseOverride(a arguments) (Command, error) {
	var c Command
	switch {
	case len(a.words) == 0:
		return c, errors.New("it names no freight")
	case len(a.words) == 1:
		return c, errNoStage
	case len(a.words) > 2:
		return c, fmt.Errorf("a freight and a stage are expected, then comes %s", code(a.words[2].text))
	case strings.TrimSpace(a.flags["reason"]) == "":
		return c, fmt.Errorf("it says no %s", code("--reason"))
	}
	freight := a.words[0].text
	if !strings.Contains(freight, "=") {
		freight = "=" + freight
	}
	parts := overriddenFreight.FindStringSubmatch(freight)
	if parts == nil {
		return c, fmt.Errorf("%s is not the id or the alias of freight", code(a.words[0].text))
	}
	c.Freight, c.Reason = map[string]string{parts[1]: parts[2]}, strings.TrimSpace(a.flags["reason"])
	return c, c.addStage(a.names, a.words[1].text)
}

// overriddenFreight has the form of freight, with its warehouse or without.
var overriddenFreight = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)?=([a-z0-9][a-z0-9:-]*)$`)

func parseApprove(arguments) (Command, error) { return Command{}, nil }

func parseHold(a arguments) (Command, error) {
	var c Command
	if len(a.words) == 0 {
		return c, errNoStage
	}
	if err := c.addStage(a.names, a.words[0].text); err != nil {
		return c, err
	}
	var reason []string
	for _, w := range a.words[1:] {
		reason = append(reason, w.text)
	}
	c.Reason = strings.TrimSpace(strings.Join(reason, " "))
	if until, ok := a.flags["until"]; ok {
		var err error
		if c.Until, err = parseUntil(until); err != nil {
			return c, err
		}
	}
	return c, nil
}

// parseWhy takes what is no stage as the name of something else; whether there is
// such a thing is not known here.
func parseWhy(a arguments) (Command, error) {
	var c Command
	switch len(a.words) {
	case 0:
		return c, errors.New("it names neither a stage nor an artifact")
	case 1:
	case 2:
		c.Version = a.words[1].text
	default:
		return c, fmt.Errorf("one thing and its version are expected, then comes %s", code(a.words[2].text))
	}
	if c.Name = a.words[0].text; len(a.names.called(c.Name)) == 0 {
		return c, nil
	}
	c.Name = ""
	return c, c.addStage(a.names, a.words[0].text)
}

// gateName has the form that the configuration gives gates.
var gateName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// parseVerify reads a word on a gate. A reason needs the word before it: who
// writes that something failed must not be read as letting it pass.
func parseVerify(a arguments) (Command, error) {
	c := Command{Passed: true}
	switch {
	case len(a.words) == 0:
		return c, errNoStage
	case len(a.words) == 1:
		return c, errors.New("it names no gate")
	case !gateName.MatchString(a.words[1].text):
		return c, fmt.Errorf("%s is not the name of a gate", code(a.words[1].text))
	}
	c.Gate = a.words[1].text
	if err := c.addStage(a.names, a.words[0].text); err != nil {
		return c, err
	}
	var reason []string
	if given, ok := a.flags["reason"]; ok {
		reason = append(reason, given)
	}
	for i, w := range a.words[2:] {
		switch {
		case i > 0:
			reason = append(reason, w.text)
		case w.text != "pass" && w.text != "fail":
			return c, fmt.Errorf("%s is neither %s nor %s", code(w.text), code("pass"), code("fail"))
		default:
			c.Passed = w.text == "pass"
		}
	}
	c.Reason = strings.TrimSpace(strings.Join(reason, " "))
	return c, nil
}

func parseHelp(a arguments) (Command, error) {
	if len(a.words) > 0 {
		return Command{}, fmt.Errorf("nothing is expected after it, then comes %s", code(a.words[0].text))
	}
	return Command{}, nil
}

var errNoStage = errors.New("it names no stage")

func (c *Command) addStage(names Names, written string) error {
	s, err := names.stage(written)
	if err != nil {
		return err
	}
	if !slices.Contains(c.Stages, s) {
		c.Stages = append(c.Stages, s)
	}
	return nil
}

// freightArgument has the form of `warehouse=freight`. An id or alias of
// another form does not exist.
var freightArgument = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)=([a-z0-9][a-z0-9:-]*)$`)

func (c *Command) addFreight(written string) error {
	parts := freightArgument.FindStringSubmatch(written)
	if parts == nil {
		return fmt.Errorf("%s is not of the form %s", code(written), code("<warehouse>=<freight>"))
	}
	warehouse, freight := parts[1], parts[2]
	if _, twice := c.Freight[warehouse]; twice {
		return fmt.Errorf("the warehouse %s is named twice", code(warehouse))
	}
	if c.Freight == nil {
		c.Freight = map[string]string{}
	}
	c.Freight[warehouse] = freight
	return nil
}

// pullRequest matches `owner/repo#n` as GitHub allows the names.
var pullRequest = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}#[1-9][0-9]{0,8}$`)

func parseUntil(written string) (Until, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, written); err == nil {
			return Until{At: at.UTC()}, nil
		}
	}
	if pullRequest.MatchString(written) {
		return Until{PullRequest: written}, nil
	}
	return Until{}, fmt.Errorf("%s is not a date, a time or a pull request", code(written))
}

// Usage returns how a verb is written, as one Markdown sentence without its
// full stop; empty for a verb that is not ours.
func Usage(name string) string {
	v, ok := verbNamed(name)
	if !ok {
		return ""
	}
	usage := code(v.synopsis())
	if v.note != "" {
		usage += ", where " + v.note
	}
	return usage
}

// Help returns the commands as a Markdown table, and how they are written.
func Help() string {
	var b strings.Builder
	b.WriteString("| Command | What it does |\n|---|---|\n")
	var notes []string
	for _, v := range verbs() {
		fmt.Fprintf(&b, "| %s | %s |\n", code(v.synopsis()), v.does)
		if v.note != "" {
			notes = append(notes, v.note)
		}
	}
	fmt.Fprintf(&b, "\n%s.\n", strings.Join(notes, "; "))
	fmt.Fprintf(&b, "\nA command is a line of its own that starts with its slash, outside quotes, lists, code and HTML. "+
		"A comment may hold %d; one mistake, and none runs. "+
		"A stage is written `<stage>`, or `<pipeline>/<stage>` where several pipelines have one of that name; "+
		"`<stage>@<stamp>` is one lane of a stage with stamps, and `<stage>` all of them.\n", maxCommands)
	return b.String()
}

func (v verb) synopsis() string { return strings.TrimSuffix("/"+v.name+" "+v.args, " ") }
