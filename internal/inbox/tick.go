package inbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// resolveArgs is the tick of a topic: find the repositories that listen to it.
type resolveArgs struct {
	Topic string `json:"topic"`
}

// lookArgs is the tick of a repository: look at it.
type lookArgs struct {
	Repository string `json:"repository"`
}

func (resolveArgs) Kind() string { return "resolve" }
func (lookArgs) Kind() string    { return "look" }

// attempts bounds what one tick keeps of its failures, about two hours of them;
// after that the next event or sweep makes a new one.
const attempts = 25

// oneAtATime makes a tick unique by name until it ended. The states are named
// since River's default counts ended ones too, which would drop the next tick.
func oneAtATime() *river.InsertOpts {
	return &river.InsertOpts{
		MaxAttempts: attempts,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable,
				rivertype.JobStatePending,
				rivertype.JobStateRetryable,
				rivertype.JobStateRunning,
				rivertype.JobStateScheduled,
			},
		},
	}
}

// tick queues a tick. One that is queued already serves for both; one that waits
// to be retried is retried at once, since what made it fail may be what changed.
// One that runs may have read the world before the change: it is marked, and
// endLook queues another.
func (i *Inbox) tick(ctx context.Context, tx *sql.Tx, args river.JobArgs) error {
	inserted, err := i.queue.InsertTx(ctx, tx, args, oneAtATime())
	switch {
	case err != nil:
		return fmt.Errorf("queue %s tick: %w", args.Kind(), err)
	case !inserted.UniqueSkippedAsDuplicate:
		return nil
	case inserted.Job.State == rivertype.JobStateRunning:
		return markAgain(ctx, tx, inserted.Job.ID)
	}
	if _, err := i.queue.JobRetryTx(ctx, tx, inserted.Job.ID); err != nil {
		return fmt.Errorf("retry %s tick: %w", args.Kind(), err)
	}
	return nil
}

// end ends a tick: it is completed, and queued again when an event came while it
// ran, in the transaction that f may add to. An event is either seen here or
// finds no running tick, so none is lost between the two.
func end[A river.JobArgs](ctx context.Context, i *Inbox, job *river.Job[A], f func(*sql.Tx) error) error {
	// What was looked at is recorded also when the program stops right now.
	ctx = context.WithoutCancel(ctx)
	err := i.update(ctx, func(tx *sql.Tx) error {
		if _, err := river.JobCompleteTx[*driver](ctx, tx, job); err != nil {
			return err
		}
		again, err := clearAgain(ctx, tx, job.ID)
		if err != nil {
			return err
		}
		if again {
			if err := i.tick(ctx, tx, job.Args); err != nil {
				return err
			}
		}
		return f(tx)
	})
	if err != nil {
		return fmt.Errorf("end %s tick: %w", job.Args.Kind(), err)
	}
	i.settle()
	return nil
}
