package commandline

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/report"
	"github.com/towpath/towpath/internal/runner"
	"github.com/towpath/towpath/internal/schedule"
)

func runCommand(c Command) *cobra.Command {
	at := &connection{Command: c, writes: true}
	r := &running{connection: at}
	cmd := &cobra.Command{
		ValidArgsFunction: c.stages(true),
		Use:               "run [STAGE...]",
		Short:             "Bring freight through all stages, or some, in one go",
		Long: `Promote what is available, run the commands of gates with "run" and of directives with
"exec", wait for the other gates, and go on downstream at once: through all stages,
or exactly those that are named, in their order. What nobody has to decide is merged
as the policy says; what somebody has to is waited for.

Commands get a copy of the stage's files to work in, those of directives what the
directives before have made, and of the environment PATH, HOME and the like, with
TOWPATH_REPOSITORY, _PIPELINE, _STAGE, _GATE, _COMMIT, _FREIGHT (JSON) and
_STARTED_IN, the folder that this was started in. Tokens and secrets they do not get.

What fails stops what depends on it and nothing else. When it is told to end
(SIGTERM, Ctrl-C) commands are ended, nothing is left half-written, and another run
goes on from there.`,
		RunE: r.run,
	}
	at.addFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&r.options.WithUpstream, "with-upstream", false, "with stages: those that they take freight from as well")
	flags.BoolVar(&r.options.Again, "again", false, "with stages: ask for their promotion as /promote does, which makes the files of what they may have, or else hold, again")
	flags.IntVar(&r.options.Jobs, "jobs", runtime.NumCPU(), "how many `COMMANDS` run at once")
	flags.DurationVar(&r.options.Interval, "interval", 10*time.Second, "how often to look for results and merges of others")
	flags.DurationVar(&r.options.Timeout, "timeout", time.Hour, "how long a stage may wait for others before it fails; 0: not at all")
	flags.DurationVar(&r.options.Grace, "grace", 10*time.Second, "how long commands that are asked to end may go on before they are killed")
	flags.StringVar(&r.junit, "junit", "", "write test results to this `FILE`, in JUnit's form")
	flags.BoolVar(&r.json, "json", false, "print the report as JSON, and everything else on the standard error")
	return cmd
}

// running is one run of the command.
type running struct {
	*connection
	options runner.Options
	junit   string
	json    bool
}

func (r *running) run(cmd *cobra.Command, args []string) error {
	o := r.options
	switch {
	case o.Jobs < 1:
		return usageError{errors.New("--jobs is at least 1")}
	case o.Interval <= 0 || o.Timeout < 0 || o.Grace < 0:
		return usageError{errors.New("--interval is more than 0, --timeout and --grace are 0 or more")}
	case o.Again && len(args) == 0:
		return usageError{errors.New("--again goes with stages: say which")}
	case o.WithUpstream && len(args) == 0:
		return usageError{errors.New("--with-upstream goes with stages: without any, all of them are brought along")}
	}
	o.Results = runner.NewResults()
	r.outside = o.Results
	bench, err := r.open(cmd)
	if err != nil {
		return err
	}
	defer bench.close()
	said := cmd.OutOrStdout()
	if r.json {
		said = r.Stderr
	}
	o.Engine, o.Repository, o.Stages = bench.Engine, bench.repository, args
	if r.inWorkflow() {
		o.By = r.actor()
	}
	o.Out = runner.NewOutput(said, r.Environ)
	speak := r.muted(said)
	defer speak()
	if o.Commands, err = r.commands(bench); err != nil {
		return err
	}
	told, err := runner.Run(cmd.Context(), o)
	speak()
	var misused runner.UsageError
	if errors.As(err, &misused) {
		return usageError{err}
	}
	if err == nil && cmd.Context().Err() == nil {
		err = bench.finish(cmd.Context())
	}
	if told != nil {
		err = errors.Join(err, r.tell(cmd.OutOrStdout(), told), r.tellWorkflow(told))
	}
	if err == nil && (told.Outcome != string(schedule.Succeeded) || len(told.Mistakes) > 0) {
		return errRefused
	}
	return err
}

// commands is what the commands of gates share.
func (r *running) commands(bench *workbench) (runner.Commands, error) {
	out := runner.Commands{Environ: r.Environ, Temp: filepath.Join(bench.dir, "stages"), Now: r.Now}
	if id := r.getenv("GITHUB_RUN_ID"); id != "" {
		out.URL = fmt.Sprintf("%s/%s/actions/runs/%s", r.getenv("GITHUB_SERVER_URL"), r.getenv("GITHUB_REPOSITORY"), id)
	}
	var err error
	if out.Dir, err = os.Getwd(); err != nil {
		return out, err
	}
	return out, os.MkdirAll(out.Temp, 0o700)
}

// muted keeps a workflow's runner from taking what commands print for its own
// commands, until the returned function is called.
func (r *running) muted(out io.Writer) func() {
	if !r.inWorkflow() {
		return func() {}
	}
	word := rand.Text()
	fmt.Fprintf(out, "::stop-commands::%s\n", word)
	return sync.OnceFunc(func() { fmt.Fprintf(out, "::%s::\n", word) })
}

// tellWorkflow writes the summary of a job, the outputs of a step, and what failed.
func (r *running) tellWorkflow(told *runner.Report) error {
	if !r.inWorkflow() || len(told.Mistakes) > 0 {
		return nil
	}
	why := ""
	for _, l := range told.Stages {
		if l.Why != "" {
			why = cmp.Or(why, l.Stage+": "+l.Why)
			fmt.Fprintf(r.Stderr, "::error title=%s failed::%s\n", property(l.Stage), message(l.Why))
		}
	}
	text := ""
	if told.Seen != nil {
		text = "\n" + report.Status(told.Seen.Views, nil, nil)
	}
	result, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return errors.Join(
		r.appendTo("GITHUB_STEP_SUMMARY", "### Towpath run in "+told.Repository+"\n\n"+told.Markdown()+text+"\n"),
		r.outputs([][2]string{{"changed", strconv.FormatBool(len(told.Pushed) > 0)}, {"verdict", told.Outcome}, {"reason", why}, {"result", string(result)}}),
	)
}

// tell tells how it went.
func (r *running) tell(out io.Writer, told *runner.Report) error {
	r.annotate(told.Mistakes)
	if len(told.Mistakes) > 0 && !r.json {
		for _, line := range told.Mistakes {
			fmt.Fprintln(out, line)
		}
		return nil
	}
	var failed error
	if r.json {
		failed = printJSON(out, told)
	} else {
		fmt.Fprintln(out)
		told.Text(out)
	}
	if r.junit != "" {
		failed = errors.Join(failed, r.writeJUnit(told))
	}
	return failed
}

func (r *running) writeJUnit(told *runner.Report) error {
	file, err := os.Create(r.junit)
	if err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	err = told.JUnit(file)
	return errors.Join(err, file.Close())
}
