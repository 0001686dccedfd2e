package commandline

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// workflowCommand is what action.yml runs: the command that the action's inputs
// are. They come as variables, so that no shell reads what people wrote.
func workflowCommand(c Command) *cobra.Command {
	return &cobra.Command{
		Use:    "workflow",
		Short:  "Run the command that the inputs of the GitHub Action are",
		Hidden: true,
		Args:   noArgs,
		RunE: func(*cobra.Command, []string) error {
			inner := c
			args, err := c.inputs()
			if err != nil {
				return err
			}
			inner.Args = args
			if token := c.getenv("INPUT_TOKEN"); token != "" {
				fmt.Fprintf(c.Stdout, "::add-mask::%s\n", token)
				inner.Environ = append(inner.Environ, "GITHUB_TOKEN="+token)
			}
			return exit(inner.Main())
		},
	}
}

// exit is the exit code of a command within a command, which has said all.
type exit int

func (e exit) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// inputs turns the action's inputs into arguments.
func (c Command) inputs() ([]string, error) {
	input := func(name string) string { return strings.TrimSpace(c.getenv("INPUT_" + name)) }
	command := cmp.Or(input("COMMAND"), "promote")
	takes := map[string][]string{
		"promote": {"STAGE", "FREIGHT"}, "verify": {"STAGE", "GATE", "RESULT"}, "why": {"STAGE"}, "plan": nil, "status": nil, "validate": nil, "history": nil, "cleanup": nil, "run": {"STAGE"},
	}
	wanted, ok := takes[command]
	if !ok {
		return nil, usageError{fmt.Errorf("input `command`: the action has no command %q", command)}
	}
	args := []string{command}
	for _, name := range []string{"STAGE", "FREIGHT", "GATE", "RESULT"} {
		switch value := input(name); {
		case value == "":
		case !slices.Contains(wanted, name):
			return nil, usageError{fmt.Errorf("input `%s`: the command %s does not take it", strings.ToLower(name), command)}
		case name == "FREIGHT", command == "run":
			args = append(args, strings.Fields(value)...)
		default:
			args = append(args, value)
		}
	}
	for _, flag := range []string{"config", "github-url", "dry-run", "stage-branches"} {
		value, ofCleanup := input(strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))), flag == "dry-run" || flag == "stage-branches"
		switch {
		case value == "" || command == "validate" || ofCleanup && value == "false":
		case ofCleanup && command != "cleanup":
			return nil, usageError{fmt.Errorf("input `%s`: the command %s does not take it", flag, command)}
		default:
			args = append(args, "--"+flag+"="+value)
		}
	}
	return args, nil
}

// inWorkflow tells whether a step of a workflow is being run.
func (c Command) inWorkflow() bool { return c.getenv("GITHUB_ACTIONS") == "true" }

// actor is whose word a workflow's run is: who started it, or started it again.
func (c Command) actor() string {
	return cmp.Or(c.getenv("GITHUB_TRIGGERING_ACTOR"), c.getenv("GITHUB_ACTOR"))
}

// mistakeLine is file:line:column: message.
var mistakeLine = regexp.MustCompile(`^(.+?):(\d+):(\d+): (.*)$`)

// annotate shows the configuration's mistakes where the files are shown.
func (c Command) annotate(mistakes []string) {
	if !c.inWorkflow() {
		return
	}
	for _, line := range mistakes {
		if m := mistakeLine.FindStringSubmatch(line); m != nil {
			fmt.Fprintf(c.Stderr, "::error file=%s,line=%s,col=%s::%s\n", property(m[1]), m[2], m[3], message(m[4]))
		}
	}
}

// What GitHub takes for a part of a workflow command, and how it is written instead.
var (
	messages   = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	properties = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func message(text string) string  { return messages.Replace(text) }
func property(text string) string { return properties.Replace(text) }

// summarise writes the job's summary: all pipelines drawn, and a table.
func (c Command) summarise(seen *engine.Outlook) error {
	text := report.Status(seen.Views, nil, seen.Mistakes)
	return c.appendTo("GITHUB_STEP_SUMMARY", "### Towpath in "+seen.Repository+"\n\n"+text+"\n")
}

// output writes the step's outputs about one stage; the first that was promoted
// where none was named.
func (c Command) output(done *engine.Done, named string) error {
	result, err := json.Marshal(deed(done))
	if err != nil {
		return err
	}
	outputs := [][2]string{{"changed", strconv.FormatBool(len(done.Pushed) > 0)}, {"result", string(result)}}
	if v, verdict, ok := spokenOf(done, named); ok {
		stage, _ := v.Pipeline.Stage(verdict.Stage)
		v.Verdicts = []promote.Verdict{verdict}
		row := report.Rows(v)[0]
		if row.Pull != 0 {
			outputs = append(outputs, [2]string{"pr-number", strconv.Itoa(row.Pull)}, [2]string{"pr-url", row.PullURL})
		}
		outputs = append(outputs, [2]string{"verdict", row.State}, [2]string{"reason", strings.Join(row.Why, "; ")})
		commit := v.Snapshot.Stages[stage.Name].Head.Commit
		if open := v.Snapshot.Stages[stage.Name].Open; open != nil {
			commit = open.Commit
		}
		outputs = append(outputs, [2]string{"commit", commit})
	}
	return c.outputs(outputs)
}

// outputs writes outputs of the step, by name.
func (c Command) outputs(outputs [][2]string) error {
	var text strings.Builder
	for _, o := range outputs {
		end := rand.Text() // so that no value can end itself
		fmt.Fprintf(&text, "%s<<%s\n%s\n%s\n", o[0], end, o[1], end)
	}
	return c.appendTo("GITHUB_OUTPUT", text.String())
}

// spokenOf finds the stage that the outputs are about; of several lanes the first.
func spokenOf(done *engine.Done, named string) (report.View, promote.Verdict, bool) {
	for _, v := range done.Views {
		for _, verdict := range v.Verdicts {
			stage, _ := v.Pipeline.Stage(verdict.Stage)
			is := promote.Means(named, stage.Name) || promote.Means(strings.TrimPrefix(named, v.Pipeline.Name+"/"), stage.Name)
			for _, branch := range done.Pushed {
				is = is || named == "" && (branch == stage.Target.PromotionBranch() || branch == stage.Target.Branch)
			}
			if is {
				return v, verdict, true
			}
		}
	}
	return report.View{}, promote.Verdict{}, false
}

// appendTo adds to a file that the runner reads when the step has ended.
func (c Command) appendTo(variable, text string) error {
	name := c.getenv(variable)
	if name == "" || !c.inWorkflow() {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
