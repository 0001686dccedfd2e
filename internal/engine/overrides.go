package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// override writes down that somebody lets freight into a stage past what the
// policy lists (H2). It promotes nothing; what becomes of it is decided like
// everything else.
func (o *order) override(r *round, p config.Pipeline, c command.Command, stage command.Stage) {
	s, _ := p.Stage(stage.Name)
	facts := r.book.Pipelines[p.Name].Merge(r.facts[p.Name])
	for warehouse, name := range c.Freight {
		freight, err := facts.Named(s, warehouse, name)
		if err != nil {
			o.lines = append(o.lines, report.NotOverridden(stage.Name, err))
			continue
		}
		said := promote.Override{
			Stage: stage.Name, Warehouse: freight.Warehouse, Freight: freight.ID, By: o.comment.Author, Reason: c.Reason,
			Comment: o.comment.ID, At: o.comment.Created.Add(time.Duration(c.Line) * time.Millisecond),
		}
		news := promote.Facts{Overrides: []promote.Override{said}}
		r.record(p.Name, news, fmt.Sprintf("%s/%s: %s overrides for %s: %s", p.Name, stage.Name, said.By, freight.Alias, said.Reason))
		policy := r.config.parsed.Policy.For(p.Name, stage.Name)
		o.lines = append(o.lines, report.Overridden(policy, facts.Merge(news), stage.Name, freight))
	}
}

// confirmedOverride asks GitHub whether an override of the ledger was said in its
// comment, by somebody who may (L4).
func (l *look) confirmedOverride(ctx context.Context, pipeline string, facts promote.Facts, o promote.Override) (bool, error) {
	stage := command.Stage{Pipeline: pipeline, Name: o.Stage}
	ok, err := l.confirmed(ctx, saying{verb: "override", stage: stage, by: o.By, comment: o.Comment, what: o.Freight}, func(c command.Command, _ time.Time) bool {
		p, s := l.stage(stage)
		for warehouse, name := range c.Freight {
			freight, err := facts.Named(s, warehouse, name)
			if err == nil && freight.ID == o.Freight && freight.Warehouse == o.Warehouse && p.Name == pipeline {
				return c.Reason == o.Reason
			}
		}
		return false
	})
	if err != nil {
		return false, fmt.Errorf("confirm the override of %s: %w", o.Stage, err)
	}
	return ok, nil
}

// stage finds a stage of the configuration; zero values: there is none any more.
func (l *look) stage(name command.Stage) (config.Pipeline, promote.Stage) {
	for _, p := range l.config.parsed.Pipelines {
		if p.Name == name.Pipeline {
			s, _ := p.Stage(name.Name)
			return p, s
		}
	}
	return config.Pipeline{}, promote.Stage{}
}

// overrideLabel is on a pull request whose freight goes past a rule.
const overrideLabel = "towpath: override"

// labelOverride puts the label on the promotion's pull request, or takes it away,
// where that is not so already.
func (l *look) labelOverride(ctx context.Context, at *place, v report.View, open promote.Open) error {
	overridden := len(v.Overrides(at.stage.Name, open.Proposal.Freight)) > 0
	pulls := at.home.pulls[at.stage.Target.PromotionBranch()]
	for i, pull := range pulls {
		if pull.Number != open.PullRequest || overridden == containsFold(pull.Labels, overrideLabel) {
			continue
		}
		if err := at.home.repo.Label(ctx, pull.Number, overrideLabel, overridden); err != nil {
			return err
		}
		if overridden {
			pulls[i].Labels = append(slices.Clip(pull.Labels), overrideLabel)
		}
	}
	return nil
}
