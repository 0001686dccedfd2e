package commandline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/scaffold"
)

// drafting writes the first configuration of a clone.
type drafting struct {
	Command
	at       clone
	example  bool
	renderer directives.Renderer
}

func (d *drafting) run(cmd *cobra.Command) error {
	if err := d.at.find(); err != nil {
		return err
	}
	local, err := gitrepo.Open(d.at.dir)
	if err != nil {
		return usageError{fmt.Errorf("init looks at a clone: %w", err)}
	}
	root, err := os.OpenRoot(d.at.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unwritten(root); err != nil {
		return err
	}
	place := scaffold.Place{Repository: d.at.repository(), Branch: d.branch(cmd.Context(), local)}
	draft := scaffold.Example(place)
	if !d.example {
		d.progress.say("looking through the files")
		if draft, err = scaffold.Look(root.FS(), place); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	if len(draft.Files) == 0 {
		return fmt.Errorf("there is nothing to make a pipeline of: %s; `action init --example` writes one to be edited", strings.Join(draft.Left, "; "))
	}
	parsed, err := d.judge(draft, place)
	if err != nil {
		return err
	}
	tellGuess(out, "Found", draft.Found)
	tellGuess(out, "Left", draft.Left)
	if !d.example {
		tellGuess(out, "Does not render yet", d.try(cmd.Context(), parsed, workTree{root.FS()}))
	}
	if err := create(root, draft.Files); err != nil {
		return err
	}
	for _, file := range draft.Files {
		fmt.Fprintf(out, "Wrote %s\n", file.Name)
	}
	d.clicks(out, place, parsed)
	return nil
}

// branch is the default branch as far as the clone tells: where it does not, one
// that usually is, else what is checked out.
func (d *drafting) branch(ctx context.Context, local *gitrepo.Local) string {
	branch := d.at.defaultBranch()
	for _, name := range []string{branch, "master"} {
		for _, where := range []string{"refs/remotes/origin/", "refs/heads/"} {
			if _, err := local.Resolve(ctx, where+name); err == nil {
				return name
			}
		}
	}
	head, err := os.ReadFile(filepath.Join(d.at.dir, ".git/HEAD"))
	if checked, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/"); ok && err == nil && d.at.branch == "" {
		return checked
	}
	return branch
}

// unwritten refuses a clone that has a configuration: nothing is ever overwritten.
func unwritten(root *os.Root) error {
	there := []string{}
	for _, name := range []string{scaffold.PipelineFile, scaffold.PolicyFile, scaffold.WorkflowFile, path.Dir(config.PipelineGlob)} {
		if _, err := root.Lstat(name); err == nil {
			there = append(there, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%s is there already, and init overwrites nothing; nothing was written", strings.Join(there, ", "))
	}
	return nil
}

// judge reads the draft as everything else reads it. What it would refuse is never
// written.
func (d *drafting) judge(draft scaffold.Draft, place scaffold.Place) (*config.Config, error) {
	file := func(name string) config.File {
		i := slices.IndexFunc(draft.Files, func(f scaffold.File) bool { return f.Name == name })
		return config.File{Name: name, Data: draft.Files[i].Data}
	}
	policy := file(scaffold.PolicyFile)
	parsed, mistakes := config.Parse([]config.File{file(scaffold.PipelineFile)}, &policy, config.Context{Repository: place.Repository, DefaultBranch: place.Branch})
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("what was found makes no valid pipeline, so nothing was written: %w", mistakes)
	}
	return parsed, nil
}

// try assembles and renders every stage from the work tree, with a digest that
// nothing has, and says what does not go.
func (d *drafting) try(ctx context.Context, parsed *config.Config, tree fs.FS) []string {
	var out []string
	for _, p := range parsed.Pipelines {
		for _, stage := range p.Stages {
			d.progress.say("trying to render " + stage.Name)
			if err := d.assemble(ctx, p, stage, tree); err != nil {
				out = append(out, fmt.Sprintf("%s: %v", stage.Name, err))
			}
		}
	}
	return out
}

func (d *drafting) assemble(ctx context.Context, p config.Pipeline, stage promote.Stage, tree fs.FS) error {
	given := promote.Freight{Warehouse: "app"}
	for _, w := range p.Warehouses {
		for _, i := range w.Images {
			given.Images = append(given.Images, promote.Image{Repository: i.Repository, Tag: "0.0.0", Digest: "sha256:" + strings.Repeat("0", 64)})
		}
		given.Commits = append(given.Commits, promote.Commit{Repository: ".", ID: strings.Repeat("0", 40)})
	}
	freight, err := promote.Complete(p.Pipeline, stage, []promote.Freight{given})
	if err != nil {
		return err
	}
	program, err := p.Updates[stage.Name].Program(p.Scope(stage.Name, freight))
	if err != nil {
		return err
	}
	_, err = directives.Run(ctx, program, &directives.Env{
		Freight: freight, Renderer: d.renderer,
		Source: func(context.Context, directives.SourceRef) (fs.FS, error) { return tree, nil },
	}, nil)
	return err
}

// workTree is the files of a clone as a commit would have them: without git's own.
type workTree struct{ fs.FS }

func (w workTree) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" }), err
}

func (w workTree) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(w.FS, name) }
func (w workTree) ReadLink(name string) (string, error)   { return fs.ReadLink(w.FS, name) }
func (w workTree) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(w.FS, name) }
func (w workTree) ReadFile(name string) ([]byte, error)   { return fs.ReadFile(w.FS, name) }

// create writes all files or none.
func create(root *os.Root, files []scaffold.File) (err error) {
	var made []string
	defer func() {
		for _, name := range slices.Backward(made) {
			if err != nil {
				err = errors.Join(err, root.Remove(name))
			}
		}
	}()
	for _, file := range files {
		for i, c := range file.Name {
			if c != filepath.Separator && c != '/' {
				continue
			}
			switch err := root.Mkdir(file.Name[:i], 0o777); {
			case err == nil:
				made = append(made, file.Name[:i])
			case !errors.Is(err, fs.ErrExist):
				return err
			}
		}
		f, err := root.OpenFile(file.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if err != nil {
			return err
		}
		made = append(made, file.Name)
		_, err = f.Write(file.Data)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func tellGuess(out io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(out, "%s:\n", title)
	for _, l := range lines {
		fmt.Fprintf(out, "  %s\n", strings.ReplaceAll(l, "\n", "\n    "))
	}
}

// clicks says what is left for people to do.
func (d *drafting) clicks(out io.Writer, place scaffold.Place, parsed *config.Config) {
	fmt.Fprintf(out, `
Left to do:
  1. Read them, try them (action validate; action graph), commit them to %s and push.
  2. GitHub: Settings → Actions → General → Workflow permissions: tick "Allow GitHub Actions to create and approve pull requests".
  3. Pull requests that the workflow opens with its own token start no workflows. If they should, give the step `+"`token`"+` that of a GitHub App,
     or run the bot instead of the workflow, as an App.
`, place.Branch)
	var images []string
	for _, p := range parsed.Pipelines {
		for _, w := range p.Warehouses {
			for _, i := range w.Images {
				images = append(images, i.Repository)
			}
		}
	}
	if len(images) > 0 {
		host, _, _ := strings.Cut(images[0], "/")
		fmt.Fprintf(out, `  4. If %s can not be read by everybody, give the step a login, with the password as a secret:
     env: {TOWPATH_REGISTRY_MAIN: "%s USER ${{ secrets.REGISTRY_PASSWORD }}", TOWPATH_REGISTRY_MAIN_FOR: "%s"}
`, strings.Join(images, ", "), host, place.Repository)
	}
}
