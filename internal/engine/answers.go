package engine

import (
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/command"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// answer writes down that the comment is handled, with the reply to give.
func (r *round) answer() {
	o := r.order
	text := o.refusal
	if text == "" {
		text = strings.Join(slices.Concat(o.lines, r.outcomes()), "\n\n")
	}
	o.reply = text
	if o.comment.ID == 0 {
		return
	}
	r.handled = &promote.Handled{Comment: o.comment.ID, Issue: o.comment.Issue, Author: o.comment.Author, Outcome: text, At: o.comment.Created}
}

// outcomes says what became of the wishes, and answers the questions.
func (r *round) outcomes() []string {
	var out []string
	for _, stage := range r.order.asked {
		for _, v := range r.views {
			if v.Pipeline.Name == stage.Pipeline {
				out = append(out, report.Outcome(v, stage.Name))
			}
		}
	}
	for _, v := range r.views {
		for _, verdict := range v.Verdicts {
			if len(verdict.Retested) > 0 {
				out = append(out, report.Retested(v, verdict.Stage))
			}
		}
	}
	for _, c := range r.order.commands {
		switch c.Verb {
		case "approve":
			out = append(out, report.Approve())
		case "help":
			out = append(out, "these are the commands:", command.Help())
		case "status":
			out = append(out, report.Status(r.views, stageNames(c.Stages), r.config.mistakes.Lines()))
		case "why":
			asked := report.Subject{Name: c.Name, Version: c.Version}
			for _, s := range c.Stages {
				asked.Pipeline, asked.Stage = s.Pipeline, s.Name
			}
			out = append(out, report.WhyReply(r.views, asked))
		}
	}
	return out
}

func stageNames(stages []command.Stage) map[string][]string {
	out := map[string][]string{}
	for _, s := range stages {
		out[s.Pipeline] = append(out[s.Pipeline], s.Name)
	}
	return out
}
