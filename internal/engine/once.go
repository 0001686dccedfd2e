package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
)

// Wish is what somebody asks for outside of a comment: a promotion, or freight made
// by hand. Nothing is kept of it that GitHub would have to confirm later.
type Wish struct {
	By    string   // who asks; empty: whoever the token is of, who needs no right where that is an App
	Words []string // of the command, without the slash: promote, and what follows it; none: nothing
	// Lanes are the stages that freight is brought into, as pipeline/stage, besides
	// what people ask for in comments; nil: all of them.
	Lanes map[string]bool
	// Exec runs the commands that make the files of these stages; nil: nobody does.
	Exec Executor
}

// Executor runs a command in a copy of a workspace, as the Exec of [directives.Env].
type Executor func(ctx context.Context, of Execution, workspace fs.FS) (fs.FS, error)

// Execution is a command that makes the files of a stage.
type Execution struct {
	directives.Exec
	Repository string // of the pipeline
	Pipeline   string
	Stage      string
	Freight    []promote.Freight
}

// Done is what one look of its own did.
type Done struct {
	Outlook
	Reply   string   // what became of the wish, as Markdown
	Refused bool     // the wish was: by the rule, by rights, or for its words
	Pushed  []string // branches that were written, without the ledger
}

// errand is what a look is sent for, and what it brings home.
type errand struct {
	wish *Wish // nil: none, or none any more
	late error // why the wish could not be carried out now
	done Done
}

// Once looks and does what is to be done, as [Engine.Look], and says what that was.
// The time until something changes by itself is not kept; somebody must look again.
func (e *Engine) Once(ctx context.Context, repository string, wish *Wish) (*Done, error) {
	errand := &errand{wish: wish}
	_, err := e.look(ctx, repository, errand)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, fmt.Errorf("GitHub shows us no repository %s: is the name right, and may the App or the token read it? (%w)", repository, err)
	}
	if err == nil && errand.late != nil {
		err = fmt.Errorf("not now: %w", errand.late)
	}
	return &errand.done, err
}

// takeWish makes an order of the wish, as of a comment.
func (r *round) takeWish(ctx context.Context, errand *errand) error {
	if errand.wish == nil || len(errand.wish.Words) == 0 || r.vain.postponed[0] != nil {
		return nil
	}
	self, err := r.Forge.Self(ctx)
	if err != nil {
		return fmt.Errorf("ask who we are: %w", err)
	}
	o := &order{comment: remark{forge.Comment{Author: errand.wish.By, Created: r.now}, r.home}}
	if o.comment.Author == "" {
		o.comment.Author = self
	}
	commands, usage := command.Parse("/"+quoted(errand.wish.Words), r.names(r.home))
	o.commands = commands
	switch {
	case usage != nil:
		o.refusal = r.usage(usage)
	case !r.Forge.IsApp() || errand.wish.By != "":
		if o.refusal, err = r.authorise(ctx, o); err != nil {
			return fmt.Errorf("ask for the rights of %s: %w", o.comment.Author, err)
		}
	}
	r.order = o
	return nil
}

var bare = regexp.MustCompile(`^[\w./@=:-]+$`)

// quoted joins words so that the command's parser takes them apart again.
func quoted(words []string) string {
	out := slices.Clone(words)
	for i, word := range words {
		if !bare.MatchString(word) {
			out[i] = "'" + strings.NewReplacer("'", "", "\n", " ").Replace(word) + "'" // neither is in any name
		}
	}
	return strings.Join(out, " ")
}

// did takes home what a round did. A wish is carried out once, also when somebody
// else is faster with the next round.
func (e *errand) did(r *round) {
	e.late = r.vain.postponed[0]
	if o := r.order; o != nil && o.comment.ID == 0 {
		e.wish, e.done.Reply, e.done.Refused = nil, o.reply, o.refusal != "" || o.failed
		for _, v := range r.views {
			e.done.Refused = e.done.Refused || slices.ContainsFunc(v.Verdicts, func(verdict promote.Verdict) bool { return verdict.Refused })
		}
	}
	if !r.pushed {
		return
	}
	updates := r.updates
	for _, s := range r.sendings {
		updates = append(updates, s.updates...)
	}
	for _, u := range updates {
		if branch := strings.TrimPrefix(u.Ref, heads); branch != ledger.Branch && u.New != "" {
			e.done.Pushed = append(e.done.Pushed, branch)
		}
	}
}

func (e *errand) saw(l *look) {
	e.done.Outlook = Outlook{Repository: l.repo.Info().FullName, Views: l.views, Mistakes: l.config.mistakes.Lines()}
}
