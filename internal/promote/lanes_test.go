package promote

import (
	"testing"
	"time"
)

// A stage of several lanes has a freight when all of them have it: verified since
// the last of them was, soaking since it was in all (S1, A4).
func TestStandingAcrossLanes(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 5, 9, minutes, 0, 0, time.UTC) }
	lanes := []Stage{{Name: "test", OnArrival: true}, {Name: "test.2", OnArrival: true}}
	arrive := func(stage, freight string, minutes int) Arrival {
		return Arrival{Stage: stage, Freight: map[string]string{"app": freight}, At: at(minutes)}
	}
	for name, c := range map[string]struct {
		arrivals []Arrival
		verified bool
		soaked   time.Duration // an hour after nine
	}{
		"in none":           {nil, false, 0},
		"in one":            {[]Arrival{arrive("test", "a", 0)}, false, 0},
		"in the other":      {[]Arrival{arrive("test.2", "a", 0)}, false, 0},
		"in both":           {[]Arrival{arrive("test", "a", 0), arrive("test.2", "a", 10)}, true, 50 * time.Minute},
		"the other way":     {[]Arrival{arrive("test.2", "a", 0), arrive("test", "a", 20)}, true, 40 * time.Minute},
		"one moved on":      {[]Arrival{arrive("test", "a", 0), arrive("test.2", "a", 0), arrive("test.2", "b", 30)}, true, 30 * time.Minute},
		"both moved on":     {[]Arrival{arrive("test", "a", 0), arrive("test.2", "a", 0), arrive("test", "b", 20), arrive("test.2", "b", 30)}, true, 20 * time.Minute},
		"never in the same": {[]Arrival{arrive("test", "a", 0), arrive("test.2", "b", 0)}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			snapshot := Snapshot{Now: at(60), Facts: Facts{Arrivals: c.arrivals}}
			got := snapshot.StandingAcross(lanes, "app", "a")
			if got.Verified != c.verified || got.Verified && got.Soaked(snapshot.Now) != c.soaked {
				t.Errorf("verified %v, soaked %s; want %v, %s", got.Verified, got.Soaked(snapshot.Now), c.verified, c.soaked)
			}
			if got.Verified == got.VerifiedAt.IsZero() {
				t.Errorf("verified at %s", got.VerifiedAt)
			}
			if !got.Verified && len(got.Reasons) == 0 {
				t.Error("no reason")
			}
		})
	}
}
