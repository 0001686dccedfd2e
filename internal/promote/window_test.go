package promote

import (
	"testing"
	"time"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	out, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func repeated(t *testing.T, deny bool, line, zone, lasts string) Window {
	t.Helper()
	begins, err := ParseCron(line, zone)
	if err != nil {
		t.Fatal(err)
	}
	d, err := time.ParseDuration(lasts)
	if err != nil {
		t.Fatal(err)
	}
	return Window{Deny: deny, Begins: begins, For: d}
}

// H1: when windows are open, when closed ones open again, and when open ones close.
func TestWindows(t *testing.T) {
	weekend := repeated(t, true, "0 16 * * 5", "Europe/Berlin", "62h")
	nights := repeated(t, false, "0 20 * * *", "UTC", "10h")
	feast := Window{Deny: true, From: at(t, "2026-12-20 00:00"), To: at(t, "2027-01-06 00:00")}
	once := Window{From: at(t, "2026-03-01 00:00"), To: at(t, "2026-03-02 00:00")}
	for _, row := range []struct {
		name    string
		windows Windows
		now     string
		opens   string // the same as now: it is open
		closes  string
	}{
		{"none are always open", nil, "2026-01-05 09:00", "2026-01-05 09:00", ""},
		{"a denying one, before it", Windows{weekend}, "2026-01-09 14:59", "2026-01-09 14:59", "2026-01-09 15:00"},
		{"from its first moment", Windows{weekend}, "2026-01-09 15:00", "2026-01-12 05:00", ""},
		{"until its last", Windows{weekend}, "2026-01-12 04:59", "2026-01-12 05:00", ""},
		{"by the clock, when it is put forward", Windows{weekend}, "2026-03-28 12:00", "2026-03-30 04:00", ""},
		{"by the clock, when it is put back", Windows{weekend}, "2026-10-24 12:00", "2026-10-26 05:00", ""},
		{"days", Windows{feast}, "2026-12-24 18:00", "2027-01-06 00:00", ""},
		{"one after the other", Windows{weekend, feast}, "2026-12-18 16:00", "2027-01-06 00:00", ""},
		{"a letting one, outside", Windows{nights}, "2026-01-05 19:59", "2026-01-05 20:00", ""},
		{"inside", Windows{nights}, "2026-01-05 23:00", "2026-01-05 23:00", "2026-01-06 06:00"},
		{"denying goes first", Windows{nights, weekend}, "2026-01-09 21:00", "2026-01-12 05:00", ""},
		{"and closes", Windows{nights, weekend}, "2026-01-12 05:30", "2026-01-12 05:30", "2026-01-12 06:00"},
		{"what touches is one", Windows{repeated(t, false, "0 */6 * * *", "UTC", "6h"), weekend}, "2026-01-09 05:00", "2026-01-09 05:00", "2026-01-09 15:00"},
		{"before the only one", Windows{once}, "2026-01-01 00:00", "2026-03-01 00:00", ""},
		{"after the only one", Windows{once}, "2026-03-02 00:00", "", ""},
		{"never", Windows{repeated(t, true, "* * * * *", "UTC", "1m")}, "2026-01-01 00:00", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			now, want := at(t, row.now), at(t, row.opens)
			if got := row.windows.Opens(now); !got.Equal(want) {
				t.Errorf("opens at %v, want %v", got, want)
			}
			if open := row.windows.Open(now); open != want.Equal(now) {
				t.Errorf("open: %v", open)
			} else if got := row.windows.Closes(now); open && !got.Equal(at(t, row.closes)) {
				t.Errorf("closes at %v, want %v", got, row.closes)
			}
		})
	}
}
