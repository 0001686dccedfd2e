package promote

import "time"

// Schedule is when a stage without files takes the newest freight that is
// available, instead of as soon as there is some; and when a gate that we run runs,
// instead of once per arrival.
type Schedule struct {
	Cron
	Unchanged bool // also when there is no newer freight: what was there comes, or is run, again
}

// scheduled decides about a stage that takes freight at the times of its schedule
// only, and then the newest that is available. A time that passed while nobody
// looked is made up for once; one at which there was nothing new has passed.
func (d *decision) scheduled(slots []slot) Verdict {
	schedule := d.stage.Schedule
	next := schedule.Next(d.snapshot.Now)
	tick, due := d.tick()
	v := d.automatic(slots)
	v.Until = earliest(v.Until, next)
	if !tick.IsZero() && !d.troubled() {
		v.Tick = tick
	}
	switch {
	case due && v.Action == Current && schedule.Unchanged && d.policy.Auto:
		v.Action, v.Freight, v.Rule = Promote, d.held, "again at the schedule "+schedule.String()
	case due && v.Action == Promote:
		v.Rule += "; at the schedule " + schedule.String()
	case v.Action == Promote:
		v.Action, v.Rule = Wait, ""
		v.Reasons = append([]Reason{{Kind: Scheduled, Stage: d.stage.Name, Until: next}}, v.Reasons...)
	}
	return v
}

// tick is the last time of the schedule that nothing is recorded of since; zero
// when there is none. It is due when the stage was there before it: a schedule
// that is new begins with the next time.
func (d *decision) tick() (last time.Time, due bool) {
	last = d.stage.Schedule.Last(d.snapshot.Now)
	known := false
	for _, a := range d.snapshot.Facts.ArrivalsIn(d.stage.Name) {
		known = true
		if !a.At.Before(last) {
			return time.Time{}, false
		}
	}
	for _, t := range d.snapshot.Facts.Ticks {
		if t.Stage != d.stage.Name {
			continue
		}
		known = true
		if !t.At.Before(last) {
			return time.Time{}, false
		}
	}
	return last, known
}

// troubled tells whether it is not known what freight there is: a time of the
// schedule is not over before somebody could look.
func (d *decision) troubled() bool {
	for _, r := range d.snapshot.Trouble {
		if _, ok := d.stage.Request(r.Warehouse); ok {
			return true
		}
	}
	return false
}
