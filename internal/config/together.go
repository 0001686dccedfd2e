package config

import (
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// checkTogether checks what pipelines say about each other, and holds them
// against the policy. A mistake goes to the later of two pipelines, so that a
// new one never stops one that worked.
func checkTogether(built []builtPipeline, r *rules, ctx Context, found *collector) {
	checkNames(built)
	checkTargets(built)
	for _, p := range built {
		for _, s := range p.stages {
			for _, u := range s.updates() {
				p.checkBranch(u, ctx)
			}
		}
	}
	if r.broken {
		return // nothing is certain about what it allows
	}
	r.resolveMatches(built, found)
	for _, p := range built {
		for _, s := range p.stages {
			for _, lane := range s.lanes {
				p.checkWrites(lane, r, ctx)
				p.checkFloor(s, lane, r, ctx)
			}
			p.checkUses(s, r)
			p.checkCommands(s, r)
		}
	}
}

// checkNames reports pipelines of the same name.
func checkNames(built []builtPipeline) {
	first := map[string]At{}
	for _, p := range built {
		name := p.pipeline.Name
		if name == "" {
			continue
		}
		if at, taken := first[name]; taken {
			p.mistakes.add(p.name, "pipeline %q is there twice; the first is at %s", name, at.place())
			continue
		}
		first[name] = p.name
	}
}

// writer is one place that is written, and by whom.
type writer struct {
	pipeline builtPipeline
	update   builtUpdate
}

func (w writer) name() string { return w.pipeline.pipeline.Name + "/" + w.update.lane }

// checkTargets reports two updates that write the same files, or whose branches
// git can not hold side by side. Both show in the names of their promotion
// branches: one is the other, or a folder of it.
func checkTargets(built []builtPipeline) {
	taken := map[string]writer{} // by promotion branch
	above := map[string]writer{} // by what promotion branches lie in
	for _, p := range built {
		for _, s := range p.stages {
			for _, u := range s.updates() {
				if !u.known() {
					continue // reported where it was evaluated
				}
				claim(writer{p, u}, taken, above)
			}
		}
	}
}

// claim takes a place for a writer, and reports the one who has it already.
func claim(w writer, taken, above map[string]writer) {
	name := w.update.update.Target.Repository + " " + w.update.update.Target.PromotionBranch()
	other, overlaps := above[name]
	for at := name; at != ""; at = at[:max(0, strings.LastIndexByte(at, '/'))] {
		if holder, ok := taken[at]; ok && !overlaps {
			other, overlaps = holder, true
		}
		if _, ok := above[at]; !ok && at != name {
			above[at] = w
		}
	}
	if overlaps {
		reportOverlap(w, other)
		return
	}
	taken[name] = w
}

func reportOverlap(w, other writer) {
	mine, theirs := w.update.update.Target, other.update.update.Target
	if mine.Branch != theirs.Branch {
		w.pipeline.mistakes.add(w.update.at, "branch %s of %s and branch %s of %s (%s) can not exist side by side in git",
			mine.Branch, w.name(), theirs.Branch, other.name(), other.update.at.place())
		return
	}
	if mine.Path == theirs.Path {
		w.pipeline.mistakes.add(w.update.at, "%s and %s (%s) both write %s of branch %s",
			w.name(), other.name(), other.update.at.place(), folder(mine), mine.Branch)
		return
	}
	w.pipeline.mistakes.add(w.update.at, "%s and %s (%s) write the same files of branch %s: %s and %s",
		w.name(), other.name(), other.update.at.place(), mine.Branch, folder(mine), folder(theirs))
}

func folder(t promote.Target) string {
	if t.Path == "." {
		return "all"
	}
	return t.Path
}

// checkBranch reports a target that nobody may write, whatever the policy says.
func (p builtPipeline) checkBranch(u builtUpdate, ctx Context) {
	t := u.update.Target
	if t.Branch == ctx.DefaultBranch && t.Path == "." && t.Repository == ctx.Repository {
		p.mistakes.add(u.at, "%s is the default branch; a stage can be a folder of it, and needs a `path`", t.Branch)
	}
}

// checkWrites reports targets in the policy's repository that it does not list (H5).
func (p builtPipeline) checkWrites(lane builtLane, r *rules, ctx Context) {
	for _, u := range lane.updates {
		t := u.update.Target
		if !u.known() || t.Repository != ctx.Repository {
			continue
		}
		if !r.mayWrite(t.Branch, ctx.DefaultBranch) {
			hint := ""
			if t.Branch == ctx.DefaultBranch {
				hint = "; the default branch must be named there as it is"
			}
			p.mistakes.add(u.at, "branch %s is not among those that %s lets pipelines write%s", t.Branch, r.writesPlace(), hint)
			continue
		}
		if list, ok := r.mayWritePath(t.Branch, t.Path); !ok {
			p.mistakes.add(u.at, "path %s of branch %s is not among those that %s lets pipelines write", t.Path, t.Branch, list.At.place())
		}
		if u.update.Adopt && !r.mayAdopt(t.Branch, ctx.DefaultBranch) {
			place := r.source + " (none)"
			if r.adopt.Set() {
				place = r.adopt.At.place()
			}
			p.mistakes.add(u.update.raw.Adopt.At, "branch %s is not among those that %s lets pipelines take over, under `writes.adopt`", t.Branch, place)
		}
	}
}

// writesPlace names the line of the policy that lists the branches.
func (r *rules) writesPlace() string {
	if r.branches.Set() {
		return r.branches.At.place()
	}
	return r.source + " (stage/**)"
}

// resolveMatches turns a bare stage name in the policy into the one stage that
// is meant.
func (r *rules) resolveMatches(built []builtPipeline, found *collector) {
	for i, raw := range r.stages {
		r.policy.Stages[i].Match = r.resolveMatch(raw.Match, r.policy.Stages[i].Match, built, found)
	}
	for i, raw := range r.notify {
		r.policy.Notify[i].Match = r.resolveMatch(raw.Match, r.policy.Notify[i].Match, built, found)
	}
}

func (r *rules) resolveMatch(raw Word, match string, built []builtPipeline, found *collector) string {
	if raw.Value == "" || strings.Contains(raw.Value, "/") {
		return match
	}
	var in []string
	for _, p := range built {
		if p.has(raw.Value) {
			in = append(in, p.pipeline.Name)
		}
	}
	switch len(in) {
	case 0:
		return "*/" + raw.Value
	case 1:
		return in[0] + "/" + raw.Value
	}
	found.add(raw.At, "%q is a stage of several pipelines (%s); write pipeline/%s, or */%s for all", raw.Value, strings.Join(in, ", "), raw.Value, raw.Value)
	r.broken = true
	return match
}

// has says whether a pattern without a pipeline matches a lane of the pipeline.
func (p builtPipeline) has(pattern string) bool {
	return slices.ContainsFunc(p.stages, func(s builtStage) bool {
		return slices.ContainsFunc(s.lanes, func(lane builtLane) bool {
			return promote.Matches("*/"+pattern, p.pipeline.Name, lane.domain.Name)
		})
	})
}

// entry returns the policy's entry for a lane: the first that matches, as everywhere.
func (r *rules) entry(pipeline, lane string) (rawStagePolicy, bool) {
	for i, s := range r.policy.Stages {
		if promote.Matches(s.Match, pipeline, lane) {
			return r.stages[i], true
		}
	}
	return rawStagePolicy{}, false
}

// checkFloor reports a lane that asks for less than the policy requires (H5).
func (p builtPipeline) checkFloor(s builtStage, lane builtLane, r *rules, ctx Context) {
	entry, ok := r.entry(p.pipeline.Name, lane.domain.Name)
	written, here := p.in(ctx.Repository, lane)
	if !ok || !here {
		return
	}
	for _, u := range written {
		if n := entry.Approvals; n.Value > 0 && u.delivery == "push" {
			p.mistakes.add(u.at, "`delivery: push` has no pull request to approve, and %s wants approvals", n.place())
		}
	}
	if entry.Require != nil {
		p.checkRequired(s, lane, written, *entry.Require)
	}
}

// checkUses reports resources that the policy does not know: then nothing would say
// how many stages may hold them.
func (p builtPipeline) checkUses(s builtStage, r *rules) {
	for _, use := range s.raw.Uses.Items {
		if _, known := r.policy.Caps.Resources[use.Value]; !known {
			p.mistakes.add(use.At, "`uses`: %s knows no resource %q; `caps: {resources: {%s: 1}}` there says how many stages may hold it", r.source, use.Value, use.Value)
		}
	}
}

// checkCommands reports directives that run commands where the policy does not let
// them: it is the consent of whoever owns the runner. They run when the stage is
// promoted, and not before.
func (p builtPipeline) checkCommands(s builtStage, r *rules) {
	for _, u := range s.updates() {
		at, runs := u.update.raw.runsCommands()
		switch {
		case !runs:
		case !r.policy.Exec:
			p.mistakes.add(at, "`exec` runs a command, which %s does not allow; `exec: true` in %s does", r.source, PolicyFile)
		case s.raw.Prepare != nil:
			p.mistakes.add(at, "`exec` runs a command when the stage is promoted: it can not be rendered ahead of time by `prepare`")
		}
	}
}

// in are the updates of a lane that are in a repository, and whether the lane is
// that repository's business: one without updates is its pipeline's.
func (p builtPipeline) in(repository string, lane builtLane) (out []builtUpdate, here bool) {
	for _, u := range lane.updates {
		if u.update.Target.Repository == repository {
			out = append(out, u)
		}
	}
	return out, len(out) > 0 || len(lane.updates) == 0 && repository == p.pipeline.Repository
}

func (p builtPipeline) checkRequired(s builtStage, lane builtLane, written []builtUpdate, floor rawRequire) {
	at := s.raw.at(s.raw.Requests.At)
	for i, request := range lane.domain.Requests {
		if i < len(s.raw.Requests.Items) {
			at = s.raw.Requests.Items[i].At
		}
		p.checkRequestFloor(request, at, floor)
	}
	for _, gate := range floor.Gates.Items {
		required := slices.ContainsFunc(lane.domain.Gates, func(g promote.Gate) bool { return g.Name == gate.Value && g.Required })
		if gate.Set() && !required {
			p.mistakes.add(s.raw.verificationAt(), "stage %q has no required gate %q, which %s requires", s.name, gate.Value, gate.place())
		}
	}
	for _, u := range written {
		if floor.Delivery.Set() && u.delivery != floor.Delivery.Value {
			p.mistakes.add(u.at, "`delivery: %s` is not `%s`, which %s requires", u.delivery, floor.Delivery.Value, floor.Delivery.place())
		}
	}
}

// checkRequestFloor holds one request against the floor. A required stage counts
// only when no freight can come past it: it is listed, and the strategy needs
// every stage that is listed.
func (p builtPipeline) checkRequestFloor(request promote.Request, at At, floor rawRequire) {
	needed, err := request.Availability.Needed(len(request.From))
	everyOne := err == nil && needed == len(request.From)
	for _, from := range floor.From.Items {
		switch {
		case !from.Set():
		case !slices.ContainsFunc(request.From, func(name string) bool { return promote.BareStage(name) == from.Value }):
			p.mistakes.add(at, "the request of warehouse %q does not take its freight from %q, which %s requires", request.Warehouse, from.Value, from.place())
		case !everyOne:
			p.mistakes.add(at, "`availability: %s` lets freight of warehouse %q come past %q, which %s requires; say `all`", request.Availability, request.Warehouse, from.Value, from.place())
		case request.Stamps == promote.AnyStamp && p.hasStamps(from.Value):
			p.mistakes.add(at, "`stamps: any` lets freight of warehouse %q come past lanes of %q, which %s requires; say `all`", request.Warehouse, from.Value, from.place())
		}
	}
	e := &evaluator{collector: &collector{}}
	if least := e.duration(floor.Soak); request.Soak < least {
		p.mistakes.add(at, "the request of warehouse %q soaks for %s, less than the %s that %s requires", request.Warehouse, promote.Span(request.Soak), promote.Span(least), floor.Soak.place())
	}
}

// hasStamps tells whether a stage has stamps.
func (p builtPipeline) hasStamps(stage string) bool {
	return slices.ContainsFunc(p.stages, func(s builtStage) bool { return s.name == stage && s.raw.Stamps != nil })
}

func (s rawStage) verificationAt() At {
	if s.Verification == nil {
		return s.Name.At
	}
	return s.Verification.At
}
