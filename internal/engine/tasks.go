package engine

import (
	"context"
	"errors"
	"runtime"
	"strconv"

	"github.com/towpath/towpath/internal/schedule"
)

// What tasks hold while they run.
const (
	onGitHub   = "GitHub's API"
	writing    = "writes to GitHub"
	onGit      = "git"
	onRegistry = "registries"
	computing  = "processors"
)

// caps are how many tasks at once may hold each. GitHub lets nobody have more than
// a hundred requests at once, and would like writes one after the other; those
// that wait for their turn at its pace must not be so many that the last of them
// loses patience. Four looks may go on at once. Assembling and rendering take
// processors.
func caps() schedule.Limits {
	return schedule.Limits{Resources: map[string]int{
		onGitHub: 16, writing: 4, onGit: 8, onRegistry: 16, computing: runtime.GOMAXPROCS(0),
	}}
}

// tasks is what a look does at once, as far as the caps let it.
type tasks struct{ nodes []schedule.Node }

// add adds a task that waits for those of the given names. Without a name of its
// own nothing can wait for it.
func (t *tasks) add(name, holds string, run func(context.Context) error, after ...string) {
	if name == "" {
		name = strconv.Itoa(len(t.nodes))
	}
	t.nodes = append(t.nodes, schedule.Node{Name: name, After: after, Resources: []string{holds}, Run: run})
}

// all does everything, until something fails: then what runs is cancelled, and the
// error is the first one.
func (t *tasks) all(ctx context.Context) error { return schedule.All(ctx, t.nodes, caps()) }

// each does everything that it can, whatever fails. The errors are in the order of
// the tasks.
func (t *tasks) each(ctx context.Context) error {
	g, err := schedule.New(t.nodes, caps())
	if err != nil {
		return err
	}
	var failed error
	for _, result := range g.Run(ctx, nil) {
		if result.Outcome == schedule.Cancelled && result.Err == nil {
			return errors.Join(failed, context.Cause(ctx)) // nothing after it was begun
		}
		failed = errors.Join(failed, result.Err)
	}
	return failed
}
