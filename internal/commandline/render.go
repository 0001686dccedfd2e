package commandline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

func renderCommand(c Command, renderer directives.Renderer) *cobra.Command {
	r := rendering{renderer: renderer, doing: c.progress.say}
	cmd := &cobra.Command{
		Use:   "render --stage STAGE --freight FILE --out DIR",
		Short: "Assemble and render one stage from a clone, without network",
		Long: `Assemble and render one stage from the commits of a clone, without network and
without the ledger, and write the stage's whole tree to a new folder.

The freight is JSON, an object for one slot, a list for several:

  {"warehouse": "app",
   "images":  [{"repository": "ghcr.io/acme/web", "tag": "1.4.2", "digest": "sha256:…"}],
   "commits": [{"repository": ".", "id": "…"}],
   "charts":  [{"repository": "oci://ghcr.io/acme/charts/redis", "version": "2.0.1"}]}

The configuration is that of HEAD, and so is a source that neither the freight nor
a ref names a commit of.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.clone.getenv = c.getenv
			return r.run(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	r.clone.addFlags(cmd)
	cmd.Flags().StringVar(&r.stage, "stage", "", "the `STAGE`; pipeline/stage where several pipelines have one of the name")
	_ = cmd.RegisterFlagCompletionFunc("stage", c.stages(true)) // the flag is there
	cmd.Flags().StringVar(&r.freight, "freight", "", "the freight's `FILE`; - is the standard input")
	cmd.Flags().StringVar(&r.out, "out", "", "the `DIR` to write: a new one, or an empty one")
	cmd.Flags().StringVar(&r.artifacts, "artifacts", "", "a `DIR` of chart archives, NAME-VERSION.tgz")
	cmd.Flags().StringArrayVar(&r.clones, "source", nil, "`owner/name=DIR`: a clone of another repository that is copied from")
	return cmd
}

// rendering is one run of the command.
type rendering struct {
	clone     clone
	stage     string
	freight   string
	out       string
	artifacts string
	clones    []string // owner/name=DIR
	renderer  directives.Renderer
	doing     func(string)
}

func (r rendering) run(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	for _, flag := range []struct{ name, value string }{{"--stage", r.stage}, {"--freight", r.freight}, {"--out", r.out}} {
		if flag.value == "" {
			return usageError{fmt.Errorf("%s is missing", flag.name)}
		}
	}
	if err := r.clone.find(); err != nil {
		return err
	}
	r.doing("reading the clone")
	sources, err := openSources(r.clone, r.clones)
	if err != nil {
		return err
	}
	head, err := sources.tree(ctx, ".", "HEAD")
	if err != nil {
		return err
	}
	parsed, mistakes, err := r.clone.configuration(head)
	if err != nil {
		return err
	}
	if r.clone.edited(head) {
		fmt.Fprintln(stderr, "note: .towpath in the work tree is not that of HEAD, which is what counts: commit it to try it")
	}
	for _, line := range mistakes.Lines() {
		fmt.Fprintln(stderr, line)
	}
	if len(mistakes) > 0 {
		return errRefused
	}
	pipeline, stage, err := findStage(parsed, r.stage)
	if err != nil {
		return err
	}
	freight, err := r.readFreight(ctx, stdin, pipeline, stage, sources)
	if err != nil {
		return fmt.Errorf("freight %s: %w", r.freight, err)
	}
	r.doing("assembling and rendering " + stage.Name)
	tree, err := r.assemble(ctx, pipeline, stage, freight, sources)
	if err != nil {
		return fmt.Errorf("stage %s: %w", stage.Name, err)
	}
	return writeOut(r.out, tree)
}

// findStage finds a stage by its name, or as pipeline/stage.
func findStage(parsed *config.Config, name string) (config.Pipeline, promote.Stage, error) {
	wanted, bare, qualified := strings.Cut(name, "/")
	if !qualified {
		wanted, bare = "", name
	}
	var pipelines []config.Pipeline
	var stages []promote.Stage
	var all, matching, lanes []string
	for _, p := range parsed.Pipelines {
		for _, s := range p.Stages {
			all = append(all, p.Name+"/"+s.Name)
			if promote.Means(bare, s.Name) && (wanted == "" || wanted == p.Name) {
				lanes = append(lanes, s.Name)
			}
			if s.Name == bare && (wanted == "" || wanted == p.Name) {
				pipelines, stages, matching = append(pipelines, p), append(stages, s), append(matching, p.Name+"/"+s.Name)
			}
		}
	}
	switch {
	case len(stages) == 1:
		return pipelines[0], stages[0], nil
	case len(stages) == 0 && len(lanes) > 0:
		return config.Pipeline{}, promote.Stage{}, usageError{fmt.Errorf("stage %q has several lanes: say which of %s", name, strings.Join(lanes, ", "))}
	case len(stages) == 0:
		return config.Pipeline{}, promote.Stage{}, usageError{fmt.Errorf("there is no stage %q; there are %s", name, strings.Join(all, ", "))}
	}
	return config.Pipeline{}, promote.Stage{}, usageError{fmt.Errorf("several pipelines have a stage %q: write %s", name, strings.Join(matching, " or "))}
}

// assemble makes the stage's tree.
func (r rendering) assemble(ctx context.Context, p config.Pipeline, stage promote.Stage, freight []promote.Freight, sources *localSources) (fs.FS, error) {
	program, err := p.Updates[stage.Name].Program(p.Scope(stage.Name, freight))
	if err != nil {
		return nil, err
	}
	current, err := sources.stageFolder(ctx, stage.Target)
	if err != nil {
		return nil, err
	}
	env := &directives.Env{
		Freight: freight, Renderer: r.renderer,
		Source: func(ctx context.Context, ref directives.SourceRef) (fs.FS, error) {
			return sources.source(ctx, freight, ref)
		},
		Chart: r.chart,
	}
	result, err := directives.Run(ctx, program, env, current)
	if err != nil {
		return nil, err
	}
	return result.Tree, nil
}

// chart reads a chart of the freight from the artifacts' folder.
func (r rendering) chart(_ context.Context, c promote.Chart) ([]byte, error) {
	if r.artifacts == "" {
		return nil, errors.New("--artifacts DIR says where the chart archives are")
	}
	name := c.KnownAs() + "-" + c.Version + ".tgz"
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("%q is not the name of an archive", name)
	}
	data, err := os.ReadFile(filepath.Join(r.artifacts, name))
	if err != nil {
		return nil, err
	}
	// The digest of a chart in an OCI repository is that of its manifest.
	if c.Digest != "" && !strings.HasPrefix(c.Repository, "oci://") && fmt.Sprintf("sha256:%x", sha256.Sum256(data)) != c.Digest {
		return nil, fmt.Errorf("%s is not the archive of the freight: its digest is not %s", filepath.Join(r.artifacts, name), c.Digest)
	}
	return data, nil
}

// maxFreight bounds a freight file, in bytes.
const maxFreight = 4 << 20

// readFreight reads one freight per slot of the stage.
func (r rendering) readFreight(ctx context.Context, stdin io.Reader, p config.Pipeline, stage promote.Stage, sources *localSources) ([]promote.Freight, error) {
	in := stdin
	if r.freight != "-" {
		file, err := os.Open(r.freight)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFreight+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxFreight:
		return nil, fmt.Errorf("it is larger than %d bytes", maxFreight)
	}
	given, err := decodeFreight(data)
	if err != nil {
		return nil, err
	}
	for i := range given {
		for j, c := range given[i].Commits {
			if given[i].Commits[j].ID, err = sources.resolve(ctx, c.Repository, c.ID); err != nil {
				return nil, err
			}
		}
	}
	return promote.Complete(p.Pipeline, stage, given)
}

// decodeFreight reads one freight or a list of them, strictly.
func decodeFreight(data []byte) ([]promote.Freight, error) {
	var list []promote.Freight
	var into any = &list
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		list = make([]promote.Freight, 1)
		into = &list[0]
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return nil, fmt.Errorf("it is not the JSON of freight: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("there is something behind the JSON value; several slots are a list")
	}
	return list, nil
}

// writeOut writes the tree to a folder that is not there or empty, whole or not
// at all.
func writeOut(dir string, tree fs.FS) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("--out: %w", err)
	case len(entries) > 0:
		return usageError{fmt.Errorf("--out %s is not empty", dir)}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), ".towpath-render-")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer os.RemoveAll(draft)
	made := filepath.Join(draft, "tree")
	if err := os.Mkdir(made, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := os.CopyFS(made, tree); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return os.CopyFS(dir, tree) // it can not be replaced: something is mounted there
	}
	return os.Rename(made, dir)
}
