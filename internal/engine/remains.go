package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// remains are the places of which the ledger knows that they were written, and
// which no promotion writes any more, because the stage, the lane or its pipeline
// is gone from the configuration, or because it was moved (S5).
type remains struct {
	pipeline config.Pipeline // only with a name where it is gone itself
	*place
}

// name is the stage as people write it.
func (at remains) name() string { return at.pipeline.Name + "/" + at.stage.Name }

// gone says what became of what wrote here, as a sentence without its end.
func (at remains) gone() string { return at.name() + " " + at.fate() }

func (at remains) fate() string {
	s, lives := at.pipeline.Stage(at.stage.Name)
	switch {
	case !lives:
		return "is gone from the configuration"
	case s.Kind == promote.Assembled:
		return "is written to another place now"
	}
	return "is not written by promotions any more"
}

// remains lists them, by pipeline and then as old as the ledger tells. Other
// repositories are opened when elsewhere is set, and left out otherwise.
func (l *look) remains(ctx context.Context, elsewhere bool) ([]remains, error) {
	var out []remains
	for _, name := range slices.Sorted(maps.Keys(l.book.Pipelines)) {
		p := config.Pipeline{Pipeline: promote.Pipeline{Repository: l.name, Name: name}}
		if i := slices.IndexFunc(l.config.parsed.Pipelines, func(p config.Pipeline) bool { return p.Name == name }); i >= 0 {
			p = l.config.parsed.Pipelines[i]
		}
		facts := l.book.Pipelines[name]
		for _, stage := range facts.Written(p.Repository) {
			there := facts.At(stage, p.Repository)
			if p.Elsewhere(stage) && !elsewhere {
				continue
			}
			if err := l.openRemains(ctx, p, &stage); err != nil {
				return nil, err
			}
			if writes(p, stage) {
				continue
			}
			at := &place{pipeline: name, stage: stage, home: l.homeOf(stage), facts: there}
			at.head.Commit = at.home.refs[heads+stage.Target.Branch]
			at.promotionHead = at.home.refs[heads+stage.Target.PromotionBranch()]
			out = append(out, remains{p, at})
		}
	}
	return out, nil
}

// writes tells whether promotions of the pipeline write a place as the stage of
// that name.
func writes(p config.Pipeline, place promote.Stage) bool {
	s, ok := p.Stage(place.Name)
	return ok && s.Kind == promote.Assembled && s.Target.Place() == place.Target
}

// openRemains opens the repository that a stage was written to, where nothing is
// written there any more. One that goes by another name now is the home that it is.
func (l *look) openRemains(ctx context.Context, p config.Pipeline, stage *promote.Stage) error {
	name := stage.Target.Repository
	if !p.Elsewhere(*stage) {
		return nil
	}
	h := l.homes[name]
	if h == nil {
		var err error
		if h, err = l.openHome(ctx, name); err != nil {
			return err
		}
		for asked, known := range l.homes {
			if h.git != nil && known.git == h.git {
				h, stage.Target.Repository = known, asked
			}
		}
		if l.homes[stage.Target.Repository] == nil {
			l.homes[name] = h
			if h.git != nil {
				l.kept = append(l.kept, h.git.Hold())
			}
		}
	}
	if lane := p.Name + "/" + stage.Name; h.abroad.out[lane] == nil {
		h.abroad.out[lane] = l.keptOut(p, *stage, h)
	}
	return nil
}

// proposedBy finds among the places of one promotion branch the one whose
// promotion its head is, by the rule of every promotion (P12).
func proposedBy(places []remains, commit gitrepo.Commit) (remains, bool) {
	for _, at := range places {
		proposal, ok := at.proposed()
		if ok && isOf(commit, proposal) {
			return at, true
		}
		if _, ok := at.earlier(commit); ok && at.home.abroad != nil {
			return at, true
		}
	}
	return remains{}, false
}

// branchOf is a branch, and the repository that it is in.
type branchOf struct {
	home   *home
	branch string
}

// promotionsOf groups what remains by promotion branch, those that are there.
func promotionsOf(all []remains) (order []branchOf, by map[branchOf][]remains) {
	by = map[branchOf][]remains{}
	for _, at := range all {
		if at.promotionHead == "" {
			continue
		}
		b := branchOf{at.home, at.stage.Target.PromotionBranch()}
		if by[b] == nil {
			order = append(order, b)
		}
		by[b] = append(by[b], at)
	}
	return order, by
}

// liveAt are the stages whose promotions have a branch, of any pipeline.
func (l *look) liveAt(b branchOf) []remains {
	var out []remains
	for _, p := range l.config.parsed.Pipelines {
		for _, s := range p.Stages {
			if b.home.holds(p, s) && s.Target.PromotionBranch() == b.branch {
				out = append(out, remains{p, &place{pipeline: p.Name, stage: s, home: b.home, facts: l.book.Pipelines[p.Name]}})
			}
		}
	}
	return out
}

// ownerOf is the one of the places of a promotion branch whose promotion is there;
// none where a stage that is still there has it, or where others wrote it.
func (l *look) ownerOf(ctx context.Context, b branchOf, places []remains) (owner remains, found, live bool, err error) {
	alive := l.liveAt(b)
	commit, err := b.home.git.Commit(ctx, b.home.refs[heads+b.branch])
	if err != nil {
		return owner, false, false, fmt.Errorf("read %s: %w", b.branch, err)
	}
	if _, theirs := proposedBy(alive, commit); theirs {
		return owner, false, true, nil
	}
	owner, found = proposedBy(places, commit)
	return owner, found, len(alive) > 0, nil
}

// knowsItAll says why nothing may be concluded from what is not in the
// configuration, or not in the ledger.
func (l *look) knowsItAll(ctx context.Context) error {
	if lines := l.config.mistakes.Lines(); len(lines) > 0 {
		return &refusal{"the configuration is broken, so nothing is known to be gone: " + strings.Join(lines, "; ")}
	}
	lost := &refusal{"the ledger is lost, so nothing is known to be ours; `action init --ledger` makes it again"}
	if len(l.book.Pipelines) == 0 && len(l.promotionRefs()) > 0 {
		return lost
	}
	for _, p := range l.config.parsed.Pipelines {
		places, err := l.lost(ctx, p)
		if err != nil {
			return fmt.Errorf("pipeline %s: %w", p.Name, err)
		}
		if len(places) > 0 {
			return lost
		}
	}
	return nil
}

// promotionRefs are the promotion branches of our own repository, sorted; some may
// be of other repositories' pipelines, or of nobody.
func (l *look) promotionRefs() []string {
	var out []string
	for _, ref := range slices.Sorted(maps.Keys(l.refs)) {
		if branch, ok := strings.CutPrefix(ref, heads); ok && strings.HasPrefix(branch, promote.PromotionPrefix) {
			out = append(out, branch)
		}
	}
	return out
}

// reportGone says on the open promotions of stages that are gone that they must not
// be merged, once for each head: nobody makes them again when their base moves or
// what they bring has failed. Closing them is left to people.
func (l *look) reportGone(ctx context.Context) error {
	if len(l.config.mistakes) > 0 {
		return nil
	}
	all, err := l.remains(ctx, false)
	if err != nil {
		return err
	}
	l.mu.Lock()
	told := l.gone[l.name]
	l.mu.Unlock()
	now := map[string]bool{}
	order, by := promotionsOf(all)
	for _, b := range order {
		head := b.home.refs[heads+b.branch]
		if !told[head] {
			if err := l.reportGoneAt(ctx, b, by[b]); err != nil {
				return err
			}
		}
		now[head] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone[l.name] = now
	return nil
}

func (l *look) reportGoneAt(ctx context.Context, b branchOf, places []remains) error {
	owner, found, _, err := l.ownerOf(ctx, b, places)
	if err != nil || !found {
		return err
	}
	pulls, err := b.home.repo.PullRequests(ctx, b.branch, maxPulls)
	if err != nil {
		return err
	}
	for _, pull := range pulls {
		if pull.State == "open" && strings.EqualFold(pull.HeadRepo, b.home.name) && pull.BaseRef == owner.stage.Target.Branch {
			return b.home.repo.WriteCheck(ctx, l.check(report.Gone(owner.pipeline.Name, owner.stage.Name, owner.fate()), pull.HeadSHA))
		}
	}
	return nil
}
