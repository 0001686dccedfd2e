package promote

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // time zones are part of the language, not of the host

	"github.com/robfig/cron/v3"
)

// Cron is a cadence: a cron line of five fields, in a time zone. A value that came
// out of [ParseCron] has ticks. The zero value has none.
//
// Clocks that are changed lose no tick and double none: what falls into the hour
// that is left out ticks when that hour would have begun, and what falls into the
// hour that comes twice ticks the first time. A line that goes through every hour
// follows the clock instead, and so keeps its distance.
type Cron struct {
	Line string
	Zone string

	ticks *cron.SpecSchedule
	in    *time.Location
}

// ErrNeverTicks is the mistake of a line that names a day which no year has.
var ErrNeverTicks = errors.New("there is no such day in any year")

var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseCron reads a cron line. An empty zone is UTC.
func ParseCron(line, zone string) (Cron, error) {
	in, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return Cron{}, fmt.Errorf("no time zone %q", zone)
	}
	if strings.Contains(line, "=") {
		return Cron{}, errors.New("the time zone does not stand in the line") // the library would take it, and panics where nothing follows
	}
	parsed, err := fiveFields.Parse(line)
	if err != nil {
		return Cron{}, fmt.Errorf("parse cron line: %w", err)
	}
	c := Cron{Line: line, Zone: zone, in: in, ticks: parsed.(*cron.SpecSchedule)}
	if c.ticks.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Cron{}, ErrNeverTicks
	}
	return c, nil
}

// Next is the first tick after a time; zero: none within the next five years, or
// none at all.
func (c Cron) Next(after time.Time) time.Time {
	if c.ticks == nil {
		return time.Time{}
	}
	if c.everyHour() {
		return c.nextByClock(after)
	}
	for wall := wallOf(after.In(c.in)); ; {
		wall = c.ticks.Next(wall)
		if wall.IsZero() {
			return wall
		}
		if tick := firstAt(wall, c.in); tick.After(after) {
			return tick.UTC()
		}
	}
}

// Last is the latest tick at a time or before it; zero: none within eight years,
// the longest distance that there is (of one 29th of February to the next).
func (c Cron) Last(at time.Time) time.Time {
	const longest = 8*366*24*time.Hour + 24*time.Hour
	for back := time.Minute; ; back *= 2 {
		var last time.Time
		for tick := c.Next(at.Add(-min(back, longest))); !tick.IsZero() && !tick.After(at); tick = c.Next(tick) {
			last = tick
		}
		if !last.IsZero() || back >= longest {
			return last
		}
	}
}

// String is the line with its time zone.
func (c Cron) String() string {
	if c.Zone == "" {
		return c.Line + " (UTC)"
	}
	return c.Line + " (" + c.Zone + ")"
}

// everyHour tells whether the line names no hour.
func (c Cron) everyHour() bool {
	const star = 1 << 63
	return c.ticks.Hour&star != 0
}

// nextByClock goes through the times between two changes of the clock, in each of
// which it is as far from UTC.
func (c Cron) nextByClock(after time.Time) time.Time {
	for limit := after.AddDate(5, 0, 0); after.Before(limit); {
		local := after.Add(time.Nanosecond).In(c.in)
		_, end := local.ZoneBounds()
		tick := c.ticks.Next(after.In(time.FixedZone(local.Zone())))
		if tick.IsZero() || end.IsZero() || tick.Before(end) {
			return tick.UTC()
		}
		after = end.Add(-time.Nanosecond)
	}
	return time.Time{}
}

// wallOf is what clocks show, as if they showed UTC.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// firstAt is when clocks first show a time. When they never do, it is when they
// are put past it.
func firstAt(wall time.Time, in *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, in)
	start, end := t.ZoneBounds()
	switch shown := wallOf(t); {
	case shown.After(wall):
		return start
	case shown.Before(wall):
		return end
	}
	if !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		if earlier := wall.Add(-time.Duration(before) * time.Second); earlier.Before(start) {
			return earlier
		}
	}
	return t
}
