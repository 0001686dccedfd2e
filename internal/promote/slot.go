package promote

import (
	"slices"
	"strings"
	"time"
)

// slot is one request of a stage with what it holds and what it could have.
type slot struct {
	request   Request
	held      string   // freight id; empty: nothing yet
	pin       *Hold    // the slot is held
	candidate *Freight // the newest that is available; nil: none
	newest    *Freight // the newest that could ever be a candidate
	missing   []Reason // why the newest is not the candidate
	until     time.Time
}

func (d *decision) slots() []slot {
	out := make([]slot, len(d.stage.Requests))
	for i, request := range d.stage.Requests {
		out[i] = d.slot(request)
	}
	return out
}

// slot looks for the candidate: the freight selected last that is available,
// complete and not rejected (F6, P17).
func (d *decision) slot(request Request) slot {
	if d.taken != nil {
		if out, ok := d.takenSlot(request); ok {
			return out
		}
	}
	out := slot{request: request, held: d.held[request.Warehouse]}
	if hold, ok := d.snapshot.Facts.HoldOf(d.stage.Name, request.Warehouse, d.snapshot.Now); ok {
		out.pin, out.until = &hold, hold.Until
	}
	for _, freight := range slices.Backward(d.snapshot.Facts.Freight) {
		if !d.pipeline.warehouse(request.Warehouse).Ordinary(freight) {
			continue
		}
		if request.MatchUpstream && !d.upstreamHolds(request, freight.ID) {
			continue
		}
		answer := d.available(request, freight)
		if reasons := d.unfit(freight); len(reasons) > 0 {
			answer = Availability{Reasons: reasons}
		}
		if out.newest == nil {
			out.newest, out.missing = &freight, answer.Reasons
		}
		if d.prefers(request, freight.ID, out.held) { // an older one may soak first
			out.until = earliest(out.until, answer.Until)
		}
		if answer.OK {
			out.candidate = &freight
			break
		}
	}
	return out
}

// upstreamHolds tells whether freight is in an upstream stage now, in all of its
// lanes.
func (d *decision) upstreamHolds(request Request, freight string) bool {
	return slices.ContainsFunc(request.From, func(from string) bool {
		return !slices.ContainsFunc(d.pipeline.Lanes(from), func(lane Stage) bool {
			holding, _ := d.snapshot.Facts.Holding(lane.Name)
			return holding.Freight[request.Warehouse] != freight
		})
	})
}

func (d *decision) available(request Request, freight Freight) Availability {
	return d.withinWindow(freight, d.availableIn(d.stage, request, freight))
}

func (d *decision) availableIn(stage Stage, request Request, freight Freight) Availability {
	if stage.Name == d.stage.Name {
		if reasons := d.misplaced(freight); len(reasons) > 0 {
			return Availability{Reasons: reasons, Until: reasons[0].Until}
		}
		if freight.Channel != "" {
			return Availability{OK: true, Rule: d.taken.reason().String()}
		}
	}
	if reasons := d.failedBeside(stage, freight); len(reasons) > 0 {
		return Availability{Reasons: reasons}
	}
	question := Question{
		Stage: stage.Name, Request: request, Freight: freight,
		Standings: d.standings(request, freight), Stamps: d.stamps(request), Now: d.snapshot.Now,
	}
	question.Past, question.Overriders = d.letPast(stage, freight.ID)
	answer, err := Available(question)
	if err != nil {
		return Availability{Reasons: []Reason{{Kind: PromotionFailed, Stage: stage.Name, Note: err.Error()}}}
	}
	return answer
}

// TakesFrom tells whether a lane is one of the upstreams.
func (r Request) TakesFrom(lane string) bool {
	return slices.ContainsFunc(r.From, func(from string) bool { return Means(from, lane) })
}

// standingOf is what one lane says. A control-flow stage proves nothing itself:
// what it has passed on counts for as long as its own rule still lets it through
// (A7, A8).
func (d *decision) standingOf(lane Stage, warehouse string, freight Freight) Standing {
	out := d.snapshot.StandingOf(lane, warehouse, freight.ID)
	if lane.Kind != Control || !out.Verified {
		return out
	}
	request, ok := lane.Request(warehouse)
	if !ok {
		return out
	}
	if answer := d.availableIn(lane, request, freight); !answer.OK {
		return Standing{Reasons: answer.Reasons, Until: answer.Until}
	}
	return out
}

// unfit says why freight is no automatic candidate for this stage, whatever the
// upstreams say: it was rejected, or it lacks an artifact of today's subscriptions.
func (d *decision) unfit(freight Freight) []Reason {
	var out []Reason
	// Whoever asks for rejected freight lifts the rejection.
	if r, ok := d.snapshot.Facts.rejection(d.stage.Name, freight); ok && d.verdict.Ask == nil {
		out = append(out, Reason{Kind: Rejected, Stage: d.stage.Name, Freight: freight.Alias, By: r.By})
	}
	if lacks := d.pipeline.warehouse(freight.Warehouse).lacks(freight); len(lacks) > 0 {
		out = append(out, Reason{Kind: Incomplete, Warehouse: freight.Warehouse, Freight: freight.Alias, Note: strings.Join(lacks, ", ")})
	}
	return out
}

// Ordinary tells whether freight is of this warehouse and moves by itself. What
// was made by hand does where people assemble all of it; elsewhere only as
// somebody promotes it (F6). Pre-releases do for a takeover only (F7).
func (w Warehouse) Ordinary(f Freight) bool {
	return f.Warehouse == w.Name && f.Channel == "" && (w.Manual || !f.Manual)
}

// lacks lists the subscriptions of which the freight holds no artifact.
func (w Warehouse) lacks(f Freight) []string {
	var out []string
	for _, s := range w.Images {
		if _, ok := f.Image(s.Repository); !ok {
			out = append(out, "image "+s.Repository)
		}
	}
	for _, s := range w.Gits {
		if _, ok := f.Commit(s.Repository); !ok {
			out = append(out, "a commit of "+s.Repository)
		}
	}
	for _, s := range w.Charts {
		if c, ok := f.Chart(s.Name); !ok || NormaliseChart(c.Repository) != s.Repository {
			out = append(out, "chart "+s.Name+" of "+s.Repository)
		}
	}
	return out
}

// rejection finds a rejection that nobody has lifted by promoting the freight by
// hand since.
func (f Facts) rejection(stage string, freight Freight) (Rejection, bool) {
	for _, r := range slices.Backward(f.Rejections) {
		if r.Stage != stage || r.Warehouse != freight.Warehouse || r.Freight != freight.ID {
			continue
		}
		lifted := slices.ContainsFunc(f.Proposals, func(p Proposal) bool {
			return p.Stage == stage && p.By != Automatic && p.Freight[r.Warehouse] == r.Freight && p.At.After(r.At)
		})
		return r, !lifted
	}
	return Rejection{}, false
}

// Automatic is the By of what nobody asked for.
const Automatic = "towpath"

// HoldOf returns the hold on a stage (warehouse empty) or on one of its slots:
// of several the one that somebody asked for, and that has no end. What a
// promotion releases never ends what somebody asked for.
func (f Facts) HoldOf(stage, warehouse string, now time.Time) (Hold, bool) {
	var found Hold
	held, othersReleased := false, false
	closed := map[string]bool{}
	for _, h := range slices.Backward(f.Holds) {
		if h.Stage != stage || h.Warehouse != warehouse {
			continue
		}
		if h.Released && h.PullRequest != "" {
			closed[h.PullRequest] = true
			continue
		}
		if h.Released && h.Cause == HeldByCommand {
			break
		}
		othersReleased = othersReleased || h.Released
		over := h.Released || (h.PullRequest != "" && closed[h.PullRequest]) || (!h.Until.IsZero() && !now.Before(h.Until)) || (othersReleased && h.Cause != HeldByCommand)
		if !over && (!held || h.outweighs(found)) {
			found, held = h, true
		}
	}
	return found, held
}

func (h Hold) outweighs(other Hold) bool {
	if asked := h.Cause == HeldByCommand; asked != (other.Cause == HeldByCommand) {
		return asked
	}
	return h.Until.IsZero() && !other.Until.IsZero()
}

// HeldUntilPulls are the holds of a stage that last until a pull request is merged
// or closed, as far as nobody ended them.
func (f Facts) HeldUntilPulls(stage string) []Hold {
	var out []Hold
	closed := map[string]bool{}
	for _, h := range slices.Backward(f.Holds) {
		if h.Stage != stage || h.Warehouse != "" || h.Cause != HeldByCommand {
			continue
		}
		if h.Released && h.PullRequest == "" {
			break
		}
		if h.PullRequest == "" || closed[h.PullRequest] {
			continue
		}
		closed[h.PullRequest] = true
		if !h.Released {
			out = append(out, h)
		}
	}
	return out
}

func (h Hold) reason() Reason {
	return Reason{Kind: HeldBy, Stage: h.Stage, Warehouse: h.Warehouse, By: h.By, Note: h.Reason, Until: h.Until, PullRequest: h.PullRequest}
}
