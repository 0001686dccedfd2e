package promote

import (
	"errors"
	"testing"
	"time"
)

func TestCronNext(t *testing.T) {
	for _, test := range []struct {
		name, line, zone string
		after            string
		next             []string // in UTC, one after the other
	}{
		{"nightly", "15 3 * * *", "", "2026-01-05T09:00:00Z", []string{"2026-01-06T03:15:00Z", "2026-01-07T03:15:00Z"}},
		{"a tick is not after itself", "15 3 * * *", "UTC", "2026-01-06T03:15:00Z", []string{"2026-01-07T03:15:00Z"}},
		{"fractions of a second", "15 3 * * *", "UTC", "2026-01-06T03:14:59.5Z", []string{"2026-01-06T03:15:00Z"}},
		{"a time zone", "15 3 * * *", "America/New_York", "2026-01-05T09:00:00Z", []string{"2026-01-06T08:15:00Z"}},
		{"days of the week", "0 16 * * fri", "Europe/Berlin", "2026-01-05T09:00:00Z", []string{"2026-01-09T15:00:00Z"}},
		{"day of the month or of the week", "0 0 1 * mon", "", "2026-01-27T00:00:00Z", []string{"2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"}},
		{"leap day", "0 0 29 2 *", "", "2026-01-05T09:00:00Z", []string{"2028-02-29T00:00:00Z"}},

		// In Berlin 2:00 to 3:00 is left out on 2026-03-29, and comes twice on 2026-10-25.
		{"in the hour that is left out", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"just before it", "30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", []string{"2026-03-29T01:00:00Z"}},
		{"twice in it is once", "0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		{"in the hour that comes twice", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"between the two", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", []string{"2026-10-26T01:30:00Z"}},
		{"after that hour", "30 2,3 * * *", "Europe/Berlin", "2026-10-25T00:40:00Z", []string{"2026-10-25T02:30:00Z"}},
		{"every hour, one left out", "0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", []string{"2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
		{"every hour, one twice", "30 * * * *", "Europe/Berlin", "2026-10-24T23:40:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"at the very change", "*/20 * * * *", "Europe/Berlin", "2026-03-29T00:59:59.999999999Z", []string{"2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"}},

		// In Beirut midnight is left out on 2026-03-29; on Lord Howe a change is half an hour.
		{"midnight that is left out", "0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", []string{"2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"}},
		{"half an hour twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", []string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := ParseCron(test.line, test.zone)
			if err != nil {
				t.Fatal(err)
			}
			after := moment(t, test.after)
			for _, want := range test.next {
				got := c.Next(after)
				if !got.Equal(moment(t, want)) {
					t.Fatalf("after %s comes %s, not %s", after.Format(time.RFC3339), got.Format(time.RFC3339), want)
				}
				if last := c.Last(got); !last.Equal(got) {
					t.Errorf("the last tick at %s is %s", got.Format(time.RFC3339), last.Format(time.RFC3339))
				}
				after = got
			}
		})
	}
}

func TestCronLast(t *testing.T) {
	for _, test := range []struct{ name, line, zone, at, want string }{
		{"a moment ago", "* * * * *", "", "2026-01-05T09:00:30Z", "2026-01-05T09:00:00Z"},
		{"this night", "15 3 * * *", "", "2026-01-05T09:00:00Z", "2026-01-05T03:15:00Z"},
		{"last week", "0 16 * * 5", "Europe/Berlin", "2026-01-05T09:00:00Z", "2026-01-02T15:00:00Z"},
		{"minutes of one day", "* * 1 1 *", "", "2026-12-31T09:00:00Z", "2026-01-01T23:59:00Z"},
		{"a leap day", "0 0 29 2 *", "", "2103-12-31T00:00:00Z", "2096-02-29T00:00:00Z"},
		{"after the hour that was left out", "30 2 * * *", "Europe/Berlin", "2026-03-29T01:10:00Z", "2026-03-29T01:00:00Z"},
		{"in the second hour of two", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:40:00Z", "2026-10-25T00:30:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := ParseCron(test.line, test.zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Last(moment(t, test.at)); !got.Equal(moment(t, test.want)) {
				t.Errorf("the last tick at %s is %s, not %s", test.at, got.Format(time.RFC3339), test.want)
			}
		})
	}
}

func TestCronRefused(t *testing.T) {
	for _, test := range []struct {
		line, zone string
		never      bool
	}{
		{line: "15 3 * *"}, {line: "0 15 3 * * *"}, {line: "60 3 * * *"}, {line: ""}, {line: "@daily"}, {line: "@every 1h"},
		{line: "TZ=Europe/Berlin 0 3 * * *"}, {line: "TZ="}, {line: "CRON_TZ=x"},
		{line: "0 3 * * *", zone: "Mars/Olympus"}, {line: "0 3 * * *", zone: "Local"},
		{line: "0 0 31 2 *", never: true}, {line: "0 0 30 2 *", zone: "Europe/Berlin", never: true}, {line: "0 0 31 4,6,9,11 *", never: true},
	} {
		if _, err := ParseCron(test.line, test.zone); err == nil || errors.Is(err, ErrNeverTicks) != test.never {
			t.Errorf("ParseCron(%q, %q): %v", test.line, test.zone, err)
		}
	}
}

func TestCronZero(t *testing.T) {
	var c Cron
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	if next, last := c.Next(now), c.Last(now); !next.IsZero() || !last.IsZero() {
		t.Errorf("no cadence ticks at %s and %s", last, next)
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
