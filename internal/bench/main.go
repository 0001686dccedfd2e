// Command bench runs the product next to what people run in its place, against
// the same git server, and prints both. It knows how to set up that race fairly
// and nothing of how either side works.
//
// The material is a generated repository of many small kustomize applications
// with 200 commits. Each round commits a change to one application and pushes a
// new image of it; then every contender promotes exactly that, in shuffled order:
//
//   - The shell (promote.sh) clones, sets the image that it is told, builds,
//     commits the manifests on top of the stage's branch, and pushes that as a
//     branch, with each of the usual ways to clone.
//   - Towpath takes one look with its own engine. It is told nothing: it asks
//     the registry for the image and the server for the commit, assembles,
//     renders, pushes the promotion branch and its ledger in one push, and opens
//     the pull request over GitHub's API. Warm, its mirror is on disk from the
//     looks before; cold, there is nothing on disk and nothing in memory.
//
// Between the rounds, unmeasured, the promotion is merged and verified. All
// files of all sides are on one file system, in memory where there is one. The
// manifests that the contenders push must be the same bytes, or the run fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	files := flags.String("files", "5000", "sizes of the repository, in files")
	rounds := flags.Int("rounds", 9, "measured rounds of each size")
	where := flags.String("layout", "branch", "where the manifests go: to a branch of their own, or to a folder of main")
	against := flags.String("against", "best", "the shell that -min compares with: a name of the table, or best")
	least := flags.Float64("min", 0, "fail when that shell takes less than this many times as long as Towpath, warm, to push")
	dir := flags.String("dir", "", "where all files go; by default in memory where there is a tmpfs")
	profile := flags.String("cpuprofile", "", "write a profile of the measured rounds to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || flags.NArg() > 0 {
		return errors.New("want at least one round and no arguments")
	}
	at, err := layoutNamed(*where)
	if err != nil {
		return err
	}
	root, err := workplace(*dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	about, err := describe(ctx, root, *rounds)
	if err != nil {
		return err
	}
	fmt.Println(about)
	var slow error
	for field := range strings.SplitSeq(*files, ",") {
		size, err := strconv.Atoi(field)
		if err != nil {
			return fmt.Errorf("number of files: %w", err)
		}
		race := &race{dir: root, files: size, layout: at, rounds: *rounds, profile: *profile}
		outcome, err := race.run(ctx)
		if err != nil {
			return fmt.Errorf("with %d files: %w", size, err)
		}
		fmt.Print(outcome)
		rival := *against
		if rival == "best" {
			rival = outcome.best()
		}
		if len(outcome.laps[rival]) == 0 {
			return fmt.Errorf("there is no contender %q", rival)
		}
		if ratio := outcome.ratio(rival, untilPushed); ratio < *least {
			slow = errors.Join(slow, fmt.Errorf("with %d files: %.1f times as fast as %s, want %.1f", size, ratio, rival, *least))
		}
	}
	return slow
}
