package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/towpath/towpath/internal/promote"
)

// builtStage is a stage with what the checks across stages and files look at.
type builtStage struct {
	name     string
	raw      rawStage          // with the defaults worked in
	requests []promote.Request // by the names of stages that the configuration uses
	lanes    []builtLane       // one per stamp; one without a name where there are none
	vague    bool              // its stamps could not be read
}

// builtLane is a stage of the domain, still without what its updates make of it.
type builtLane struct {
	lane
	domain  promote.Stage // called as policies write it: stage, or stage@stamp
	updates []builtUpdate
}

// builtUpdate is one place that a stage writes.
type builtUpdate struct {
	update   Update
	lane     string
	at       At // of the branch or the path
	delivery string
}

func (s builtStage) asksFor(warehouse string) bool {
	return slices.ContainsFunc(s.requests, func(r promote.Request) bool { return r.Warehouse == warehouse })
}

// updates are those of all lanes.
func (s builtStage) updates() []builtUpdate {
	var out []builtUpdate
	for _, l := range s.lanes {
		out = append(out, l.updates...)
	}
	return out
}

// maxStages bounds a pipeline.
const maxStages = 500

// known says whether the target could be evaluated.
func (u builtUpdate) known() bool { return u.update.Target.Branch != "" && u.update.Target.Path != "" }

// buildStages builds all stages, in the order of the file.
func (b *builder) buildStages() {
	if b.raw.Stages.Set() && b.raw.Stages.empty() {
		b.add(b.raw.Stages.At, "a pipeline needs at least one stage")
	}
	if n := len(b.raw.Stages.Items); n > maxStages {
		b.add(b.raw.Stages.At, "a pipeline has at most %d stages, and here are %d", maxStages, n)
		return
	}
	seen := map[string]At{}
	for _, raw := range b.raw.Stages.Items {
		if !raw.Name.Set() {
			continue // reported where it was decoded
		}
		if first, ok := seen[raw.Name.Value]; ok {
			b.add(raw.Name.At, "stage %q is there twice; the first is at line %d", raw.Name.Value, first.Line)
			continue
		}
		seen[raw.Name.Value] = raw.Name.At
		b.stages = append(b.stages, b.stage(b.withDefaults(raw)))
	}
}

// stage builds a stage, lane by lane. What is wrong in some lanes only is said of
// those.
func (b *builder) stage(raw rawStage) builtStage {
	b.checkKind(raw)
	if raw.Requests.empty() {
		b.add(raw.at(raw.Requests.At), "stage %q requests nothing", raw.Name.Value)
	}
	s := builtStage{name: raw.Name.Value, raw: raw}
	freight := b.sample(raw.Requests)
	lanes, known := b.lanes(raw)
	s.vague = !known
	shared := b.collector
	found := make([]*collector, len(lanes))
	for i, lane := range lanes {
		found[i] = &collector{instance: shared.instance}
		b.collector = found[i]
		s.lanes = append(s.lanes, b.lane(raw, lane, freight))
	}
	b.collector = shared
	b.joinLanes(lanes, found)
	if raw.FailFast.Value && raw.Stamps == nil && len(raw.Updates.Items) < 2 && raw.FailFast.At != b.defaults.FailFast.At {
		b.add(raw.FailFast.At, "`failFast` means nothing without `stamps`: stage %q has one lane", raw.Name.Value)
	}
	b.checkObserved(s)
	s.requests = slices.Clone(s.lanes[0].domain.Requests)
	return s
}

// lane builds one lane of a stage.
func (b *builder) lane(raw rawStage, lane lane, freight []promote.Freight) builtLane {
	plain := b.evaluator(b.scope(raw.Name.Value, lane.stamp, nil))
	plain.scope.Vars = lane.evaluate(plain)
	tried := b.evaluator(plain.scope)
	tried.scope.Freight, tried.when = freight, standIn
	lane.vars = plain.scope.Vars

	out := builtLane{lane: lane, domain: promote.Stage{Name: raw.Name.Value, Stamp: lane.stamp, Kind: raw.kind()}}
	if lane.stamp != "" {
		out.domain.Name = promote.StampedName(raw.Name.Value, lane.stamp)
	}
	out.domain.Requests = plain.requests(raw)
	out.domain.Gates, out.domain.OnArrival = plain.verification(raw)
	if freight != nil {
		tried.publishTags(raw.Publish)
		tried.gatesWithFreight(raw)
	}
	for _, update := range raw.Updates.Items {
		out.updates = append(out.updates, b.update(out.domain.Name, update, plain, tried))
	}
	out.domain.Stale = plain.duration(raw.Stale)
	out.domain.Publish = plain.publish(raw, freight)
	out.domain.Uses = values(raw.Uses)
	out.domain.FailFast = raw.FailFast.Value
	if raw.Prepare != nil {
		out.domain.Prepare = &promote.Prepare{Needs: values(raw.Prepare.Needs)}
	}
	out.domain.Strict = raw.Combination.Value == "strict"
	if raw.Schedule != nil {
		schedule := plain.schedule(*raw.Schedule)
		out.domain.Schedule = &schedule
	}
	if raw.Observe != nil {
		out.domain.Target = promote.Target{
			Repository: b.ctx.Repository, Branch: plain.text(raw.Observe.Branch), Path: plain.path(raw.Observe.Path, "."),
		}
	}
	return out
}

// at is a place inside the stage, or the stage's name where there is none.
func (s rawStage) at(place At) At {
	if place.Set() {
		return place
	}
	return s.Name.At
}

// fill sets the keys of a stage that are absent to those of the defaults.
func fill(into *rawBody, from rawBody) {
	target, source := reflect.ValueOf(into).Elem(), reflect.ValueOf(from)
	for i := range target.NumField() {
		if target.Type().Field(i).Name != "At" && target.Field(i).IsZero() {
			target.Field(i).Set(source.Field(i))
		}
	}
}

// kind is how freight comes into the stage.
func (s rawBody) kind() promote.Kind {
	switch {
	case s.Control.Value:
		return promote.Control
	case s.Files.Set():
		return promote.Fileless
	case s.Observe != nil:
		return promote.Observed
	}
	return promote.Assembled
}

// checkKind reports a stage that is not exactly one kind of stage.
func (b *builder) checkKind(raw rawStage) {
	var kinds []string
	if raw.Updates.Set() || raw.Updates.bad {
		kinds = append(kinds, "`updates`")
	}
	if raw.Files.Set() {
		kinds = append(kinds, "`files: none`")
	}
	if raw.Control.Value {
		kinds = append(kinds, "`control: true`")
	}
	if raw.Observe != nil {
		kinds = append(kinds, "`observe`")
	}
	switch {
	case len(kinds) == 0:
		b.add(raw.Name.At, "stage %q needs one of `updates`, `files: none`, `control: true` or `observe`", raw.Name.Value)
	case len(kinds) > 1:
		b.add(raw.Name.At, "stage %q has %s and %s; exactly one of them is possible", raw.Name.Value, kinds[0], kinds[1])
	case raw.Updates.Set() && raw.Updates.empty():
		b.add(raw.Updates.At, "stage %q has no update", raw.Name.Value)
	case raw.Control.Value && raw.Verification != nil && raw.Verification.Gates.Set():
		b.add(raw.Verification.At, "stage %q is a control-flow stage and has no gates", raw.Name.Value)
	}
	if raw.Schedule != nil && raw.kind() != promote.Fileless {
		b.add(raw.Schedule.At, "`schedule` means nothing without `files: none`")
	}
}

// requests builds the requests of a stage, apart from what other stages say.
func (e *evaluator) requests(raw rawStage) []promote.Request {
	var out []promote.Request
	seen := map[string]At{}
	for _, r := range raw.Requests.Items {
		built := promote.Request{
			Warehouse:    r.Warehouse.Value,
			From:         values(r.From),
			Availability: r.strategy(),
			Soak:         e.duration(r.Soak),
			Stamps:       promote.StampRule(r.Stamps.Value),

			MatchUpstream: r.Select.Value == "match-upstream",
		}
		e.checkRequest(r, built)
		if first, twice := seen[r.Warehouse.Value]; twice && r.Warehouse.Set() {
			e.add(r.Warehouse.At, "stage %q requests warehouse %q twice; the first is at line %d", raw.Name.Value, r.Warehouse.Value, first.Line)
		}
		seen[r.Warehouse.Value] = r.Warehouse.At
		out = append(out, built)
	}
	return out
}

// checkRequest checks the rule of a request for itself.
func (e *evaluator) checkRequest(r rawRequest, built promote.Request) {
	for i, name := range built.From {
		if slices.Contains(built.From[:i], name) {
			e.add(r.From.Items[i].At, "upstream stage %q is there twice", name)
		}
	}
	if len(built.From) == 0 {
		for what, at := range map[string]At{"availability": r.availabilityAt(), "soak": r.Soak.At, "select: match-upstream": r.matchAt(), "stamps": r.Stamps.At} {
			if at.Set() && !r.badFrom() {
				e.add(at, "`%s` needs upstream stages under `from`", what)
			}
		}
		if r.From.Set() && r.From.empty() {
			e.add(r.From.At, "`from` lists no stage; without upstream stages leave it out")
		}
		return
	}
	if _, err := built.Availability.Needed(len(built.From)); err != nil {
		e.add(r.availabilityAt(), "%s", err)
	}
	if at := r.matchAt(); at.Set() && len(built.From) != 1 {
		e.add(at, "`select: match-upstream` needs exactly one upstream stage, and there are %d", len(built.From))
	}
}

// badFrom says that upstream stages are there but could not be read.
func (r rawRequest) badFrom() bool { return r.From.bad || len(r.From.Items) > 0 }

func (r rawRequest) availabilityAt() At {
	if r.Availability == nil {
		return At{}
	}
	return r.Availability.At
}

func (r rawRequest) matchAt() At {
	if r.Select.Value != "match-upstream" {
		return At{}
	}
	return r.Select.At
}

// strategy is the rule over the upstream stages.
func (r rawRequest) strategy() promote.Strategy {
	a := r.Availability
	switch {
	case a == nil:
		return promote.Strategy{Kind: promote.Any}
	case a.AtLeast.Set():
		return promote.Strategy{Kind: promote.AtLeast, N: a.AtLeast.Value}
	case a.Percent.Set():
		return promote.Strategy{Kind: promote.Percent, N: a.Percent.Value}
	case a.Word.Set():
		return promote.Strategy{Kind: promote.StrategyKind(a.Word.Value)}
	}
	return promote.Strategy{Kind: promote.Any}
}

func (e *evaluator) schedule(raw rawSchedule) promote.Schedule {
	line, zone := e.text(raw.Cron), e.text(raw.Timezone)
	ticks, err := promote.ParseCron(line, zone)
	if err != nil {
		return promote.Schedule{} // reported by its format
	}
	return promote.Schedule{Cron: ticks, Unchanged: raw.Unchanged.Value == "run"}
}

// update builds one update of a lane, and tries its program on sample freight.
func (b *builder) update(lane string, raw rawUpdate, plain, tried *evaluator) builtUpdate {
	target := promote.Target{
		Repository: b.ctx.Repository,
		Branch:     plain.or(raw.Branch, "stage/"+lane),
		Path:       plain.path(raw.Path, "."),
		Push:       raw.Delivery.Value == "push",
	}
	if repository := promote.NormaliseRepository(plain.or(raw.Repository, ".")); repository != "." && repository != promote.NormaliseRepository(b.ctx.Repository) {
		target.Repository = repository
	}
	at := raw.At
	for _, t := range []Text{raw.Branch, raw.Path} {
		if t.Set() {
			at = t.At
		}
	}
	if raw.Directives.Set() && raw.Directives.empty() {
		b.add(raw.Directives.At, "an update needs at least one directive")
	}
	if tried.scope.Freight != nil {
		tried.program(raw)
		b.checkSources(raw, tried)
	}
	delivery := "pull-request"
	if raw.Delivery.Set() {
		delivery = raw.Delivery.Value
	}
	update := Update{Target: target, Preserve: plain.texts(raw.Preserve), AllowEmpty: raw.AllowEmpty.Value, Adopt: raw.Adopt.Value, raw: raw}
	return builtUpdate{update: update, lane: lane, at: at, delivery: delivery}
}

// checkSources reports copies whose commit would be a guess, or would come from
// nowhere.
func (b *builder) checkSources(raw rawUpdate, tried *evaluator) {
	for _, d := range raw.Directives.Items {
		if d.Copy == nil || d.Copy.Ref.Set() {
			continue
		}
		repository := tried.or(d.Copy.Repository, ".")
		if repository == "" || len(tried.slots(d.Copy.Warehouse.Value)) == 0 {
			continue // reported where it was evaluated
		}
		var in []string
		for _, f := range tried.slots(d.Copy.Warehouse.Value) {
			if _, ok := f.Commit(repository); ok {
				in = append(in, f.Warehouse)
			}
		}
		switch {
		case len(in) > 1:
			b.add(d.Copy.At, "a commit of %s is in the freight of %s and %s; say which with `warehouse`", sourceName(repository), in[0], in[1])
		case len(in) == 0 && d.Copy.Warehouse.Set():
			b.add(d.Copy.Warehouse.At, "warehouse %q does not subscribe to %s", d.Copy.Warehouse.Value, sourceName(repository))
		case len(in) == 0 && repository != ".":
			b.add(d.Copy.Repository.At, "%s is in the freight of no slot and has no `ref`", repository)
		}
	}
}

func sourceName(repository string) string {
	if repository == "." {
		return "this repository"
	}
	return fmt.Sprintf("repository %s", repository)
}
