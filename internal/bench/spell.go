package main

import (
	"slices"
	"time"
)

// place is where an engine has something done and waits.
type place int

const (
	atGit place = iota
	atAPI
	atRegistry
	atRenderer
)

// spell is a stretch of time in which somebody worked or waited.
type spell struct {
	from, to time.Time
	at       place
}

// covered is how much of the time from one moment to another the spells cover
// together; where several overlap, it counts once.
func covered(start, end time.Time, spells []spell) time.Duration {
	sorted := slices.SortedFunc(slices.Values(spells), func(a, b spell) int { return a.from.Compare(b.from) })
	var sum time.Duration
	reached := start
	for _, s := range sorted {
		from, to := latest(s.from, reached), earliest(s.to, end)
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
