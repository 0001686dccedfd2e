package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
)

// Cleaning asks for what is left of stages that are gone to be cleaned up (S5).
type Cleaning struct {
	DryRun        bool // only say what would be done
	StageBranches bool // delete the branches that the stages had, too
}

// Remnant is one thing that a stage left behind.
type Remnant struct {
	Repository  string `json:"repository"` // owner/name
	Branch      string `json:"branch"`
	Commit      string `json:"commit,omitempty"`      // its head
	PullRequest int    `json:"pullRequest,omitempty"` // which comes from it
	URL         string `json:"url,omitempty"`         // of the pull request
	Stage       string `json:"stage,omitempty"`       // pipeline/stage; empty: nobody's that we know of
	Why         string `json:"why"`                   // as the end of a sentence
}

// Cleaned is what was done, or would be.
type Cleaned struct {
	Repository string    `json:"repository"` // owner/name, of the pipelines
	Closed     []Remnant `json:"closed"`
	Deleted    []Remnant `json:"deleted"`
	Left       []Remnant `json:"left"`
}

// CleanUp closes the pull requests and deletes the branches of promotions that
// nothing in the configuration makes any more. What others wrote is left, and
// named. A branch is deleted only where it still is as it was judged; what a crash
// left is finished by the next run. What was done is told with an error as well.
func (e *Engine) CleanUp(ctx context.Context, repository string, wish Cleaning) (*Cleaned, error) {
	cleaned := &Cleaned{Closed: []Remnant{}, Deleted: []Remnant{}}
	_, err := untilFirst(func() (*Cleaned, error) { return cleaned, e.cleanUp(ctx, repository, wish, cleaned) })
	if errors.Is(err, forge.ErrNotFound) {
		return cleaned, fmt.Errorf("GitHub shows us no repository %s: is the name right, and may the App or the token read it? (%w)", repository, err)
	}
	return cleaned, err
}

func (e *Engine) cleanUp(ctx context.Context, repository string, wish Cleaning, out *Cleaned) error {
	l, err := e.observe(ctx, repository)
	if err != nil {
		return err
	}
	defer l.hold()()
	if err := l.knowsItAll(ctx); err != nil {
		return err
	}
	out.Repository = l.repo.Info().FullName
	for {
		c := &cleaning{round: l.newRound(), wish: wish, out: out}
		out.Left = []Remnant{}
		if err := c.find(ctx); err != nil {
			return err
		}
		var failed error
		if !wish.DryRun {
			failed = c.write(ctx)
		}
		c.collect()
		if failed != nil || !c.refusedSome() {
			return failed
		}
	}
}

// cleaning is one pass over all that remains. A repository may refuse to have a
// branch deleted; then the next pass leaves that one and does the rest.
type cleaning struct {
	*round
	wish  Cleaning
	out   *Cleaned
	ours  map[string]bool // pull requests that are being closed, by repository and number
	goes  []branchOf      // which are being deleted
	known map[branchOf]bool

	closing, deleting []*intended
}

// intended is what is to go, and whether it has: repositories are written to side
// by side.
type intended struct {
	Remnant
	done bool
}

// collect adds what was done to the result, in the order in which it was found.
func (c *cleaning) collect() {
	for _, r := range c.closing {
		if r.done {
			c.out.Closed = append(c.out.Closed, r.Remnant)
		}
	}
	for _, r := range c.deleting {
		if r.done {
			c.out.Deleted = append(c.out.Deleted, r.Remnant)
		}
	}
}

// find prepares what is to be done.
func (c *cleaning) find(ctx context.Context) error {
	c.ours, c.known = map[string]bool{}, map[branchOf]bool{}
	all, err := c.remains(ctx, true)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(at remains) bool {
		reasons := at.keptOut()
		unseen := at.home.git == nil || len(reasons) > 0 && reasons[0].Kind == promote.OtherRepository
		if unseen { // whether anything is there can not be told
			c.leave(branchOf{at.home, at.stage.Target.PromotionBranch()}, at.name(), reasons[0].String())
		}
		return unseen
	})
	order, by := promotionsOf(all)
	for _, b := range order {
		c.known[b] = true
		if err := c.promotion(ctx, b, by[b]); err != nil {
			return err
		}
	}
	c.strangers()
	if !c.wish.StageBranches {
		return nil
	}
	return c.stageBranches(ctx, all)
}

// promotion closes the pull request of a promotion and deletes its branch, when
// both are ours.
func (c *cleaning) promotion(ctx context.Context, b branchOf, places []remains) error {
	at := places[0]
	if reasons := at.keptOut(); len(reasons) > 0 {
		c.leave(b, at.name(), reasons[0].String())
		return nil
	}
	at, found, live, err := c.ownerOf(ctx, b, places)
	switch {
	case err != nil:
		return err
	case !found && live:
		return nil // a stage that is there has it, and says what is wrong with it
	case !found:
		c.leave(b, places[0].name(), "its head was not written by Towpath")
		return nil
	}
	others, err := c.pulls(ctx, at, b)
	switch words := b.home.refused[heads+b.branch]; {
	case err != nil:
		return err
	case words != "":
		c.leave(b, at.name(), "the repository does not let it be deleted: "+words)
	case len(others) > 0:
		c.leave(b, at.name(), others[0]+" comes from it")
	default:
		c.delete(at, b, at.gone())
	}
	return nil
}

// pulls closes the promotion's pull request, and names the others that come from
// its branch: those of people, to somewhere else.
func (c *cleaning) pulls(ctx context.Context, at remains, b branchOf) (others []string, err error) {
	pulls, err := b.home.repo.PullRequests(ctx, b.branch, maxPulls)
	if err != nil {
		return nil, err
	}
	for _, pull := range pulls {
		switch {
		case pull.State != "open" || !strings.EqualFold(pull.HeadRepo, b.home.name): // a fork may have a branch of the same name
		case pull.BaseRef != at.stage.Target.Branch:
			c.out.Left = append(c.out.Left, Remnant{
				Repository: b.home.name, Branch: b.branch, PullRequest: pull.Number, URL: pull.URL, Why: fmt.Sprintf("%s opened it, to %s", pull.Author, pull.BaseRef),
			})
			others = append(others, fmt.Sprintf("#%d", pull.Number))
		default:
			c.close(at, b, pull)
		}
	}
	return others, nil
}

// close tells the promotion's pull request why before its branch goes, with which
// GitHub closes it.
func (c *cleaning) close(at remains, b branchOf, pull forge.PullRequest) {
	it := &intended{Remnant{Repository: b.home.name, Branch: b.branch, PullRequest: pull.Number, URL: pull.URL, Stage: at.name(), Why: at.gone()}, c.wish.DryRun}
	c.closing = append(c.closing, it)
	c.ours[pullKey(b.home, pull.Number)] = true
	if c.wish.DryRun {
		return
	}
	repo := b.home.repo
	c.before = append(c.before, effect{fmt.Sprintf("tell #%d why it is closed", pull.Number), func(ctx context.Context) error {
		_, err := repo.Reply(ctx, pull.Number, "cleanup", fmt.Sprintf("`%s` %s (as of %s): this promotion is closed.", at.name(), at.fate(), promote.ShortID(c.config.commit)))
		return err
	}})
	c.work(at.pipeline, at.place, nil, nil).then(effect{fmt.Sprintf("close #%d", pull.Number), func(ctx context.Context) error {
		err := repo.ClosePullRequest(ctx, pull.Number)
		it.done = err == nil
		return err
	}})
}

func pullKey(h *home, number int) string { return fmt.Sprint(h.name, "#", number) }

// delete takes a branch away, where its head is still the one that was judged.
func (c *cleaning) delete(at remains, b branchOf, why string) {
	it := &intended{Remnant{Repository: b.home.name, Branch: b.branch, Commit: b.home.refs[heads+b.branch], Stage: at.name(), Why: why}, c.wish.DryRun}
	c.deleting = append(c.deleting, it)
	c.goes = append(c.goes, b)
	if c.wish.DryRun {
		return
	}
	c.log = append(c.log, fmt.Sprintf("%s: clean up: delete %s", at.name(), b.branch))
	w := c.work(at.pipeline, at.place, nil, nil)
	w.update(b.branch, it.Commit, "")
	w.then(effect{"note that " + b.branch + " is gone", func(context.Context) error {
		it.done = true
		return nil
	}})
}

func (c *cleaning) leave(b branchOf, stage, why string) {
	c.out.Left = append(c.out.Left, Remnant{Repository: b.home.name, Branch: b.branch, Commit: b.home.refs[heads+b.branch], Stage: stage, Why: why})
}

// refusedSome tells whether a repository did not let one of the branches go.
func (c *cleaning) refusedSome() bool {
	return slices.ContainsFunc(c.goes, func(b branchOf) bool { return b.home.refused[heads+b.branch] != "" })
}

// strangers names the branches that look like promotions and of which the ledger
// knows nothing.
func (c *cleaning) strangers() {
	for _, branch := range c.promotionRefs() {
		b := branchOf{c.home, branch}
		if !c.known[b] && len(c.liveAt(b)) == 0 {
			c.leave(b, "", "no stage that the ledger knows of is proposed there")
		}
	}
}
