package promote

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Pace is how long freight takes in one stage, in the median of what is recorded;
// nil where nothing is.
type Pace struct {
	Merge  *time.Duration // from being proposed until it arrived
	Verify *time.Duration // from then until it was verified
}

// Pace tells how long freight took in a stage so far. A stage without files proposes
// nothing, and one that is verified on arrival has nothing to wait for.
func (s Snapshot) Pace(stage Stage) Pace {
	var none time.Duration
	out := Pace{Merge: s.toMerge(stage), Verify: ofSeconds(s.History(stage).SecondsToVerify)}
	if stage.Kind == Control || stage.OnArrival {
		out.Verify = &none
	}
	if stage.Kind == Control || stage.Kind == Fileless {
		out.Merge = &none
	}
	return out
}

// toMerge is the median time from the first proposal of a stage's freight to its
// arrival.
func (s Snapshot) toMerge(stage Stage) *time.Duration {
	var proposals []Proposal
	for _, p := range s.Facts.Proposals {
		if p.Stage == stage.Name {
			proposals = append(proposals, p)
		}
	}
	var took []int64
	var last time.Time
	for _, a := range s.Facts.ArrivalsIn(stage.Name) {
		first := slices.IndexFunc(proposals, func(p Proposal) bool {
			return p.At.After(last) && !p.At.After(a.At) && maps.Equal(p.Freight, a.Freight)
		})
		if first >= 0 && a.Manner != ByDrift {
			took = append(took, int64(a.At.Sub(proposals[first].At)/time.Second))
		}
		last = a.At
	}
	return ofSeconds(median(took))
}

func ofSeconds(n *int64) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// Leg is one stage on the way of freight. Its times count from when the freight was
// made.
type Leg struct {
	Stage   string
	Request Request // by which the freight comes in here

	Begins   time.Duration // the rule is met
	Arrives  time.Duration
	Verified time.Duration
	Soak     time.Duration // what the next stage on the way asks for; it counts from the arrival
	Ends     time.Duration // it counts for the next stage; in the last stage, it is verified

	// Saves is how much sooner the freight would be verified in the last stage if
	// none of this took any time, in no lane of the stage, and the next one asked for
	// no soak.
	Saves time.Duration
}

// Path is the way of freight that takes longest: through each stage by the upstream
// that lets its rule be met, the last one of all, the quickest one of any.
type Path struct {
	Legs []Leg // from the warehouse on; empty: there is no such stage
	// Binds is the leg whose edge to the next one holds the end up most, the later one of
	// equals; -1: none does.
	Binds int
}

// Total is when the freight is verified in the last stage.
func (p Path) Total() time.Duration {
	if len(p.Legs) == 0 {
		return 0
	}
	return p.Legs[len(p.Legs)-1].Ends
}

// LongestPath follows freight through a pipeline to a stage, or to whichever stage
// it reaches last, by the pace of each stage and the soak of the rules. Soak passes
// while freight is being verified. Slots are followed apart, and waiting for
// people, windows, schedules and caps is not in it.
func LongestPath(p Pipeline, to string, pace func(Stage) Pace) Path {
	w := walk{pipeline: p, to: to, paces: map[string]Pace{}}
	for _, s := range p.Stages {
		w.paces[s.Name] = pace(s)
	}
	w.run()
	out := Path{Legs: w.legs(), Binds: -1}
	for i, leg := range out.Legs {
		if i+1 < len(out.Legs) {
			next := out.Legs[i+1]
			w.free, w.unsoaked = w.upstream(next.Request, leg.Stage), place{next.Stage, next.Request.Warehouse}
			w.run()
			out.Legs[i].Saves = out.Total() - w.spots[w.end].verified
			if most := out.Legs[i].Saves; most > 0 && (out.Binds < 0 || most >= out.Legs[out.Binds].Saves) {
				out.Binds = i
			}
		}
	}
	return out
}

// place is a slot of a stage.
type place struct{ stage, warehouse string }

// spot is when freight gets to a place, and from which one.
type spot struct {
	request                   Request
	from                      place // no stage: straight from the warehouse
	begins, arrives, verified time.Duration
}

// walk computes the spots of a pipeline, upstreams first.
type walk struct {
	pipeline Pipeline
	to       string
	paces    map[string]Pace
	free     []place // take no time
	unsoaked place   // asks for no soak
	spots    map[place]spot
	end      place
}

func (w *walk) run() {
	w.spots = map[place]spot{}
	feeds := map[string]bool{}
	for _, s := range w.pipeline.Stages {
		for _, r := range s.Requests {
			for _, from := range r.From {
				for _, lane := range w.pipeline.Lanes(from) {
					feeds[lane.Name] = true
				}
			}
			w.visit(s, r)
		}
	}
	if w.free != nil {
		return
	}
	last := time.Duration(-1)
	for _, s := range w.pipeline.Stages {
		if wanted := w.to != "" && Means(w.to, s.Name) || w.to == "" && !feeds[s.Name]; !wanted {
			continue
		}
		for _, r := range s.Requests {
			at := place{s.Name, r.Warehouse}
			if spot, ok := w.spots[at]; ok && spot.verified > last {
				last, w.end = spot.verified, at
			}
		}
	}
}

func (w *walk) visit(s Stage, r Request) {
	at := spot{request: r}
	if w.unsoaked == (place{s.Name, r.Warehouse}) {
		r.Soak = 0
	}
	if len(r.From) > 0 {
		candidates := w.candidates(r)
		need, err := r.Availability.Needed(len(r.From))
		if err != nil || len(candidates) < need {
			return // no valid configuration comes here
		}
		at.from, at.begins = candidates[need-1].from, candidates[need-1].ends
	}
	at.arrives, at.verified = at.begins, at.begins
	if !slices.Contains(w.free, place{s.Name, r.Warehouse}) {
		pace := w.paces[s.Name]
		at.arrives += known(pace.Merge)
		at.verified = at.arrives + known(pace.Verify)
	}
	w.spots[place{s.Name, r.Warehouse}] = at
}

type candidate struct {
	from place
	ends time.Duration
}

// candidates are the upstreams of a request, in the order in which freight counts
// in them. Of a stage with several lanes the last one says when; where any stamp is
// enough, the first of those that are whole.
func (w *walk) candidates(r Request) []candidate {
	var out []candidate
	for _, from := range r.From {
		var best *candidate
		for _, name := range w.together(r, from) {
			if last, ok := w.last(r, name); ok && (best == nil || last.ends < best.ends) {
				best = &last
			}
		}
		if best != nil {
			out = append(out, *best)
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return cmp.Compare(a.ends, b.ends) })
	return out
}

// together are the names of lanes that count only all at once: an upstream stage, or
// each of its stamps where any is enough.
func (w *walk) together(r Request, from string) []string {
	if stamps := w.pipeline.Stamps(from); r.Stamps == AnyStamp && len(stamps) > 0 {
		return stamps
	}
	return []string{from}
}

// last is the lane, of those that a name means, in which freight counts last.
func (w *walk) last(r Request, name string) (out candidate, found bool) {
	for _, lane := range w.pipeline.Lanes(name) {
		at := place{lane.Name, r.Warehouse}
		up, ok := w.spots[at]
		if !ok {
			continue
		}
		if ends := w.ends(at, up, r.Soak); !found || ends > out.ends {
			out, found = candidate{at, ends}, true
		}
	}
	return out, found
}

// upstream are the lanes that count together with the one that a request takes
// freight from.
func (w *walk) upstream(r Request, lane string) []place {
	for _, from := range r.From {
		for _, name := range w.together(r, from) {
			if !Means(name, lane) {
				continue
			}
			var out []place
			for _, s := range w.pipeline.Lanes(name) {
				out = append(out, place{s.Name, r.Warehouse})
			}
			return out
		}
	}
	return nil
}

// ends is when freight in a stage counts for one that asks for a soak.
func (w *walk) ends(at place, s spot, soak time.Duration) time.Duration {
	if slices.Contains(w.free, at) {
		return s.begins
	}
	return max(s.verified, s.arrives+soak)
}

// legs goes back from the end.
func (w *walk) legs() []Leg {
	var out []Leg
	at, soak := w.end, time.Duration(0)
	for at.stage != "" {
		s, ok := w.spots[at]
		if !ok {
			return nil
		}
		out = append(out, Leg{
			Stage: at.stage, Request: s.request, Begins: s.begins, Arrives: s.arrives, Verified: s.verified, Soak: soak, Ends: w.ends(at, s, soak),
		})
		at, soak = s.from, s.request.Soak
	}
	slices.Reverse(out)
	return out
}

func known(d *time.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return *d
}
