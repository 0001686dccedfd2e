package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// outcome is what a race showed.
type outcome struct {
	files int
	names []string // of the contenders, in the order of the table
	laps  map[string][]lap
}

// median of one measure of a contender.
func (o *outcome) median(name string, of func(lap) float64) float64 {
	var all []float64
	for _, l := range o.laps[name] {
		all = append(all, of(l))
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

func (o *outcome) time(name string, m mark) float64 {
	return o.median(name, func(l lap) float64 { return float64(l.took[m]) / float64(time.Millisecond) })
}

// best is the name of the fastest shell.
func (o *outcome) best() string {
	best := ""
	for _, name := range o.names {
		if strings.HasPrefix(name, "shell") && (best == "" || o.time(name, untilPushed) < o.time(best, untilPushed)) {
			best = name
		}
	}
	return best
}

// ratio is how many times as long a contender takes to push as Towpath, warm,
// takes to a mark.
func (o *outcome) ratio(name string, m mark) float64 {
	return o.time(name, untilPushed) / o.time(warmTowpath, m)
}

func (o *outcome) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "files\twho\tpushed ms\tpull request ms\twhole look ms\tgit requests\tAPI\tregistry\ttimes warm\t\n")
	for _, name := range o.names {
		fmt.Fprintf(w, "%d\t%s\t", o.files, name)
		for m := range marks {
			fmt.Fprintf(w, "%s\t", cell("%.1f", o.time(name, m)))
		}
		for _, count := range []func(lap) float64{
			func(l lap) float64 { return float64(l.git) },
			func(l lap) float64 { return float64(l.api) },
			func(l lap) float64 { return float64(l.images) },
		} {
			fmt.Fprintf(w, "%s\t", cell("%.0f", o.median(name, count)))
		}
		fmt.Fprintf(w, "%s\t\n", cell("%.1f", o.ratio(name, untilPushed)))
	}
	_ = w.Flush() // a strings.Builder takes everything
	best := o.best()
	fmt.Fprintf(&b, "The best here (%s) takes %.1f times as long to push as Towpath, warm; "+
		"%.1f times as long as until its pull request is open, %.1f as until everything is written.\n",
		best, o.ratio(best, untilPushed), o.ratio(best, untilPull), o.ratio(best, wholeLook))
	fmt.Fprintf(&b, "Peak memory of this process (engine, GitHub stand-in and registry together): %s.\n", peakMemory())
	return b.String()
}

// cell leaves out what does not apply.
func cell(format string, value float64) string {
	if value <= 0 {
		return "-"
	}
	return fmt.Sprintf(format, value)
}

// describe says where and with what the race is run.
func describe(ctx context.Context, dir string, rounds int) (string, error) {
	var versions []string
	for _, tool := range [][]string{{"git", "version"}, {"kustomize", "version"}} {
		out, err := exec.CommandContext(ctx, tool[0], tool[1:]...).Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w", strings.Join(tool, " "), err)
		}
		versions = append(versions, strings.TrimPrefix(tool[0]+" "+strings.TrimSpace(string(out)), "git "))
	}
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("of unknown commit")
	}
	return fmt.Sprintf("machine:  %s, %d cores, %s/%s; all files under %s\nversions: %s, %s, towpath %s\nrounds:   %d paired ones in shuffled order; the figures are medians",
		processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, dir,
		runtime.Version(), strings.Join(versions, ", "), strings.TrimSpace(string(commit)), rounds), nil
}

func processor() string { return fromProc("/proc/cpuinfo", "model name", "unknown processor") }

func peakMemory() string { return fromProc("/proc/self/status", "VmHWM", "unknown") }

// fromProc is a field of one of Linux's own files.
func fromProc(file, field, otherwise string) string {
	text, _ := os.ReadFile(file) // there is none elsewhere
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == field {
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}
