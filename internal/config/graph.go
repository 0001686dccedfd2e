package config

import (
	"slices"
	"strings"
)

// checkGraph checks what stages say about each other and about warehouses.
func (b *builder) checkGraph() {
	b.connect()
	for _, s := range b.stages {
		for _, r := range s.raw.Requests.Items {
			if !r.Warehouse.Set() {
				continue // reported where it was decoded
			}
			if _, ok := b.warehouses[r.Warehouse.Value]; !ok && !b.unreadable() {
				b.add(r.Warehouse.At, "warehouse %q does not exist%s", r.Warehouse.Value, didYouMean(r.Warehouse.Value, b.order))
			}
			for _, from := range r.From.Items {
				b.checkUpstream(r, from)
			}
		}
		if s.raw.Prepare != nil {
			for _, need := range s.raw.Prepare.Needs.Items {
				b.knownStage(need)
			}
		}
	}
	b.checkStrict()
	b.pair()
	if circle := b.circle(); circle != nil {
		b.add(circle[0].raw.Name.At, "stages wait for each other in a circle: %s", arrows(circle))
	}
}

// checkStrict reports stages that want what nobody can verify together: no stage
// before them has several of their slots.
func (b *builder) checkStrict() {
	for _, s := range b.stages {
		upstreams, together := false, false
		for _, r := range s.requests {
			for _, from := range r.From {
				if b.index(from) < 0 {
					continue // reported
				}
				shared := 0
				for _, r := range b.stages[b.index(from)].requests {
					if s.asksFor(r.Warehouse) {
						shared++
					}
				}
				upstreams, together = true, together || shared > 1
			}
		}
		if s.raw.Combination.Value == "strict" && len(s.requests) > 1 && upstreams && !together {
			b.add(s.raw.at(s.raw.Combination.At), "`combination: strict` of stage %q can not be met: no upstream stage requests several of its warehouses, so none verifies them together", s.name)
		}
	}
}

// unreadable says that a warehouse or a stage has no readable name, so that
// nothing can be said about names that do not exist.
func (b *builder) unreadable() bool {
	return slices.ContainsFunc(b.raw.Warehouses.Items, func(w rawWarehouse) bool { return !w.Name.Set() }) ||
		slices.ContainsFunc(b.raw.Stages.Items, func(s rawStage) bool { return !s.Name.Set() })
}

// checkUpstream checks one upstream stage of a request.
func (b *builder) checkUpstream(r rawRequest, from Word) {
	if !from.Set() || !b.knownStage(from) {
		return
	}
	up := b.stages[b.index(from.Value)]
	if !up.asksFor(r.Warehouse.Value) {
		b.add(from.At, "upstream stage %q does not request warehouse %q", from.Value, r.Warehouse.Value)
	}
}

// knownStage reports a stage that does not exist.
func (b *builder) knownStage(name Word) bool {
	if !name.Set() || b.index(name.Value) >= 0 {
		return name.Set()
	}
	if !b.unreadable() {
		var names []string
		for _, s := range b.stages {
			names = append(names, s.name)
		}
		b.add(name.At, "stage %q does not exist%s", name.Value, didYouMean(name.Value, names))
	}
	return false
}

func didYouMean(word string, names []string) string {
	if near := nearest(word, names); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return ""
}

// index is the place of a stage in the file, or -1.
func (b *builder) index(name string) int {
	if i, ok := b.places[name]; ok {
		return i
	}
	return -1
}

// connect finds out which stages each stage waits for.
func (b *builder) connect() {
	b.places = make(map[string]int, len(b.stages))
	for i, s := range b.stages {
		b.places[s.name] = i
	}
	b.upstreams = make([][]int, len(b.stages))
	for i, s := range b.stages {
		for _, r := range s.requests {
			for _, from := range r.From {
				if up := b.index(from); up >= 0 {
					b.upstreams[i] = append(b.upstreams[i], up)
				}
			}
		}
		if s.raw.Prepare != nil {
			for _, need := range s.raw.Prepare.Needs.Items {
				if up := b.index(need.Value); up >= 0 {
					b.upstreams[i] = append(b.upstreams[i], up)
				}
			}
		}
	}
}

// topological returns the stages with upstreams first, otherwise in the order of
// their names. What is in a circle is left out; it has been reported.
func (b *builder) topological() []builtStage {
	var out []builtStage
	done := make([]bool, len(b.stages))
	waits := func(up int) bool { return !done[up] }
	for {
		next := -1
		for i := range b.stages {
			first := next < 0 || naturally(b.stages[i].name, b.stages[next].name) < 0
			if first && !done[i] && !slices.ContainsFunc(b.upstreams[i], waits) {
				next = i
			}
		}
		if next < 0 {
			return out
		}
		done[next] = true
		out = append(out, b.stages[next])
	}
}

// circle returns the stages of one circle, in the order in which freight would
// go round, or nil.
func (b *builder) circle() []builtStage {
	const (
		unseen = iota
		open
		closed
	)
	state := make([]int, len(b.stages))
	var trail, found []int
	var visit func(i int) bool
	visit = func(i int) bool {
		state[i] = open
		trail = append(trail, i)
		for _, up := range b.upstreams[i] {
			if state[up] == open {
				found = slices.Clone(trail[slices.Index(trail, up):])
				return true
			}
			if state[up] == unseen && visit(up) {
				return true
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = closed
		return false
	}
	for i := range b.stages {
		if state[i] == unseen && visit(i) {
			break
		}
	}
	if found == nil {
		return nil
	}
	// The trail goes upstream. Freight goes the other way; the first in the file begins.
	slices.Reverse(found)
	first := slices.Index(found, slices.Min(found))
	var out []builtStage
	for k := range found {
		out = append(out, b.stages[found[(first+k)%len(found)]])
	}
	return out
}

// arrows draws a circle.
func arrows(circle []builtStage) string {
	var names []string
	for _, s := range circle {
		names = append(names, s.name)
	}
	return strings.Join(append(names, names[0]), " → ")
}
