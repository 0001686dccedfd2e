package config

import (
	"cmp"
	"slices"
	"strconv"
)

// This file gives what the configuration lists an order of its own, so that the
// order of a file's entries changes nothing. Directives, rules of the policy and
// files keep theirs, which means something.

// ordered is a stage with its requests, their upstream stages and its gates in the
// order of their names.
func (s rawBody) ordered() rawBody {
	s.Requests = sortedBy(s.Requests, func(r rawRequest) string { return r.Warehouse.Value })
	for i, r := range s.Requests.Items {
		s.Requests.Items[i].From = sortedBy(r.From, func(w Word) string { return w.Value })
	}
	if s.Verification != nil {
		verification := *s.Verification
		verification.Gates = sortedBy(verification.Gates, func(g rawGate) string { return g.Name.Value })
		s.Verification = &verification
	}
	return s
}

// sortedBy is a list in the order of names; those that are the same keep theirs.
func sortedBy[T any](list List[T], name func(T) string) List[T] {
	list.Items = slices.Clone(list.Items)
	slices.SortStableFunc(list.Items, func(a, b T) int { return naturally(name(a), name(b)) })
	return list
}

// naturally orders names, numbers by their value and before words.
func naturally(a, b string) int {
	x, notX := strconv.Atoi(a)
	y, notY := strconv.Atoi(b)
	switch {
	case notX == nil && notY == nil:
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	case notX == nil:
		return -1
	case notY == nil:
		return 1
	}
	return cmp.Compare(a, b)
}
