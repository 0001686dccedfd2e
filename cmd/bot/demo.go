package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/examples"
	"github.com/towpath/towpath/internal/githubtest"
)

func demoCommand() *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on a GitHub, a registry and a bot of its own, all on loopback",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out = cmd.OutOrStdout()
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&d.once, "once", false, "end after the story; the exit code says whether it ended well")
	cmd.Flags().StringVar(&d.repo, "repo", "", "a clone with a .towpath of your own, instead of the example")
	return cmd
}

// demo tells the main job as a story, and checks every step of it.
type demo struct {
	once  bool
	repo  string
	out   io.Writer
	lab   *lab
	logs  logBuffer
	step  int
	name  string // owner/name
	shown int    // the pull request shown last, to play with; 0: none
}

// patience is how long the demo waits for the bot before it gives up.
const patience = 30 * time.Second

func (d *demo) run(ctx context.Context) (err error) {
	if d.lab, err = newLab(labConfig{}); err != nil {
		return err
	}
	defer d.lab.close()
	if err := d.prepare(); err != nil {
		return err
	}
	stopped := d.lab.startBot(ctx, &d.logs)
	d.say("A GitHub at %s, a registry at %s, the bot at %s", d.lab.hub.URL(), d.lab.registry.Addr(), d.lab.address)
	story := d.story
	if d.repo != "" {
		story = d.ownStory
	}
	if err := story(ctx); err != nil {
		return fmt.Errorf("the story did not end well: %w\n\nthe bot's log:\n%s", err, d.logs.String())
	}
	if d.once {
		return nil
	}
	fmt.Fprintf(d.out, "\nEverything stays up to play with; Ctrl-C ends it. The bot's page: %s/\n", d.lab.address)
	if d.shown != 0 {
		fmt.Fprintf(d.out, "Say something to it, and look at the pull request again:\n\n"+
			"  curl -d '{\"repo\":%q,\"number\":%d,\"by\":\"you\",\"body\":\"/status\"}' %s/_towpath/comment\n\n", d.name, d.shown, d.lab.hub.URL())
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-stopped:
		return err
	}
}

func (d *demo) prepare() (err error) {
	if d.repo != "" {
		return d.importRepository()
	}
	tree, err := fs.Sub(examples.Guestbook, "guestbook")
	if err != nil {
		return err
	}
	if err := d.lab.hub.CreateOrg("acme"); err != nil {
		return err
	}
	d.name, err = d.lab.addRepository("guestbook", tree)
	return err
}

func (d *demo) importRepository() error {
	dir, err := filepath.Abs(d.repo)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, ".towpath")); err != nil {
		return fmt.Errorf("%s has no .towpath folder", dir)
	}
	d.name = "acme/" + strings.ToLower(filepath.Base(dir))
	if err := d.lab.hub.CreateOrg("acme"); err != nil {
		return err
	}
	if err := d.lab.hub.ImportRepo("acme", filepath.Base(d.name), dir); err != nil {
		return fmt.Errorf("import %s: %w", dir, err)
	}
	return d.lab.install(d.name)
}

// ownStory waits for what the bot makes of somebody's own repository.
func (d *demo) ownStory(ctx context.Context) error {
	d.say("%s is your repository, with the App installed; the bot looks at it", d.name)
	err := d.until(ctx, "a promotion, a check or an issue that says what is wrong", func() bool {
		head := d.lab.hub.Refs(d.name)["refs/heads/main"]
		return len(d.lab.hub.Pulls(d.name)) > 0 || len(d.lab.hub.CheckRuns(d.name, head)) > 0
	})
	if err != nil {
		return err
	}
	for _, run := range d.lab.hub.CheckRuns(d.name, d.lab.hub.Refs(d.name)["refs/heads/main"]) {
		d.tell("%s: %s", run.Name, run.Title)
	}
	for _, pull := range d.lab.hub.Pulls(d.name) {
		d.showPull(pull)
	}
	return nil
}

func (d *demo) story(ctx context.Context) error {
	d.say("%s has a kustomize application and a pipeline: test → uat-a, uat-b → prod, which wants both", d.name)
	image, err := newImage(1, d.lab.hub.Now())
	if err != nil {
		return err
	}
	digest, err := d.lab.pushImage(ctx, image, "acme/guestbook", "1.0.0")
	if err != nil {
		return err
	}
	if err := d.lab.tell(ctx, "acme/guestbook", "1.0.0", digest); err != nil {
		return err
	}
	d.say("An image is pushed: guestbook:1.0.0 is %s…", digest[:19])
	if err := d.deliver(ctx, "test", digest); err != nil {
		return err
	}
	for _, stage := range []string{"uat-a", "uat-b"} {
		if _, err := d.pull(ctx, stage); err != nil {
			return err
		}
	}
	d.say("test is verified, so both uat stages may have it")
	if err := d.deliver(ctx, "uat-a", digest); err != nil {
		return err
	}
	if err := d.tooEarly(ctx); err != nil {
		return err
	}
	if err := d.deliver(ctx, "uat-b", digest); err != nil {
		return err
	}
	pull, err := d.pull(ctx, "prod")
	if err != nil {
		return err
	}
	d.say("Both are verified: the promotion to prod is there, and not a moment before")
	d.showPull(pull)
	fmt.Fprintf(d.out, "\n%s\n", indent(pull.Body))
	return nil
}

// deliver merges a stage's promotion and reports its verification.
func (d *demo) deliver(ctx context.Context, stage, digest string) error {
	pull, err := d.pull(ctx, stage)
	if err != nil {
		return err
	}
	d.say("The promotion to %s", stage)
	d.showPull(pull)
	commit, err := d.lab.hub.Merge(d.name, pull.Number, "merge", "you")
	if err != nil {
		return err
	}
	if err := d.rendered(stage, digest); err != nil {
		return err
	}
	d.tell("merged by you; stage/%s holds manifests with the digest", stage)
	if err := d.lab.hub.SetStatus(d.name, commit, "e2e", "success", "ci"); err != nil {
		return err
	}
	d.tell("e2e reports success on %s", commit[:10])
	return nil
}

// rendered checks that the stage branch pins the digest.
func (d *demo) rendered(stage, digest string) error {
	files, err := d.lab.hub.Files(d.name, "stage/"+stage)
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := d.lab.hub.ReadFile(d.name, "stage/"+stage, file)
		if err != nil {
			return err
		}
		if strings.Contains(text, digest) {
			return nil
		}
	}
	return fmt.Errorf("no file of stage/%s names %s: %v", stage, digest, files)
}

// tooEarly asks for prod before its rule is met, and is refused with the reason.
func (d *demo) tooEarly(ctx context.Context) error {
	number := d.lab.hub.Pulls(d.name)[0].Number
	if _, err := d.lab.hub.Comment(d.name, number, "you", "/promote prod"); err != nil {
		return err
	}
	d.say("You comment `/promote prod` too early")
	var answer string
	err := d.until(ctx, "an answer to the comment", func() bool {
		for _, c := range d.lab.hub.Comments(d.name, number) {
			if c.Author != "you" {
				answer = c.Body
			}
		}
		return answer != ""
	})
	if err != nil {
		return err
	}
	if !strings.Contains(answer, "uat-b") {
		return fmt.Errorf("the answer does not say what is missing: %s", answer)
	}
	fmt.Fprintln(d.out, indent(answer))
	if slices.ContainsFunc(d.lab.hub.Pulls(d.name), func(p githubtest.Pull) bool { return p.Base == "stage/prod" }) {
		return errors.New("prod was promoted before its rule was met")
	}
	return nil
}

// pull waits for the open promotion of a stage.
func (d *demo) pull(ctx context.Context, stage string) (found githubtest.Pull, err error) {
	err = d.until(ctx, "the promotion to "+stage, func() bool {
		for _, p := range d.lab.hub.Pulls(d.name) {
			if p.Base == "stage/"+stage && p.State == "open" {
				found = p
				return true
			}
		}
		return false
	})
	return found, err
}

func (d *demo) until(ctx context.Context, what string, there func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !there() {
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("waited %s for %s", patience, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.out, "\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demo) tell(format string, args ...any) {
	fmt.Fprintf(d.out, "   %s\n", fmt.Sprintf(format, args...))
}

func (d *demo) showPull(p githubtest.Pull) {
	d.shown = p.Number
	d.tell("#%d %s\n   %s/%s/pull/%d", p.Number, p.Title, d.lab.hub.URL(), d.name, p.Number)
}

func indent(text string) string {
	return "   | " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n   | ")
}

// logBuffer keeps the bot's log for the case that something goes wrong.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
