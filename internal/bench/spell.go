package main

import (
	"slices"
	"time"
)

// spell is a stretch of time in which somebody worked or waited.
type spell struct{ from, to time.Time }

// covered is how much of a stretch the spells cover together; where several
// overlap, it counts once.
func covered(within spell, spells []spell) time.Duration {
	sorted := slices.SortedFunc(slices.Values(spells), func(a, b spell) int { return a.from.Compare(b.from) })
	var sum time.Duration
	reached := within.from
	for _, s := range sorted {
		from, to := latest(s.from, reached), earliest(s.to, within.to)
		if to.After(from) {
			sum += to.Sub(from)
			reached = to
		}
	}
	return sum
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
