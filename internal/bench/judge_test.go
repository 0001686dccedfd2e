package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 9}, 3.5},
	} {
		before := slices.Clone(test.values)
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", before, got, test.want)
		}
		if !slices.Equal(test.values, before) {
			t.Errorf("median changed %v to %v", before, test.values)
		}
	}
}

func TestCovered(t *testing.T) {
	zero := time.Unix(0, 0)
	at := func(from, to int) spell {
		return spell{from: zero.Add(time.Duration(from)), to: zero.Add(time.Duration(to))}
	}
	for name, test := range map[string]struct {
		spells []spell
		want   time.Duration
	}{
		"nothing":                {nil, 0},
		"one":                    {[]spell{at(20, 50)}, 30},
		"apart, in any order":    {[]spell{at(60, 70), at(20, 50)}, 40},
		"touching":               {[]spell{at(20, 50), at(50, 60)}, 40},
		"overlapping":            {[]spell{at(20, 50), at(40, 60)}, 40},
		"one within another":     {[]spell{at(20, 60), at(30, 40), at(50, 55)}, 40},
		"begun before":           {[]spell{at(0, 15)}, 5},
		"ended after":            {[]spell{at(95, 200)}, 5},
		"all of it":              {[]spell{at(0, 200), at(20, 30)}, 90},
		"before and after alone": {[]spell{at(0, 5), at(150, 200)}, 0},
	} {
		if got := covered(zero.Add(10), zero.Add(100), test.spells); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestRowsKeepTheirBounds(t *testing.T) {
	rows := []row{
		{what: "fast", figure: 5, unit: "×", want: 5, atLeast: true, from: "one, two"},
		{what: "slow", figure: 4.96, unit: "×", want: 5, atLeast: true, from: "three"},
		{what: "small", figure: 10, unit: " ms", want: 10, from: "four"},
		{what: "great", figure: 10.04, unit: " ms", want: 10, from: "five"},
		{what: "none", figure: 0, want: 0, from: "six"},
	}
	if got, want := missed(rows), []string{"slow", "great"}; !slices.Equal(got, want) {
		t.Errorf("missed %v, want %v", got, want)
	}
	const want = `
what   figure    must be          from
fast   5×        ≥ 5×     OK      one, two
slow   4.96×     ≥ 5×     MISSED  three
small  10 ms     ≤ 10 ms  OK      four
great  10.04 ms  ≤ 10 ms  MISSED  five
none   0         ≤ 0      OK      six
`
	if got := table(rows); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("the table is\n%swant\n%s", got, want)
	}
}

// The best shell is one of the three that the bounds speak of.
func TestBest(t *testing.T) {
	lasts := func(d time.Duration) []lap {
		return []lap{{took: [marks]time.Duration{d, d, d}}}
	}
	o := &outcome{files: 5_000, laps: map[string][]lap{
		shellDepth1: lasts(300 * time.Millisecond), shellFull: lasts(400 * time.Millisecond), shellSparse: lasts(200 * time.Millisecond), shellAll: lasts(100 * time.Millisecond),
		warmTowpath: lasts(25 * time.Millisecond),
	}}
	if got := o.best(); got != shellSparse {
		t.Errorf("the best is %q, want %q", got, shellSparse)
	}
	rows := o.rows(warmRows)
	if len(rows) != 2 || rows[0].figure != 8 || rows[0].want != 10 || rows[1].figure != 12 || rows[1].want != 8 {
		t.Errorf("the rows are %v", rows)
	}
	if o.delay = time.Second; len(o.rows(warmRows)) != 0 {
		t.Error("rounds with a delay are judged as those without")
	}
	if got := o.rows(delayRows); len(got) != 1 || got[0].want != 4 {
		t.Errorf("with a delay the rows are %v", got)
	}
}

func TestMegabytes(t *testing.T) {
	const status = "Name:\tbench\nPid:\t12\nVmHWM:\t   81920 kB\nRssFile:\t 512 kB\n"
	if got, err := megabytes(status, "VmHWM"); err != nil || got != 80 {
		t.Errorf("got %v, %v; want 80", got, err)
	}
	if _, err := megabytes(status, "VmPeak"); err == nil {
		t.Error("no error for a field that is not there")
	}
}

// The delay is the git server's alone.
func TestGitRequests(t *testing.T) {
	for path, want := range map[string]bool{
		"/acme/warm.git/info/refs?service=git-upload-pack": true,
		"/acme/warm.git/git-receive-pack":                  true,
		"/api/v3/repos/acme/warm/pulls":                    false,
		"/api/v3/repos/acme/warm.git/pulls":                false,
		"/acme/warm/pull/1":                                false,
	} {
		if got := gitRequest.MatchString(path); got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	b := &bench{}
	if err := b.choose("5000,200", "cold,memory"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.sizes, []int{200, 5000}) || !b.wants(warmRows, memoryRows) || b.wants(warmRows, delayRows) {
		t.Errorf("it measures %v of %v", b.groups, b.sizes)
	}
	if err := (&bench{}).choose("200", "cold,nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("unknown rows: %v", err)
	}
}
