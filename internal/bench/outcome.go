package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// mark is a moment of a promotion that is measured from its start.
type mark int

const (
	untilPushed mark = iota // the manifests are on the server
	untilPull               // the pull request is open
	wholeLook               // everything is written, checks and texts too
	marks
)

// lap is one promotion of one contender.
type lap struct {
	branch string // that holds the manifests
	took   [marks]time.Duration
	atGit  time.Duration // until pushed, waiting for the git server, whose time no client can save
	rest   time.Duration // until pushed, without rendering and waiting for the network
	reading
}

// Names of what Towpath does; the shell's are in shells.
const (
	warmTowpath = "towpath, warm"
	coldTowpath = "towpath, cold"
	nothingNew  = "towpath, nothing new"
)

// outcome is what rounds over one repository showed.
type outcome struct {
	files int
	delay time.Duration // of every request to the git server
	names []string      // of the contenders, in the order of the table
	laps  map[string][]lap
}

// median is the middle of the values, or the mean of the two in the middle. There
// must be one at least.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// all are one measure of all laps of a contender.
func (o *outcome) all(name string, of func(lap) float64) []float64 {
	var out []float64
	for _, l := range o.laps[name] {
		out = append(out, of(l))
	}
	return out
}

// time is a median in milliseconds.
func (o *outcome) time(name string, m mark) float64 {
	return median(o.all(name, func(l lap) float64 { return milliseconds(l.took[m]) }))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// most is the greatest number of something in any lap.
func (o *outcome) most(name string, of func(lap) int) float64 {
	return slices.Max(o.all(name, func(l lap) float64 { return float64(of(l)) }))
}

// best is the name of the fastest shell, of those that the bounds speak of.
func (o *outcome) best() string {
	return slices.MinFunc([]string{shellDepth1, shellFull, shellSparse}, func(a, b string) int {
		return cmp.Compare(o.time(a, untilPushed), o.time(b, untilPushed))
	})
}

// ratio is how many times as long one takes to push as another.
func (o *outcome) ratio(slow, fast string) float64 {
	return o.time(slow, untilPushed) / o.time(fast, untilPushed)
}

func (o *outcome) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d files", o.files)
	if o.delay > 0 {
		fmt.Fprintf(&b, ", %s added to every request to the git server", o.delay)
	}
	fmt.Fprintln(&b, "; medians of", len(o.laps[warmTowpath]), "rounds:")
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "who\tpushed ms\tpull request ms\twhole look ms\tat the git server ms\tneither render nor network ms\tgit requests\tAPI\tregistry\ttimes warm\t")
	for _, name := range o.names {
		fmt.Fprintf(w, "%s\t", name)
		for m := range marks {
			fmt.Fprintf(w, "%s\t", cell("%.1f", o.time(name, m)))
		}
		fmt.Fprintf(w, "%s\t", cell("%.1f", median(o.all(name, func(l lap) float64 { return milliseconds(l.atGit) }))))
		fmt.Fprintf(w, "%s\t", cell("%.1f", median(o.all(name, func(l lap) float64 { return milliseconds(l.rest) }))))
		for _, count := range []func(lap) float64{
			func(l lap) float64 { return float64(l.git) },
			func(l lap) float64 { return float64(l.api) },
			func(l lap) float64 { return float64(l.images) },
		} {
			fmt.Fprintf(w, "%s\t", cell("%.0f", median(o.all(name, count))))
		}
		fmt.Fprintf(w, "%s\t\n", cell("%.1f", o.ratio(name, warmTowpath)))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

// cell leaves out what does not apply.
func cell(format string, value float64) string {
	if value <= 0 {
		return "-"
	}
	return fmt.Sprintf(format, value)
}
