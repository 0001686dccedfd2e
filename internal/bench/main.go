// Command bench runs the product next to what people run in its place, against
// the same git server, and prints both, with what the ratios must be. It knows how
// to set up that race fairly and nothing of how either side works.
//
// The material is a generated repository of many kustomize applications with 200
// commits. Each round commits a change to one application and pushes a new image
// of it; then every contender promotes exactly that, in shuffled order:
//
//   - The shell (promote.sh) clones, sets the image that it is told, builds,
//     commits the manifests on top of the stage's branch, and pushes that as a
//     branch, with each of the usual ways to clone.
//   - Towpath takes one look with its own engine, wired as the bot's. It asks the
//     registry for the image and the server for the commit, assembles, renders,
//     pushes the promotion branch and its ledger in one push, and opens the pull
//     request over GitHub's API. Warm, its mirror is on disk from the looks
//     before; cold, there is nothing on disk.
//
// Between the rounds, unmeasured, the promotion is merged and verified. All
// files of all sides are on one file system, in memory where there is one. The
// manifests that the contenders push must be the same bytes, or the run fails.
//
// The graph runner is measured apart: what it costs per node, and how long it
// takes over a real deployment, in simulated time, next to other strategies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/render"
)

func main() {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	log.SetOutput(io.Discard) // as the bot does
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if isApart(os.Args) {
		err = serveApart(ctx, os.Stdin, os.Stdout)
	} else {
		err = command(ctx, os.Args[1:])
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// Groups of rows, in the order of the table.
const (
	warmRows    = "warm"
	delayRows   = "delay"
	scaleRows   = "scale"
	coldRows    = "cold"
	stageRows   = "stages"
	requestRows = "requests"
	memoryRows  = "memory"
	restRows    = "rest"
	againRows   = "again"
	renderRows  = "render"
	runnerRows  = "runner"
)

var allRows = []string{warmRows, delayRows, scaleRows, coldRows, stageRows, requestRows, memoryRows, restRows, againRows, renderRows, runnerRows}

// bench is what is to be measured.
type bench struct {
	dir    string
	sizes  []int
	rounds int
	layout layout
	groups []string
}

func command(ctx context.Context, args []string) (err error) {
	began := time.Now()
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	files := flags.String("files", "200,5000,50000", "sizes of the repository, in files")
	groups := flags.String("rows", strings.Join(allRows, ","), "groups of rows to measure")
	strict := flags.Bool("strict", false, "fail when a row misses its bound")
	where := flags.String("layout", "branch", "where the manifests go: to a branch of their own, or to a folder of main")
	dir := flags.String("dir", "", "where all files go; by default in memory where there is a tmpfs")
	profile := flags.String("cpuprofile", "", "write a profile of this process to this file")
	b := &bench{}
	flags.IntVar(&beside, "beside", beside, "applications that share a folder")
	flags.IntVar(&b.rounds, "rounds", 9, "measured rounds of each size")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.rounds < 1 || beside < 1 || flags.NArg() > 0 {
		return errors.New("want at least one round, one application in a folder, and no arguments")
	}
	if b.layout, err = layoutNamed(*where); err != nil {
		return err
	}
	if err := b.choose(*files, *groups); err != nil {
		return err
	}
	if b.dir, err = workplace(*dir); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	about, err := describe(ctx, b.dir, b.rounds)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", about, rules)
	stop, err := profiled(*profile)
	if err != nil {
		return err
	}
	rows, err := b.run(ctx)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	fmt.Printf("\n%s\nIt took %s.\n", table(rows), time.Since(began).Round(time.Second))
	if not := missed(rows); *strict && len(not) > 0 {
		return fmt.Errorf("missed: %s", strings.Join(not, "; "))
	}
	return nil
}

// choose reads the sizes and the groups.
func (b *bench) choose(files, groups string) error {
	for field := range strings.SplitSeq(files, ",") {
		size, err := strconv.Atoi(field)
		if err != nil {
			return fmt.Errorf("number of files: %w", err)
		}
		b.sizes = append(b.sizes, size)
	}
	slices.Sort(b.sizes)
	b.groups = strings.Split(groups, ",")
	for _, g := range b.groups {
		if !slices.Contains(allRows, g) {
			return fmt.Errorf("there are no rows %q: want some of %s", g, strings.Join(allRows, ","))
		}
	}
	return nil
}

// wants reports whether one of the groups is to be measured.
func (b *bench) wants(groups ...string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(b.groups, g) })
}

func profiled(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}
