package commandline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
	"github.com/towpath/towpath/internal/snapshot"
)

func planCommand(c Command) *cobra.Command {
	p := &planning{Command: c}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what would be promoted where now, and why not",
		Long: `Look at a repository as the next look would, decide, assemble and render, and
write nothing.

With --save what was seen of one pipeline is written to a file. With --snapshot
such a file is decided about, and nothing else is looked at: change it, and see
what would be. docs/snapshot.md describes it.`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&p.from, "snapshot", "", "decide about this `FILE` instead of looking; - is the standard input")
	cmd.Flags().StringVar(&p.at, "at", "", "with --snapshot: decide at this `TIME`, as 2026-12-01T09:00:00Z, instead of the file's")
	cmd.Flags().StringVar(&p.to, "save", "", "write what was seen to this `FILE`; - is the standard output, without the plan")
	cmd.Flags().StringVar(&p.pipeline, "pipeline", "", "with --save: the `NAME` of the pipeline, where there are several")
	return lookingCommand(c, cmd, telling{see: p.see, text: p.tell, json: asTale})
}

// planning is one run of the command.
type planning struct {
	Command
	from, at     string
	to, pipeline string
}

func (p *planning) see(cmd *cobra.Command, at *connection) (*engine.Outlook, error) {
	switch {
	case p.from != "" && (p.to != "" || at.repo != ""):
		return nil, usageError{errors.New("--snapshot looks at nothing but the file: leave out --repo and --save")}
	case p.from == "" && p.at != "":
		return nil, usageError{errors.New("--at goes with --snapshot: what is now is looked at now")}
	case p.from != "":
		seen, err := p.whatIf()
		if err != nil {
			return nil, fmt.Errorf("snapshot %s: %w", p.from, err)
		}
		return seen, nil
	}
	seen, err := at.look(cmd)
	if err == nil && p.to != "" {
		if err = p.save(seen); err != nil {
			return nil, err
		}
	}
	return seen, err
}

// maxSnapshot bounds a snapshot's file, in bytes.
const maxSnapshot = 64 << 20

// whatIf decides about a file, by the function that decides about everything.
func (p *planning) whatIf() (*engine.Outlook, error) {
	in := p.Stdin
	if p.from != "-" {
		file, err := os.Open(p.from)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSnapshot+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxSnapshot:
		return nil, fmt.Errorf("it is larger than %d bytes", maxSnapshot)
	}
	d, err := snapshot.Read(data)
	if err != nil {
		return nil, err
	}
	if p.at != "" {
		if d.Snapshot.Now, err = time.Parse(time.RFC3339, p.at); err != nil {
			return nil, usageError{fmt.Errorf("--at %s is no time such as 2026-12-01T09:00:00Z", p.at)}
		}
	}
	view := report.View{Pipeline: d.Pipeline, Policy: d.Policy, Snapshot: d.Snapshot}
	view.Verdicts = promote.Decide(d.Pipeline, d.Policy, d.Snapshot)
	return &engine.Outlook{Repository: d.Pipeline.Repository, Views: []report.View{view}}, nil
}

// save writes what was seen of one pipeline, whole or not at all.
func (p *planning) save(seen *engine.Outlook) error {
	var names []string
	for _, v := range seen.Views {
		names = append(names, v.Pipeline.Name)
		if p.pipeline != v.Pipeline.Name && (p.pipeline != "" || len(seen.Views) > 1) {
			continue
		}
		data, err := snapshot.Write(snapshot.Document{Pipeline: v.Pipeline, Policy: v.Policy, Snapshot: v.Snapshot})
		if err != nil {
			return err
		}
		if p.to == "-" {
			_, err = p.Stdout.Write(data)
			return err
		}
		return writeWhole(p.to, data)
	}
	return usageError{fmt.Errorf("--pipeline says which one is saved; there are %s", strings.Join(names, ", "))}
}

func writeWhole(name string, data []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(name), ".towpath-")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(data)
	if err = errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), name)
}

func (p *planning) tell(out io.Writer, seen *engine.Outlook, _ []string) error {
	if p.to == "-" {
		return nil
	}
	promotions := 0
	for _, v := range seen.Views {
		fmt.Fprintln(out, report.Plain(v))
		for _, verdict := range v.Verdicts {
			if verdict.Action == promote.Promote {
				promotions++
			}
		}
	}
	_, err := fmt.Fprintf(out, "%d to promote.\n", promotions)
	return err
}
