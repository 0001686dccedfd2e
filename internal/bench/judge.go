package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// row is one line of the table: a figure and what it must be.
type row struct {
	what    string
	figure  float64
	unit    string // "×", " ms", " MB" or empty
	want    float64
	atLeast bool   // else at most
	from    string // what the figure is made of
}

func (r row) met() bool {
	if r.atLeast {
		return r.figure >= r.want
	}
	return r.figure <= r.want
}

func (r row) String() string {
	verdict, sign := "OK", "≤"
	if !r.met() {
		verdict = "MISSED"
	}
	if r.atLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s\t%s%s\t%s %s%s\t%s\t%s", r.what, number(r.figure), r.unit, sign, number(r.want), r.unit, verdict, r.from)
}

// number has two digits behind the point at most.
func number(value float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", value), "0"), ".")
}

// table is all rows below each other.
func table(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tfigure\tmust be\t\tfrom")
	for _, r := range rows {
		fmt.Fprintln(w, r)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

// missed are the rows that do not keep their bound.
func missed(rows []row) []string {
	var out []string
	for _, r := range rows {
		if !r.met() {
			out = append(out, r.what)
		}
	}
	return out
}

// least is how many times as fast Towpath must be, by the number of files.
var least = map[string]map[int]float64{
	warmRows:  {200: 5, 5_000: 10, 50_000: 25},
	delayRows: {200: 3, 5_000: 4, 50_000: 10},
	coldRows:  {200: 3, 5_000: 5, 50_000: 12},
}

// againstBest compares Towpath with the best shell, where there is a bound.
func (o *outcome) againstBest(group, what, towpath string) []row {
	want, ok := least[group][o.files]
	if !ok {
		return nil
	}
	best := o.best()
	return []row{{
		what: fmt.Sprintf("%s, %d files", what, o.files), figure: o.ratio(best, towpath), unit: "×", want: want, atLeast: true,
		from: fmt.Sprintf("%s %.0f ms, %s %.1f ms", best, o.time(best, untilPushed), towpath, o.time(towpath, untilPushed)),
	}}
}

// rows judge one group of rows by the rounds of one size.
func (o *outcome) rows(group string) []row {
	at := fmt.Sprintf(", %d files", o.files)
	if (group == delayRows) != (o.delay > 0) {
		return nil
	}
	switch group {
	case warmRows:
		out := o.againstBest(group, "warm promotion against the best shell", warmTowpath)
		if o.files == 5_000 {
			out = append(out, row{
				what: "warm promotion against clone --depth 1" + at, figure: o.ratio(shellDepth1, warmTowpath), unit: "×", want: 8, atLeast: true,
				from: fmt.Sprintf("%.0f ms, %.1f ms", o.time(shellDepth1, untilPushed), o.time(warmTowpath, untilPushed)),
			})
		}
		return out
	case delayRows:
		return o.againstBest(group, fmt.Sprintf("the same, %s added to git requests", o.delay), warmTowpath)
	case coldRows:
		return o.againstBest(group, "cold promotion against the best shell", coldTowpath)
	case requestRows:
		var out []row
		for _, r := range []struct {
			what, name string
			want       float64
		}{{"nothing new", nothingNew, 2}, {"one new commit", warmTowpath, 3}, {"cold", coldTowpath, 8}} {
			most := o.most(r.name, func(l lap) int { return l.git })
			out = append(out, row{what: "git requests, " + r.what + at, figure: most, want: r.want, from: "the most in any round"})
		}
		return out
	case restRows:
		return []row{{
			what: "all but rendering and waiting for the network" + at, unit: " ms", want: 10,
			figure: median(o.all(warmTowpath, func(l lap) float64 { return milliseconds(l.rest) })),
			from:   fmt.Sprintf("of %.1f ms until pushed, warm", o.time(warmTowpath, untilPushed)),
		}}
	case againRows:
		renders := o.most(nothingNew, func(l lap) int { return l.renders })
		return []row{
			{what: "the same look again" + at, figure: o.time(nothingNew, wholeLook), unit: " ms", want: 10, from: "the whole look"},
			{what: "the same look again, renderings" + at, figure: renders, from: "the most in any round"},
		}
	}
	return nil
}

// scale compares Towpath's own times in the smallest and the greatest repository
// that have a bound.
func scale(small, great *outcome) row {
	return row{
		what:   fmt.Sprintf("own time, %d files against %d", great.files, small.files),
		figure: great.time(warmTowpath, untilPushed) / small.time(warmTowpath, untilPushed), unit: "×", want: 1.5,
		from: fmt.Sprintf("%.1f ms, %.1f ms", great.time(warmTowpath, untilPushed), small.time(warmTowpath, untilPushed)),
	}
}
