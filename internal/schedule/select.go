package schedule

import (
	"fmt"
	"slices"
	"strings"
)

// Select returns the named nodes, all of them where none is named, in the order
// of the nodes. What a node waits for through nodes that are left out it still
// waits for; withUpstream takes everything along that the named ones wait for. A
// name that is not there is an error that lists those that are.
func Select(nodes []Node, names []string, withUpstream bool) ([]Node, error) {
	if len(names) == 0 {
		return nodes, nil
	}
	s := selection{nodes: map[string]Node{}, taken: map[string]bool{}}
	known := make([]string, len(nodes))
	for i, n := range nodes {
		s.nodes[n.Name], known[i] = n, n.Name
	}
	for _, name := range names {
		if _, ok := s.nodes[name]; !ok {
			return nil, fmt.Errorf("nothing is called %q; there are %s", name, strings.Join(known, ", "))
		}
		s.take(name, withUpstream)
	}
	var out []Node
	for _, n := range nodes {
		if !s.taken[n.Name] {
			continue
		}
		n.After = s.through(n.After)
		n.Some = s.throughSome(n.Some)
		if n.Prepare != nil {
			early := *n.Prepare
			early.After = s.through(early.After)
			n.Prepare = &early
		}
		out = append(out, n)
	}
	return out, nil
}

type selection struct {
	nodes map[string]Node
	taken map[string]bool
}

func (s selection) take(name string, withUpstream bool) {
	if s.taken[name] {
		return
	}
	s.taken[name] = true
	if withUpstream {
		n := s.nodes[name]
		for _, before := range n.WaitsFor() {
			s.take(before, true)
		}
		if n.Prepare != nil {
			for _, before := range n.Prepare.After {
				s.take(before, true)
			}
		}
	}
}

// through replaces what was left out by what that waits for.
func (s selection) through(after []string) []string {
	seen := map[string]bool{}
	var out []string
	var visit func(names []string)
	visit = func(names []string) {
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			if _, known := s.nodes[name]; s.taken[name] || !known {
				out = append(out, name)
				continue
			}
			visit(s.nodes[name].WaitsFor())
		}
	}
	visit(after)
	slices.Sort(out)
	return out
}

// throughSome does so for work of which not everything is needed. An alternative of
// which nothing is selected is none any more.
func (s selection) throughSome(all []Some) []Some {
	var out []Some
	for _, some := range all {
		kept := Some{}
		for _, names := range some.Of {
			if names = s.through(names); len(names) > 0 {
				kept.Of = append(kept.Of, names)
			}
		}
		if kept.Need = min(some.Need, len(kept.Of)); kept.Need > 0 {
			out = append(out, kept)
		}
	}
	return out
}

// WaitsFor is everything that has a say in when the node starts, each once.
func (n Node) WaitsFor() []string {
	out := slices.Clone(n.After)
	for _, some := range n.Some {
		out = append(out, slices.Concat(some.Of...)...)
	}
	return unique(out)
}
